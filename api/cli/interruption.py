"""SIGTERM ends a run as Ctrl-C does: what was written stays valid, and the exit code tells."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_GRACE_S = 2.0  # ours: how long what runs may take to end by itself
_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
_Handler = Callable[..., object] | int | None


class Terminated(BaseException):
    """The process was asked to end (SIGTERM); like KeyboardInterrupt, no tool's crash."""


@contextmanager
def termination() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does: with valid files and a closing table."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise Terminated

    before: _Handler = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def giving_up_soon(said: str) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end work whose threads may wait for a network; only for what may be killed at any moment.

    The graph waits for its nodes' threads, and so does the interpreter when it ends: a language model that never
    answers would hold both. So the exception is raised as usual, and a process that is still there two seconds
    later, or at the second Ctrl-C, is ended outright.

    Args:
        said: What the person is told, without a line's end.

    Raises:
        KeyboardInterrupt: at Ctrl-C.
        Terminated: at SIGTERM.
    """
    asked = threading.Event()

    def stop(number: int, _frame: FrameType | None) -> None:
        code = _CODES[signal.Signals(number)]
        if asked.is_set():
            os._exit(code)
        asked.set()
        os.write(2, f"\nravelar: {said}\n".encode())  # not by the buffered stream: that may be amid a line
        timer = threading.Timer(_GRACE_S, os._exit, [code])
        timer.daemon = True
        timer.start()
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated

    before: dict[signal.Signals, _Handler] = {number: signal.getsignal(number) for number in _CODES}
    heard = [number for number in _CODES if before[number] != signal.SIG_IGN]  # nohup means it
    for number in heard:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])
