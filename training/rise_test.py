"""Has the mean of a series risen above what its first points show, by more than a margin? Looked at after every point.

The first 12 points give a mean m and a standard deviation s. What follows is tested against the limit

    L = m + t s / sqrt(12) + margin         t: 0.975 quantile of Student's t with 11 degrees of freedom
    S = s sqrt(11 / q)                      q: 0.1 quantile of chi-square with 11 degrees, so that S is rather too large

With z = min((y - L) / S, 4) and bets b of 0.5, 1 and 2, each bet's wealth goes by

    W <- (W + 1 / (n (n + 1))) exp(b z - b^2 / 2)      n: number of the point after the first 12

which is the sum, over every point n at which a rise may have begun, of the likelihood ratio of a mean b standard
deviations above the limit since then. While points are normal with mean at most L and deviation at most S, the mean
of the three and the part of the sum not yet begun is a supermartingale that starts at 1: it ever exceeds 1 / alpha
with probability at most alpha (Ville), however often one looks, and a rise late in a run costs 2 log n more, not a
run's worth of earlier points. L, S and normality are estimates, so that alpha is a goal, not a proof: tests simulate
stationary runs and count (`docs/training.md` gives the rate). Method: mixtures over change points and betting,
after Shin, Ramdas and Rinaldo, arXiv 2203.03532. The constants are ours.
"""

import math
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

FIRST = 12  # ours: enough to know a spread by, few enough that a policy has not yet learnt to game anything
_T = 2.2010  # Student's t, 11 degrees of freedom, 0.975 quantile
_SPREAD = math.sqrt(11 / 5.5778)  # chi-square, 11 degrees of freedom, 0.1 quantile
_BETS = (0.5, 1.0, 2.0)
_MOST_Z = 4.0  # ours: no single point decides
_RECENT = 6  # ours: points that `recent` averages


@dataclass(slots=True)
class RiseTest:
    """The test of one series; add points one after another.

    Attributes:
        margin: A rise that is none of interest, in the series' own unit.
        least_deviation: Below this the standard deviation of the first points is not believed.
        first: The first points, as far as there are any.
        last: The latest points, at most `_RECENT`.
        count: Points after the first.
        wealth: Of each bet.
    """

    margin: float
    least_deviation: float
    first: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    count: int = 0
    wealth: list[float] = field(default_factory=lambda: [0.0] * len(_BETS))

    def add(self, point: float) -> float:
        """Take one more point; return the logarithm of the evidence for a rise so far (-inf while there is none)."""
        self.last = [*self.last[-_RECENT + 1 :], point]
        if len(self.first) < FIRST:
            self.first.append(point)
            return -math.inf
        self.count += 1
        z = min((point - self.limit) / self.deviation, _MOST_Z)
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
    def baseline(self) -> float | None:
        """The mean of the first points; None while they are not complete."""
        return fmean(self.first) if len(self.first) == FIRST else None

    @property
    def recent(self) -> float | None:
        """The mean of the latest points; None while there are none after the first."""
        return fmean(self.last) if self.count else None

    @property
    def deviation(self) -> float:
        """The standard deviation that points are taken to have."""
        mean = fmean(self.first)
        squares = math.fsum((point - mean) ** 2 for point in self.first)
        return max(math.sqrt(squares / (FIRST - 1)) * _SPREAD, self.least_deviation)

    @property
    def limit(self) -> float:
        """What the mean must have exceeded."""
        return fmean(self.first) + _T * self.deviation / _SPREAD / math.sqrt(FIRST) + self.margin

    def as_json(self) -> dict[str, Any]:
        """Return what `restored` needs to go on."""
        return {"first": self.first, "last": self.last, "count": self.count, "wealth": self.wealth}

    def restored(self, state: dict[str, Any]) -> "RiseTest":
        """Return the test as it was when `as_json` was asked."""
        return RiseTest(self.margin, self.least_deviation, **state)
