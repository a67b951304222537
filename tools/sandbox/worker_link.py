"""The caller's end of one worker: a channel for frames, and a lease on which the worker's life hangs."""

import socket
from dataclasses import dataclass
from signal import Signals
from typing import Any

from ravelar.tools.sandbox.frames import BadFrame, FrameBuffer, parse
from ravelar.tools.sandbox.protocol import Limits, Program, Reason

_ENDING_BYTES = 4096
_EXIT_OUT_OF_MEMORY = 77
_NEAR_MEMORY_LIMIT = 0.8


@dataclass(frozen=True, slots=True)
class Ending:
    """How a worker ended.

    Attributes:
        reason: What to call it in an outcome.
        message: The same in words.
        killed: Whether a SIGKILL ended it that nobody here sent: the machine's, or somebody's, not the program's.
    """

    reason: Reason
    message: str
    killed: bool = False


class WorkerLink:
    """One worker, loaded with at most one program for its whole life.

    Args:
        channel: Stream socket to the worker.
        lease: Datagram socket to its parent: closing our end kills the worker.
        limits: What the worker was forked with.

    Attributes:
        program: What it has loaded.
        calls: How many calls it has answered.
    """

    __slots__ = ("calls", "channel", "incoming", "lease", "limits", "program")

    def __init__(self, channel: socket.socket, lease: socket.socket, limits: Limits) -> None:
        self.channel = channel
        self.lease = lease
        self.limits = limits
        self.program: Program | None = None
        self.calls = 0
        self.incoming = FrameBuffer(limits.value_bytes + 12 * limits.output_bytes + 16_384)  # 12: two escaped streams

    def close(self) -> None:
        """End the worker, whatever it is doing."""
        self.channel.close()
        self.lease.close()

    def alive(self) -> bool:
        """Say whether the worker has not ended, as far as its parent has told."""
        try:
            self.lease.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def ending(self) -> Ending | None:
        """Return how the worker ended, as its lease now says, or None if its parent is gone or never forked it."""
        try:
            data = self.lease.recv(_ENDING_BYTES)
            status = parse(data) if data else None
        except (OSError, BadFrame):
            return None
        return None if status is None or "error" in status else _name_ending(status, self.limits)


def _name_ending(status: dict[str, Any], limits: Limits) -> Ending:
    """Name an exit status as waitpid(2) gives it."""
    signal_number, code = status["status"] & 0x7F, status["status"] >> 8
    if not signal_number:
        reason: Reason = "memory" if code == _EXIT_OUT_OF_MEMORY else "crash"
        return Ending(reason, f"the process ended with status {code}")
    name = Signals(signal_number).name if signal_number in set(Signals) else f"signal {signal_number}"
    if name in ("SIGPROF", "SIGXCPU"):
        return Ending("timeout", f"used up its processor time ({limits.cpu_s} s per call)")
    if name == "SIGKILL" and status["cpu_s"] >= max(60.0, 16 * limits.cpu_s):
        return Ending("timeout", f"used up its process's processor time ({status['cpu_s']:.0f} s)")
    if name == "SIGKILL" and status["peak_kb"] > _NEAR_MEMORY_LIMIT * limits.memory_mb * 1024:
        return Ending("memory", f"killed at {status['peak_kb'] // 1024} MB")
    return Ending("crash", f"the process died by {name}", killed=name == "SIGKILL")
