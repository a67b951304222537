"""How the speed benchmarks measure: whole processes by the kernel's own accounting, loops by the best run."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple


class ProcessCost(NamedTuple):
    """What a finished process cost."""

    wall_s: float
    peak_mb: float


def process_cost(command: Sequence[str]) -> ProcessCost:
    """Run a command to its end, its output thrown away; return its wall time and peak memory.

    Raises:
        RuntimeError: if it fails; the message holds the end of its standard error.
    """
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        said = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(
            f"{' '.join(command)} ended with {process.returncode}: {said[-500:].decode(errors='replace')}"
        )
    return ProcessCost(time.perf_counter() - started, usage.ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024))


def median_wall_s(command: Sequence[str], runs: int = 10) -> float:
    """Return the median wall time of a command over warm runs (one run goes before, uncounted)."""
    process_cost(command)
    return statistics.median(process_cost(command).wall_s for _ in range(runs))


def best_of(repeats: int, work: Callable[[], object]) -> float:
    """Return the least wall time of several runs: what the code costs when the machine does not interfere."""
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best
