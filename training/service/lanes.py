"""One lane a tool: threads that take waiting jobs, so that a slow tool holds nobody back but its own callers.

    job (triples of one request for one tool) -> lane's queue -> thread -> score_or_abstain -> job's future

A verifier's lane has several threads, which take one job each: verifiers run side by side. A tool whose cost is per
batch (a reward model) has one thread, which waits a few milliseconds and joins what has come into one batch.

A job that passes its time limit gets `ToolTimeout` for its triples. If it was running, its thread can't be ended:
another takes its place, and after `MAX_STUCK` of them the tool is called unavailable until one comes back.
"""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from ravelar.tools.errors import ToolCrashed, ToolTimeout, ToolUnavailable
from ravelar.tools.reward import Reward, RewardTool, Triple
from ravelar.tools.scoring import abstain, score_or_abstain
from ravelar.training.service.backend import Overloaded

MAX_STUCK = 8  # ours: threads of one tool that may hang at one time
_PAST = 0.9  # ours: share that the past keeps in the running mean of seconds per triple
_LEAST_RETRY_S, _MOST_RETRY_S = 1.0, 60.0  # ours
_CLOSE_S = 0.5  # how long closing waits for threads that are amid a batch

OnBatch = Callable[[RewardTool, Sequence[Triple], Sequence[Reward], float], None]
"""Told on the event loop after each batch: the tool, its triples and rewards, and the wall time in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSettings:
    """How lanes work.

    Attributes:
        threads: Threads of a tool whose jobs run side by side.
        batch_rows: Most triples of different requests that are joined into one batch.
        batch_wait_s: How long a batch that is not full waits for more.
        batched: Names of tools that are batched besides the reward models.
        queue_rows: Most triples that may wait for one tool.
        time_limit_s: How long a job may wait and run.
    """

    threads: int = 4
    batch_rows: int = 64
    batch_wait_s: float = 0.005
    batched: frozenset[str] = frozenset()
    queue_rows: int = 8192
    time_limit_s: float = 120.0

    def joins(self, tool: RewardTool) -> bool:
        """Say whether jobs for a tool are joined into one batch."""
        return tool.card.kind == "reward_model" or tool.card.name in self.batched


@dataclass(slots=True, eq=False)
class Job:
    """The triples of one request for one tool.

    Attributes:
        triples: What is to be scored.
        future: Gets the rewards, in order.
        turn: The turn it runs in; None while it waits.
        done: Whether it was answered or given up.
        timer: Gives it up when its time is over.
    """

    triples: Sequence[Triple]
    future: "asyncio.Future[list[Reward]]"
    turn: "Turn | None" = None
    done: bool = False
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)


@dataclass(slots=True, eq=False)
class Turn:
    """What a thread scores at one time.

    Attributes:
        lane: Whose it is.
        jobs: The jobs in it: one, or several joined ones.
        rewards: What came out, per job.
        seconds: How long it took.
        stuck: Whether a job in it was given up while it ran.
    """

    lane: "Lane"
    jobs: list[Job]
    rewards: list[list[Reward]] = field(default_factory=list)
    seconds: float = 0.0
    stuck: bool = False


class Deliveries:
    """Turns on their way from threads back to the event loop, which is woken once for all that wait."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._turns: deque[Turn] = deque()
        self._woken = False

    def put(self, turn: Turn) -> None:
        """Hand over a turn; called by threads."""
        self._turns.append(turn)
        if not self._woken:
            self._woken = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        self._woken = False  # before looking: what is put from now on wakes the loop again
        while self._turns:
            turn = self._turns.popleft()
            turn.lane.take_back(turn)


class Lane:
    """The jobs of one tool. All but `_work` and what it calls happens on the event loop.

    Args:
        tool: The tool.
        settings: How lanes work.
        deliveries: The way back to the event loop.
        on_batch: Told of each batch.
    """

    def __init__(
        self, tool: RewardTool, settings: LaneSettings, deliveries: Deliveries, on_batch: OnBatch | None = None
    ) -> None:
        self.tool = tool
        self.waiting = 0
        self.stuck = 0
        self._settings, self._deliveries, self._on_batch = settings, deliveries, on_batch
        self._joins = settings.joins(tool)
        self._most_threads = 1 if self._joins else settings.threads
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._seconds_per_row = 0.0

    @property
    def wait_s(self) -> float:
        """How long a new job would wait, as far as the past tells, in seconds."""
        return self.waiting * self._seconds_per_row / self._most_threads

    def submit(self, triples: Sequence[Triple]) -> "asyncio.Future[list[Reward]]":
        """Let n triples be scored; the future gets n rewards, and never an exception."""
        loop = asyncio.get_running_loop()
        job = Job(triples, loop.create_future())
        if self.stuck >= MAX_STUCK:
            error = ToolUnavailable(f"{self.stuck} calls of {self.tool.card.name} hang in this process")
            job.future.set_result(abstain(self.tool, job.triples, error))
            return job.future
        job.timer = loop.call_later(self._settings.time_limit_s, self._give_up, job)
        self.waiting += len(triples)
        self._jobs.put(job)
        if not self._threads or not self._jobs.empty():
            self._staff()
        return job.future

    def take_back(self, turn: Turn) -> None:
        """Answer the jobs of a turn; those that were given up meanwhile are answered already."""
        for job, rewards in zip(turn.jobs, turn.rewards, strict=True):
            if not job.done:
                self._answer(job, rewards)
        if turn.stuck:
            self.stuck -= 1
            self._jobs.put(None)  # its thread had been replaced
        rewards = [one for of_job in turn.rewards for one in of_job]
        pace = turn.seconds / max(1, len(rewards))
        self._seconds_per_row = _PAST * self._seconds_per_row + (1 - _PAST) * pace
        if self._on_batch is not None:
            triples = [triple for job in turn.jobs for triple in job.triples]
            self._on_batch(self.tool, triples, rewards, turn.seconds)

    def leave(self) -> None:
        """Let the threads end once what waits is done; nothing new may come."""
        for _ in self._threads:
            self._jobs.put(None)

    def close(self) -> None:
        """End the threads; one that hangs is a daemon and ends with the process."""
        self.leave()
        deadline = time.monotonic() + _CLOSE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _staff(self) -> None:
        """Start a thread if there are fewer than there may be, hanging ones not counted."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if len(self._threads) - self.stuck < self._most_threads:
            thread = threading.Thread(target=self._work, name=f"ravelar {self.tool.card.name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _give_up(self, job: Job) -> None:
        """Answer a job whose time is over."""
        if job.done:
            return
        turn = job.turn
        if turn is not None and not turn.stuck:
            turn.stuck = True
            self.stuck += 1
        where = "waited" if turn is None else "ran"
        error = ToolTimeout(f"{self.tool.card.name} gave no score in time: {where} {self._settings.time_limit_s:g} s")
        self._answer(job, abstain(self.tool, job.triples, error))
        if not self._jobs.empty():
            self._staff()

    def _answer(self, job: Job, rewards: list[Reward]) -> None:
        job.done = True
        self.waiting -= len(job.triples)
        if job.timer is not None:
            job.timer.cancel()
        if not job.future.done():  # the caller may have gone away
            job.future.set_result(rewards)

    # -- in the lane's threads

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._take_turn(job)
            job = None  # what was scored is not kept alive by an idle thread

    def _take_turn(self, first: Job) -> None:
        jobs = [first, *(self._more(len(first.triples)) if self._joins else ())]
        turn = Turn(self, [job for job in jobs if not job.done])
        for job in turn.jobs:
            job.turn = turn
        started = time.perf_counter()
        try:
            turn.rewards = score_jobs(self.tool, [job.triples for job in turn.jobs])
        except BaseException as error:  # noqa: BLE001  a tool that calls exit() must not leave its callers waiting
            crash = ToolCrashed(repr(error)[:300])
            turn.rewards = [abstain(self.tool, job.triples, crash) for job in turn.jobs]
        turn.seconds = time.perf_counter() - started
        self._deliveries.put(turn)

    def _more(self, rows: int) -> list[Job]:
        """Collect further jobs until the batch is full or its wait is over."""
        jobs: list[Job] = []
        deadline = time.monotonic() + self._settings.batch_wait_s
        while rows < self._settings.batch_rows:
            try:
                job = self._jobs.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                break
            if job is None:
                self._jobs.put(None)  # to end after this batch
                break
            jobs.append(job)
            rows += len(job.triples)
        return jobs


def check_room(tool: str, waiting: int, rows: int, *, settings: LaneSettings, wait_s: float) -> None:
    """Refuse completions that would wait beyond what a tool's queue may hold; an empty queue takes any request.

    Raises:
        Overloaded: with the time after which there should be room.
    """
    if waiting and waiting + rows > settings.queue_rows:
        raise Overloaded(
            f"{waiting:,} completions wait for {tool} already; at most {settings.queue_rows:,} may",
            retry_after_s=min(_MOST_RETRY_S, max(_LEAST_RETRY_S, wait_s)),
        )


def score_jobs(tool: RewardTool, jobs: Sequence[Sequence[Triple]]) -> list[list[Reward]]:
    """Score the triples of several jobs as one batch; return each job's rewards.

    A failure that a tool raises speaks for the whole batch. Where it speaks for more than one job, each is scored
    again by itself, so that what one request sends costs no other its rewards.
    """
    rewards = score_or_abstain(tool, [triple for job in jobs for triple in job])
    if len(jobs) > 1 and all(reward.value is None for reward in rewards):
        return [score_or_abstain(tool, job) for job in jobs]
    each = iter(rewards)
    return [[next(each) for _ in job] for job in jobs]
