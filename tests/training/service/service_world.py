"""A service in a process of its own, on the loopback, and what tests ask it."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import httpx

HERE = Path(__file__).parent
_START_S = 60.0


class Service:
    """A running service; ended, by its process id, when the block is left."""

    def __init__(self, command: Sequence[str], **variables: str) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  closed in __exit__
        self.process = subprocess.Popen(command, stderr=self._said, env={**os.environ, **variables})
        self.url = self._wait()
        self.client = httpx.Client(base_url=self.url, timeout=60, trust_env=False)

    @classmethod
    def of_fakes(cls, **options: Any) -> Self:
        command = [sys.executable, str(HERE / "fake_service.py"), json.dumps(options)]
        return cls(command, PYTHONPATH=str(HERE))

    @classmethod
    def of_ravelar(cls, *flags: str, **variables: str) -> Self:
        return cls([sys.executable, "-m", "ravelar", "serve", "--port", "0", *flags], **variables)

    @property
    def said(self) -> str:
        self._said.seek(0)
        return self._said.read().decode(errors="replace")

    def score(self, *triples: dict[str, Any], **body: Any) -> list[dict[str, Any]]:
        reply = self.client.post("/score", json={"triples": list(triples), **body})
        assert reply.status_code == 200, f"{reply.status_code} {reply.text} {self.said}"
        return reply.json()["rewards"]

    def health(self) -> dict[str, Any]:
        return self.client.get("/health").json()

    def post(self, body: bytes | str, path: str = "/score", **headers: str) -> httpx.Response:
        return self.client.post(path, content=body, headers={"Content-Type": "application/json", **headers})

    def stop(self, number: int = signal.SIGTERM, timeout: float = 30) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._said.close()

    def _wait(self) -> str:
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if found := re.search(r"http://127\.0\.0\.1:\d+", self.said):
                return found[0]
            assert self.process.poll() is None, self.said
            time.sleep(0.02)
        self.process.kill()
        raise AssertionError(f"the service did not start: {self.said}")


def row(completion: str = "", reference: float = 1.0, tool: str = "told", **more: Any) -> dict[str, Any]:
    return {"prompt": "p", "completion": completion, "reference": reference, "tool": tool, **more}


def side_by_side(n: int, work: Any) -> list[Any]:
    """Do `work(i)` for n numbers at one time, each in a thread; return the results in order."""
    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(work, range(n)))


def until(holds: Any, seconds: float = 20) -> Any:
    """Wait until `holds()` is true; return what it returned."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)
    return found
