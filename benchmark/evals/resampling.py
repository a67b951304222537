"""Cluster bootstrap: whole clusters are drawn anew, since rows of one source text are less than as many texts.

The draws are multiplicities (how often each cluster was drawn), so that every figure of a resample is a ratio of two
matrix products. The same seed gives the same draws for every system, which makes differences paired.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RESAMPLES = 2_000
SEED = 21
LEVEL = 0.95
_BLOCK = 4_000_000  # multiplicities held at once: 32 MB


def ratios(sums: Floats, counts: Floats, *, seed: int = SEED, resamples: int = RESAMPLES) -> Floats:
    """Return sums / counts in each resample of clusters.

    Args:
        sums: Of shape (figures, clusters): what each cluster adds to each figure's numerator.
        counts: The same for its denominator.
        seed: Decides the draws.
        resamples: How many.

    Returns:
        An array of shape (resamples, figures); NaN where a resample drew no cluster that counts for a figure.
    """
    parts = [
        (drawn @ sums.T, drawn @ counts.T) for drawn in multiplicities(sums.shape[1], seed=seed, resamples=resamples)
    ]
    numerator, denominator = (np.concatenate([part[i] for part in parts]) for i in range(2))
    out: Floats = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=out, where=denominator > 0)
    return out


def multiplicities(clusters: int, *, seed: int | Sequence[int] = SEED, resamples: int = RESAMPLES) -> Iterator[Floats]:
    """Yield how often each cluster was drawn, in blocks of resamples; each row sums to the number of clusters."""
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // clusters)
    even = np.full(clusters, 1 / clusters)
    for start in range(0, resamples, block):
        yield rng.multinomial(clusters, even, min(block, resamples - start)).astype(np.float64)


def bounds(resampled: Floats, clusters: int) -> tuple[Floats, Floats]:
    """Return the lower and upper ends of 95 % intervals from resampled figures, one a column; NaN below two clusters.

    Percentiles of the bootstrap alone are too narrow for few clusters. They are taken further out, where Student's t
    with as many degrees of freedom and the factor sqrt(n / (n - 1)) ask for it.

    Source: T. Hesterberg, What teachers should know about the bootstrap, The American Statistician 69 (2015), 4.
    """
    from scipy import stats  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415

    if clusters < 2:
        nothing = np.full(resampled.shape[1:], np.nan)
        return nothing, nothing
    out = float(stats.norm.cdf(-np.sqrt(clusters / (clusters - 1)) * stats.t.ppf((1 + LEVEL) / 2, clusters - 1)))
    known = ~np.all(np.isnan(resampled), axis=0)
    low, high = np.full((2, *resampled.shape[1:]), np.nan)
    low[known], high[known] = np.nanpercentile(resampled[:, known], [100 * out, 100 * (1 - out)], axis=0)
    return low, high


def by_cluster(values: Floats, clusters: Ints, count: int) -> tuple[Floats, Floats]:
    """Return sums and numbers of the known values, cluster by cluster.

    Args:
        values: Of shape (figures, rows); NaN where unscored.
        clusters: Each row's cluster, from 0.
        count: How many clusters there are.

    Returns:
        Two arrays of shape (figures, clusters).
    """
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    place = (np.arange(len(values))[:, None] * count + clusters).ravel()
    shape = (len(values), count)
    size = len(values) * count
    sums = np.bincount(place, filled.ravel(), size).astype(np.float64)
    counts = np.bincount(place, known.ravel(), size).astype(np.float64)
    return sums.reshape(shape), counts.reshape(shape)
