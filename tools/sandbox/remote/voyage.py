"""One run: batches out to remote machines, outcomes back, blame where it belongs.

- Before the guest says `ready`, nothing of the program has run: what goes wrong is the service's or the
  network's. The calls go out again, a bounded number of times; then the run is `SandboxBroken`.
- A connection that breaks, or a reply that is no JSON, is the network's at any time: answered calls stand, the
  others go out again, on another machine.
- A kernel or machine that dies, or falls silent past our own deadline, with a call under way: the call goes out
  again, alone, on another machine, and is blamed if that happens twice. Its neighbours go on elsewhere.
- A frame that does not fit spoils its batch, for which call wrote it can't be told: every call of it runs
  again, in a process of its own, where there is nobody else to blame.

Answered calls are not run again.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ravelar.tools.sandbox.errors import SandboxBroken, SandboxError, SandboxUnavailable
from ravelar.tools.sandbox.frames import BadFrame
from ravelar.tools.sandbox.profiles import Profile
from ravelar.tools.sandbox.protocol import Call, Limits, Outcome, Program
from ravelar.tools.sandbox.remote.client import in_our_words, is_gone
from ravelar.tools.sandbox.remote.fleet import LONGEST_LIFE_S, Fleet, Machine
from ravelar.tools.sandbox.remote.payload import BOOT_S, Order, cell
from ravelar.tools.sandbox.remote.transcript import Transcript

_BATCH_CALLS = 64
_LEAST_SPLIT_CALLS = 8
_BATCH_CHARACTERS = 1 << 22
_LOSSES = 4
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0

Verdict = Literal["done", "died", "silent", "violated", "lost"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Calls that go to one machine together.

    Attributes:
        indices: Which calls of the run.
        suspect: Whether the first of them has ended a machine before.
        solo: Whether each needs a process of its own.
    """

    indices: list[int]
    suspect: bool = False
    solo: bool = False


@dataclass(slots=True)
class Voyage:
    """The run of one program.

    Args:
        fleet: Where machines come from.
        program: What to run.
        calls: The calls.
        limits: What each may use.
        profile: The libraries that the program's profile promises.
        grace_s: How long the network may take beyond the program's limits.
    """

    fleet: Fleet
    program: Program
    calls: Sequence[Call]
    limits: Limits
    profile: Profile
    grace_s: float
    _outcomes: dict[int, Outcome] = field(default_factory=dict)
    _load_failure: Outcome | None = None
    _losses: int = 0

    async def run(self) -> list[Outcome]:
        """Return the outcomes, one per call, in order.

        Raises: SandboxUnavailable, SandboxBroken: for failures of ours, never of the program's.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for batch in split(self.program, self.calls, self.limits, self.fleet.options.width):
                    group.create_task(self._settle(batch))
        except BaseExceptionGroup as errors:
            raise next((e for e in errors.exceptions if isinstance(e, SandboxError)), errors.exceptions[0]) from None
        return [self._outcomes[index] for index in range(len(self.calls))]

    async def _settle(self, batch: Batch) -> None:
        """See a batch through, whatever becomes of the machines that it is on."""
        queue = [batch]
        while queue:
            batch = queue.pop()
            if self._load_failure is not None:
                self._outcomes.update(dict.fromkeys(batch.indices, self._load_failure))
                continue
            transcript, verdict = await self._fly(batch)
            self._outcomes.update(zip(batch.indices, transcript.outcomes, strict=False))
            self._load_failure = self._load_failure or transcript.load_failure
            queue.extend(await self._judge(batch, transcript, verdict))

    async def _judge(self, batch: Batch, transcript: Transcript, verdict: Verdict) -> list[Batch]:
        """Return what must go out again; the last of it goes first."""
        rest = batch.indices[len(transcript.outcomes) :]
        if verdict == "violated":
            return self._distrust(batch, transcript)
        if verdict == "lost":
            await self._pause()
        if verdict in ("done", "lost") or not rest:
            return [replace(batch, indices=rest)] if rest else []
        if transcript.loading:  # the program is at fault, or nobody: which call it is makes no difference
            return [Batch(rest, suspect=True, solo=batch.solo)]
        neighbours = [Batch(rest[1:], solo=batch.solo)] if rest[1:] else []
        return [*neighbours, Batch(rest[:1], suspect=True)]

    def _distrust(self, batch: Batch, transcript: Transcript) -> list[Batch]:
        """Take back what a violated batch brought; blame the load or the only call there was, or run each alone."""
        violation = Outcome(reason="protocol", message="wrote what is no frame on the channel that is ours")
        if transcript.loading:
            self._load_failure = replace(violation, message=f"while loading: {violation.message}")
        elif len(batch.indices) > 1 and not batch.solo:
            return [Batch(batch.indices, solo=True)]
        self._outcomes.update(dict.fromkeys(batch.indices, self._load_failure or violation))
        return []

    async def _pause(self) -> None:
        """Wait a little longer after each loss.

        Raises: SandboxBroken: after too many.
        """
        self._losses += 1
        await asyncio.sleep(min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**self._losses))

    async def _fly(self, batch: Batch) -> tuple[Transcript, Verdict]:
        """Send a batch to a machine; return how far it came, and how that ended."""
        calls = [self.calls[index] for index in batch.indices]
        order = Order(
            self.program,
            calls,
            self.limits,
            self.profile,
            nonce=os.urandom(16).hex(),
            seal=os.urandom(8).hex(),
            solo=batch.solo,
            internet=self.fleet.options.internet,
        )
        transcript = Transcript(order, grace_s=self.grace_s)
        async with self.fleet.lease(self.program, order.longest_s) as machine:
            verdict = await self._converse(machine, order, transcript)
            machine.calls += len(calls)
            self.fleet.weaknesses |= transcript.weaknesses
            machine.sound = verdict == "done"
        if verdict in ("died", "silent") and batch.suspect and not transcript.outcomes:
            self._blame(transcript, verdict)
        return transcript, verdict

    def _blame(self, transcript: Transcript, verdict: Verdict) -> None:
        """Name what a call did to two machines, one after the other."""
        if verdict == "died":
            transcript.blame("crash", "the remote kernel or machine died, twice, with this call under way")
        else:
            transcript.blame("timeout", f"the remote machine fell silent, twice, for {transcript.patience_s:.0f} s")

    async def _converse(self, machine: Machine, order: Order, transcript: Transcript) -> Verdict:
        """Run a batch on a machine, by our own clock."""
        listener = _Listener(transcript)
        try:
            await listener.run(machine.handle, cell(order))
        except BadFrame:
            return "violated"
        except SandboxError:
            raise
        except Silence as error:
            return self._lost_or("silent", transcript, error)
        except Exception as error:  # noqa: BLE001 - the package raises its own, httpx's and Python's
            return self._lost_or("died" if is_gone(error) else "lost", transcript, error)
        if transcript.finished:
            return "done"
        if listener.kernel_error:
            return self._lost_or("died", transcript, RuntimeError(listener.kernel_error))
        return self._lost_or("lost", transcript, EOFError("the stream ended before the batch did"))

    def _lost_or(self, verdict: Verdict, transcript: Transcript, error: BaseException) -> Verdict:
        """Return the verdict if the program was under way; else, the loss is ours.

        Raises: SandboxBroken, SandboxUnavailable: after too many losses, or for one that can't be mended.
        """
        if transcript.started and verdict != "lost":
            return verdict
        ours = in_our_words(error, "run a batch", self.fleet.account)
        if isinstance(ours, SandboxUnavailable):
            raise ours
        if self._losses + 1 >= _LOSSES:
            raise SandboxBroken(f"lost {_LOSSES} batches in one run; the last: {ours}")
        return "lost"


class Silence(Exception):
    """The remote machine said nothing of use for longer than it may."""


class _Listener:
    """Hears one execution out.

    Args:
        transcript: Where the guest's lines go.
    """

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self.kernel_error = ""
        self._clock = asyncio.timeout(transcript.patience_s)

    async def run(self, handle: Any, code: str) -> None:
        """Run a cell; our deadline is the only one (the package's own fires at twice what it is told).

        Raises: Silence: when the deadline passes. BadFrame: for a report that can't be. Whatever the package raises.
        """
        try:
            async with self._clock:
                await handle.run_code(
                    code,
                    timeout=0,
                    on_stdout=self._on_stdout,
                    on_stderr=lambda message: self._transcript.weigh(len(message.line)),
                    on_result=lambda result: self._transcript.weigh(len(str(result))),
                    on_error=self._on_error,
                )
        except TimeoutError as error:
            if not self._clock.expired():
                raise
            raise Silence(f"no word from the remote guest within {self._transcript.patience_s:.1f} s") from error

    def _on_stdout(self, message: Any) -> None:
        """Take a piece of output; each report of the guest starts the clock anew."""
        if type(message.line) is not str:
            raise BadFrame("output that is no text")
        if self._transcript.feed(message.line):
            self._clock.reschedule(asyncio.get_running_loop().time() + self._transcript.patience_s)

    def _on_error(self, error: Any) -> None:
        """Note that the kernel, not a program, says it failed: programs run elsewhere."""
        self.kernel_error = f"{error.name}: {error.value}"[:300]


def split(program: Program, calls: Sequence[Call], limits: Limits, width: int) -> list[Batch]:
    """Cut calls into batches that a machine's life is long enough for, spread over machines if they are kept."""
    count = len(calls)
    size = _BATCH_CALLS
    if program.isolation == "per_tool":  # else each batch costs a machine of its own
        size = max(_LEAST_SPLIT_CALLS, min(size, -(-count // width)))
    longest = int((LONGEST_LIFE_S - BOOT_S) / (limits.load_s + limits.wall_s))
    size = max(1, min(size, longest))
    if sum(map(_text_length, calls)) > _BATCH_CHARACTERS:
        size = 1
    return [Batch(list(range(start, min(start + size, count)))) for start in range(0, count, size)]


def _text_length(call: Call) -> int:
    """Return how much text a call carries, roughly."""
    return len(call.stdin) + sum(len(argument) for argument in call.args if type(argument) is str)
