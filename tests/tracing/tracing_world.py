"""Traced processes, and what a sink on the loopback received of them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sink import Sink, listening
from traced_work import OPENAI_KEY

HERE = Path(__file__).resolve().parent
KEY = "lsv2_of_nobody_0123456789"
ON = {"LANGSMITH_TRACING": "true", "LANGSMITH_API_KEY": KEY, "LANGSMITH_DISABLE_RUN_COMPRESSION": "true"}
SPANS = {"LANGSMITH_OTEL_ENABLED": "true", "LANGSMITH_OTEL_ONLY": "true"}
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Done:
    """A process that ended.

    Attributes:
        code: Its exit code.
        said: Lines on standard error.
        exit_s: How long it took to end, from the last line that it said itself.
    """

    code: int
    said: list[str]
    exit_s: float


Work = Callable[..., Done]


def work(*arguments: str, env: Mapping[str, str]) -> Done:
    """Run a script in a process with these variables and no others that matter, and wait for its end."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    quiet = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "RAVELAR_LIBRARY": "memory:", "OPENAI_API_KEY": OPENAI_KEY}
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**kept, **quiet, **env},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    ended = time.time()
    lines = done.stderr.splitlines()
    at = next((float(line[3:]) for line in lines if line.startswith("at ")), ended)
    return Done(done.returncode, [line for line in lines if not line.startswith("at ")], ended - at)


def traced(*names: str, **env: str) -> Sink:
    """Do traced work (`traced_work`) in a process, and return the sink that it was traced to."""
    with listening() as sink:
        collector = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url}
        done = work(
            str(HERE / "traced_work.py"), *names, env={**ON, "LANGSMITH_ENDPOINT": sink.url, **collector, **env}
        )
    assert done.code == 0, "\n".join(done.said)
    return sink
