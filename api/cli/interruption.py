"""SIGTERM ends a run as Ctrl-C does: what was written stays valid, and the exit code tells."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(BaseException):
    """The process was asked to end (SIGTERM); like KeyboardInterrupt, no tool's crash."""


@contextmanager
def termination() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does: with valid files and a closing table."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise Terminated

    before: Callable[..., object] | int | None = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
