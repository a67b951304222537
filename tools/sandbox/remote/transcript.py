"""What a guest reported of one batch, judged line by line; nothing in it is believed beyond its own calls.

    ready -> frame (the load) -> frame, frame ... -> done
      ^                            |
      +------- again, ended -------+      the child died: the guest went on with another

The lines travel in the kernel's standard output, cut and joined as the network likes. A line without the
batch's nonce is not ours and is passed over; a line with it that does not fit is a violation.
"""

import base64
import binascii
import os
import signal
from typing import Any

from ravelar.tools.sandbox.errors import SandboxUnavailable
from ravelar.tools.sandbox.frames import BadFrame, parse
from ravelar.tools.sandbox.protocol import Outcome, Reason
from ravelar.tools.sandbox.remote.payload import BOOT_S, Order
from ravelar.tools.sandbox.replies import LOADING, read_reply

_EXIT_OUT_OF_MEMORY = 77
_LINES_PER_CALL = 4
WEAKNESSES = frozenset({"ids", "network"})
_LINE_OVERHEAD = 4_096
_NOISE_BYTES = 1 << 20


class GuestFailed(Exception):
    """The guest could not bring a child up, before the program came into it."""


class Transcript:
    """The state of one batch, as its guest reports it.

    Args:
        order: What was sent.
        grace_s: How long the network and the guest may take beyond the program's own limits.

    Attributes:
        weaknesses: Which second locks the machine could not put on.
        outcomes: One per call that was answered, in the order of the calls.
        load_failure: What every call gets, when the program does not load.
        done: Whether the guest has finished.
        started: Whether the program is under way: before that, nothing that goes wrong can be its doing.
    """

    def __init__(self, order: Order, *, grace_s: float) -> None:
        self._order = order
        self._grace_s = grace_s
        self._text = ""
        self._room = _NOISE_BYTES + _LINES_PER_CALL * (order.frame_bytes + _LINE_OVERHEAD) * (len(order.calls) + 1)
        self._expected = "ready"
        self._flight_start = 0
        self.weaknesses: set[str] = set()
        self.outcomes: list[Outcome] = []
        self.load_failure: Outcome | None = None
        self.done = False
        self.started = False

    @property
    def patience_s(self) -> float:
        """How long the next step may take."""
        limits = self._order.limits
        allowed_s = {"ready": BOOT_S, "load": limits.load_s, "call": limits.wall_s, "done": 0.0}
        return allowed_s[self._expected] + self._grace_s

    @property
    def loading(self) -> bool:
        """Whether the program is being loaded."""
        return self._expected == "load"

    @property
    def finished(self) -> bool:
        """Whether the guest said that it is done, and every call is answered."""
        return self.done and (self.load_failure is not None or len(self.outcomes) == len(self._order.calls))

    def weigh(self, size: int) -> None:
        """Count what arrived.

        Raises: BadFrame: if it is more than the batch could honestly bring.
        """
        self._room -= size
        if self._room < 0:
            raise BadFrame("more output than the batch could honestly bring")

    def feed(self, text: str) -> bool:
        """Take a piece of the kernel's standard output; return whether the batch came on.

        Raises: BadFrame: for a line with the nonce that is not what comes next. SandboxUnavailable: if the
            machine lacks what the profile needs. GuestFailed: if it could not start a child.
        """
        self.weigh(len(text))
        *lines, self._text = (self._text + text).split("\n") if "\n" in text else ("", self._text + text)
        ours = [line for line in lines if line.startswith(self._order.nonce)]
        for line in ours:
            self._read(line[len(self._order.nonce) + 1 :])
        return bool(ours)

    def _read(self, line: str) -> None:
        """Take one report."""
        event = parse(line.encode("utf-8", "surrogatepass"))
        match event:
            case ["ready", list(weaknesses)] if self._expected == "ready":
                self.weaknesses |= {name for name in weaknesses if name in WEAKNESSES}
                self._expected, self._flight_start, self.started = "load", len(self.outcomes), True
            case ["unready", str(words)] if self._expected == "ready":
                raise SandboxUnavailable(_unready(self._order, words))
            case ["stumbled", str(words)] if self._expected == "ready":
                raise GuestFailed(words[:300])
            case ["frame", str(text)] if self._expected in ("load", "call"):
                self._take_frame(text)
            case ["again"] if self._expected == "call" and len(self.outcomes) > self._flight_start:
                self._expected = "ready"
            case ["ended", bool(late), dict(status)] if self._expected in ("load", "call"):
                self._take_end(late, status)
            case ["flood", str(words)]:
                self._take_flood(words[:200])
            case ["done"] if self._expected == "done":
                self.done = True
            case _:
                raise BadFrame(f"the guest said {str(event)[:80]!r} where {self._expected!r} was due")

    def _take_frame(self, text: str) -> None:
        """Judge a frame that the child wrote."""
        program, kept = self._order.program, self._order.limits.output_bytes
        index = LOADING if self.loading else len(self.outcomes) - self._flight_start
        try:
            body = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadFrame("a frame that is no base64") from error
        try:
            outcome, _ = read_reply(body, self._order.seal, index, program, kept)
        except BadFrame as error:
            return self._take_flood(str(error))
        if index != LOADING:
            self.outcomes.append(outcome)
        elif not outcome.ok:
            self.load_failure = outcome
        following = "ready" if self._order.solo and index != LOADING else "call"
        self._expected = "done" if self._complete else following
        return None

    def _take_flood(self, words: str) -> None:
        """Note that a child wrote what is no frame: its only call is to blame, if it had only one.

        Raises: BadFrame: if it had more, or none yet.
        """
        if self.loading or not self._order.solo:
            raise BadFrame(words)
        if self._expected != "call":
            self.outcomes.pop()  # half a frame too many, behind one that looked right
        self.blame("protocol", words)
        self._expected = "done" if self._complete else "ready"

    def _take_end(self, late: bool, status: dict[str, Any]) -> None:
        """Name the end of a child; the guest goes on with another, unless it ended while loading."""
        outcome = self._name_end(late, status)
        if self.loading:
            self.load_failure = outcome
        else:
            self.outcomes.append(outcome)
        self._expected = "done" if self._complete else "ready"

    @property
    def _complete(self) -> bool:
        """Whether no call waits for an answer."""
        return self.load_failure is not None or len(self.outcomes) == len(self._order.calls)

    def blame(self, reason: Reason, message: str) -> None:
        """Answer the call under way, or the load, with what it did to the machine."""
        outcome = Outcome(reason=reason, message=message)
        if self.loading:
            self.load_failure = outcome
        else:
            self.outcomes.append(outcome)

    def _name_end(self, late: bool, status: dict[str, Any]) -> Outcome:
        """Return the outcome that the end of a child means."""
        limits, what = self._order.limits, "while loading: " if self.loading else ""
        if late and self.loading:
            return Outcome(reason="timeout", message=f"did not load within {limits.load_s} s", wall_s=limits.load_s)
        if late:
            return Outcome(reason="timeout", message=f"no answer within {limits.wall_s} s", wall_s=limits.wall_s)
        reason, words = name_status(status, cpu_s=limits.cpu_s)
        return Outcome(reason=reason, message=what + words)


def name_status(status: dict[str, Any], *, cpu_s: float) -> tuple[Reason, str]:
    """Return the reason, and the words, for a child's status as the guest reports it.

    Raises: BadFrame: if it is none.
    """
    code = status.get("status")
    if type(code) is not int or not 0 <= code <= 0xFFFF:
        raise BadFrame("a status that is none")
    if status.get("lived_on") is True:
        return "crash", "closed its channel and lived on"
    if os.WIFEXITED(code):
        left = os.WEXITSTATUS(code)
        return "memory" if left == _EXIT_OUT_OF_MEMORY else "crash", f"the process ended with status {left}"
    number = os.WTERMSIG(code)
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    if name in ("SIGPROF", "SIGXCPU"):
        return "timeout", f"used up its processor time ({cpu_s} s per call)"
    if name == "SIGKILL" and status.get("oom") is True:
        return "memory", "killed when the remote machine ran out of memory"
    return "crash", f"the process died by {name}"


def _unready(order: Order, words: str) -> str:
    """Return what to do when a machine can't prepare a child."""
    return (
        f"the remote machine can't run the profile {order.profile.name!r}: {words[:300]}. "
        "Build an E2B template that has the profile's libraries (Python 3.11 or later) and name it by `template=`"
    )
