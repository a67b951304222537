"""`ravelar bench sandbox`: calls a second and latencies of the local sandbox, beside what others do.

One trivial verifier is called over and over: what is measured is the way there and back. In the same run
and on the same machine: the same function by `exec` without any layer of the jail, over the same round trip
(`exec`), over the barest one (JSON over a socket, no checks: `plain_process`) and over none (`exec_in_process`);
in a fresh `python -I` per call; and in a fork with the usual guards (time limit, resource limits, patched
modules), as code benchmarks run it.
"""

import contextlib
import json
import os
import resource
import select
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ravelar.benchmark.processes import descendants_of, private_mb
from ravelar.tools.sandbox.local import LocalSandbox, Upkeep
from ravelar.tools.sandbox.parent_link import ParentLink
from ravelar.tools.sandbox.pool import Pool
from ravelar.tools.sandbox.profiles import PROFILES
from ravelar.tools.sandbox.protocol import Call, Limits, Program
from ravelar.tools.sandbox.rounds import Job, Round
from ravelar.tools.sandbox.slots import Slots

T = TypeVar("T")

SOURCE = """
def verify(prompt, completion, reference):
    return 1.0 if reference in completion else 0.0
"""
CALL = Call(("What is 6 * 7?", "I think that the answer is 42.", "42"))
BATCH = 64
_SECONDS = 2.0  # per figure
_SLICES = 8
_FORK_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Figure:
    """Calls a second over some seconds, and how long single round trips took.

    Attributes:
        calls_per_s: Calls answered in a second.
        p50_ms: Median of a round trip (one call, or one batch).
        p99_ms: 99th percentile of the same.
        cold_ms: The first round trip, with everything that starts for it.
    """

    calls_per_s: float
    p50_ms: float
    p99_ms: float
    cold_ms: float


def measure(*, seconds: float = _SECONDS) -> dict[str, Any]:
    """Measure all ways, caller and worker held on one core, then over all cores.

    Returns calls a second by way, `per_tool_to_exec` from slices in turn, and latencies under `latencies_ms`.
    """
    with _one_core():
        figures = {
            "per_tool_batched": _with_sandbox(lambda sandbox: _per_tool(sandbox, BATCH, seconds)),
            "per_tool": _with_sandbox(lambda sandbox: _per_tool(sandbox, 1, seconds)),
            "per_call": _with_sandbox(lambda sandbox: _per_call(sandbox, "core", seconds)),
            "per_call_math": _with_sandbox(lambda sandbox: _per_call(sandbox, "math", seconds)),
            "per_call_text": _with_sandbox(lambda sandbox: _per_call(sandbox, "text", seconds)),
            "exec": _unjailed(lambda round_trip: _timed(round_trip, 1, seconds)),
            "plain_process": _with_plain_process(lambda round_trip: _timed(round_trip, 1, seconds)),
            "exec_in_process": _timed(_exec_in_process(), 1, seconds),
            "fork_with_guards": _timed(_fork_with_guards, 1, seconds),
            "subprocess": _timed(_python_per_call, 1, seconds),
        }
        ratio = _per_tool_to_exec(seconds)
    rates = {f"{way}_calls_per_s": figure.calls_per_s for way, figure in figures.items()}
    latencies = {
        way: {"p50": figure.p50_ms, "p99": figure.p99_ms, "cold": figure.cold_ms} for way, figure in figures.items()
    }
    spread = {**_all_cores(seconds), "per_tool_to_exec": ratio, "idle_worker_mb": _idle_worker_mb()}
    return {**rates, **spread, "latencies_ms": latencies}


@contextlib.contextmanager
def _one_core() -> Iterator[None]:
    """Hold this process, and all that it starts, on one core; figures are then figures per core."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _per_tool_to_exec(seconds: float) -> float:
    """Return the jailed rate over the unjailed one, measured in turn so that a busy machine slows both alike."""
    program = Program(SOURCE, isolation="per_tool")

    def paired(unjailed: Callable[[], object]) -> float:
        with LocalSandbox(upkeep=Upkeep(width=1)) as sandbox:
            ways = (lambda: _checked(sandbox.run(program, [CALL]), 1), unjailed)
            slices = [[_timed(way, 1, seconds / _SLICES).calls_per_s for way in ways] for _ in range(_SLICES)]
        return statistics.median(jailed / plain for jailed, plain in slices)

    return _unjailed(paired)


def _timed(round_trip: Callable[[], object], calls: int, seconds: float) -> Figure:
    """Time one kind of round trip: the first alone, then as many as fit."""
    started = time.perf_counter()
    round_trip()
    cold = time.perf_counter() - started
    for _ in range(20):
        round_trip()
    times: list[float] = []
    begun = time.perf_counter()
    while (now := time.perf_counter()) - begun < seconds:
        round_trip()
        times.append(time.perf_counter() - now)
    times.sort()
    p99 = times[min(len(times) - 1, int(0.99 * len(times)))]
    rate = calls * len(times) / (time.perf_counter() - begun)
    return Figure(rate, statistics.median(times) * 1e3, p99 * 1e3, cold * 1e3)


def _with_sandbox(work: Callable[[LocalSandbox], Figure]) -> Figure:
    with LocalSandbox(upkeep=Upkeep(width=1)) as sandbox:
        return work(sandbox)


def _unjailed(work: Callable[[Callable[[], object]], T]) -> T:
    """Do something with the same round trip to a worker without a single layer: only our own verifier runs there."""
    parent = ParentLink(PROFILES["core"], frozenset())
    pool = Pool(lambda _: parent, max_spare=1, max_idle=1, calls_per_worker=Upkeep().calls_per_worker)
    program, slots = Program(SOURCE, isolation="per_tool"), Slots(1)

    def round_trip() -> None:
        job = Job(program, [CALL], Limits())
        Round(pool, slots, 1).run([job])
        _checked(job.outcomes, 1)

    try:
        return work(round_trip)
    finally:
        pool.close()


def _checked(outcomes: list[Any], calls: int) -> None:
    """Make sure that what is fast is also right."""
    if [outcome.value for outcome in outcomes] != [1.0] * calls:
        raise RuntimeError(f"the sandbox gave {outcomes[:2]}")


def _per_tool(sandbox: LocalSandbox, calls: int, seconds: float) -> Figure:
    program = Program(SOURCE, isolation="per_tool")
    batch = [CALL] * calls
    return _timed(lambda: _checked(sandbox.run(program, batch), calls), calls, seconds)


def _per_call(sandbox: LocalSandbox, profile: str, seconds: float) -> Figure:
    numbers = iter(range(1 << 60))

    def another() -> None:  # a program of its own each time, as policies write them
        program = Program(f"{SOURCE}\n# {next(numbers)}", profile=profile, isolation="per_call")
        _checked(sandbox.run(program, [CALL]), 1)

    return _timed(another, 1, seconds)


def _all_cores(seconds: float) -> dict[str, float]:
    """Return the rates over all cores: single calls, 16 batches for one verifier, 32 programs at once."""
    with LocalSandbox() as sandbox:
        program = Program(SOURCE, isolation="per_tool")
        batches = [CALL] * (16 * BATCH)
        single = _timed(lambda: _checked(sandbox.run(program, [CALL]), 1), 1, seconds)
        batched = _timed(lambda: _checked(sandbox.run(program, batches), len(batches)), len(batches), seconds)
        plain = replace(program, isolation="per_call")
        jobs = [(replace(plain, source=f"{SOURCE}\n# {n}"), [CALL]) for n in range(32)]
        forked = _timed(lambda: sandbox.run_many(jobs), len(jobs), seconds)
    return {
        "cores": float(len(os.sched_getaffinity(0))),
        "per_tool_all_cores_calls_per_s": single.calls_per_s,
        "per_tool_batched_all_cores_calls_per_s": batched.calls_per_s,
        "per_call_all_cores_calls_per_s": forked.calls_per_s,
    }


def _idle_worker_mb() -> float:
    """Return the memory that one idle worker has for itself alone, in MB."""
    with LocalSandbox(upkeep=Upkeep(width=1)) as sandbox:
        before = set(descendants_of(os.getpid()))
        sandbox.run(Program(SOURCE, isolation="per_tool"), [CALL])
        workers = set(descendants_of(os.getpid())) - before
        own = [mb for pid in workers if (mb := private_mb(pid)) is not None]
    return max(own, default=float("nan"))


def _with_plain_process(work: Callable[[Callable[[], object]], Figure]) -> Figure:
    """Time round trips to a forked process that reads JSON, calls the function and answers: no jail, no checks."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _serve_plainly(theirs)
    theirs.close()

    def round_trip() -> None:
        ours.sendall(json.dumps([0, CALL.args]).encode())
        if json.loads(ours.recv(65_536))[1] != 1.0:
            raise RuntimeError("the plain process gave a wrong value")

    try:
        return work(round_trip)
    finally:
        ours.close()
        os.waitpid(pid, 0)


def _serve_plainly(channel: socket.socket) -> None:
    """Answer until the other side hangs up; never return."""
    names: dict[str, Any] = {}
    exec(SOURCE, names)
    try:
        while request := channel.recv(65_536):
            number, arguments = json.loads(request)
            channel.sendall(json.dumps([number, names["verify"](*arguments)]).encode())
    finally:
        os._exit(0)


def _exec_in_process() -> Callable[[], object]:
    """Return a round trip without isolation: JSON in, the function, JSON out, as over a wire."""
    names: dict[str, Any] = {}
    exec(SOURCE, names)
    verify, request = names["verify"], json.dumps(CALL.args)

    def round_trip() -> object:
        return json.loads(json.dumps(verify(*json.loads(request))))

    return round_trip


def _python_per_call() -> None:
    code = f"import json, sys\n{SOURCE}\nprint(json.dumps(verify(*json.load(sys.stdin))))"
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, input=json.dumps(CALL.args), capture_output=True, text=True, check=True)
    if json.loads(done.stdout) != 1.0:
        raise RuntimeError(f"python -I gave {done.stdout!r}")


def _fork_with_guards() -> None:
    """Fork, guard as code benchmarks do, run, and send the verdict through a pipe."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        _guarded_child(writer)
    os.close(writer)
    ready, _, _ = select.select([reader], [], [], _FORK_TIMEOUT_S)
    said = os.read(reader, 65_536) if ready else b""
    os.close(reader)
    os.waitpid(pid, 0)
    if said != b"1.0":
        raise RuntimeError(f"the fork gave {said!r}")


def _guarded_child(writer: int) -> None:
    """Patch away what programs should not call, set limits, run; never return."""
    try:
        signal.setitimer(signal.ITIMER_REAL, _FORK_TIMEOUT_S)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for name in ("kill", "system", "putenv", "remove", "rmdir", "fchdir", "setuid", "forkpty", "rename", "chmod"):
            setattr(os, name, None)
        names: dict[str, Any] = {}
        exec(SOURCE, names)
        os.write(writer, str(names["verify"](*CALL.args)).encode())
    finally:
        os._exit(0)
