"""Warm workers: kept per program, replaced when worn, handed to one run at a time."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from ravelar.tools.sandbox.errors import SandboxBroken
from ravelar.tools.sandbox.parent_link import ParentLink
from ravelar.tools.sandbox.protocol import Limits, Program
from ravelar.tools.sandbox.worker_link import WorkerLink

_STARTS = 3
_SPARE_KINDS = 4

SpareKind = tuple[str, str, str, Limits]
"""What a worker is forked with: profile, kind, isolation, limits. Its program comes later."""


def _spare_kind(program: Program, limits: Limits) -> SpareKind:
    """Return what kind of worker a program needs."""
    return program.profile, program.kind, program.isolation, limits


class Pool:
    """Workers of all profiles of one sandbox.

    Args:
        start: Starts the parent of a profile, by name; its self-test included.
        max_spare: How many workers of one kind are forked ahead for programs that have one each.
        max_idle: How many loaded workers wait for their program's next calls; the longest unused one goes first.
        calls_per_worker: After how many calls a worker is replaced, whatever state it seems to be in.
    """

    def __init__(
        self, start: Callable[[str], ParentLink], *, max_spare: int, max_idle: int, calls_per_worker: int
    ) -> None:
        self._start = start
        self._max_spare = max_spare
        self._max_idle = max_idle
        self._calls_per_worker = calls_per_worker
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self._parents: dict[str, ParentLink] = {}
        self._idle: OrderedDict[WorkerLink, tuple[str, Limits]] = OrderedDict()
        self._spares: OrderedDict[SpareKind, list[WorkerLink]] = OrderedDict()

    def take(self, program: Program, limits: Limits, *, fresh: bool = False) -> WorkerLink:
        """Return a worker for the program: an idle one that has it loaded, or a newly forked one.

        Raises: SandboxBroken: if no parent forks any more. SandboxUnavailable: if none can be started.
        """
        if not fresh and program.isolation == "per_tool" and (worker := self._take_idle(program, limits)):
            return worker
        if spare := self._take_spare(program, limits):
            return spare
        return self._fork(program, limits)

    def _fork(self, program: Program, limits: Limits) -> WorkerLink:
        """Return a newly forked worker, from a new parent if the old one is gone."""
        for _ in range(_STARTS):
            parent = self.parent(program.profile)
            try:
                return parent.spawn(program, limits)
            except SandboxBroken as error:
                failed = error
                self._replace(parent)
        raise failed

    def _take_idle(self, program: Program, limits: Limits) -> WorkerLink | None:
        """Return the most recently used idle worker of the program, if there is one."""
        key = program.digest, limits
        with self._lock:
            found = next((worker for worker in reversed(self._idle) if self._idle[worker] == key), None)
            if found is not None:
                del self._idle[found]
            return found

    def _take_spare(self, program: Program, limits: Limits) -> WorkerLink | None:
        """Return a worker that was forked ahead with these limits, if there is one."""
        spares = self._spares.get(_spare_kind(program, limits))
        while spares:
            with self._lock:
                spare = spares.pop() if spares else None
            if spare is None or spare.alive():
                return spare
            spare.close()
        return None

    def stock(self, program: Program, limits: Limits) -> None:
        """Have a worker forked for the next program of the kind while this one runs."""
        kind = _spare_kind(program, limits)
        with self._lock:
            missing = len(self._spares.get(kind, ())) < self._max_spare
        if not missing or program.isolation == "per_tool":
            return
        spare = self._fork(program, limits)
        with self._lock:
            self._spares.setdefault(kind, []).append(spare)
            self._spares.move_to_end(kind)
            dropped = self._spares.popitem(last=False)[1] if len(self._spares) > _SPARE_KINDS else []
        for worker in dropped:
            worker.close()

    def give(self, worker: WorkerLink, *, damaged: bool) -> None:
        """Take a worker back; end it if it should make no more calls."""
        program = worker.program
        if damaged or program is None or program.isolation == "per_call" or worker.calls >= self._calls_per_worker:
            worker.close()
            return
        with self._lock:
            self._idle[worker] = program.digest, worker.limits
            evicted = self._idle.popitem(last=False)[0] if len(self._idle) > self._max_idle else None
        if evicted is not None:
            evicted.close()

    def parent(self, profile: str) -> ParentLink:
        """Return the profile's parent, started if need be."""
        with self._lock:
            parent = self._parents.get(profile)
        if parent is not None:
            return parent
        with self._starting:
            if profile not in self._parents:
                parent = self._start(profile)
                with self._lock:
                    self._parents[profile] = parent
            return self._parents[profile]

    def _replace(self, parent: ParentLink) -> None:
        """Forget a parent that is gone, so that the next taker starts another."""
        with self._lock:
            if self._parents.get(parent.profile.name) is parent:
                del self._parents[parent.profile.name]
        parent.close()

    def _all_spares(self) -> list[WorkerLink]:
        """Return every worker that was forked ahead."""
        return [worker for spares in self._spares.values() for worker in spares]

    def close(self) -> None:
        """End every idle worker and every parent."""
        with self._lock:
            workers, parents = [*self._idle, *self._all_spares()], list(self._parents.values())
            self._idle.clear()
            self._spares.clear()
            self._parents.clear()
        for worker in workers:
            worker.close()
        for parent in parents:
            parent.close()

    def abandon(self) -> None:
        """Close our copies of everything in a forked child, without a word to parents and workers."""
        for worker in (*self._idle, *self._all_spares()):
            worker.close()
        for parent in self._parents.values():
            parent.abandon()
