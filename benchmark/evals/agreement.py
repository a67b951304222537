"""Do judges agree? Krippendorff's alpha over rows, with an interval."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ravelar.benchmark.evals.resampling import SEED, Floats, bounds, multiplicities
from ravelar.benchmark.evals.table import Table

RESAMPLES = 500
Level = Literal["nominal", "ordinal", "interval"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far judges agree.

    Attributes:
        alpha: 1 for full agreement, 0 for what chance gives, below 0 for less; None if it can't be told.
        low: Lower end of the 95 % interval over clusters of rows; None if there is none.
        high: Upper end.
        judges: How many judges gave a score.
        units: Rows that two judges or more scored: only these count.
        single: Rows that just one judge scored.
        unscored: Rows that nobody scored.
        why: Why alpha is None.
    """

    alpha: float | None
    low: float | None
    high: float | None
    judges: int
    units: int
    single: int
    unscored: int
    why: str | None = None


def agreement(table: Table, *, level: Level = "interval", seed: int = SEED, resamples: int = RESAMPLES) -> Agreement:
    """Return Krippendorff's alpha of a table whose systems are judges.

    Args:
        table: The judges' scores; NaN where a judge gave none.
        level: How distances between scores count; "interval" for means of rubrics, "ordinal" for ranks.
        seed: Decides the bootstrap's draws over clusters.
        resamples: How many.

    Source: K. Krippendorff, Content analysis (2004), chapter 11, by the package krippendorff.
    """
    raters = (~np.isnan(table.values)).sum(axis=0)
    judges = int((~np.isnan(table.values)).any(axis=1).sum())
    units, single, unscored = int((raters > 1).sum()), int((raters == 1).sum()), int((raters == 0).sum())
    domain = np.unique(table.values[~np.isnan(table.values)])
    if units == 0 or len(domain) < 2:
        why = "no row has two scores" if units == 0 else "all scores are equal: there is no disagreement to measure"
        return Agreement(None, None, None, judges, units, single, unscored, why)
    counts = np.stack([(table.values == one).sum(axis=0) for one in domain], axis=1).astype(np.float64)
    value = _alpha(counts, domain, level)
    kept = raters > 1
    _, place = np.unique(table.clusters[kept], return_inverse=True)
    clusters = int(place.max()) + 1
    drawn = [
        _alpha(np.repeat(counts[kept], times[place].astype(np.int64), axis=0), domain, level)
        for block in multiplicities(clusters, seed=seed, resamples=resamples)
        for times in block
    ]
    ends = np.concatenate(bounds(np.array(drawn)[:, None], clusters))
    low, high = (None if np.isnan(end) else float(end) for end in ends)
    return Agreement(value, low, high, judges, units, single, unscored)


def _alpha(counts: Floats, domain: Floats, level: Level) -> float:
    """Return alpha of rows' value counts; NaN where all their values are one, as a resample's may be."""
    import krippendorff  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415

    there = counts.any(axis=0)
    if there.sum() < 2:
        return float("nan")
    found = krippendorff.alpha(value_counts=counts[:, there], value_domain=domain[there], level_of_measurement=level)
    return float(found)
