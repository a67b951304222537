"""`ravelar doctor`: what works is told apart from what is missing and from what is broken; keys are never shown."""

import json
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ravelar.cli.doctor import all_checks
from ravelar.doctor.findings import Check, Finding, examine
from ravelar.doctor.packages import look_at_extras, look_at_python
from ravelar.doctor.places import look_at_disk, look_at_library, look_at_port
from ravelar.doctor.services import look_at_e2b, look_at_hub, look_at_langsmith, look_at_models
from ravelar.tools.adopted.store import open_store

SECRET = "sk-this-is-never-shown-123456"
DEAD = "http://127.0.0.1:1"
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "LANGSMITH_API_KEY", "HF_TOKEN", "E2B_API_KEY")


def only(found) -> Finding:
    (finding,) = found
    return finding


def state_of(found) -> str:
    return only(found).state


@contextmanager
def answering(body: bytes = b"[]") -> Iterator[str]:
    """A server on the loopback that answers everything alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(5)


# The command


def test_a_machine_in_order_is_told_so(ravelar, jail, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    done = ravelar("doctor", "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["works"]) == (0, True), done.stdout
    areas = list(dict.fromkeys(row["area"] for row in said["findings"]))
    assert areas == list(dict.fromkeys(check.area for check in all_checks()))
    assert {row["name"]: row["state"] for row in said["findings"]}["Hub"] == "missing"
    assert all(row["fix"] for row in said["findings"] if row["state"] != "works")


def test_what_is_broken_ends_with_1_and_keys_are_never_shown(ravelar, monkeypatch):
    for name in KEYS:
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_ENDPOINT", f"http://me:{SECRET}@127.0.0.1:1")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{DEAD}/v1?key={SECRET}")
    monkeypatch.setenv("HF_ENDPOINT", DEAD)
    monkeypatch.setenv("RAVELAR_LIBRARY", f"postgresql://me:{SECRET}@127.0.0.1:1/tools")
    done = ravelar("doctor")
    assert done.returncode == 1
    assert SECRET not in done.stdout + done.stderr
    broken = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("  !!")]
    assert {"library", "OPENAI_BASE_URL", "LangSmith", "Hub"} <= set(broken)
    assert done.stdout.count("->") >= 4
    assert f"{len(broken)} are broken (!!)." in done.stdout.splitlines()[-1]


# Checks that hang or fail


def test_a_check_that_hangs_is_given_up_and_the_others_are_told():
    never = threading.Event()
    fine = Finding("b", "b", "works", "there")
    checks = [Check("a", lambda: never.wait(30), within_s=0.3), Check("b", lambda: [fine])]
    started = time.monotonic()
    assert examine(checks) == [Finding("a", "a", "broken", "no answer within 0.3 s", "see what holds it up"), fine]
    assert time.monotonic() - started < 10
    never.set()


def test_a_check_that_fails_is_a_finding_without_secrets(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)

    def fail() -> list[Finding]:
        raise RuntimeError(f"no {SECRET}")

    assert only(examine([Check("a", fail)])).found == "RuntimeError: no [secret]"


def test_checks_run_side_by_side():
    both = threading.Barrier(2, timeout=10)

    def look() -> list[Finding]:
        both.wait()
        return [Finding("a", "a", "works", "met")]

    assert [one.found for one in examine([Check("a", look), Check("a", look)])] == ["met", "met"]


# The library


def test_a_library_that_can_not_be_made_is_broken(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    for where in ("/proc/nowhere/library.sqlite", tmp_path / "file" / "library.sqlite"):
        monkeypatch.setenv("RAVELAR_LIBRARY", str(where))
        finding = only(look_at_library())
        assert finding.state == "broken"
        assert str(where) in finding.found
        assert "RAVELAR_LIBRARY" in finding.fix


def test_a_library_that_is_not_there_yet_is_fine_and_is_not_made(monkeypatch, tmp_path):
    monkeypatch.setenv("RAVELAR_LIBRARY", str(tmp_path / "new" / "library.sqlite"))
    assert state_of(look_at_library()) == "works"
    assert not list(tmp_path.iterdir())


@pytest.fixture
def library(monkeypatch, tmp_path) -> Path:
    path = tmp_path / "library.sqlite"
    monkeypatch.setenv("RAVELAR_LIBRARY", str(path))
    store = open_store()
    assert not store.active()
    store.close()
    return path


def change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_library_is_told_with_the_version_of_its_tables(library):
    finding = only(look_at_library())
    assert finding.state == "works"
    assert finding.found == f"{library}, tables of version 4, tools in use: 0"


def test_a_library_made_by_a_newer_langgraph_is_broken(library):
    change(library, "INSERT INTO store_migrations (v) VALUES (999)")
    finding = only(look_at_library())
    assert (finding.state, "tables of version 999" in finding.found) == ("broken", True)
    assert finding.fix == "pip install --upgrade langgraph-checkpoint-sqlite"


def test_a_library_made_by_an_older_langgraph_is_left_as_it_is(library):
    change(library, "DELETE FROM store_migrations WHERE v > 2")
    before = library.read_bytes()
    finding = only(look_at_library())
    assert (finding.state, "the first use brings them to 4" in finding.found) == ("works", True)
    assert library.read_bytes() == before


def test_a_file_that_is_no_database_is_broken(library):
    library.write_bytes(b"no database, but more than a hundred bytes of something else" * 9)
    assert "not a database" in only(look_at_library()).found
    assert state_of(look_at_library()) == "broken"


@pytest.mark.slow
def test_a_locked_library_is_broken(library):
    holder = sqlite3.connect(library, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        assert "locked" in only(look_at_library()).found
    finally:
        holder.close()


def test_a_place_that_is_none_is_broken(monkeypatch):
    monkeypatch.setenv("RAVELAR_LIBRARY", "redis://somewhere")
    assert "allowed: a path" in only(look_at_library()).found


def test_a_wrong_dsn_is_broken_and_its_password_stays_hidden(monkeypatch):
    monkeypatch.setenv("RAVELAR_LIBRARY", f"postgresql://me:{SECRET}@127.0.0.1:1/tools")
    finding = only(look_at_library())
    assert (finding.state, "RAVELAR_LIBRARY" in finding.fix) == ("broken", True)
    assert "me:***@127.0.0.1:1/tools" in finding.found
    assert SECRET not in finding.found


# Services


def test_tracing_that_is_off_breaks_nothing():
    assert state_of(look_at_langsmith()) == "missing"


def test_tracing_without_a_key_or_to_a_dead_endpoint_is_broken(monkeypatch):
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_ENDPOINT", DEAD)
    assert "LANGSMITH_API_KEY is not set" in only(look_at_langsmith()).found
    monkeypatch.setenv("LANGSMITH_API_KEY", SECRET)
    finding = only(look_at_langsmith())
    assert (finding.state, f"{DEAD} does not answer" in finding.found) == ("broken", True)


def test_tracing_to_an_endpoint_that_answers_works(monkeypatch):
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_API_KEY", SECRET)
    with answering() as url:
        monkeypatch.setenv("LANGSMITH_ENDPOINT", url)
        assert state_of(look_at_langsmith()) == "works"


def test_the_hub_offline_or_not_reached_is_missing_and_one_of_ones_own_that_is_dead_is_broken(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE is set" in only(look_at_hub()).found
    assert state_of(look_at_hub()) == "missing"
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", DEAD)
    assert state_of(look_at_hub()) == "broken"
    monkeypatch.setenv("HF_ENDPOINT", "somewhere")
    assert "allowed: an http or https address" in only(look_at_hub()).found


def test_a_hub_that_answers_works(monkeypatch):
    with answering() as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        assert state_of(look_at_hub()) == "works"


def test_models_are_told_by_package_and_key(monkeypatch):
    (openai,) = look_at_models()
    assert (openai.name, openai.state) == ("openai", "missing")
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("MISTRAL_API_KEY", SECRET)
    found = {one.name: one for one in look_at_models()}
    assert found["openai"].state == "works"
    assert (found["mistralai"].state, found["mistralai"].fix) == ("missing", "pip install langchain-mistralai")


def test_a_model_server_of_ones_own_must_answer(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", f"{DEAD}/v1")
    assert [one.state for one in look_at_models() if one.name == "OPENAI_BASE_URL"] == ["broken"]
    with answering(b"{}") as url:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
        assert [one.state for one in look_at_models() if one.name == "OPENAI_BASE_URL"] == ["works"]


def test_e2b_needs_a_key(monkeypatch):
    assert (state_of(look_at_e2b()), only(look_at_e2b()).fix) == ("missing", "set E2B_API_KEY")
    monkeypatch.setenv("E2B_API_KEY", SECRET)
    assert state_of(look_at_e2b()) == "works"


def test_a_port_that_is_taken_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert state_of(look_at_port(port)) == "missing"
    assert state_of(look_at_port(port)) == "works"


def test_the_disk_is_that_of_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("RAVELAR_CACHE", str(tmp_path / "models"))
    assert only(look_at_disk()).found.endswith(f"GB free at {tmp_path}")


# Packages: what is installed is read from metadata, which the tests write


def install(folder: Path, name: str, version: str, *lines: str) -> None:
    about = folder / f"{name}-{version}.dist-info" / "METADATA"
    about.parent.mkdir()
    about.write_text("\n".join(["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *lines]) + "\n")


def test_extras_are_there_not_there_or_unfit(monkeypatch, tmp_path):
    extras = ["Provides-Extra: one", "Provides-Extra: two", "Provides-Extra: three", "Provides-Extra: dev"]
    needs = ["Requires-Dist: alpha-of-tests>=2", 'Requires-Dist: alpha-of-tests>=1; extra == "one"']
    needs += [
        'Requires-Dist: beta-of-tests; extra == "two"',
        'Requires-Dist: alpha-of-tests<1.4; extra == "three"',
        'Requires-Dist: never-of-tests; sys_platform == "win32" and extra == "one"',
    ]
    install(tmp_path, "ravelar", "9.0", *extras, *needs)
    install(tmp_path, "alpha_of_tests", "1.5")
    monkeypatch.syspath_prepend(tmp_path)
    assert [(one.name, one.state, one.found) for one in look_at_extras()] == [
        ("one", "works", "alpha-of-tests 1.5"),
        ("two", "missing", "no beta-of-tests"),
        ("three", "broken", "alpha-of-tests is 1.5, needed: <1.4"),
    ]
    assert look_at_extras()[1].fix == "pip install 'ravelar[two]'"
    python, base = look_at_python()
    assert python.state == "works"
    assert (base.state, base.found) == ("broken", "alpha-of-tests is 1.5, needed: >=2")


def torch_here(
    folder: Path, *, cuda: str | None, code: str = "", gpu: str | None = "NVIDIA H200, 143771 MiB"
) -> Finding:
    """What is found in a process where another torch, and another nvidia-smi, come first."""
    install(folder, "torch", "9.9.9")
    (folder / "torch").mkdir()
    (folder / "torch/__init__.py").write_text(code)
    (folder / "torch/version.py").write_text(f"from typing import Optional\ncuda: Optional[str] = {cuda!r}\n")
    tool = folder / "nvidia-smi"
    tool.write_text("#!/bin/sh\nexit 9\n" if gpu is None else f"#!/bin/sh\necho '{gpu}'\n")
    tool.chmod(0o755)
    ask = "import json, dataclasses as d; from ravelar.doctor.packages import look_at_torch as look"
    code = f"{ask}; print(json.dumps([d.asdict(one) for one in look()]))"
    environment = {"PYTHONPATH": str(folder), "PATH": f"{folder}:/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60, check=True
    )
    return Finding(**only(json.loads(done.stdout)))


ADDS = """
class T:
    def __add__(self, other): return self
    def sum(self): return self
    def item(self): return 16
def ones(*shape, **options): return T()
"""


def test_a_gpu_and_a_build_for_it_work_if_a_sum_on_it_is_right(tmp_path):
    finding = torch_here(tmp_path, cuda="12.8", code=ADDS)
    assert finding.state == "works"
    assert finding.found == "9.9.9, build for CUDA 12.8; GPU: NVIDIA H200, 143771 MiB; a sum on the GPU is right"


def test_a_gpu_that_torch_can_not_use_is_broken(tmp_path):
    finding = torch_here(tmp_path, cuda="12.8", code="def ones(*a, **k): raise RuntimeError('driver too old')")
    assert (finding.state, finding.found.endswith("RuntimeError: driver too old")) == ("broken", True)


def test_a_gpu_with_a_cpu_build_is_told_without_importing_torch(tmp_path):
    finding = torch_here(tmp_path, cuda=None, code="raise SystemExit('torch was imported')")
    assert (finding.state, "CPU build; GPU: NVIDIA H200" in finding.found) == ("missing", True)


def test_without_a_gpu_torch_is_not_imported(tmp_path):
    finding = torch_here(tmp_path, cuda="12.8", code="raise SystemExit('torch was imported')", gpu=None)
    assert (finding.state, finding.found) == ("works", "9.9.9, build for CUDA 12.8; no NVIDIA GPU seen")
