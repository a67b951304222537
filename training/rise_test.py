"""Has the mean of a series risen above what its first batches show, by more than a margin? Looked at after each one.

`training.baseline` gives each value's distance from its level, their standard deviation s with k degrees of freedom,
and the levels' own error. A batch's point y is the mean distance of its n values, tested against

    L = max(margin, least - level) + t e w  t: 0.975 quantile of Student's t with k degrees; e: the error of the levels
    S = max(s sqrt(k / q), s') w / sqrt(n)  q: 0.1 quantile of chi-square with k degrees, so that it is rather too large
                                            s': the batch's own deviation, from 16 values on; w: the wobble of batches

With z = min((y - L) / S, 4) and bets b of 0.5, 1 and 2, each bet's wealth goes by

    W <- (W + 1 / (i (i + 1))) exp(b z - b^2 / 2)      i: number of the point after the baseline

which is the sum, over every point i at which a rise may have begun, of the likelihood ratio of a mean b standard
deviations above the limit since then. While points are normal with mean at most L and deviation at most S, the mean
of the three and the part of the sum not yet begun is a supermartingale that starts at 1: it ever exceeds 1 / alpha
with probability at most alpha (Ville), however often one looks, and a rise late in a run costs 2 log i more, not a
run's worth of earlier points. L, S and normality are estimates, so that alpha is a goal, not a proof: tests simulate
stationary runs and count (`docs/training.md` gives the rate). Method: mixtures over change points and betting,
after Shin, Ramdas and Rinaldo, arXiv 2203.03532. The constants are ours.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from ravelar.training.baseline import Baseline, Value, chi_square, student

_BETS = (0.5, 1.0, 2.0)
_MOST_Z = 4.0  # ours: no single point decides
_RECENT = 6  # ours: points that `moved` averages
_OWN_DEVIATION = 16  # ours: values from which on a batch's own deviation is believed


@dataclass(slots=True)
class RiseTest:
    """The test of one series; add batches one after another.

    Attributes:
        margin: A rise that is none of interest, in the series' own unit.
        least_deviation: Below this the standard deviation of a point is not believed.
        least: A mean below this has not risen, wherever it was at first.
        baseline: The first batches.
        last: The latest points, at most `_RECENT`: number of values and mean distance.
        count: Points after the baseline.
        wealth: Of each bet.
    """

    margin: float
    least_deviation: float
    least: float = -math.inf
    baseline: Baseline = field(default_factory=Baseline)
    last: list[list[float]] = field(default_factory=list)
    count: int = 0
    wealth: list[float] = field(default_factory=lambda: [0.0] * len(_BETS))

    def add(self, values: Sequence[Value]) -> float:
        """Take one more batch; return the logarithm of the evidence for a rise so far (-inf while there is none)."""
        first = self.baseline
        if first.mean is None:
            first.add(values)
            return -math.inf
        distances, level, error = first.distances(values)
        if not distances:
            return self.log_evidence
        point = fmean(distances)
        self.last = [*self.last[-_RECENT + 1 :], [len(distances), point]]
        self.count += 1
        limit = max(self.margin, self.least - level) + student(first.freedom) * first.deviation * error * first.wobble
        deviation = max(self._deviation(distances) * first.wobble / math.sqrt(len(distances)), self.least_deviation)
        z = min((point - limit) / deviation, _MOST_Z)
        begun = 1 / (self.count * (self.count + 1))
        self.wealth = [
            min((wealth + begun) * math.exp(bet * z - bet * bet / 2), 1e300)
            for wealth, bet in zip(self.wealth, _BETS, strict=True)
        ]
        return self.log_evidence

    @property
    def log_evidence(self) -> float:
        """The logarithm of the evidence for a rise."""
        mean = fmean(self.wealth)
        return math.log(mean) if mean > 0 else -math.inf

    @property
    def first(self) -> float | None:
        """The mean of the first values; None while they are not complete."""
        return self.baseline.mean

    @property
    def moved(self) -> float | None:
        """How far the latest points are above their levels, on the mean; None while there are none."""
        values = sum(n for n, _ in self.last)
        return sum(n * point for n, point in self.last) / values if values else None

    def as_json(self) -> dict[str, Any]:
        """Return what `restored` needs to go on."""
        return {"baseline": self.baseline.as_json(), "last": self.last, "count": self.count, "wealth": self.wealth}

    def restored(self, state: dict[str, Any]) -> "RiseTest":
        """Return the test as it was when `as_json` was asked."""
        kept = {**state, "baseline": Baseline(**state["baseline"])}
        return RiseTest(self.margin, self.least_deviation, self.least, **kept)

    def _deviation(self, distances: Sequence[float]) -> float:
        """Return the standard deviation that a value is taken to have: rather too large than too small."""
        freedom, n = self.baseline.freedom, len(distances)
        known = self.baseline.deviation * math.sqrt(freedom / chi_square(0.1, freedom))
        if n < _OWN_DEVIATION:
            return known
        middle = fmean(distances)
        return max(known, math.sqrt(math.fsum((distance - middle) ** 2 for distance in distances) / (n - 1)))
