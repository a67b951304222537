"""`ravelar studio` as a person runs it, and the settings that it serves."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("langgraph_api", reason="the extra 'studio' is not installed")

from five_tasks import TASKS
from langgraph_sdk import get_sync_client
from loopback_model import RoleServer
from rlar_world import named

from ravelar.graphs.ravel_state import RavelContext
from ravelar.graphs.rlar_state import RlarContext
from ravelar.studio.assistants import ASSISTANTS
from ravelar.studio.launching import _free_address
from ravelar.studio.settings import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
STUDIO = "https://smith.langchain.com"
HEARING = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from ravelar.cli.main import main; main()"
)


class Server:
    """`ravelar studio` in a process of its own, which hears Ctrl-C even where whoever runs the tests does not."""

    def __init__(self, folder: Path, *more: str) -> None:
        given = [sys.executable, "-c", HEARING, "studio", "--no-open", "--port", "0", "--folder", str(folder), *more]
        self.process = subprocess.Popen(given, cwd=folder, stderr=subprocess.PIPE, text=True, env={**os.environ})
        assert self.process.stderr is not None
        self.said = [self.process.stderr.readline() for _ in range(3)]
        found = re.search(r"serving at (\S+), its state in (\S+);", self.said[0])
        assert found, self.said
        self.url, self.place = found.groups()

    def end(self, number: int) -> int:
        """Signal it; return its exit code."""
        self.process.send_signal(number)
        try:
            self.process.communicate(timeout=20)
            return self.process.returncode
        finally:
            self.process.kill()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studio")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    server = Server(folder)
    yield server
    if server.process.returncode is None:
        server.end(signal.SIGTERM)


@pytest.mark.slow
def test_it_says_where_studio_and_the_local_page_are_and_where_its_state_is(server, folder):
    assert server.place == str(folder)
    assert server.said[1].strip() == f"LangGraph Studio: {STUDIO}/studio/?baseUrl={server.url}"
    assert server.said[2].strip() == f"local page: {server.url}/ui"


@pytest.mark.parametrize("origin", [None, STUDIO, "https://eu.smith.langchain.com", "{url}"])
@pytest.mark.slow
def test_studio_s_page_and_its_own_may_ask_it(server, origin):
    headers = {} if origin is None else {"Origin": origin.format(url=server.url)}
    asked = httpx.post(f"{server.url}/assistants/search", json={}, headers=headers, trust_env=False)
    assert asked.status_code == 200
    preflight = {**headers, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    if origin == STUDIO:
        allowed = httpx.options(f"{server.url}/threads", headers=preflight, trust_env=False)
        assert allowed.headers["access-control-allow-origin"] in {"*", STUDIO}


@pytest.mark.slow
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "https://smith.langchain.com.evil.example"},
        {"Origin": "http://smith.langchain.com"},
        {"Origin": "null"},
        {"Host": "evil.example"},
    ],
)
def test_no_other_site_may_start_a_run_with_this_machine_s_keys(server, headers):
    asked = httpx.post(f"{server.url}/runs/wait", json={"assistant_id": "rlar"}, headers=headers, trust_env=False)
    assert asked.status_code == 403
    assert "is not this server" in asked.text or "may not use this server" in asked.text


@pytest.mark.slow
def test_a_folder_serves_one_server_at_a_time(server, folder, ravelar):
    second = ravelar("studio", "--no-open", "--port", "0", "--folder", str(folder))
    assert second.returncode == 2
    assert "another server keeps its state in" in second.stderr


@pytest.mark.slow
def test_ctrl_c_waits_for_no_model_and_the_next_start_has_what_was_run_and_goes_on_with_what_was_not(server, folder):
    task = TASKS["unit_conversion"]
    scored = {"triples": [{"prompt": "6 * 7?", "completion": "42", "reference": 42}]}
    with RoleServer({"task namer": named(task.spec())}) as model:
        model.hanging.add("task namer")
        context = {"model": "openai:loopback", "base_url": model.url, "search_hub": False, "write_verifier": False}
        with get_sync_client(url=server.url) as client:
            done, undone = (client.threads.create()["thread_id"] for _ in range(2))
            client.runs.wait(done, "rlar", input=scored, context={"acquire": False})
            given = {**scored, "examples": task.examples(20)}
            run = client.runs.create(undone, "rlar", input=given, context=context)["run_id"]
            assert model.waiting.wait(30)
        assert server.end(signal.SIGINT) == 0
        model.hanging.clear()
        again = Server(folder)
        try:
            with get_sync_client(url=again.url, timeout=60) as client:
                assert client.threads.get_state(done)["values"]["rewards"][0]["reward"] == 1.0
                assert len(client.assistants.search(limit=100)) == len(ASSISTANTS) + 2
                result = client.runs.join(undone, run)
        finally:
            assert again.end(signal.SIGTERM) == 0
    assert (result["task"]["label"], result["end"]) == ("unit_conversion", "nothing_passed")
    assert result["rewards"][0]["reward"] == 1.0


def test_a_port_that_is_taken_is_told_and_not_swapped_for_another(ravelar, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = ravelar("studio", "--no-open", "--port", port, "--folder", str(tmp_path))
    assert said.returncode == 2
    assert f"port {port} of 127.0.0.1 can't be opened: Address already in use" in said.stderr


def test_where_no_port_is_asked_for_a_free_one_does():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        default = taken.getsockname()[1]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ravelar.studio.launching.PORT", default)
            found = _free_address("127.0.0.1", None)
    assert found.startswith("http://127.0.0.1:")
    assert found != f"http://127.0.0.1:{default}"


@pytest.mark.parametrize("name", ["studio", "ui"])
def test_without_the_extra_the_command_says_what_to_install(name):
    missing = (
        "import importlib.util as u; real = u.find_spec; "
        "u.find_spec = lambda module, *more: None if module == 'langgraph_api' else real(module, *more); "
        f"from ravelar.cli.main import main; main(['{name}'])"
    )
    said = subprocess.run([sys.executable, "-c", missing], capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 2
    assert f"ravelar {name} needs the package langgraph_api: pip install 'ravelar[studio]'" in said.stderr


def test_a_folder_that_can_t_be_used_is_told(ravelar, tmp_path):
    (tmp_path / "file").touch()
    said = ravelar("studio", "--no-open", "--port", "0", "--folder", str(tmp_path / "file" / "below"))
    assert said.returncode == 2
    assert "no state can be kept in" in said.stderr


def test_what_is_served_is_what_langgraph_json_says():
    assert json.loads((ROOT / "langgraph.json").read_text(encoding="utf-8")) == SETTINGS
    extras: Any = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    assert SETTINGS["dependencies"] == [".", *extras["openai"], *extras["acquire"]]


def test_every_assistant_s_settings_are_settings_of_its_graph():
    contexts = {"rlar": RlarContext, "ravel": RavelContext}
    for one in ASSISTANTS:
        contexts[one.graph](**one.context).check()
    assert len({one.id for one in ASSISTANTS}) == len(ASSISTANTS)


def test_langgraph_makes_a_dockerfile_of_the_settings_that_serves_both_graphs(tmp_path):
    made = tmp_path / "Dockerfile"
    subprocess.run(
        [sys.executable, "-m", "langgraph_cli", "dockerfile", "-c", str(ROOT / "langgraph.json"), str(made)],
        env={**os.environ, "LANGGRAPH_CLI_NO_ANALYTICS": "1"},
        capture_output=True,
        check=True,
        timeout=60,
    )
    text = made.read_text(encoding="utf-8")
    (graphs,) = re.findall(r"^ENV LANGSERVE_GRAPHS='(.*)'$", text, re.MULTILINE)
    assert json.loads(graphs) == SETTINGS["graphs"]
    assert "ravelar.studio.app:app" in text
    assert "scikit-learn" in text
