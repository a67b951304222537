"""Batches of several tools at once, each within a time limit: what a training loop and a service run batches with.

    batches -> one worker thread per tool -> rewards, or `None` with ToolTimeout where a tool was too slow

A thread can't be ended from outside. A tool that hangs keeps its own worker and nothing else: its batch is given up at
the limit, its further batches are refused at once until it comes back, and no second thread is started for it.
"""

import contextvars
import os
import queue
import threading
import time
import weakref
from collections.abc import Sequence

from ravelar.tools.errors import InputError, RewardToolError, ToolCrashed, ToolTimeout
from ravelar.tools.reward import Reward, RewardTool
from ravelar.tools.scoring import Batch, OnBatch, abstain, score_or_abstain


class _Job:
    """One batch on its way through a worker."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.context = contextvars.copy_context()  # the caller's, so that traces of the batch hang beneath its run
        self.done = threading.Event()
        self.given_up = False
        self.began: float | None = None
        self.seconds: float  # of a job that is done
        self.rewards: list[Reward] = []

    def run(self) -> None:
        """Score the batch, in the worker's thread, whatever the tool raises."""
        if self.given_up:
            return
        self.began = time.monotonic()
        try:
            self.rewards = self.context.run(score_or_abstain, *self.batch)
        except BaseException as error:  # noqa: BLE001  SystemExit and the like must not end the worker
            self.rewards = abstain(*self.batch, ToolCrashed(f"{type(error).__name__}: {error}"[:500]))
        self.seconds = time.monotonic() - self.began
        self.done.set()


class _Worker:
    """One tool's thread, and its batches in turn."""

    def __init__(self, tool: RewardTool) -> None:
        self.tool = tool
        self.current: _Job | None = None
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=f"reward {tool.card.name}", daemon=True).start()

    def put(self, job: _Job | None) -> None:
        """Take a batch, or with None end after those taken before."""
        self._jobs.put(job)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            self.current = job
            job.run()
            self.current = job = None  # what was scored is not kept alive by an idle thread


class SideBySide:
    """Runs batches (`tools.scoring.RunBatches`): the tools side by side, each batch within a time limit.

    May be called from several threads; batches of one tool then take turns, and their waiting counts. Workers are kept
    between calls, so that what a tool keeps per thread stays warm, and end with this object.

    Args:
        time_limit_s: Most seconds that a batch may take, from the call on.

    Raises:
        InputError: if the limit is not a positive number.
    """

    def __init__(self, time_limit_s: float) -> None:
        if not isinstance(time_limit_s, int | float) or not 0 < time_limit_s <= threading.TIMEOUT_MAX:
            raise InputError(f"time_limit_s is {time_limit_s!r}; a finite number of seconds above 0 is needed")
        self.time_limit_s = time_limit_s
        self._lock = threading.Lock()
        self._end: weakref.finalize[[dict[str, _Worker]], SideBySide] | None = None
        self._start_afresh()

    def __call__(self, batches: Sequence[Batch], on_batch: OnBatch | None = None) -> list[list[Reward]]:
        """Run batches of different tools; return each one's rewards, in order, unscored where a tool was too slow."""
        started = time.monotonic()
        jobs = [self._begin(batch) for batch in batches]
        rewards = []
        for batch, job in zip(batches, jobs, strict=True):
            rewards.append(self._finish(job, started) if isinstance(job, _Job) else abstain(*batch, job))
            if on_batch:
                on_batch(batch.tool.card.name, len(batch.triples), _seconds(job, started))
        return rewards

    @property
    def stuck(self) -> list[str]:
        """The tools that are over their limit just now, by name."""
        with self._lock:
            return sorted(name for name, worker in self._workers.items() if self._overdue(worker.current))

    def close(self) -> None:
        """End the workers; one that hangs ends when its tool comes back."""
        with self._lock:
            _end_all(self._workers)

    def _begin(self, batch: Batch) -> _Job | RewardToolError:
        """Give a batch to its tool's worker, or say why it can't be taken."""
        worker = self._worker(batch.tool)
        current = worker.current
        if current is not None and self._overdue(current):
            since = time.monotonic() - (current.began or 0.0)
            return ToolTimeout(f"still at a batch that began {since:.0f} s ago; the limit is {self.time_limit_s:g} s")
        job = _Job(batch)
        worker.put(job)
        return job

    def _finish(self, job: _Job, started: float) -> list[Reward]:
        if job.done.wait(max(0.0, started + self.time_limit_s - time.monotonic())):
            return job.rewards
        job.given_up = True
        what = "no end of its batch" if job.began is not None else "still at an earlier batch"
        return abstain(*job.batch, ToolTimeout(f"{what} after {self.time_limit_s:g} s"))

    def _overdue(self, job: _Job | None) -> bool:
        if job is None or job.began is None or job.done.is_set():
            return False
        return job.given_up or time.monotonic() - job.began > self.time_limit_s

    def _worker(self, tool: RewardTool) -> _Worker:
        """Return the tool's worker; a new version of a tool gets a new one."""
        name = tool.card.name
        with self._lock:
            if self._process != os.getpid():  # a fork inherits no threads
                self._start_afresh()
            worker = self._workers.get(name)
            if worker is None or worker.tool is not tool:
                if worker is not None:
                    worker.put(None)
                worker = self._workers[name] = _Worker(tool)
            return worker

    def _start_afresh(self) -> None:
        if self._end is not None:
            self._end.detach()
        self._process = os.getpid()
        self._workers: dict[str, _Worker] = {}
        self._end = weakref.finalize(self, _end_all, self._workers)


def _end_all(workers: dict[str, _Worker]) -> None:
    for worker in workers.values():
        worker.put(None)
    workers.clear()


def _seconds(job: _Job | RewardToolError, started: float) -> float:
    """Return how long a batch took: its own time where it ended, else how long it was waited for."""
    if not isinstance(job, _Job):
        return 0.0
    return job.seconds if job.done.is_set() else time.monotonic() - started
