"""One run: batches out to workers, frames in, blame where it belongs.

    queue of batches -> flights, at most `width` at a time -> outcomes, each call answered once

Who is blamed for what:

- A call that outlives its wall clock or processor time is a `timeout`; the calls behind it run on in another worker.
- A worker that dies takes the call under way with it. If that was the first call of its life, the call did it;
  if not, an earlier one may have: the call runs again, alone in a fresh worker, and only then is it blamed.
- Bytes that are no frame of ours spoil the whole batch, for who wrote them can't be told: every call of it runs
  again, alone in a fresh worker, where there is nobody else to blame.
- A SIGKILL that we did not send may be the machine's: the call gets five more tries.
"""

import os
import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ravelar.tools.sandbox.errors import SandboxBroken
from ravelar.tools.sandbox.frames import BadFrame, pack
from ravelar.tools.sandbox.pool import Pool
from ravelar.tools.sandbox.protocol import Call, Limits, Outcome, Program
from ravelar.tools.sandbox.replies import LOADING, read_reply
from ravelar.tools.sandbox.slots import Slots
from ravelar.tools.sandbox.values import encode
from ravelar.tools.sandbox.worker_link import Ending, WorkerLink

_BATCH_CALLS = 64
_LEAST_SPLIT_CALLS = 8  # a batch is not spread over cores below that: a worker costs more
_BATCH_CHARACTERS = 1 << 23
_READ_BYTES = 1 << 16  # above 128 KiB, malloc maps and unmaps each buffer
_TRIES = 6
_IN_NO_HURRY = 8  # with more calls than that to go, let frames gather: waking up for each costs both sides more
_PATIENCE_S = 5e-5
_LOSSES = 8
_REAPED_WITHIN_S = 2.0
_PLAIN = frozenset({str, bool, type(None)})
_SEND_FLAGS = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL  # the caller may have given SIGPIPE its deadly default


@dataclass(slots=True)
class Job:
    """A program with its calls, and the outcomes so far."""

    program: Program
    calls: Sequence[Call]
    limits: Limits
    outcomes: list[Outcome | None] = field(init=False)
    load_failure: Outcome | None = None

    def __post_init__(self) -> None:
        """Start without outcomes."""
        self.outcomes = [None] * len(self.calls)


@dataclass(slots=True)
class Batch:
    """Calls that go to one worker together.

    Attributes:
        job: Whose calls they are.
        indices: Which calls.
        solo: Whether the calls need a worker that has made none before.
        tries: How often the batch was sent out before.
    """

    job: Job
    indices: list[int]
    solo: bool = False
    tries: int = 0


@dataclass(slots=True)
class Flight:
    """A batch on its way through a worker.

    Attributes:
        batch: The calls.
        worker: Who makes them.
        nonce: What every frame of this flight must carry.
        position: The call under way, `LOADING` before the first.
        first: Whether the call at position 0 is the first of the worker's life.
        deadline: When the call under way has had its time, on the monotonic clock.
        outgoing: What the worker has not taken yet.
        mourned: Whether the channel is at its end and the exit status is awaited.
        damaged: Whether the worker says that it should make no more calls.
    """

    batch: Batch
    worker: WorkerLink
    nonce: str
    position: int
    first: bool
    deadline: float
    outgoing: bytes = b""
    mourned: bool = False
    damaged: bool = False

    @property
    def complete(self) -> bool:
        """Whether every call is answered."""
        return self.position == len(self.batch.indices)


class Round:
    """Runs jobs to their last outcome.

    Args:
        pool: Where workers come from.
        slots: One permit per core, shared by all rounds of a sandbox.
        width: How many permits there are.
    """

    def __init__(self, pool: Pool, slots: Slots, width: int) -> None:
        self._pool = pool
        self._slots = slots
        self._width = width
        self._queue: deque[Batch] = deque()
        self._flights: dict[int, Flight] = {}
        self._poll = select.poll()
        self._losses = 0

    def run(self, jobs: Sequence[Job]) -> None:
        """Fill in the outcomes of every job.

        Raises: SandboxBroken: when workers can't be had, again and again.
        """
        for job in jobs:
            self._queue.extend(split(job, self._width))
        try:
            while self._queue or self._flights:
                self._launch_some()
                self._wait()
        finally:
            for flight in list(self._flights.values()):
                self._land(flight, damaged=True)

    def _launch_some(self) -> None:
        """Send batches out while there are free cores; one at least, however long that takes."""
        while self._queue and self._may_launch():
            batch = self._queue.popleft()
            if batch.job.load_failure is not None:
                self._answer_all(batch, batch.job.load_failure)
                self._slots.give()
                continue
            try:
                self._launch(batch)
            except BaseException:
                self._slots.give()
                raise

    def _may_launch(self) -> bool:
        """Take a permit; wait for one only with nothing else to do."""
        if not self._flights:
            self._slots.take()
            return True
        return self._slots.take_if_free()

    def _launch(self, batch: Batch) -> None:
        """Send one batch to a worker."""
        program, limits = batch.job.program, batch.job.limits
        message, nonce = _request(batch), os.urandom(8).hex()
        worker = self._pool.take(program, limits, fresh=batch.solo)
        frames = pack(["calls", nonce, *message])
        loading = worker.program is None
        if loading:
            frames = pack(["load", nonce, _description(program)]) + frames
            worker.program = program
        allowed_s = limits.load_s if loading else limits.wall_s
        flight = Flight(
            batch,
            worker,
            nonce,
            position=LOADING if loading else 0,
            first=worker.calls == 0,
            deadline=time.monotonic() + allowed_s,
            outgoing=frames,
        )
        self._flights[worker.channel.fileno()] = flight
        self._poll.register(worker.channel, select.POLLIN)
        self._write(flight)
        self._pool.stock(program, limits)

    def _write(self, flight: Flight) -> None:
        """Give the worker what it takes now; watch for room if that is not all."""
        channel = flight.worker.channel
        try:
            sent = channel.send(flight.outgoing, _SEND_FLAGS)
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = len(flight.outgoing)  # it is dead: reading will say so
        flight.outgoing = flight.outgoing[sent:]
        events = select.POLLIN | select.POLLOUT if flight.outgoing else select.POLLIN
        self._poll.modify(channel, events)

    def _wait(self) -> None:
        """Handle what happens next: frames, ends, deadlines."""
        if not self._flights:
            return
        if all(len(flight.batch.indices) - flight.position > _IN_NO_HURRY for flight in self._flights.values()):
            time.sleep(_PATIENCE_S)
        nearest = min(flight.deadline for flight in self._flights.values())
        wait_ms = max(0.0, nearest - time.monotonic()) * 1000 + 1
        for descriptor, events in self._poll.poll(wait_ms):
            flight = self._flights[descriptor]
            if events & select.POLLOUT:
                self._write(flight)
            if events & ~select.POLLOUT:
                self._read(flight)
        now = time.monotonic()
        for flight in [flight for flight in self._flights.values() if flight.deadline <= now]:
            self._read(flight)  # this thread may have been kept waiting, with the answer long there
            if flight.deadline <= now and flight in self._flights.values():
                self._expire(flight)

    def _read(self, flight: Flight) -> None:
        """Take what the worker, or in mourning its lease, has to say."""
        if flight.mourned:
            self._bury(flight, flight.worker.ending())
            return
        try:
            data = flight.worker.channel.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._mourn(flight)
            return
        flight.worker.incoming.feed(data)
        try:
            self._settle(flight)
        except BadFrame as error:
            self._distrust(flight, str(error))

    def _settle(self, flight: Flight) -> None:
        """Turn frames into outcomes; a flight whose calls are all answered lands.

        Raises: BadFrame: for a frame that is malformed, out of range, a duplicate or too many.
        """
        job, incoming = flight.batch.job, flight.worker.incoming
        while (body := incoming.next_body()) is not None:
            if flight.complete:
                raise BadFrame("a frame too many")
            outcome, damaged = read_reply(body, flight.nonce, flight.position, job.program, job.limits.output_bytes)
            flight.damaged |= damaged
            if flight.position != LOADING:
                job.outcomes[flight.batch.indices[flight.position]] = outcome
                flight.worker.calls += 1
            elif not outcome.ok:
                self._fail_job(flight, outcome)
                return
            flight.position += 1
            flight.deadline = time.monotonic() + job.limits.wall_s
        if flight.complete:
            if not incoming.empty:
                raise BadFrame("half a frame too many")
            self._land(flight, damaged=flight.damaged)

    def _land(self, flight: Flight, *, damaged: bool) -> None:
        """End a flight: its worker goes back to the pool, or to its end."""
        descriptor = next(key for key, other in self._flights.items() if other is flight)
        del self._flights[descriptor]
        self._poll.unregister(descriptor)
        self._pool.give(flight.worker, damaged=damaged)
        self._slots.give()

    def _fail_job(self, flight: Flight, outcome: Outcome) -> None:
        """Answer all calls of a job whose program does not load."""
        flight.batch.job.load_failure = outcome
        self._land(flight, damaged=True)
        self._answer_all(flight.batch, outcome)

    def _answer_all(self, batch: Batch, outcome: Outcome) -> None:
        """Give every call of a batch the same outcome."""
        for index in batch.indices:
            batch.job.outcomes[index] = outcome

    def _expire(self, flight: Flight) -> None:
        """End a worker whose call had its time."""
        limits = flight.batch.job.limits
        if flight.mourned:
            self._bury(flight, Ending("crash", "closed its channel and lived on"))
        elif flight.position == LOADING:
            self._fail_job(flight, Outcome(reason="timeout", message=f"did not load within {limits.load_s} s"))
        else:
            late = Outcome(reason="timeout", message=f"no answer within {limits.wall_s} s", wall_s=limits.wall_s)
            self._blame(flight, late)

    def _mourn(self, flight: Flight) -> None:
        """Wait for the exit status of a worker whose channel is at its end."""
        lease = flight.worker.lease
        del self._flights[flight.worker.channel.fileno()]
        self._poll.unregister(flight.worker.channel)
        self._flights[lease.fileno()] = flight
        self._poll.register(lease, select.POLLIN)
        flight.mourned = True
        flight.deadline = time.monotonic() + _REAPED_WITHIN_S

    def _bury(self, flight: Flight, ending: Ending | None) -> None:
        """Decide what a dead worker means for the call under way."""
        batch, loading = flight.batch, flight.position == LOADING
        if ending is None:
            self._lose(flight)
            return
        outcome = Outcome(reason=ending.reason, message=ending.message)
        try_again = ending.killed and batch.tries + 1 < _TRIES
        if loading and not try_again:
            self._fail_job(flight, Outcome(reason=ending.reason, message=f"while loading: {ending.message}"))
        elif loading:
            self._land(flight, damaged=True)
            self._queue.appendleft(Batch(batch.job, batch.indices, solo=batch.solo, tries=batch.tries + 1))
        elif ending.reason == "timeout" or (flight.first and flight.position == 0 and not try_again):
            self._blame(flight, outcome)
        else:
            self._suspect(flight)

    def _blame(self, flight: Flight, outcome: Outcome) -> None:
        """Answer the call under way with an outcome that ended its worker; the calls behind it go on elsewhere."""
        flight.batch.job.outcomes[flight.batch.indices[flight.position]] = outcome
        self._land(flight, damaged=True)
        self._queue_rest(flight, flight.position + 1)

    def _suspect(self, flight: Flight) -> None:
        """Run the call under way again, alone; the calls behind it go on elsewhere."""
        batch, position = flight.batch, flight.position
        tries = batch.tries + 1 if batch.solo else 0
        self._land(flight, damaged=True)
        self._queue_rest(flight, position + 1)
        self._queue.appendleft(Batch(batch.job, [batch.indices[position]], solo=True, tries=tries))

    def _queue_rest(self, flight: Flight, position: int) -> None:
        """Queue what is left of a batch from a position on."""
        rest = flight.batch.indices[position:]
        if rest:
            self._queue.appendleft(Batch(flight.batch.job, rest))

    def _lose(self, flight: Flight) -> None:
        """Send a batch out again whose worker was lost through no fault of the program."""
        self._losses += 1
        if self._losses > _LOSSES:
            raise SandboxBroken(f"lost {self._losses} workers in one run: their parent dies, or can't fork")
        self._land(flight, damaged=True)
        self._queue_rest(flight, max(0, flight.position))

    def _distrust(self, flight: Flight, message: str) -> None:
        """Answer a protocol violation: blame the only call there was, or run all of the batch again, one by one."""
        batch = flight.batch
        if flight.position == LOADING:
            self._fail_job(flight, Outcome(reason="protocol", message=f"while loading: {message}"))
            return
        self._land(flight, damaged=True)
        if len(batch.indices) == 1 and flight.first:
            self._answer_all(batch, Outcome(reason="protocol", message=message))
            return
        for index in reversed(batch.indices):
            self._queue.appendleft(Batch(batch.job, [index], solo=True))


def split(job: Job, width: int) -> list[Batch]:
    """Cut a job's calls into batches: spread over cores, but neither too many nor too much at once."""
    count = len(job.calls)
    if job.program.isolation == "per_call":
        return [Batch(job, list(range(count)))] if count else []
    size = max(_LEAST_SPLIT_CALLS, min(_BATCH_CALLS, -(-count // width)))
    if _characters(job.calls) > _BATCH_CHARACTERS:
        size = 1  # a batch lies in its worker's memory twice over: giants travel alone
    return [Batch(job, list(range(start, min(start + size, count)))) for start in range(0, count, size)]


def _characters(calls: Sequence[Call]) -> int:
    """Return how much text calls carry, roughly."""
    return sum(len(argument) for call in calls for argument in call.args if type(argument) is str)


def _request(batch: Batch) -> tuple[bool, list[list[object]]]:
    """Return the calls of a batch in JSON form, and whether tags may be in it."""
    calls = batch.job.calls
    if batch.job.program.kind == "script":
        return False, [[calls[index].stdin] for index in batch.indices]
    arguments = [calls[index].args for index in batch.indices]
    if all(type(argument) in _PLAIN for call in arguments for argument in call):
        return False, arguments  # type: ignore[return-value]
    return True, [[encode(argument) for argument in call] for call in arguments]


def _description(program: Program) -> dict[str, str]:
    """Return what a worker must know of its program."""
    return {"source": program.source, "entry": program.entry, "kind": program.kind, "returns": program.returns}
