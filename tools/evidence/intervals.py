"""95 % intervals over probes that come in clusters: several probes of one prompt are less than as many prompts.

A share is a Wilson score interval (Wilson 1927) at the effective sample size n / deff (Kish 1965), as Korn and
Graubard (1998) and Dean and Pagano (2015) do for clustered surveys:

    deff = max(clustered variance / binomial variance, 1 + (mean cluster size - 1) * RHO)

It has width even where a tool made no error: 50 probes of 50 prompts without error give [0.93, 1]. There the clustered
variance is zero and says nothing of how errors cluster, so that the last term, with the assumed correlation RHO,
speaks: 50 probes of 10 prompts give [0.88, 1], and 50 of one prompt [0.55, 1].

An area under the ROC curve has the clustered variance of Obuchowski (1997), turned into a Wilson interval at the
sample size which that variance would need; that is bounded, near 0 and 1 by the size of the smaller class. Sums and
differences of two such figures join the two intervals by their distances from the estimates (Newcombe 1998; Zou and
Donner 2008), with the correlation of the two over prompts.
"""

import math
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ravelar.tools.evidence.trial import Rate

Z = 1.959963984540054  # the standard normal's 97.5 % point
RHO = 0.2  # ours: the least correlation assumed between errors on one prompt; see docs/evidence.md

Keyed = Sequence[tuple[str, float]]
"""Cases, each with the key of its cluster and a value; a share's values lie in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure in [0, 1] with its interval, and what each cluster contributed.

    Attributes:
        value: The figure.
        low: Lower end of its 95 % interval.
        high: Upper end.
        n: Cases behind it.
        influence: By how much each cluster pulls the figure from where the others have it (sums to zero).
    """

    value: float
    low: float
    high: float
    n: int
    influence: Mapping[str, float] = field(default_factory=dict)

    def rate(self) -> Rate:
        """Return it as it is stored."""
        return Rate(value=self.value, low=self.low, high=self.high, n=self.n)


def wilson(value: float, n: float) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share that was seen at `value` in n > 0 independent cases.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    """
    centre = (value + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(value * (1 - value) / n + Z * Z / (4 * n * n))
    return max(0.0, min(value, centre - half)), min(1.0, max(value, centre + half))


def share(cases: Keyed) -> Estimate | None:
    """Return the mean of values in [0, 1] with its clustered interval; None without cases."""
    if not cases:
        return None
    n = len(cases)
    value = math.fsum(outcome for _, outcome in cases) / n
    influence: defaultdict[str, float] = defaultdict(float)
    for key, outcome in cases:
        influence[key] += (outcome - value) / n
    low, high = wilson(value, effective_n(cases, value, influence))
    return Estimate(value, low, high, n, dict(influence))


def effective_n(cases: Keyed, value: float, influence: Mapping[str, float]) -> float:
    """Return how many independent cases the clustered ones are worth, at most as many as there are."""
    n = len(cases)
    deff = least_design_effect(key for key, _ in cases)
    spread = value * (1 - value) / n
    if spread > 0:
        deff = max(deff, clustered_variance(influence) / spread)
    return n / deff


def least_design_effect(keys: Iterable[str]) -> float:
    """Return the design effect that is assumed at least: 1 + (m - 1) * RHO, m being the size-weighted cluster size."""
    sizes = Counter(keys).values()
    return 1 + (sum(size * size for size in sizes) / sum(sizes) - 1) * RHO


def clustered_variance(influence: Mapping[str, float]) -> float:
    """Return the variance of a figure from its clusters' influences; 0 for a single cluster."""
    clusters = len(influence)
    if clusters < 2:
        return 0.0
    return clusters / (clusters - 1) * math.fsum(pull * pull for pull in influence.values())


def attainable_low(keys: Iterable[str]) -> float:
    """Return the lower bound that probes of these clusters give to a tool that makes no error; 0 without probes."""
    known = list(keys)
    return wilson(1.0, len(known) / least_design_effect(known))[0] if known else 0.0


def auc(good: Keyed, bad: Keyed) -> Estimate | None:
    """Return the chance that a good case's value is above a bad one's, ties counting half; None if a class is empty.

    Source: N. A. Obuchowski, Nonparametric analysis of clustered ROC curve data, Biometrics 53 (1997).
    """
    if not good or not bad:
        return None
    goods, bads = sorted(value for _, value in good), sorted(value for _, value in bad)
    above = [(key, _share_below(bads, value)) for key, value in good]
    below = [(key, 1 - _share_below(goods, value)) for key, value in bad]
    area = math.fsum(won for _, won in above) / len(above)
    influence: defaultdict[str, float] = defaultdict(float)
    for side in (above, below):
        for key, won in side:
            influence[key] += (won - area) / len(side)
    worth = [len(side) / least_design_effect(key for key, _ in side) for side in (above, below)]
    # ours: at the ends, where few errors tell little of the variance, no more than the smaller class
    n = min(worth) + 4 * area * (1 - area) * max(worth)
    variance = clustered_variance(influence)
    if variance > 0:
        n = min(n, area * (1 - area) / variance)
    low, high = wilson(area, n)
    return Estimate(area, low, high, len(good) + len(bad), dict(influence))


def _share_below(ordered: Sequence[float], value: float) -> float:
    """Return the share of ordered values below a value, equal ones counting half."""
    return (bisect_left(ordered, value) + bisect_right(ordered, value)) / (2 * len(ordered))


def mean_of(first: Estimate, second: Estimate) -> Estimate:
    """Return the mean of two figures; a negative correlation of theirs is not used to narrow it.

    Source: G. Y. Zou and A. Donner, Construction of confidence limits about effect measures, Stat. Med. 27 (2008).
    """
    value = (first.value + second.value) / 2
    r = max(0.0, correlation(first, second))
    low = value - _joined(first.value - first.low, second.value - second.low, r) / 2
    high = value + _joined(first.high - first.value, second.high - second.value, r) / 2
    keys = {*first.influence, *second.influence}
    influence = {key: (first.influence.get(key, 0.0) + second.influence.get(key, 0.0)) / 2 for key in keys}
    return Estimate(value, max(0.0, low), min(1.0, high), first.n + second.n, influence)


def difference(first: Estimate, second: Estimate) -> tuple[float, float, float]:
    """Return first - second over the same probes, with the ends of its 95 % interval.

    Source: R. G. Newcombe, Improved confidence intervals for the difference between binomial proportions based on
    paired data, Stat. Med. 17 (1998), method 10.
    """
    value, r = first.value - second.value, correlation(first, second)
    low = value - _joined(first.value - first.low, second.high - second.value, -r)
    high = value + _joined(first.high - first.value, second.value - second.low, -r)
    return value, max(-1.0, low), min(1.0, high)


def correlation(first: Estimate, second: Estimate) -> float:
    """Return the correlation of two figures over their clusters; 0 where one has no spread."""
    both = math.fsum(pull * second.influence.get(key, 0.0) for key, pull in first.influence.items())
    spread = math.sqrt(
        math.fsum(pull * pull for pull in first.influence.values())
        * math.fsum(pull * pull for pull in second.influence.values())
    )
    return max(-1.0, min(1.0, both / spread)) if spread > 0 else 0.0


def _joined(first: float, second: float, r: float) -> float:
    return math.sqrt(max(0.0, first * first + second * second + 2 * r * first * second))
