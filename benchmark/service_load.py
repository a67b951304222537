"""`ravelar bench serve`: the reward service under load, beside plain FastAPI functions that call the same verifier.

Four systems: the service with the tool named in the request (`service`) and left to routing (`routed`), a function
that FastAPI runs in a thread (`def`), and one on the event loop, where nobody else is answered meanwhile (`async`).
All are asked in turn, in short slices of the same run, so that a busy machine slows all of them alike. A ratio of
rates is that of the best slices, the least disturbed ones; a ratio of processor time is that of the whole run, and
hardly sees a busy machine. The service is the command that people start, in a process of its own.
"""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ravelar.benchmark.http_load import Load, Target, median_of, run_load
from ravelar.benchmark.processes import descendants_of, resident_mb

CLIENTS = (1, 8, 64)
ROWS = (1, 32)
CLUSTER_ROWS = (1, 16, 64)
SERVICE, ROUTED, PLAIN, PLAIN_ASYNC, RAY = "service", "routed", "def", "async", "ray"
_START_S = 120.0  # Ray starts some ten processes
_SAMPLES = 60  # of memory, over a long run


def measure(*, seconds: float = 0.2, rounds: int = 12, rows: Sequence[int] = ROWS) -> list[dict[str, Any]]:
    """Measure rates, latencies and ratios; return a row for each system, number of clients and batch size.

    Args:
        seconds: Length of a slice.
        rounds: How often each system's turn comes.
        rows: Completions in a request.
    """
    with _service() as (port, pid), _plain() as (plain_port, plain_pid):
        report = []
        for size in rows:
            targets = [
                _target(SERVICE, port, pid, size, named=True),
                _target(ROUTED, port, pid, size),
                _target(PLAIN, plain_port, plain_pid, size),
                _target(PLAIN_ASYNC, plain_port, plain_pid, size),
            ]
            for target in targets:  # warm
                run_load(target, clients=8, seconds=min(seconds, 0.3))
            for clients in CLIENTS:
                loads: dict[str, list[Load]] = {target.name: [] for target in targets}
                for _ in range(rounds):
                    for target in targets:
                        loads[target.name].append(run_load(target, clients=clients, seconds=seconds))
                report += [_row(name, clients, size, loads) for name in loads]
        return report


def memory_under_load(minutes: float, *, clients: int = 8) -> dict[str, float]:
    """Ask the service for so many minutes; return its memory after a tenth of the time and at the end, in MB.

    The requests hold plain numbers, formulas for the Math-Verify worker, texts for other tools and rows that nothing
    fits; memory is that of the service and all processes below it.
    """
    with _service() as (port, pid):
        target = Target("service", port, "/score", json.dumps({"triples": _mixed()}).encode(), _is_json, pid)
        sizes: list[float] = []
        asked, started = 0, time.perf_counter()
        for _ in range(_SAMPLES):
            asked += len(run_load(target, clients=clients, seconds=60 * minutes / _SAMPLES).latencies_s)
            sizes.append(resident_mb(pid) + sum(resident_mb(child) for child in descendants_of(pid)))
        tenth = sizes[_SAMPLES // 10 :]
        return {
            "minutes": (time.perf_counter() - started) / 60,
            "requests": asked,
            "completions": asked * len(_mixed()),
            "mb_after_a_tenth": tenth[0],
            "mb_at_the_end": sizes[-1],
            "mb_most": max(sizes),
            "growth_mb": _median(tenth[-10:]) - _median(tenth[:10]),
        }


def beside_cluster(*, seconds: float = 0.5, rounds: int = 8) -> list[dict[str, Any]]:
    """Measure the service on Ray beside the same service in one process; return a row for each load.

    Ray is started on this machine, with one replica of the verifiers. Both services are asked in turn, in slices of
    one run. `extra_ms` is what Ray adds to a request with one client, by the medians of their latencies.

    Args:
        seconds: Length of a slice.
        rounds: How often each one's turn comes.
    """
    report = []
    with _service() as (port, pid), _service("--ray", "--replicas", "1") as (ray_port, ray_pid):
        for size in CLUSTER_ROWS:
            targets = [_target(SERVICE, port, pid, size), _target(RAY, ray_port, ray_pid, size)]
            for target in targets:  # warm
                run_load(target, clients=8, seconds=2 * seconds)
            for clients in CLIENTS:
                loads: dict[str, list[Load]] = {target.name: [] for target in targets}
                for _ in range(rounds):
                    for target in targets:
                        loads[target.name].append(run_load(target, clients=clients, seconds=seconds))
                report.append(_beside(clients, size, loads[SERVICE], loads[RAY]))
    return report


def _beside(clients: int, size: int, service: Sequence[Load], ray: Sequence[Load]) -> dict[str, Any]:
    one, other = _together(service), _together(ray)
    return {
        "clients": clients,
        "rows": size,
        "service_rows_per_s": one.per_s * size,
        "ray_rows_per_s": other.per_s * size,
        "ray_requests_per_s": other.per_s,
        "ray_p50_ms": other.latency_ms(0.5),
        "ray_p99_ms": other.latency_ms(0.99),
        "extra_ms": other.latency_ms(0.5) - one.latency_ms(0.5),
        "ratio": median_of([a.per_s / b.per_s for a, b in zip(ray, service, strict=True)]),
    }


def _row(name: str, clients: int, size: int, loads: Mapping[str, Sequence[Load]]) -> dict[str, Any]:
    mine = loads[name]
    together = {one: _together(loads[one]) for one in (name, PLAIN, PLAIN_ASYNC)}
    row: dict[str, Any] = {
        "system": name,
        "clients": clients,
        "rows": size,
        "requests_per_s": _best(mine),
        "completions_per_s": _best(mine) * size,
        "p50_ms": together[name].latency_ms(0.5),
        "p99_ms": together[name].latency_ms(0.99),
        "cpu_us": together[name].cpu_us,
    }
    for other in (PLAIN, PLAIN_ASYNC):
        row[f"rate_to_{other}"] = _best(mine) / _best(loads[other])
        row[f"cpu_{other}_to"] = together[other].cpu_us / together[name].cpu_us
    return row


def _best(loads: Sequence[Load]) -> float:
    """Return the rate of the slice in which the machine interfered least."""
    return max(load.per_s for load in loads)


def _together(loads: Sequence[Load]) -> Load:
    return Load(
        sum(load.wall_s for load in loads),
        sum(load.cpu_s for load in loads),
        [latency for load in loads for latency in load.latencies_s],
    )


def _median(figures: Sequence[float]) -> float:
    return median_of(list(figures))


def _target(name: str, port: int, pid: int, size: int, *, named: bool = False) -> Target:
    """Return what asks for the values of `size` right answers: plain numbers, which cost the verifier some 15 us."""
    triples = [
        {
            "prompt": f"A shop sells {n} pens in the morning and as many in the afternoon. How many pens is that?",
            "completion": f"{'First I add what was sold in both halves of the day. ' * 6}\n#### {2 * n}",
            "reference": str(2 * n),
        }
        for n in range(1, size + 1)
    ]
    path = {PLAIN: "/def", PLAIN_ASYNC: "/async"}.get(name, "/score")
    body = {"triples": triples, "tool": "math_answer"} if named else {"triples": triples}

    def holds(reply: bytes) -> bool:
        found: Any = json.loads(reply)
        values = found["values"] if "values" in found else [one["value"] for one in found["rewards"]]
        return bool(values == [1.0] * size)

    return Target(name, port, path, json.dumps(body).encode(), holds, pid)


def _mixed() -> list[dict[str, Any]]:
    return [
        {"prompt": "What is 6 * 7?", "completion": "It is 42.", "reference": 42},
        {"prompt": "Expand.", "completion": "It is \\boxed{x^2 + 2x + 1}.", "reference": "(x + 1)^2"},
        {"prompt": "Which?\nA) red\nB) blue", "completion": "The answer is B.", "reference": "B"},
        {"prompt": "Write one line.", "completion": "Here it is, a line. " * 20, "tool": "repetition"},
        {"prompt": "Tell me a joke.", "completion": "Why?"},
        {"prompt": "How much?", "completion": "x" * 2_000, "reference": 7},
    ]


def _is_json(reply: bytes) -> bool:
    return len(json.loads(reply)["rewards"]) == len(_mixed())


@contextlib.contextmanager
def _service(*flags: str) -> Iterator[tuple[int, int]]:
    """Start `ravelar serve` with the built-in tools on a free port; yield the port and the process."""
    with tempfile.TemporaryDirectory() as folder:
        nowhere = {"RAVELAR_LIBRARY": str(Path(folder, "library.sqlite"))}
        command = [sys.executable, "-m", "ravelar", "serve", "--port", "0", *flags]
        with _process(command, nowhere, _port_in, "/ready") as found:
            yield found


@contextlib.contextmanager
def _plain() -> Iterator[tuple[int, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = ["ravelar.benchmark.plain_service:app", "--port", str(port), "--log-level", "warning", "--no-access-log"]
    with _process([sys.executable, "-m", "uvicorn", *app], {}, lambda _: port, "/openapi.json") as found:
        yield found


@contextlib.contextmanager
def _process(
    command: Sequence[str], variables: Mapping[str, str], port_of: Callable[[str], int | None], path: str
) -> Iterator[tuple[int, int]]:
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stderr=said, env={**os.environ, **variables})
        try:
            yield _wait(process, said, port_of, path), process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: "subprocess.Popen[bytes]", said: Any, port_of: Callable[[str], int | None], path: str) -> int:
    """Wait until a server answers; return its port.

    Raises:
        RuntimeError: if it ends, or does not answer in time; the message holds what it said.
    """
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        said.seek(0)
        port = port_of(said.read().decode(errors="replace"))
        if port is not None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
                return port
        time.sleep(0.05)
    said.seek(0)
    raise RuntimeError(f"a server did not start: {said.read()[-500:].decode(errors='replace')}")


def _port_in(said: str) -> int | None:
    found = re.search(r"http://127\.0\.0\.1:(\d+)", said)
    return int(found[1]) if found else None
