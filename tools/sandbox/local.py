"""The local sandbox: Linux, no daemon, no privileges needed."""

import asyncio
import os
import sys
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ravelar.tools.sandbox.errors import SandboxClosed, SandboxUnavailable
from ravelar.tools.sandbox.layers import ALL_LAYERS
from ravelar.tools.sandbox.profiles import PROFILES, Profile
from ravelar.tools.sandbox.protocol import Call, Limits, Outcome, Program

if sys.platform == "linux":
    from ravelar.tools.sandbox.parent_link import ParentLink
    from ravelar.tools.sandbox.pool import Pool
    from ravelar.tools.sandbox.rounds import Job, Round
    from ravelar.tools.sandbox.selftest import ESSENTIAL, SelfTest, examine, require
    from ravelar.tools.sandbox.slots import Slots

_everyone: "weakref.WeakSet[LocalSandbox]" = weakref.WeakSet()


@dataclass(frozen=True, slots=True)
class Upkeep:
    """How many workers a sandbox keeps, and for how long.

    Attributes:
        width: How many run at once; 0 for one per core that we may use.
        max_idle: How many loaded workers wait for their program's next calls.
        calls_per_worker: After how many calls a worker is replaced, whatever state it seems to be in.
        drain_s: How long `close` waits for runs under way.
    """

    width: int = 0
    max_idle: int = 32
    calls_per_worker: int = 10_000
    drain_s: float = 30.0


class LocalSandbox:
    """Runs programs in jailed processes on this machine.

    One object serves any number of threads. It survives being forked (the child starts parents of its own) and
    pickled (as its configuration). Parents start with the first program of their profile, after a self-test.

    Args:
        profiles: The profiles that programs may ask for.
        layers: Which layers to try; fewer than all is for tests.
        accept_open: Essential probes of the self-test that may be open: a weaker level, accepted by name.
        upkeep: How many workers, for how long.

    Raises: SandboxUnavailable: on systems other than Linux. ValueError: for a probe name that does not exist.
    """

    def __init__(
        self,
        *,
        profiles: Mapping[str, Profile] = PROFILES,
        layers: Iterable[str] = ALL_LAYERS,
        accept_open: Iterable[str] = (),
        upkeep: Upkeep | None = None,
    ) -> None:
        if sys.platform != "linux":
            raise SandboxUnavailable(
                f'local isolation needs Linux (seccomp, fork); this is {sys.platform}: use E2B (`sandbox="e2b"`), '
                "a Linux container or WSL 2"
            )
        self._configuration: dict[str, Any] = {
            "profiles": dict(profiles),
            "layers": frozenset(layers),
            "accept_open": frozenset(accept_open),
            "upkeep": upkeep or Upkeep(),
        }
        _check_names(self._configuration["accept_open"], ESSENTIAL)
        self._begin()
        _everyone.add(self)

    def _begin(self) -> None:
        """Start with no parent and no run under way."""
        upkeep: Upkeep = self._configuration["upkeep"]
        self._pid = os.getpid()
        self._width = upkeep.width or len(os.sched_getaffinity(0))
        self._slots = Slots(self._width)
        self._pool = Pool(
            self._start,
            max_spare=self._width,
            max_idle=upkeep.max_idle,
            calls_per_worker=upkeep.calls_per_worker,
        )
        self._quiet = threading.Condition()
        self._running = 0
        self._closed = False

    @property
    def name(self) -> str:
        """The backend's name, with what was accepted to be open."""
        accepted = sorted(self._configuration["accept_open"])
        return f"local (weaker: {', '.join(accepted)})" if accepted else "local"

    def _start(self, profile: str) -> ParentLink:
        """Start and examine a parent."""
        known = self._configuration["profiles"]
        if profile not in known:
            raise ValueError(f"no profile {profile!r}; known: {', '.join(sorted(known))}")
        parent = ParentLink(known[profile], self._configuration["layers"])
        try:
            require(examine(parent, Slots(1)), self._configuration["accept_open"])
        except BaseException:
            parent.close()
            raise
        return parent

    def self_test(self, profile: str = "core") -> SelfTest:
        """Attack a profile's parent again, thoroughly; return what was found.

        Raises: SandboxUnavailable: if something essential is open.
        """
        self._leave_forked_past()
        return examine(self._pool.parent(profile), Slots(1), thorough=True)

    def run(self, program: Program, calls: Sequence[Call], limits: Limits | None = None) -> list[Outcome]:
        """Run the calls; return one outcome per call, in order.

        Raises: SandboxUnavailable, SandboxClosed, SandboxBroken: for failures of ours, never of the program's.
        """
        return self.run_many([(program, calls)], limits)[0]

    def run_many(
        self, jobs: Sequence[tuple[Program, Sequence[Call]]], limits: Limits | None = None
    ) -> list[list[Outcome]]:
        """Run several programs, spread over cores; return the outcomes of each.

        Raises: SandboxUnavailable, SandboxClosed, SandboxBroken: for failures of ours, never of the programs'.
        """
        work = [Job(program, calls, limits or Limits()) for program, calls in jobs]
        self._leave_forked_past()
        self._enter()
        try:
            Round(self._pool, self._slots, self._width).run(work)
        finally:
            self._leave()
        return [[outcome for outcome in job.outcomes if outcome is not None] for job in work]

    async def arun(self, program: Program, calls: Sequence[Call], limits: Limits | None = None) -> list[Outcome]:
        """Run the calls without blocking the event loop; see `run`."""
        return await asyncio.to_thread(self.run, program, calls, limits)

    def _enter(self) -> None:
        """Count a run in."""
        with self._quiet:
            if self._closed:
                raise SandboxClosed("this sandbox was closed")
            self._running += 1

    def _leave(self) -> None:
        """Count a run out."""
        with self._quiet:
            self._running -= 1
            self._quiet.notify_all()

    def close(self) -> None:
        """Take no more runs, wait for those under way, and end every process."""
        if self._pid != os.getpid():
            return
        with self._quiet:
            self._closed = True
            self._quiet.wait_for(lambda: not self._running, timeout=self._configuration["upkeep"].drain_s)
        self._pool.close()

    def __enter__(self) -> "LocalSandbox":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the configuration: a spawned rank has a sandbox of its own."""
        return _rebuild, (type(self), self._configuration)

    def _leave_forked_past(self) -> None:
        """Start anew in a process that was forked behind our back."""
        if self._pid != os.getpid():
            self._pool.abandon()
            self._begin()


def _check_names(accepted: frozenset[str], known: Iterable[str]) -> None:
    """Refuse names of probes that do not exist."""
    unknown = sorted(accepted - set(known))
    if unknown:
        raise ValueError(f"no essential probe {unknown[0]!r}; known: {', '.join(known)}")


def _rebuild(kind: type[LocalSandbox], configuration: dict[str, Any]) -> LocalSandbox:
    """Return a sandbox of a pickled configuration."""
    return kind(**configuration)


def _after_fork() -> None:
    """Let go of the parent's processes in a forked child: as long as we held them, they would outlive it."""
    for sandbox in list(_everyone):
        sandbox._leave_forked_past()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
