"""Does a tool in use still behave as its evidence says? Counts per tool, and a test that may be looked at any time.

Five things are watched: the share it leaves unscored, raw scores outside the range seen on probes, slow batches,
disagreement with a second tool on a sample, and one same value for everything.

The first four are shares, tested by one method. Against the null "the share is at most `allowed`", the evidence is

    e = mean over q in (allowed, 1) of [(q / allowed)^k ((1 - q) / (1 - allowed))^(n - k)]^(1 / group)

for k of n cases. Under the null e is at most a supermartingale that starts at 1, so that by Ville's inequality it
ever passes 1 / alpha with probability at most alpha, however often one looks and whenever one stops. The power
1 / group keeps this true for any dependence within groups of that many completions (Hoelder's inequality): the
completions of a GRPO group fail together where their reference is broken. Checks share alpha equally. A rise of the
mean reward is no drift: that is what training is for.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from ravelar.tools.card import ToolCard
from ravelar.tools.evidence.trial import Trial
from ravelar.tools.reward import Reward

Code = Literal["unscored", "outside_range", "disagrees", "slow", "constant"]
SUSPENDING: frozenset[Code] = frozenset({"unscored", "outside_range", "disagrees"})
"""Findings that suspend a tool; a slow one, or one that gives everything the same value, is only reported."""

_BINS = 20  # of [0, 1]
_LATENCY_BINS = 32  # powers of two of a microsecond: up to an hour
_STEPS = 64  # ours: values of q that the mixture is over
_CONSTANT_AFTER = 500  # ours: so many equal values are worth a remark


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Finding(_Frozen):
    """A way in which a tool is not what its evidence says.

    Attributes:
        code: Which one.
        message: In words, with figures.
        value: What was measured: a share, or of `constant` the value.
        allowed: The greatest share that is no finding; of `constant` the number of values that may be equal.
    """

    code: Code
    message: str
    value: float
    allowed: float


class Expected(_Frozen):
    """What evidence lets one expect of a tool in use.

    Attributes:
        unscored: Greatest share it may leave unscored.
        low: Least raw score seen on probes; None leaves the range unwatched.
        high: Greatest raw score seen on probes.
        outside: Greatest share of raw scores that may lie outside of these.
        slow_ms: A batch that takes longer than this per triple is slow; None leaves latency unwatched.
        slow: Greatest share of batches that may be slow.
        disagreement: Greatest share of a sample on which a second tool may disagree; None leaves it unwatched.
    """

    unscored: float = Field(default=0.02, gt=0, lt=1)
    low: float | None = None
    high: float | None = None
    outside: float = Field(default=0.05, gt=0, lt=1)
    slow_ms: float | None = None
    slow: float = Field(default=0.1, gt=0, lt=1)
    disagreement: float | None = Field(default=None, gt=0, lt=1)

    @classmethod
    def of_trial(
        cls, trial: Trial, *, raw: Sequence[float] = (), card: ToolCard | None = None, disagreement: float | None = None
    ) -> Self:
        """Derive what to expect from what a tool did on probes.

        Args:
            trial: Its `unscored` and `latency_ms`; ours: twice its unscored share and 2 % more may go unscored, and a
                batch at ten times its latency and 50 ms more is slow.
            raw: The raw scores it gave probes; their range, widened by a tenth on each side, is expected.
            card: Where no raw scores are given, a bounded card's range holds (and can hardly be left).
            disagreement: Share of probes on which the second tool disagreed; a half more and 5 % may.
        """
        low, high = (min(raw), max(raw)) if raw else (None, None)
        if low is not None and high is not None:
            low, high = low - 0.1 * (high - low), high + 0.1 * (high - low)
        elif card is not None and card.bounded:
            low, high = card.low, card.high
        return cls(
            unscored=min(0.9, 2 * trial.unscored / max(1, trial.n) + 0.02),
            low=low,
            high=high,
            slow_ms=10 * trial.latency_ms + 50,
            disagreement=None if disagreement is None else min(0.9, 1.5 * disagreement + 0.05),
        )


class LiveStatistics(_Frozen):
    """What a tool did in use; plain JSON, and the sum of two is that of both, so that processes can be merged.

    Attributes:
        n: Triples it was asked for.
        unscored: Those it left unscored.
        bins: Values in [0, 1], counted in twenty equal bins.
        least: Least value.
        greatest: Greatest value.
        raw_least: Least raw score.
        raw_greatest: Greatest raw score.
        raw_n: Raw scores that were compared with the expected range.
        outside: Those outside of it.
        batches: Batches that were timed.
        slow: Slow ones.
        latency_bins: Batches by milliseconds per triple: bin i holds those from 2^(i - 1) to 2^i microseconds.
        compared: Triples that a second tool scored too.
        disagreed: Those on which the two differed on accepting.
    """

    n: int = 0
    unscored: int = 0
    bins: tuple[int, ...] = (0,) * _BINS
    least: float | None = None
    greatest: float | None = None
    raw_least: float | None = None
    raw_greatest: float | None = None
    raw_n: int = 0
    outside: int = 0
    batches: int = 0
    slow: int = 0
    latency_bins: tuple[int, ...] = (0,) * _LATENCY_BINS
    compared: int = 0
    disagreed: int = 0

    def observing(self, rewards: Sequence[Reward], *, seconds: float | None, expected: Expected) -> "LiveStatistics":
        """Return the statistics with one more batch of the tool.

        Args:
            rewards: What the tool gave.
            seconds: Wall time of the batch; None leaves it out.
            expected: Against what scores and latency are counted.
        """
        values = [reward.value for reward in rewards if reward.value is not None]
        raws = [reward.raw for reward in rewards if reward.raw is not None]
        bins, latency_bins = [0] * _BINS, [0] * _LATENCY_BINS
        for value in values:
            bins[min(_BINS - 1, int(value * _BINS))] += 1
        timed = seconds is not None and bool(rewards)
        ms = 1e3 * seconds / len(rewards) if timed and seconds is not None else 0.0
        if timed:
            latency_bins[min(_LATENCY_BINS - 1, int(ms * 1e3).bit_length())] += 1
        return self.merged(
            LiveStatistics(
                n=len(rewards),
                unscored=len(rewards) - len(values),
                bins=tuple(bins),
                least=min(values, default=None),
                greatest=max(values, default=None),
                raw_least=min(raws, default=None),
                raw_greatest=max(raws, default=None),
                raw_n=len(raws) if expected.low is not None else 0,
                outside=sum(not _within(raw, expected) for raw in raws),
                batches=int(timed),
                slow=int(timed and expected.slow_ms is not None and ms > expected.slow_ms),
                latency_bins=tuple(latency_bins),
            )
        )

    def comparing(
        self, rewards: Sequence[Reward], others: Sequence[Reward], *, accept_at: float = 0.5
    ) -> "LiveStatistics":
        """Return the statistics with a sample that a second tool scored too; unscored pairs are left out.

        Raises:
            ValueError: if there are not as many of both.
        """
        pairs = [
            (one.value, other.value)
            for one, other in zip(rewards, others, strict=True)
            if one.value is not None and other.value is not None
        ]
        differ = sum((one >= accept_at) != (other >= accept_at) for one, other in pairs)
        return self.merged(LiveStatistics(compared=len(pairs), disagreed=differ))

    def merged(self, other: "LiveStatistics") -> "LiveStatistics":
        """Return the sum of both."""
        sums = ("n", "unscored", "raw_n", "outside", "batches", "slow", "compared", "disagreed")
        return LiveStatistics(
            **{name: getattr(self, name) + getattr(other, name) for name in sums},
            bins=tuple(a + b for a, b in zip(self.bins, other.bins, strict=True)),
            latency_bins=tuple(a + b for a, b in zip(self.latency_bins, other.latency_bins, strict=True)),
            least=_outer(min, self.least, other.least),
            greatest=_outer(max, self.greatest, other.greatest),
            raw_least=_outer(min, self.raw_least, other.raw_least),
            raw_greatest=_outer(max, self.raw_greatest, other.raw_greatest),
        )

    def quantile(self, q: float) -> float | None:
        """Return the value below which a share q of the scored ones lies, to a twentieth; None where there are none."""
        total, below = sum(self.bins), 0
        for i, count in enumerate(self.bins):
            below += count
            if total and below >= q * total:
                return (i + 1) / _BINS
        return None

    def latency_ms(self, q: float = 0.5) -> float | None:
        """Return the latency per triple below which a share q of the batches lies, within a factor of two."""
        below = 0
        for i, count in enumerate(self.latency_bins):
            below += count
            if self.batches and below >= q * self.batches:
                return float(2**i) / 1e3
        return None


def drift(live: LiveStatistics, expected: Expected, *, alpha: float = 0.01, group: int = 1) -> list[Finding]:
    """Compare a tool in use with its evidence; return what differs.

    Args:
        live: What it did.
        expected: What may be expected.
        alpha: Greatest chance of ever finding a share too great that is not, over all looks and checks together.
        group: How many completions stand or fall together: the group size of GRPO.
    """
    checks: list[tuple[Code, int, int, float | None, int, str]] = [
        ("unscored", live.unscored, live.n, expected.unscored, group, "triples are unscored"),
        (
            "outside_range",
            live.outside,
            live.raw_n,
            expected.outside,
            group,
            f"raw scores lie outside {_range(expected)}",
        ),
        (
            "disagrees",
            live.disagreed,
            live.compared,
            expected.disagreement,
            group,
            "of a sample a second tool disagrees",
        ),
        ("slow", live.slow, live.batches, expected.slow, 1, f"batches take over {expected.slow_ms or 0:g} ms a triple"),
    ]
    findings = [
        Finding(
            code=code,
            message=f"{k:,} of {n:,} {what} ({k / n:.1%}); at most {allowed:.1%} were to be expected",
            value=k / n,
            allowed=allowed,
        )
        for code, k, n, allowed, together, what in checks
        if allowed is not None and n and log_evidence(k, n, allowed, group=together) >= math.log(len(checks) / alpha)
    ]
    scored = live.n - live.unscored
    if scored >= _CONSTANT_AFTER * group and live.least is not None and live.least == live.greatest:
        message = f"all of {scored:,} values are {live.least:g}: no completion is told from another"
        findings.append(
            Finding(code="constant", message=message, value=live.least, allowed=float(_CONSTANT_AFTER * group))
        )
    return findings


def should_suspend(findings: Iterable[Finding]) -> bool:
    """Say whether a tool with these findings should not be routed to any more."""
    return any(finding.code in SUSPENDING for finding in findings)


def log_evidence(k: int, n: int, allowed: float, *, group: int = 1) -> float:
    """Return the logarithm of e for k of n cases against a share of at most `allowed`; see the module."""
    terms = []
    for step in range(_STEPS):
        q = allowed + (1 - allowed) * (step + 0.5) / _STEPS
        terms.append((k * math.log(q / allowed) + (n - k) * math.log((1 - q) / (1 - allowed))) / group)
    top = max(terms)
    return top + math.log(math.fsum(math.exp(term - top) for term in terms) / _STEPS)


def _within(raw: float, expected: Expected) -> bool:
    return (expected.low is None or raw >= expected.low) and (expected.high is None or raw <= expected.high)


def _range(expected: Expected) -> str:
    return f"[{expected.low}, {expected.high}]"


def _outer(choose: Callable[[list[float]], float], one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return choose(known) if known else None
