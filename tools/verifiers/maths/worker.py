"""The worker process: reads questions on standard input, answers on standard output, one JSON line each.

Asked `{"cpu_s": 2.0, "questions": [[reference, [candidate, ...], several], ...]}`, it answers every question
with one line as soon as it knows: `true`, `false`, or the text of an `UnusableReference`. A question that
takes longer than `cpu_s` seconds of processor time ends the process by SIGPROF, whose default action no
computation in C can hold up; so does nothing worse than that happen when the parent is already gone. At the
end of its input it ends.

Run as `python -P -m ravelar.tools.verifiers.maths.worker MEMORY_MB`.
"""

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any, BinaryIO

_SIGNALS_IGNORED = (signal.SIGINT,)  # Ctrl-C reaches the whole terminal; the parent closes the pipe when it stops


def main(memory_mb: int) -> None:
    """Serve until the input ends."""
    for number in _SIGNALS_IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    answers = _private_output()
    try:
        from ravelar.tools.verifiers.maths.judging import judge  # noqa: PLC0415  a failure must reach the parent

        judge("x^2", ["x^2 + 1"])  # builds the parser's tables, so that no question pays for them
    except Exception as error:  # noqa: BLE001
        _write(answers, {"broken": f"{type(error).__name__}: {error}"[:500]})
        return
    _limit_memory(memory_mb)
    _write(answers, {"ready": os.getpid()})
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        for reference, candidates, several in asked["questions"]:
            _write(answers, _timed(judge, asked["cpu_s"], reference, candidates, several))


def _timed(judge: Any, cpu_s: float, reference: str, candidates: list[str], several: bool) -> bool | str:
    """Judge one question under the processor-time limit."""
    from ravelar.tools.errors import UnusableReference  # noqa: PLC0415  beside judge, see main

    signal.setitimer(signal.ITIMER_PROF, cpu_s)
    try:
        return bool(judge(reference, candidates, several=several))
    except UnusableReference as error:
        return str(error)
    except (MemoryError, RecursionError):
        return False
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _private_output() -> BinaryIO:
    """Keep the pipe for answers alone; whatever a library prints goes nowhere."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return answers


def _limit_memory(memory_mb: int) -> None:
    """Allow `memory_mb` beyond what the process maps now; where the kernel does not tell, set no limit."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return
    mapped = int(statm.read_text().split()[0]) * resource.getpagesize()
    limit = mapped + memory_mb * 2**20
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _write(answers: BinaryIO, answer: object) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
