"""`ravelar serve` as a person starts it: the port, the token, the real tools, and their processes killed under load."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from service_world import Service, until

from ravelar.benchmark.processes import descendants_of
from ravelar.tools.adopted.entry import Entry, WrittenRecipe
from ravelar.tools.adopted.store import open_store
from ravelar.tools.card import ToolCard
from ravelar.tools.evidence.trial import Trial
from ravelar.tools.task import TaskSpec

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.slow
def test_it_is_bound_to_the_loopback_and_ends_by_ctrl_c(tmp_path: Path) -> None:
    with Service.of_ravelar() as service:
        assert service.url.startswith("http://127.0.0.1:")
        triple = {"prompt": "What is 6 * 7?", "completion": "It is 42.", "reference": 42}
        assert service.score(triple)[0]["value"] == 1.0
        assert service.stop(signal.SIGINT) == 0
        assert "17 tools at http://127.0.0.1:" in service.said
        assert "Traceback" not in service.said


def test_beyond_the_loopback_it_wants_a_token_or_a_word(ravelar: Run) -> None:
    done = ravelar("serve", "--host", "0.0.0.0")
    assert done.returncode == 2
    assert "RAVELAR_SERVICE_TOKEN" in done.stderr
    assert "--no-token" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--unscored", "nan"), "allowed: 'error', 'null', or a finite number"),
        (("--batch", "maths"), "no reward tool 'maths'"),
        (("--token-file", "/nowhere/token"), "--token-file /nowhere/token can't be read"),
        (("--port", "70000"), "70000 is not in the range"),
        (("--host", "no.such.host.invalid", "--no-token"), "no.such.host.invalid"),
    ],
)
def test_wrong_flags_are_told_at_once(ravelar: Run, flags: tuple[str, ...], said: str) -> None:
    done = ravelar("serve", *flags)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_port_that_is_taken_is_told(ravelar: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = ravelar("serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "can't be opened: Address already in use" in done.stderr


@pytest.mark.slow
def test_an_empty_token_file_is_no_token(ravelar: Run, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    done = ravelar("serve", "--token-file", str(tmp_path / "token"))
    assert done.returncode == 2
    assert "is empty" in done.stderr


def test_only_the_token_opens_the_door_and_it_is_never_printed(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret-of-the-house\n")
    with Service.of_ravelar("--token-file", str(tmp_path / "token"), RAVELAR_SERVICE_TOKEN="other") as service:
        body = {"triples": [{"prompt": "6 * 7?", "completion": "42", "reference": 42}]}

        def ask(*, auth: tuple[str, str] | None = None, **headers: str) -> int:
            return service.client.post("/score", json=body, headers=headers, auth=auth).status_code

        assert ask() == 401
        assert ask(Authorization="Bearer other") == 401
        assert ask(Authorization="Bearer s3cret-of-the-hous") == 401
        assert ask(Authorization="Bearer") == 401
        assert ask(Authorization="s3cret-of-the-house") == 401
        assert ask(Authorization="Basic !!!") == 401
        assert ask(auth=("trainer", "wrong")) == 401
        assert ask(Authorization="Bearer s3cret-of-the-house") == 200
        assert ask(auth=("trainer", "s3cret-of-the-house")) == 200  # what http://trainer:TOKEN@host/ sends
        assert [service.client.get(path).status_code for path in ("/tools", "/metrics")] == [401, 401]
        assert [service.client.get(path).status_code for path in ("/health", "/ready")] == [200, 200]
        refused = service.client.post("/score", json=body)
        assert refused.headers["www-authenticate"] == "Bearer"
        assert "s3cret" not in refused.text + service.said


def test_a_wrong_token_is_refused_without_reading_the_body() -> None:
    with (
        Service.of_ravelar(RAVELAR_SERVICE_TOKEN="right") as service,
        socket.create_connection(("127.0.0.1", httpx.URL(service.url).port), timeout=20) as raw,
    ):
        raw.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 401 ")


def named(pid: int) -> str:
    """Return a process's command; '' if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


@pytest.mark.slow
@pytest.mark.xdist_group("busy")
@pytest.mark.parametrize("workers", [0, 2])
def test_a_tools_own_processes_killed_under_load_cost_no_request(workers: int, jail: object) -> None:
    formula = {"prompt": "Expand.", "completion": "\\boxed{x^2 + 2x + 1}", "reference": "(x + 1)^2"}
    wrong = {**formula, "completion": "\\boxed{x^2 + 1}"}
    code = {"prompt": "Write f.", "tool": "unit_tests", "reference": {"tests": "assert f(2) == 4"}}
    right = {**code, "completion": "```python\ndef f(x):\n    return 2 * x\n```"}
    bad = {**code, "completion": "```python\ndef f(x):\n    return x\n```"}
    with Service.of_ravelar("--workers", str(workers)) as service:
        first = service.score(formula, wrong, right, bad)
        assert [one["value"] for one in first] == [1.0, 0.0, 1.0, 0.0], first
        ended = threading.Event()
        replies: list[httpx.Response] = []

        def ask() -> None:
            while not ended.is_set():
                replies.append(service.client.post("/score", json={"triples": [formula, wrong, right, bad]}))

        clients = [threading.Thread(target=ask) for _ in range(4)]
        for client in clients:
            client.start()
        spared = {worker["pid"] for worker in service.health().get("workers", [])}
        killed: list[str] = []
        deadline = time.monotonic() + 4
        while time.monotonic() < deadline:
            theirs = {pid: named(pid) for pid in descendants_of(service.process.pid) if pid not in spared}
            for pid, name in theirs.items():
                if name and len(killed) % 2 == ("maths.worker" in name):  # in turn: the sandbox's, Math-Verify's
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                        killed.append(name)
                    break
            time.sleep(0.6)
        ended.set()
        for client in clients:
            client.join()
        assert any("maths.worker" in name for name in killed)
        assert any("maths.worker" not in name for name in killed)
        assert {reply.status_code for reply in replies} == {200}
        for reply in replies:
            values = [one["value"] for one in reply.json()["rewards"]]
            assert all(value in {None, due} for value, due in zip(values, [1.0, 0.0, 1.0, 0.0], strict=True)), (
                reply.text
            )
        until(lambda: [one["value"] for one in service.score(formula, wrong, right, bad)] == [1.0, 0.0, 1.0, 0.0])


SOURCE = """
def verify(prompt, completion, reference):
    if "broken" in str(reference):
        raise ValueError("this reference can't be read")
    return 1.0 if completion.strip() == str(reference) else 0.0
"""


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1])
def test_a_tool_adopted_while_it_runs_is_served_and_watched(workers: int, tmp_path: Path, jail: object) -> None:
    place = tmp_path / "library.sqlite"
    spec = TaskSpec(label="echoing", summary="Echo.", correct="the reference", reference_decides=True)
    card = ToolCard(name="echoing", kind="verifier", task="echo", summary="Compares.")
    trial = Trial(probes="sha256:0", half="held_out", n=200, unscored=0)
    with Service.of_ravelar("--workers", str(workers), RAVELAR_LIBRARY=str(place)) as service:

        def ask(n: int, reference: str = "yes") -> list[float | None]:
            triple = {"prompt": "Echo.", "completion": "yes", "reference": reference, "task": "echoing"}
            return [one["value"] for one in service.score(*[triple] * n)]

        named = {"triples": [{"prompt": "p", "completion": "c"}], "tool": "echoing"}
        assert service.client.post("/score", json=named).status_code == 422
        with open_store(place) as store:
            store.adopt(Entry(task=spec, card=card, recipe=WrittenRecipe(source=SOURCE), trial=trial), run="a")
        until(lambda: service.client.post("/score", json=named).status_code == 200)
        assert ask(3) == [1.0, 1.0, 1.0]
        assert ask(300, "broken") == [None] * 300
        metrics = service.client.get("/metrics").text
        assert 'ravelar_drift_findings{code="unscored",tool="echoing"} 1.0' in metrics
        assert 'ravelar_drift_raw_greatest{tool="echoing"} 1.0' in metrics
