"""`ravelar bench tracing`: what traces cost, on and off, and what a process's end costs where nobody takes them in.

The same calls are timed with traces off, with the look at the switch taken out, and with traces on; then the same
process ends with traces off, and with sinks on the loopback that work, are not there, hang or refuse, in turn.
"""

import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch

from ravelar.benchmark.measuring import best_of
from ravelar.benchmark.score_speed import FreeTool
from ravelar.tools import scoring
from ravelar.tools.builtin import builtin_library
from ravelar.tools.reward import Triple
from ravelar.tools.scoring import score_or_abstain

CALLS = 2_000
_ON = {"LANGSMITH_TRACING": "true", "LANGSMITH_API_KEY": "none"}
_SPANS = {**_ON, "LANGSMITH_OTEL_ENABLED": "true", "LANGSMITH_OTEL_ONLY": "true"}
_PREFIXES = ("LANGSMITH", "LANGCHAIN", "OTEL")
_NOBODY = "http://127.0.0.1:9"
_WORK = """
import sys, time, ravelar
rows = [{"prompt": "6 * 7?", "completion": "42", "reference": 42}]
ravelar.score(rows)
time.sleep(0.5)  # a run that does something else meanwhile
ravelar.score(rows)
print(time.time())
"""
_BATCHES = """
import sys
from ravelar.benchmark.tracing_cost import batch_us
print(batch_us(200))
"""


def measure(*, runs: int = 5) -> dict[str, float]:
    """Measure everything; each end of a process is the median of so many runs, taken in turn."""
    looked, bare = call_us()
    figures = {"call_us": looked, "call_without_look_us": bare, "off_ratio": looked / bare}
    with serving(200) as address:
        said = _python(_BATCHES, {**_ON, "LANGSMITH_ENDPOINT": address})
    return figures | {"batch_off_us": batch_us(), "batch_on_us": float(said)} | ends_s(runs)


def call_us() -> tuple[float, float]:
    """Return processor microseconds of a call that scores one numeric triple, traces off; and without asking for them.

    Both are timed in turn, so that what else the machine does falls on both; the least of many counts.
    """
    library = builtin_library()
    triples = [Triple("6 * 7?", "It is 42.", 42)]

    def seconds() -> float:
        started = time.process_time()
        for _ in range(CALLS):
            scoring.score(triples, library=library)
        return time.process_time() - started

    looked, bare = float("inf"), float("inf")
    for _ in range(25):
        looked = min(looked, seconds())
        with patch.object(scoring, "traced_batch", lambda tool, given, score: score(tool, given)):
            bare = min(bare, seconds())
    return looked / CALLS * 1e6, bare / CALLS * 1e6


def batch_us(calls: int = CALLS) -> float:
    """Return microseconds of a batch of one triple whose tool does nothing: traced, where traces are on."""
    tool = FreeTool(builtin_library()["math_answer"].card)
    triples = [Triple("6 * 7?", "It is 42.", 42)]

    def work() -> None:
        for _ in range(calls):
            score_or_abstain(tool, triples)

    return best_of(3, work) / calls * 1e6


def ends_s(runs: int) -> dict[str, float]:
    """Return the seconds from a program's last line to the end of its process, by what becomes of its traces."""
    with serving(200) as works, serving(500) as refuses, hanging() as hangs:
        ways: dict[str, Mapping[str, str]] = {
            "off": {},
            "works": {**_ON, "LANGSMITH_ENDPOINT": works},
            "not_there": {**_ON, "LANGSMITH_ENDPOINT": _NOBODY},
            "hangs": {**_ON, "LANGSMITH_ENDPOINT": hangs},
            "refuses": {**_ON, "LANGSMITH_ENDPOINT": refuses},
            "collector_works": {**_SPANS, "OTEL_EXPORTER_OTLP_ENDPOINT": works},
            "collector_not_there": {**_SPANS, "OTEL_EXPORTER_OTLP_ENDPOINT": _NOBODY},
            "collector_hangs": {**_SPANS, "OTEL_EXPORTER_OTLP_ENDPOINT": hangs},
        }
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(runs):
            for name, env in ways.items():
                taken[name].append(_end_s(env))
    return {f"exit_{name}_s": statistics.median(times) for name, times in taken.items()}


def _end_s(env: Mapping[str, str]) -> float:
    said = _python(_WORK, env)
    return time.time() - float(said)


def _python(code: str, env: Mapping[str, str]) -> str:
    """Run code in a process with these variables for its traces, and return what it prints.

    Raises:
        RuntimeError: if it fails; the message holds the end of its standard error.
    """
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LANGSMITH", "LANGCHAIN", "OTEL"))
    }
    command: Sequence[str] = [sys.executable, "-c", code]
    done = subprocess.run(command, env={**kept, **env}, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"a traced process ended with {done.returncode}: {done.stderr[-500:]}")
    return done.stdout.strip()


@contextmanager
def serving(status: int) -> Iterator[str]:
    """Serve what answers everything with one status; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._answer()

        def _answer(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def hanging() -> Iterator[str]:
    """Listen, and never answer; yield the address."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
