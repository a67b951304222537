"""The parent's side of the worker: starts it when needed, asks it in batches, survives its death.

Safe to call from several threads and after a fork: a forked child lets go of its parent's worker and starts
its own. No orphans: the worker ends when its pipe closes, and limits its own processor time meanwhile.
"""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from ravelar.tools.errors import ToolUnavailable

Outcome = Literal["right", "wrong", "unreadable", "hung", "crashed", "killed", "stalled"]

_BATCH = 64  # questions per round trip; ours: small enough that answers never fill the pipe (64 KiB)
_START_S = 120.0  # wall-clock seconds for the imports; they take 1 s on an idle machine
_ASKED_ALONE = 3  # times, at most, that a question over which the worker died is asked by itself; ours
_STALL_FACTOR = 20  # wall-clock seconds per second of processor time before a loaded machine is given up
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "HOME", "TMPDIR")


class Question(NamedTuple):
    """What the worker is asked: do all candidates equal the reference?"""

    reference: str
    candidates: tuple[str, ...]
    several: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a question.

    Attributes:
        outcome: right or wrong; unreadable (the reference); hung (used up its processor time); crashed (ended
            the worker twice); killed (somebody else ended the worker, each time that it was asked); stalled (got no
            processor time on a loaded machine).
        reason: What the worker said, where it said more.
    """

    outcome: Outcome
    reason: str = ""


class WorkerProcess:
    """A worker and the pipes to it.

    Args:
        cpu_s: Processor time allowed per question, in seconds.
        memory_mb: Memory allowed beyond what the imports take.
    """

    def __init__(self, cpu_s: float, memory_mb: int) -> None:
        self._cpu_s = cpu_s
        self._memory_mb = memory_mb
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""
        self._owner = os.getpid()
        _ALL.add(self)

    def __getstate__(self) -> dict[str, Any]:
        return {"cpu_s": self._cpu_s, "memory_mb": self._memory_mb}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def ask(self, questions: Sequence[Question]) -> list[Verdict]:
        """Answer n questions, in order; one that kills the worker is blamed, the others are asked again.

        Raises:
            ToolUnavailable: if the worker can't be started.
        """
        if self._owner != os.getpid():  # a fork that ran no hooks
            self.let_go()
        verdicts: list[Verdict] = []
        with self._lock:
            while len(verdicts) < len(questions):
                verdicts += self._round_trip(questions[len(verdicts) : len(verdicts) + _BATCH])
        return verdicts

    def close(self) -> None:
        """End the worker; the next question starts another."""
        with self._lock:
            self._end()

    def let_go(self) -> None:
        """Forget a worker that belongs to the parent of a fork, without ending it."""
        process, self._process = self._process, None
        self._lock, self._unread, self._owner = threading.Lock(), b"", os.getpid()
        if process is not None and process.stdin and process.stdout:
            process.stdin.close()  # else the parent's worker would not see the parent die
            process.stdout.close()
            process.returncode = 0  # it is no child of this process: never wait for it

    def _round_trip(self, questions: Sequence[Question]) -> list[Verdict]:
        """Ask one batch; return the verdicts up to and including the first question that broke the worker.

        A worker that died without using up its time was killed by somebody, or by that question. The question is
        asked alone until it has an answer, has crashed the worker twice, or was asked often enough.
        """
        *done, last = self._ask_once(questions)
        alone, ends = questions[len(done) : len(done) + 1], [last.outcome]
        while ends[-1] in {"crashed", "killed"} and ends.count("crashed") < 2 and len(ends) <= _ASKED_ALONE:
            [last] = self._ask_once(alone)
            ends.append(last.outcome)
        proves_nothing = last.outcome == "crashed" and ends.count("crashed") < 2
        return [*done, Verdict("killed") if proves_nothing else last]

    def _ask_once(self, questions: Sequence[Question]) -> list[Verdict]:
        process = self._running()
        line = json.dumps({"cpu_s": self._cpu_s, "questions": questions}).encode() + b"\n"
        verdicts: list[Verdict] = []
        try:
            assert process.stdin is not None
            _write_all(process.stdin.fileno(), line)
            for _ in questions:
                verdicts.append(_verdict(self._read_line(self._cpu_s * _STALL_FACTOR)))
        except TimeoutError:
            self._end()
            verdicts.append(Verdict("stalled"))
        except (BrokenPipeError, EOFError):
            verdicts.append(self._post_mortem())
        except BaseException:  # Ctrl-C midway: what the worker still says would answer the wrong questions
            self._end()
            raise
        return verdicts

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "ravelar.tools.verifiers.maths.worker", str(self._memory_mb)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            )
            greeting = json.loads(self._read_line(_START_S))
        except (OSError, EOFError, ValueError) as error:
            code = self._process.wait() if self._process and isinstance(error, EOFError) else None
            self._end()
            raise ToolUnavailable(f"the Math-Verify worker did not start: {error!r}, exit status {code}") from error
        if "broken" in greeting:
            self._end()
            raise ToolUnavailable(f"the Math-Verify worker did not start: {greeting['broken']}")
        return self._process

    def _read_line(self, timeout_s: float) -> bytes:
        """Return the next line.

        Raises:
            TimeoutError: if it does not come in time.
            EOFError: if the worker ended.
        """
        process, deadline = self._process, time.monotonic() + timeout_s
        assert process is not None and process.stdout is not None
        while b"\n" not in self._unread:
            if not _readable(process.stdout.fileno(), deadline - time.monotonic()):
                raise TimeoutError(f"no answer within {timeout_s} s")
            chunk = os.read(process.stdout.fileno(), 65_536)
            if not chunk:
                raise EOFError("the worker ended")
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _post_mortem(self) -> Verdict:
        process = self._process
        code = process.wait() if process is not None else None
        self._end()
        if code == -signal.SIGKILL:  # nothing in the worker sends that, its memory limit neither
            return Verdict("killed")
        return Verdict("hung") if code == -signal.SIGPROF else Verdict("crashed", f"the worker ended with {code}")

    def _end(self) -> None:
        process, self._process, self._unread = self._process, None, b""
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def __del__(self) -> None:
        # At the interpreter's end `_end_all` came first: nothing of a module that is gone is touched here.
        if getattr(self, "_process", None) is not None and self._owner == os.getpid():
            self._end()


_ALL: "weakref.WeakSet[WorkerProcess]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for worker in list(_ALL):
        worker.let_go()


def _end_all() -> None:
    for worker in list(_ALL):
        worker.close()


os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_end_all)


def _readable(descriptor: int, timeout_s: float) -> bool:
    poller = select.poll()  # unlike select, good for descriptors beyond 1,024
    poller.register(descriptor, select.POLLIN | select.POLLHUP)
    return bool(poller.poll(max(0.0, timeout_s) * 1000))


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _verdict(line: bytes) -> Verdict:
    answer = json.loads(line)
    if isinstance(answer, str):
        return Verdict("unreadable", answer)
    return Verdict("right" if answer else "wrong")
