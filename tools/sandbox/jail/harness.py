"""The worker's loop: load a program, call it, answer each call with a frame of its own.

Everything here shares a process with code that nobody trusts, so it promises the caller nothing; it only
spares it work and gives precise reasons. One frame per call, written when the call ends: a process that
dies is then known to have died in the call that has no frame.
"""

import math
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from ravelar.tools.sandbox.frames import frame_of, pack
from ravelar.tools.sandbox.jail.capture import Captured, CapturedFile
from ravelar.tools.sandbox.jail.channel import Channel
from ravelar.tools.sandbox.jail.damage import Damage
from ravelar.tools.sandbox.jail.loaded import LoadFailed, load
from ravelar.tools.sandbox.jail.wording import describe
from ravelar.tools.sandbox.values import BadValue, OutOfRange, as_reward, decode, encode

LOADING = -1  # the index of the frame that answers a load
_SPENT_UNNOTICED = 0.01

_monotonic, _process_time, _setitimer = time.perf_counter, time.process_time, signal.setitimer

Answer = tuple[str | None, Any, str]
"""A reason or None, the value's JSON form, a message."""


class Harness:
    """Serves one channel with one program.

    Args:
        descriptor: The channel.
        request: The limits (cpu_s, load_s, memory_mb, output_bytes, value_bytes), whether it serves a script,
            and whether it is kept beyond one batch.
    """

    def __init__(self, descriptor: int, request: dict[str, Any]) -> None:
        self._channel = Channel(descriptor)
        self._cpu_s: float = request["cpu_s"]
        self._load_s: float = request["load_s"]
        self._value_bytes: int = request["value_bytes"]
        self._printed = (CapturedFile if request["script"] else Captured)(request["output_bytes"])
        self._damage = Damage(request["memory_mb"], kept=request["kept"])
        self._rearm_at = -1.0
        self._call: Callable[..., Any] = len
        self._convert: Callable[[Any], Any] = encode

    def serve(self) -> None:
        """Answer until the caller hangs up."""
        while (message := self._channel.receive()) is not None:
            if message[0] == "load":
                self._load(message[1], message[2])
            else:
                _, nonce, tagged, calls = message
                self._run(nonce, decode(calls) if tagged else calls)

    def _load(self, nonce: str, program: dict[str, str]) -> None:
        """Load the program, and say so or why not."""
        self._rearm_at = -1.0
        self._begin(self._load_s)
        self._rearm_at = -1.0
        answer: Answer = None, None, ""
        try:
            self._call = load(program)
        except LoadFailed as failure:
            answer = "load", None, str(failure)
        is_reward = program["returns"] == "reward" and program["kind"] == "function"
        self._convert = as_reward if is_reward else encode
        self._damage.remember()
        self._send_whole(nonce, LOADING, answer, (0.0, 0.0))

    def _run(self, nonce: str, calls: Sequence[Any]) -> None:
        """Make the calls in order, one frame each; the last frame says whether this process is fit for more."""
        last = len(calls) - 1
        wall, cpu = self._begin(self._cpu_s)
        for index, arguments in enumerate(calls):
            answer = self._answer(arguments)
            times = _monotonic() - wall, _process_time() - cpu
            if answer[0] or self._printed.touched or (index == last and self._damage.seen()):
                self._send_whole(nonce, index, answer, times)
            else:
                self._send(nonce, index, answer[1], times)
            wall, cpu = self._begin(self._cpu_s)

    def _begin(self, cpu_s: float) -> tuple[float, float]:
        """Start a call's clocks, and put our own output streams in place; return wall clock and processor time.

        The timer's signal kills by default. Setting it costs a system call, so that calls which hardly used
        any of their time leave the rest to the next.
        """
        cpu = _process_time()
        if cpu > self._rearm_at:
            _setitimer(signal.ITIMER_PROF, cpu_s)
            self._rearm_at = cpu + cpu_s * _SPENT_UNNOTICED
        if self._printed.touched:
            self._printed.renew()
        sys.stdout, sys.stderr = self._printed.streams
        return _monotonic(), cpu

    def _answer(self, arguments: Sequence[Any]) -> Answer:
        """Make one call."""
        try:
            return None, self._convert(self._call(*arguments)), ""
        except BadValue as error:
            return "bad_type", None, str(error)
        except OutOfRange as error:
            return "out_of_range", None, str(error)
        except MemoryError as error:
            self._damage.mark()
            reason = "memory" if self._damage.memory_used_up() else "raised"
            error.__traceback__ = None  # it holds what used the memory up
            return reason, None, describe(error)
        except BaseException as error:  # noqa: BLE001 - SystemExit and worse: it is the program's to raise
            if not isinstance(error, Exception):
                self._damage.mark()
            return "raised", None, describe(error)

    def _send(self, nonce: str, index: int, form: Any, times: tuple[float, float]) -> None:
        """Send a value's frame, unless it is too long or no frame can hold it."""
        wall, cpu = times
        if type(form) is float and math.isfinite(form):  # a reward; the encoder would take thrice the time
            self._channel.send(frame_of(f'["{nonce}",{index},{form!r},{wall:.7f},{cpu:.7f}]'.encode("ascii")))
            return
        try:
            frame = pack((nonce, index, form, *times))
        except (ValueError, TypeError, RecursionError) as error:
            self._send_whole(nonce, index, ("bad_type", None, describe(error)), times)
            return
        if len(frame) > self._value_bytes:
            self._send_whole(nonce, index, ("bad_type", None, f"the value takes {len(frame)} bytes"), times)
        else:
            self._channel.send(frame)

    def _send_whole(self, nonce: str, index: int, answer: Answer, times: tuple[float, float]) -> None:
        """Send a frame with everything: reason, message, output, and whether this process is damaged."""
        reason, form, message = answer
        if reason is None and len(pack(form)) > self._value_bytes:
            reason, form, message = "bad_type", None, "the value is too long"
        printed = self._printed.texts()
        damaged = index != LOADING and self._damage.seen()
        self._channel.send(pack((nonce, index, form, *times, reason, message, *printed, damaged)))
