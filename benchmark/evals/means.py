"""Means and differences with intervals by cluster bootstrap; unscored rows are counted, never taken for zero."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ravelar.benchmark.evals.resampling import LEVEL, RESAMPLES, SEED, Floats, bounds, by_cluster, ratios
from ravelar.benchmark.evals.table import Table

POWER = 0.8


@dataclass(frozen=True, slots=True)
class Mean:
    """A system's mean.

    Attributes:
        system: Which.
        value: The mean over its scored rows; None if there is none.
        low: Lower end of the 95 % interval; None where fewer than two clusters are scored.
        high: Upper end.
        n: Scored rows.
        clusters: Clusters they are in.
        unscored: Rows of the table that it has no score on.
    """

    system: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    clusters: int
    unscored: int


@dataclass(frozen=True, slots=True)
class Difference:
    """The first system's mean less the second's.

    Attributes:
        first: Its name.
        second: The other's.
        value: The difference; None if no row counts.
        low: Lower end of the 95 % interval; None where fewer than two clusters count.
        high: Upper end.
        p: Two-sided, for "no difference"; 1 where nothing can be said.
        n: Rows that count: scored for both where paired, else the smaller number.
        clusters: Clusters that they are in.
        unscored: Rows of the table that do not count.
        error: Standard error of the difference.
        paired: Whether the two were compared row by row.
        adjusted: p after Holm's correction over all that were compared together; None before.
    """

    first: str
    second: str
    value: float | None
    low: float | None
    high: float | None
    p: float
    n: int
    clusters: int
    unscored: int
    error: float | None
    paired: bool = True
    adjusted: float | None = None

    def detectable(self, level: float = 1 - LEVEL, power: float = POWER) -> float | None:
        """Return the least true difference that data like these would show; see `minimum_detectable`."""
        return None if self.error is None else minimum_detectable(self.error, self.clusters, level=level, power=power)


def means(table: Table, *, seed: int = SEED, resamples: int = RESAMPLES) -> list[Mean]:
    """Return each system's mean with its interval, in the table's order."""
    sums, counts = by_cluster(table.values, table.clusters, table.cluster_count)
    resampled = ratios(sums, counts, seed=seed, resamples=resamples)
    seen = (counts > 0).sum(axis=1)
    found = []
    for i, system in enumerate(table.systems):
        low, high = bounds(resampled[:, [i]], int(seen[i]))
        n = int(counts[i].sum())
        value = float(sums[i].sum() / n) if n else None
        unscored = len(table.rows) - n
        found.append(Mean(system, value, _only(low), _only(high), n, int(seen[i]), unscored))
    return found


def differences(
    table: Table,
    pairs: Sequence[tuple[str, str]] | None = None,
    *,
    seed: int = SEED,
    resamples: int = RESAMPLES,
) -> list[Difference]:
    """Return paired differences over the rows that both systems are scored on.

    Args:
        table: The scores.
        pairs: Which systems, by name; None means every two.
        seed: Decides the draws, which are the same for all pairs.
        resamples: How many.

    Raises:
        UnknownName: if a pair names a system that is not in the table.
    """
    chosen = list(combinations(table.systems, 2)) if pairs is None else list(pairs)
    if not chosen:
        return []
    first, second = ([table.place(pair[i]) for pair in chosen] for i in range(2))
    gaps = table.values[first] - table.values[second]
    sums, counts = by_cluster(gaps, table.clusters, table.cluster_count)
    resampled = ratios(sums, counts, seed=seed, resamples=resamples)
    found = []
    for i, (one, other) in enumerate(chosen):
        seen = counts[i] > 0
        clusters, n = int(seen.sum()), int(counts[i].sum())
        low, high = bounds(resampled[:, [i]], clusters)
        value = float(sums[i].sum() / n) if n else None
        error = standard_error(sums[i][seen], counts[i][seen])
        found.append(
            Difference(
                first=one,
                second=other,
                value=value,
                low=_only(low),
                high=_only(high),
                p=p_value(value, error, clusters),
                n=n,
                clusters=clusters,
                unscored=len(table.rows) - n,
                error=error,
            )
        )
    return found


def unpaired(table: Table, first: str, second: str, *, seed: int = SEED, resamples: int = RESAMPLES) -> Difference:
    """Return the difference as if the two had been scored on different rows: wider than need be, for comparison."""
    places = [table.place(first), table.place(second)]
    sums, counts = by_cluster(table.values[places], table.clusters, table.cluster_count)
    one, other = (ratios(sums[[i]], counts[[i]], seed=seed + i, resamples=resamples) for i in range(2))
    seen = (counts > 0).sum(axis=1)
    errors = [standard_error(sums[i][counts[i] > 0], counts[i][counts[i] > 0]) for i in range(2)]
    known = [one for one in errors if one is not None]
    error = math.hypot(*known) if len(known) == len(errors) else None
    n = counts.sum(axis=1)
    value = float(sums[0].sum() / n[0] - sums[1].sum() / n[1]) if n.min() else None
    clusters = int(seen.min())
    low, high = bounds(one - other, clusters)
    return Difference(
        first=first,
        second=second,
        value=value,
        low=_only(low),
        high=_only(high),
        p=p_value(value, error, clusters),
        n=int(n.min()),
        clusters=clusters,
        unscored=len(table.rows) - int(n.min()),
        error=error,
        paired=False,
    )


def standard_error(sums: Floats, counts: Floats) -> float | None:
    """Return the cluster-robust standard error of sum / count; None below two clusters.

    The ratio is linearised: a cluster's residual is its sum less the mean times its count.

    Source: W. G. Cochran, Sampling techniques (1977), section 6.3, clusters as sampled units.
    """
    clusters = len(sums)
    if clusters < 2:
        return None
    residuals = sums - counts * (sums.sum() / counts.sum())
    return float(np.sqrt(clusters / (clusters - 1) * np.sum(residuals**2)) / counts.sum())


def p_value(value: float | None, error: float | None, clusters: int) -> float:
    """Return the two-sided p of "no difference": Student's t over clusters, and never below a sign test's least.

    A percentile of 2,000 resamples knows no p below 0.001, which no correction over a leaderboard would survive.
    """
    from scipy import stats  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415

    if value is None or error is None:
        return 1.0
    if value == 0:
        return 1.0
    least = 2.0 ** (1 - clusters)  # all clusters on one side: the least that a sign test over them can give
    if error == 0:
        return min(1.0, least)
    return float(min(1.0, max(least, 2 * stats.t.sf(abs(value) / error, clusters - 1))))


def minimum_detectable(error: float, clusters: int, *, level: float = 1 - LEVEL, power: float = POWER) -> float:
    """Return the least true difference that would be found at this level with this chance.

    Args:
        error: Standard error of the difference.
        clusters: How many stand behind it; at least two.
        level: Of the two-sided test, such as 0.05; divide it by the number of pairs for a leaderboard.
        power: The chance.

    Source: the usual sum of two quantiles, such as J. Cohen, Statistical power analysis (1988), with Student's t.
    """
    from scipy import stats  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415

    freedom = clusters - 1
    return float((stats.t.ppf(1 - level / 2, freedom) + stats.t.ppf(power, freedom)) * error)


def holm(ps: Sequence[float]) -> list[float]:
    """Return p-values corrected for being many, in the given order.

    Source: S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).
    """
    order = np.argsort(ps, kind="stable")
    stepped = np.array(ps, dtype=np.float64)[order] * (len(ps) - np.arange(len(ps)))
    adjusted = np.empty(len(ps))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(stepped))
    return [float(p) for p in adjusted]


def _only(ends: Floats) -> float | None:
    value = float(ends.item())
    return None if math.isnan(value) else value
