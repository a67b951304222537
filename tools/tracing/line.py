r"""The way to whoever takes traces in, which costs a run nothing when there is nobody at the other end.

    send -> a thread of its own, waited for -> answer
                  \-> failed, or the process ends before it is through -> lost, counted, said

While the process lives, a request may take its time: it is waited for in the background, never by the run. A sink that
failed is left alone for a while, and what would have gone to it meanwhile is dropped at once. When the process ends,
what is not through within a bound is given up: a short one, unless the sink has shown that it is alive. Two lines at
most are said of it: one when it begins, one at the end with how much was lost.
"""

import atexit
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

UNPROVEN_EXIT_S = 0.4  # ours: what the end of a process may cost while nothing has ever come through
PROVEN_EXIT_S = 5.0  # ours: likewise where the last request came through
LONGEST_S = 30.0  # ours: how long one request is waited for, its retries included
LEFT_ALONE_S = 30.0  # ours: how long a sink that has never answered is not tried again
PAUSE_S = 5.0  # ours: likewise one that has answered before
_LOOKS_EVERY_S = 0.02
_LONGEST_REASON = 200

logger = logging.getLogger("ravelar.tracing")


class _Sending(Generic[T]):
    """One request on its way."""

    def __init__(self, send: Callable[[], T]) -> None:
        self.send, self.done = send, threading.Event()
        self.answer: T | None = None
        self.error: Exception | None = None

    def run(self) -> None:
        """Send it, in a hand's thread."""
        try:
            self.answer = self.send()
        except Exception as error:  # noqa: BLE001  whatever the client raises is the reason
            self.error = error
        self.done.set()


class _Hand:
    """A thread that sends, one request after another, and that the end of the process does not wait for.

    It is kept for the next request: while the interpreter ends, no new one could be started.
    """

    def __init__(self, idle: "deque[_Hand]") -> None:
        self._jobs: queue.SimpleQueue[_Sending[Any]] = queue.SimpleQueue()
        self._idle = idle
        threading.Thread(target=self._work, name="ravelar tracing", daemon=True).start()

    def take(self, sending: _Sending[Any]) -> None:
        """Send a request; whoever asked waits for it."""
        self._jobs.put(sending)

    def _work(self) -> None:
        while True:
            self._jobs.get().run()
            self._idle.append(self)


class Line:
    """The way to one sink. Safe between threads.

    Args:
        sink: What it is called in what is said, without secrets: its address.

    Attributes:
        lost: How many records did not come through.
    """

    def __init__(self, sink: str) -> None:
        self.sink, self.lost = sink, 0
        self._lock = threading.Lock()
        self._proven = self._answered = self._said = False
        self._left_alone_until = 0.0
        self._exit_began: float | None = None
        self._idle: deque[_Hand] = deque()
        atexit.register(self.report)

    def reach(self, send: Callable[[], T], *, records: int = 0) -> T | None:
        """Send, and return the answer; None if it did not come through: then the records in it are lost.

        Args:
            send: Does it; whatever it raises means that it did not come through.
            records: How many records are in it.
        """
        if time.monotonic() < self._left_alone_until:
            why = "it is left alone"
        else:
            sending = _Sending(send)
            why = self._why_not(sending)
            if not why:
                self._proven = self._answered = True
                return sending.answer
            self._leave_alone()
        self._lose(why, records)
        return None

    def report(self) -> None:
        """Say how much was lost, if anything was."""
        if self.lost:
            logger.warning("tracing: %d records did not come through to %s and are lost", self.lost, self.sink)

    def _why_not(self, sending: _Sending[Any]) -> str:
        """Wait for a request, and return why it did not come through; "" if it did."""
        began = time.monotonic()
        try:
            self._hand().take(sending)
        except RuntimeError as error:  # the interpreter ends, and starts no more threads
            return str(error)
        while not sending.done.wait(_LOOKS_EVERY_S):
            if self._time_is_up():
                return "no answer before the process ended"
            if time.monotonic() - began > LONGEST_S:
                return f"no answer in {LONGEST_S:g} s"
        return "" if sending.error is None else _reason(sending.error)

    def _leave_alone(self) -> None:
        self._proven = False
        self._left_alone_until = time.monotonic() + (PAUSE_S if self._answered else LEFT_ALONE_S)

    def _lose(self, why: str, records: int) -> None:
        with self._lock:
            first, self._said = not self._said, True
            self.lost += records
        if first:
            logger.warning("tracing: %s takes nothing in (%s); the run goes on, its traces are lost", self.sink, why)

    def _hand(self) -> _Hand:
        try:
            return self._idle.pop()
        except IndexError:
            return _Hand(self._idle)

    def _time_is_up(self) -> bool:
        """Say whether the process is ending, and has waited long enough for this sink."""
        if not _ending():
            return False
        with self._lock:
            if self._exit_began is None:
                self._exit_began = time.monotonic()
        return time.monotonic() - self._exit_began > (PROVEN_EXIT_S if self._proven else UNPROVEN_EXIT_S)


def _ending() -> bool:
    # The flag is set before the interpreter waits for threads; where there is none, the main thread tells, a bit later.
    return getattr(threading, "_SHUTTING_DOWN", False) or not threading.main_thread().is_alive()


def _reason(error: Exception) -> str:
    """Return an error's class and the innermost cause's, on one line: messages of clients run to many."""
    inner: BaseException = error
    while (cause := inner.__cause__ or inner.__context__) is not None:
        inner = cause
    said = " ".join(f"{type(inner).__name__}: {inner}".split())[:_LONGEST_REASON]
    return said if inner is error else f"{type(error).__name__}; {said}"
