"""A leaderboard that says in words who is ahead of whom, and who can't be ranked.

scores -> means, paired differences -> Holm over all pairs -> ranges of ranks, sentences
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import NamedTuple

import numpy as np

from ravelar.benchmark.evals.means import Difference, Mean, differences, holm, means, p_value
from ravelar.benchmark.evals.resampling import LEVEL, RESAMPLES, SEED
from ravelar.benchmark.evals.table import Table
from ravelar.tools.errors import InputError

ALPHA = round(1 - LEVEL, 9)  # ours: 0.05, and not a rounding error more


class Published(NamedTuple):
    """A mean as a paper gives it.

    Attributes:
        mean: The mean.
        n: Over how many items.
        half_width: Half of its 95 % interval.
    """

    mean: float
    n: int
    half_width: float


@dataclass(frozen=True, slots=True)
class Standing:
    """A system's place.

    Attributes:
        mean: Its mean.
        best_rank: 1 and one more for each system that is shown to be ahead of it.
        worst_rank: As many as there are systems, less those shown to be behind it.
    """

    mean: Mean
    best_rank: int
    worst_rank: int

    @property
    def rank(self) -> str:
        """Its rank, or the range of ranks that the data allow."""
        same = self.best_rank == self.worst_rank
        return str(self.best_rank) if same else f"{self.best_rank} to {self.worst_rank}"


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Systems from the highest mean down, with what can be said of every two.

    Attributes:
        standings: The systems.
        pairs: Every two, the one of the higher mean first, p corrected over all of them.
        unranked: Systems without a single score.
    """

    standings: tuple[Standing, ...]
    pairs: tuple[Difference, ...]
    unranked: tuple[Mean, ...] = ()

    def words(self) -> list[str]:
        """Say of every two who is ahead, or that they can't be ranked; the summary comes first."""
        without = [f"{one.system} has no score ({one.unscored} unscored): it can't be ranked." for one in self.unranked]
        return [self.summary(), *(verdict(pair, len(self.pairs)) for pair in self.pairs), *without]

    def summary(self) -> str:
        """Say in one sentence how much of an order there is."""
        shown = sum(map(ranked, self.pairs))
        if not self.pairs:
            return "There is nothing to rank: fewer than two systems have a score."
        by_rank = sorted(self.standings, key=lambda one: one.best_rank)
        names = ", ".join(one.mean.system for one in by_rank)
        if not shown:
            return f"None can be ranked above another: {names}."
        if shown == len(self.pairs):
            if len({one.best_rank for one in by_rank}) < len(by_rank):  # pairs are compared on rows of their own
                return f"Every two can be ranked, but not all in one order: {names}."
            return f"All can be ranked, in this order: {names}."
        return f"{shown} of {len(self.pairs)} pairs can be ranked; the other {len(self.pairs) - shown} can't."


def leaderboard(table: Table, *, seed: int = SEED, resamples: int = RESAMPLES) -> Leaderboard:
    """Rank a table's systems as far as the paired differences allow, over all pairs at once."""
    found = means(table, seed=seed, resamples=resamples)
    known = sorted((one for one in found if one.value is not None), key=lambda one: (-(one.value or 0.0), one.system))
    pairs = [(one.system, other.system) for one, other in combinations(known, 2)]
    compared = differences(table, pairs, seed=seed, resamples=resamples)
    return _board(known, compared, [one for one in found if one.value is None])


def published_leaderboard(given: Mapping[str, Published]) -> Leaderboard:
    """Rank systems of which only means and intervals are known: unpaired, by the normal law over n items.

    Raises:
        InputError: if a half width is not above zero, or n below 2.
    """
    for name, one in given.items():
        if one.n < 2 or not one.half_width > 0:
            raise InputError(f"{name}: n is {one.n} and the half width {one.half_width}; allowed: n >= 2, width > 0")
    found = [
        Mean(name, one.mean, one.mean - one.half_width, one.mean + one.half_width, one.n, one.n, 0)
        for name, one in given.items()
    ]
    known = sorted(found, key=lambda one: (-(one.value or 0.0), one.system))
    pairs = [
        _apart(one.system, given[one.system], other.system, given[other.system])
        for one, other in combinations(known, 2)
    ]
    return _board(known, pairs, [])


def ranked(pair: Difference) -> bool:
    """Whether the data show which of two is ahead.

    Both must say so: the test at the 5 % level after the correction, and the 95 % interval, which must not hold zero.
    """
    p = pair.p if pair.adjusted is None else pair.adjusted
    if pair.value is None or pair.low is None or pair.high is None:
        return False
    return p < ALPHA and not pair.low <= 0 <= pair.high


def verdict(pair: Difference, pairs: int) -> str:
    """Say in a sentence what is known of two systems.

    Args:
        pair: Their difference.
        pairs: How many were compared together.
    """
    if pair.value is None:
        return f"{pair.first} and {pair.second} can't be ranked: no row is scored for both."
    after = f" after Holm over {pairs} pairs" if pairs > 1 else ""
    p = pair.p if pair.adjusted is None else pair.adjusted
    span = "" if pair.low is None or pair.high is None else f" ({pair.low:.2f} to {pair.high:.2f})"
    said = "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
    figures = f"{pair.value:.2f}{span}, {said}{after}, {pair.n} rows"
    if ranked(pair):
        ahead, behind = (pair.first, pair.second) if pair.value > 0 else (pair.second, pair.first)
        return f"{ahead} is ahead of {behind}: {figures}."
    least = pair.detectable(ALPHA / pairs)
    missed = "" if least is None else f"; a true difference under {least:.2f} would mostly be missed"
    return f"{pair.first} and {pair.second} can't be ranked: {figures}{missed}."


def _apart(first: str, one: Published, second: str, other: Published) -> Difference:
    """Return the unpaired difference of two published means."""
    from scipy import stats  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415

    z = float(stats.norm.ppf((1 + LEVEL) / 2))
    error = float(np.hypot(one.half_width, other.half_width)) / z
    value, n = one.mean - other.mean, min(one.n, other.n)
    return Difference(
        first=first,
        second=second,
        value=value,
        low=value - z * error,
        high=value + z * error,
        p=p_value(value, error, n),
        n=n,
        clusters=n,
        unscored=0,
        error=error,
        paired=False,
    )


def _board(known: Sequence[Mean], pairs: Sequence[Difference], unranked: Sequence[Mean]) -> Leaderboard:
    adjusted = holm([pair.p for pair in pairs])
    corrected = tuple(replace(pair, adjusted=p) for pair, p in zip(pairs, adjusted, strict=True))
    ahead = dict.fromkeys((one.system for one in known), 0)
    behind = dict(ahead)
    for pair in filter(ranked, corrected):
        winner, loser = (pair.first, pair.second) if (pair.value or 0.0) > 0 else (pair.second, pair.first)
        ahead[loser] += 1
        behind[winner] += 1
    standings = tuple(Standing(one, 1 + ahead[one.system], len(known) - behind[one.system]) for one in known)
    return Leaderboard(standings, corrected, tuple(unranked))
