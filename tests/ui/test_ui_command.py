"""`ravelar ui` as a person runs it, the page's files, and who may ask its server."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

pytest.importorskip("langgraph_api", reason="the extra 'studio' is not installed")

from starlette.applications import Starlette
from starlette.testclient import TestClient

from ravelar.tools.adopted.store import open_store
from ravelar.tools.card import Evidence
from ravelar.ui.adopted_tools import adopted_tools
from ravelar.ui.app import PAGE, page_routes
from ravelar.ui.guard import names_of

HEARING = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from ravelar.cli.main import main; main()"
)
MOST_LINES = 300


@pytest.fixture
def page() -> TestClient:
    return TestClient(Starlette(routes=page_routes()), base_url="http://127.0.0.1")


@pytest.mark.slow
def test_it_serves_the_page_with_its_library_says_where_and_ends_well_at_ctrl_c(tmp_path: Path) -> None:
    library = tmp_path / "tools.sqlite"
    given = ["ui", "--no-open", "--port", "0", "--folder", str(tmp_path / "state"), "--library", "tools.sqlite"]
    command = [sys.executable, "-c", HEARING, *given]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env={**os.environ})
    try:
        assert process.stderr is not None
        said = process.stderr.readline() + process.stderr.readline()
        found = re.search(r"local page: (\S+)/ui", said)
        assert found, said
        assert str(tmp_path / "state") in said
        with httpx.Client(base_url=found[1], trust_env=False) as client:
            assert "<title>Ravelar</title>" in client.get("/ui").text
            assert client.get("/ui/library").json() == {"place": str(library), "tools": []}
            elsewhere = client.post("/runs/wait", json={}, headers={"Origin": "https://smith.langchain.com"})
            assert elsewhere.status_code == 403
            assert "may not use this server" in elsewhere.json()["detail"]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        assert process.returncode == 0
    finally:
        process.kill()


def test_a_library_that_is_none_is_told_before_anything_is_started(ravelar) -> None:
    said = ravelar("ui", "--no-open", "--library", "redis://nowhere")
    assert said.returncode == 2
    assert "no library can be kept at 'redis'" in said.stderr


@pytest.mark.parametrize("name", ["../app.py", "%2e%2e%2fapp.py", "none.js", "__init__.py"])
def test_nothing_but_the_page_s_own_files_is_served(page: TestClient, name: str) -> None:
    assert page.get(f"/ui/page/{name}").status_code == 404


def test_every_file_comes_with_the_policy_and_its_type(page: TestClient) -> None:
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}
    for path in PAGE.iterdir():
        reply = page.get("/ui" if path.name == "index.html" else f"/ui/page/{path.name}")
        assert reply.headers["content-type"].startswith(types[path.suffix]), path.name
        assert "default-src 'self'" in reply.headers["content-security-policy"]


def test_the_page_names_no_other_site_and_makes_no_markup_of_text() -> None:
    for path in PAGE.iterdir():
        text = path.read_text(encoding="utf-8")
        addresses = set(re.findall(r"https?://[^\s\"'`)]+", text)) - {"http://www.w3.org/2000/svg"}
        assert not addresses, path.name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
        assert len(text.splitlines()) <= MOST_LINES, path.name


def test_every_module_that_is_imported_is_there() -> None:
    for path in PAGE.glob("*.js"):
        for name in re.findall(r'from "\./([\w.]+)"', path.read_text(encoding="utf-8")):
            assert (PAGE / name).is_file(), f"{path.name} imports {name}"


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("127.0.0.1", {"127.0.0.1", "localhost", "[::1]"}),
        ("::1", {"127.0.0.1", "localhost", "[::1]"}),
        ("box.lan", {"127.0.0.1", "localhost", "[::1]", "box.lan"}),
        ("0.0.0.0", {"*"}),
    ],
)
def test_a_server_goes_by_the_names_of_the_address_that_it_listens_on(host: str, names: set[str]) -> None:
    assert names_of(host) == names


@pytest.fixture
def adopted(tmp_path: Path) -> Iterator[str]:
    from adopted.adopter import entry  # noqa: PLC0415  another folder's

    fact = Evidence(data="probes", measure="good accepted", n=90, value=0.99, low=0.96, high=1.0, made_by="acquire")
    one = entry("units", "a")
    tool = one.model_copy(update={"card": one.card.model_copy(update={"evidence": (fact,)})})
    place = str(tmp_path / "tools.sqlite")
    with open_store(place) as store:
        store.adopt(tool, run="r1", reason="it passed")
        store.refuse("units", "a lazy one", run="r1", reason="always 1.0", why=["always 1.0"])
    yield place


def test_adopted_tools_are_told_with_evidence_program_and_refusals(adopted: str) -> None:
    (tool,) = adopted_tools(adopted)["tools"]
    assert (tool["name"], tool["kind"], tool["form"]) == ("units", "verifier", "written")
    assert tool["evidence"][0]["value"] == 0.99
    assert tool["source"].startswith("def verify")
    assert "source" not in tool["recipe"]
    assert tool["refused"] == [{"candidate": "a lazy one", "reasons": ["always 1.0"]}]


def test_a_library_that_can_t_be_read_is_told_in_words(page: TestClient, monkeypatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"this is no database, whatever its name says" * 100)
    monkeypatch.setenv("RAVELAR_LIBRARY", str(broken))
    reply = page.get("/ui/library")
    assert reply.status_code == 503
    assert str(broken) in reply.json()["detail"]
