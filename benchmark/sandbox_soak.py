"""Mixed load on the local sandbox for a long time, with workers killed at random: `make soak`.

    python -m ravelar.benchmark.sandbox_soak [--minutes 30] [--seed 0] [--json]

Threads ask kept verifiers (batches) and run fresh programs at once, right ones and hostile ones, while
another thread kills a random worker now and then. Every call must be answered exactly once and rightly (a
killed worker's calls are run again), and the caller's memory and descriptors must stay flat.
"""

import argparse
import contextlib
import json
import os
import random
import resource
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ravelar.benchmark.processes import children_of, resident_mb
from ravelar.tools.sandbox.errors import SandboxError
from ravelar.tools.sandbox.local import LocalSandbox
from ravelar.tools.sandbox.protocol import Call, Limits, Outcome, Program

_THREADS = 4
_SHARE_KEPT = 0.7  # of the runs that go to the kept verifier
_KILL_EVERY_S = 1.0
_SAMPLE_EVERY_S = 5.0
_LIMITS = Limits(wall_s=2.0, cpu_s=1.0, memory_mb=128)

DOUBLE = Program("def verify(n):\n    return (2 * n) % 101 / 101\n", isolation="per_tool")
LOOP = "def verify(n):\n    while n % 7 == 0:\n        pass\n    return 0.5\n"
PRINTS = "def verify(n):\n    print('x' * 100_000)\n    return 1.0\n"
EXITS = "import os\ndef verify(n):\n    os._exit(0)\n"
RAISES = "def verify(n):\n    raise ValueError(n)\n"
EATS = "def verify(n):\n    return len([0] * 10**9) / 10**9\n"

Judge = Callable[[int, Outcome], bool]
FRESH: dict[str, tuple[str, Judge]] = {
    # A loop lives so long that it may be killed at each of its tries; that is then what is said of it.
    "loops": (LOOP, lambda n, got: got.reason in ("timeout", "crash") if n % 7 == 0 else got.value == 0.5),
    "prints": (PRINTS, lambda _, got: got.value == 1.0),
    "exits": (EXITS, lambda _, got: got.reason == "crash"),
    "raises": (RAISES, lambda _, got: got.reason == "raised"),
    "eats memory": (EATS, lambda _, got: got.reason in ("memory", "raised", "crash")),
}


@dataclass(slots=True)
class Tally:
    """What happened, counted under one lock."""

    answered: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    kills: int = 0
    memory_mb: list[float] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, kind: str, asked: int, got: list[Outcome], wrong: list[str]) -> None:
        """Count one run: as many answers as calls, and those that are not what they must be."""
        with self.lock:
            self.answered[kind] += len(got)
            if len(got) != asked:
                self.wrong.append(f"{kind}: {len(got)} outcomes for {asked} calls")
            self.wrong.extend(wrong[:5])


def soak(*, minutes: float, seed: int = 0) -> dict[str, Any]:
    """Load the sandbox for so long; return counts, what was wrong, and memory and descriptors over time."""
    tally, stop = Tally(), threading.Event()
    with LocalSandbox() as sandbox:
        threads = [threading.Thread(target=_load, args=(sandbox, tally, stop, seed + n)) for n in range(_THREADS)]
        threads.append(threading.Thread(target=_kill, args=(tally, stop, seed)))
        for thread in threads:
            thread.start()
        _watch(tally, time.monotonic() + minutes * 60)
        stop.set()
        for thread in threads:
            thread.join()
    return _report(tally, minutes)


def _load(sandbox: LocalSandbox, tally: Tally, stop: threading.Event, seed: int) -> None:
    chance = random.Random(seed)
    while not stop.is_set():
        try:
            _ask(sandbox, tally, chance)
        except SandboxError as error:
            tally.count("refused", 0, [], [f"{type(error).__name__}: {error}"])


def _ask(sandbox: LocalSandbox, tally: Tally, chance: random.Random) -> None:
    """Make one run of either kind and check every outcome."""
    if chance.random() < _SHARE_KEPT:
        numbers = [chance.randrange(1000) for _ in range(chance.choice((1, 8, 64, 200)))]
        got = sandbox.run(DOUBLE, [Call((n,)) for n in numbers], _LIMITS)
        wrong = [f"double {n}: {o}" for n, o in zip(numbers, got, strict=False) if o.value != (2 * n) % 101 / 101]
        tally.count("kept worker", len(numbers), got, wrong)
        return
    kind, n = chance.choice(list(FRESH)), chance.randrange(1000)
    source, judge = FRESH[kind]
    got = sandbox.run(Program(f"{source}# {chance.random()}\n"), [Call((n,))], _LIMITS)
    tally.count(kind, 1, got, [f"{kind} {n}: {o}" for o in got if not judge(n, o)])


def _kill(tally: Tally, stop: threading.Event, seed: int) -> None:
    """Kill a random worker now and then: a process below the parent that forked it, itself without children."""
    chance = random.Random(seed)
    while not stop.wait(_KILL_EVERY_S * chance.random() * 2):
        workers = list(_workers())
        if workers:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(chance.choice(workers), signal.SIGKILL)
                tally.kills += 1


def _workers() -> Iterator[int]:
    for started in children_of(os.getpid()):
        for parent in [started, *children_of(started)]:  # within a PID namespace the parent is the second process
            below = list(children_of(parent))
            yield from (pid for pid in below if parent != started or not list(children_of(pid)))


def _watch(tally: Tally, until: float) -> None:
    while time.monotonic() < until:
        time.sleep(min(_SAMPLE_EVERY_S, max(0.0, until - time.monotonic())))
        tally.memory_mb.append(resident_mb(os.getpid()))
        tally.descriptors.append(sum(1 for _ in Path("/proc/self/fd").iterdir()))


def _report(tally: Tally, minutes: float) -> dict[str, Any]:
    start = max(1, len(tally.memory_mb) // 10)  # the first tenth warms up
    return {
        "minutes": minutes,
        "answered": dict(tally.answered),
        "wrong": len(tally.wrong),
        "wrong_examples": tally.wrong[:10],
        "workers_killed": tally.kills,
        "memory_mb": {"early": tally.memory_mb[start - 1 : start], "late": tally.memory_mb[-1:]},
        "descriptors": {"early": tally.descriptors[start - 1 : start], "late": tally.descriptors[-1:]},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "left_processes": len(list(children_of(os.getpid()))),
    }


def main() -> int:
    """Soak by the command line's settings and print the report; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0)
    report = soak(**vars(parser.parse_args()))
    print(json.dumps(report, indent=1))
    return int(report["wrong"] > 0 or report["left_processes"] > 0)


if __name__ == "__main__":
    sys.exit(main())
