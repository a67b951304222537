"""A real `langgraph dev` server on the loopback, started in a folder of its own and ended by process id."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[1]
_START_S = 90


@contextmanager
def dev_server(
    folder: Path, *, config: Mapping[str, Any] | None = None, env: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Serve the project's graphs, and yield the server's address; skips where the server is not installed.

    Args:
        folder: An empty one: the server keeps its state, its settings and its log there.
        config: What replaces entries of the project's `langgraph.json`.
        env: Variables of the server's process, beside those of this one.
    """
    pytest.importorskip("langgraph_api", reason="the extra 'studio' is not installed")
    port = _free_port()
    settings = {
        **json.loads((ROOT / "langgraph.json").read_text(encoding="utf-8")),
        "dependencies": [str(ROOT)],
        "env": {},
    }
    (folder / "langgraph.json").write_text(json.dumps({**settings, **(config or {})}), encoding="utf-8")
    log = folder / "server.log"
    command = [sys.executable, "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--n-jobs-per-worker", "10"]
    quiet = {"LANGGRAPH_CLI_NO_ANALYTICS": "1", "LANGSMITH_TRACING": "false", "NO_COLOR": "1"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **quiet, **(env or {})},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(process, f"http://127.0.0.1:{port}", log)
        yield f"http://127.0.0.1:{port}"
    finally:
        _end(process)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _end(process: "subprocess.Popen[bytes]") -> None:
    for said in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, said)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
            return


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}:\n{log.read_text(errors='replace')}")
        try:
            if httpx.get(f"{url}/ok", timeout=2, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the server does not answer after {_START_S} s:\n{log.read_text(errors='replace')}")
