"""Acquiring on rank 0 for all ranks: the others say what no tool fits, rank 0 gets the tool, all switch at one call.

others:  unknown triples -> notice            (waiting allowed: -> library of this call's second notice)
rank 0:  own and noticed triples -> Acquisitions -> (waits, bounded) -> second notice of this call
"""

from collections import defaultdict
from collections.abc import Sequence

from ravelar.tools.errors import NotInStep
from ravelar.tools.reward import Triple
from ravelar.training.acquisition import Acquirer, Acquisition, AcquisitionLimits, Acquisitions
from ravelar.training.library_in_step import Current, LibraryInStep
from ravelar.training.ranks import Ranks

_MOST_SAID = 64  # ours: unknown triples that one rank tells of one batch
_SAY_S = 10.0  # ours: how long rank 0 waits for what the others do not know, where it waits at all


class SharedAcquisitions:
    """Acquisitions of one run, whichever ranks met the prompts.

    Args:
        acquirer: Gets the tools, on rank 0.
        limits: When and for how long.
    """

    def __init__(self, acquirer: Acquirer, limits: AcquisitionLimits) -> None:
        self._own = Acquisitions(acquirer, limits)
        self._wait_s = limits.wait_s
        self._said: defaultdict[int, int] = defaultdict(int)

    @property
    def ended(self) -> list[Acquisition]:
        """The acquisitions that ended; empty but on rank 0."""
        return self._own.ended

    def go_on(
        self, unknown: Sequence[Triple], *, key: str, ranks: Ranks | None, in_step: LibraryInStep
    ) -> Current | None:
        """Take what no tool fits in this call; return what is in use after it was waited for, None if it was not.

        Args:
            unknown: The triples of this call that no tool fits; it must be called without any as well.
            key: Names the call, on all ranks alike.
            ranks: This process's ranks, if there are others.
            in_step: Opens the library.
        """
        if ranks is None or ranks.main:
            return self._acquire(unknown, key, ranks, in_step)
        if unknown or self._wait_s:
            ranks.say(f"unknown/{ranks.number}/{self._next(ranks.number)}", list(unknown[:_MOST_SAID]))
        if not unknown or not self._wait_s:
            return None
        try:
            return in_step.at(_after(key), ranks, wait_s=self._wait_s + _SAY_S)
        except NotInStep:
            return None  # what is unknown stays so for this batch

    def _acquire(
        self, unknown: Sequence[Triple], key: str, ranks: Ranks | None, in_step: LibraryInStep
    ) -> Current | None:
        met = [*unknown, *self._heard(ranks)]
        self._own.offer(met)
        self._own.go_on()
        if not self._wait_s:
            return None
        if met:
            self._own.wait()
            self._own.go_on()
        return in_step.at(_after(key), ranks)

    def _heard(self, ranks: Ranks | None) -> list[Triple]:
        """Return what the other ranks said since the last call; with waiting allowed, in this call."""
        met: list[Triple] = []
        for rank in range(1, ranks.count if ranks else 1):
            assert ranks is not None
            wait_s = _SAY_S if self._wait_s else 0.0
            while (said := ranks.hear(f"unknown/{rank}/{self._said[rank]}", wait_s=wait_s)) is not None:
                self._next(rank)
                met += said
                wait_s = 0.0
        return met

    def _next(self, rank: int) -> int:
        self._said[rank] += 1
        return self._said[rank] - 1


def _after(key: str) -> str:
    return f"{key}/after"
