"""Ratings from pairwise comparisons: Bradley and Terry's model by choix, with intervals by cluster bootstrap."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ravelar.benchmark.evals.resampling import SEED, Floats, bounds, multiplicities
from ravelar.tools.errors import InputError

RESAMPLES = 500
PRIOR = 0.01  # ours: half a comparison in fifty; keeps a system that lost every comparison at a finite rating


class Comparison(NamedTuple):
    """Two systems on one item.

    Attributes:
        first: One system.
        second: The other.
        share: How far the first is better: 1, 0.5 for a tie, 0; a mean over orders and repeats may lie between. None
            if it is unscored.
        cluster: What it shares with other comparisons, such as the item.
    """

    first: str
    second: str
    share: float | None
    cluster: str


@dataclass(frozen=True, slots=True)
class Rating:
    """A system's strength.

    Attributes:
        system: Which.
        strength: Log-odds of being held better than a system of mean strength.
        low: Lower end of the 95 % interval; None below two clusters.
        high: Upper end.
        chance: The chance of being held better than a system of mean strength.
        n: Its comparisons.
        unscored: Its comparisons without a verdict.
    """

    system: str
    strength: float
    low: float | None
    high: float | None
    chance: float
    n: int
    unscored: int


def ratings(
    comparisons: Sequence[Comparison], *, prior: float = PRIOR, seed: int = SEED, resamples: int = RESAMPLES
) -> list[Rating]:
    """Fit strengths to comparisons; return the ratings, the strongest first. A tie is half a win for each.

    Args:
        comparisons: What was found.
        prior: Added wins of every system over every other.
        seed: Decides the draws over clusters.
        resamples: How many.

    Raises:
        InputError: if nothing is scored, a system is compared with itself, or a share is outside [0, 1].

    Source: R. A. Bradley and M. E. Terry, Biometrika 39 (1952); fitted by L. Maystre's choix (I-LSR).
    """
    _check(comparisons)
    systems = sorted({name for one in comparisons for name in (one.first, one.second)})
    scored = [one for one in comparisons if one.share is not None]
    wins = _wins_by_cluster(scored, systems)
    fitted = _strengths(wins.sum(axis=0), prior)
    resampled = np.array(
        [
            _strengths(np.tensordot(times, wins, axes=1), prior, start=fitted)
            for block in multiplicities(len(wins), seed=seed, resamples=resamples)
            for times in block
        ]
    )
    low, high = bounds(resampled, len(wins))
    found = [
        Rating(
            system=system,
            strength=float(fitted[i]),
            low=None if np.isnan(low[i]) else float(low[i]),
            high=None if np.isnan(high[i]) else float(high[i]),
            chance=float(1 / (1 + np.exp(-fitted[i]))),
            n=sum(system in {one.first, one.second} for one in scored),
            unscored=sum(system in {one.first, one.second} for one in comparisons if one.share is None),
        )
        for i, system in enumerate(systems)
    ]
    return sorted(found, key=lambda one: (-one.strength, one.system))


def _check(comparisons: Sequence[Comparison]) -> None:
    for one in comparisons:
        if one.first == one.second:
            raise InputError(f"{one.first} is compared with itself")
        if one.share is not None and not 0 <= one.share <= 1:
            raise InputError(f"{one.first} against {one.second}: share {one.share}; allowed: 0 to 1, or None")
    if not any(one.share is not None for one in comparisons):
        raise InputError(f"of {len(comparisons)} comparisons none is scored")


def _wins_by_cluster(scored: Sequence[Comparison], systems: Sequence[str]) -> Floats:
    """Return wins of shape (clusters, systems, systems): how often the one of a row beat that of a column."""
    number = {name: i for i, name in enumerate(systems)}
    clusters = {name: i for i, name in enumerate(sorted({one.cluster for one in scored}))}
    wins = np.zeros((len(clusters), len(systems), len(systems)))
    for one in scored:
        share = one.share or 0.0
        c, i, j = clusters[one.cluster], number[one.first], number[one.second]
        wins[c, i, j] += share
        wins[c, j, i] += 1 - share
    return wins


def _strengths(wins: Floats, prior: float, start: Floats | None = None) -> Floats:
    import choix  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415

    # choix heeds no wins of a system over itself, and centres what it returns
    fitted = choix.ilsr_pairwise_dense(wins + prior, initial_params=start, max_iter=1_000)
    return np.asarray(fitted, dtype=np.float64)
