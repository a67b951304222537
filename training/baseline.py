"""What a series is like before anything has happened: a level for each stratum, a spread, and how sure both are.

A value is the mean of one prompt's completions; its stratum is its kind of prompt (`training.signals`). The baseline is
the first four batches, or more until there are 24 values of 192 completions, and 12 more values than strata. Of these

    level of a stratum     the mean of its values
    deviation s            pooled within strata, with k = values - strata degrees of freedom
    wobble                 sqrt(max(1, X / q)), X: the sum over batches of n (mean distance from the levels)^2 / s^2,
                           q: 0.9 quantile of chi-square with batches - 1 degrees; above 1 where batches differ by
                           more than their values explain

What follows is measured as its distance from its own stratum's level, so that neither another mixture of tasks nor
their different levels are taken for a change. A task that comes later gets its level from the first four batches that
hold it, and says nothing until then. A stratum that was only guessed ("~...") and is rare is one with all the others
that are. The constants are ours.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

BATCHES = 4  # ours: a policy has hardly moved by then
VALUES = 24  # ours: enough to know a spread by
COMPLETIONS = 192  # ours: what happens to one completion in ten is among so many
_FREEDOM = 12
_MOST_STRATA = 64  # ours; the tasks that come after share one
_COMMON = 8  # ours: values that a guessed stratum needs to be one

GUESSED = "~"
_REST = "(other tasks)"
Moments = list[float]
"""How many values, their sum, the sum of their squares."""

_NOTHING: Moments = [0, 0.0, 0.0]


class Value(NamedTuple):
    """One prompt's mean in one batch.

    Attributes:
        stratum: Its task; or "~" and what else tells its kind.
        mean: Of its completions.
        n: How many completions.
    """

    stratum: str
    mean: float
    n: int = 1


class Distances(NamedTuple):
    """A batch as it lies about the levels.

    Attributes:
        values: Of each value the distance from its level; of none whose level is not known.
        level: The mean of the levels, as the batch mixes them.
        error: Its standard error, in deviations.
    """

    values: list[float]
    level: float
    error: float


@dataclass(slots=True)
class Baseline:
    """The first batches of one series.

    Attributes:
        batches: Moments by stratum of each first batch, while there are not enough of them.
        completions: How many these hold.
        levels: Of each stratum how many values its level is the mean of, and the level.
        later: Of a task that came later, moments of the batches that first held it, while these are not four.
        mean: The mean of all first values; None while there are not enough of them, and so are the following.
        deviation: The standard deviation of values about their stratum's level.
        freedom: Its degrees of freedom.
        wobble: How many times farther batches are apart than their values explain; 1 where chance would do.
    """

    batches: list[dict[str, Moments]] = field(default_factory=list)
    completions: int = 0
    levels: dict[str, tuple[float, float]] = field(default_factory=dict)
    later: dict[str, list[Moments]] = field(default_factory=dict)
    mean: float | None = None
    deviation: float = 0.0
    freedom: int = 0
    wobble: float = 1.0

    def add(self, values: Sequence[Value]) -> None:
        """Take one more of the first batches."""
        self.batches.append({name: _moments(own) for name, own in self._by_stratum(values).items()})
        self.completions += sum(value.n for value in values)
        strata = _total(self.batches)
        n = sum(moments[0] for moments in strata.values())
        enough = n >= max(VALUES, len(strata) + _FREEDOM) and self.completions >= COMPLETIONS
        if len(self.batches) >= BATCHES and enough:
            self._settle()

    def distances(self, values: Sequence[Value]) -> Distances:
        """Return how far the values of a later batch are from their levels; learn the levels that are not known yet."""
        found, counts = list[float](), dict[str, int]()
        for name, own in self._by_stratum(values).items():
            if name in self.levels:
                found += [value - self.levels[name][1] for value in own]
                counts[name] = len(own)
            else:
                self._learn(name, own)
        shares = {name: n / len(found) for name, n in counts.items()}
        level = sum(share * self.levels[name][1] for name, share in shares.items())
        return Distances(
            found, level, math.sqrt(sum(share**2 / self.levels[name][0] for name, share in shares.items()))
        )

    def as_json(self) -> dict[str, Any]:
        """Return the attributes."""
        return asdict(self)

    def _by_stratum(self, values: Sequence[Value]) -> dict[str, list[float]]:
        """Return the values by stratum; a shared one where there are too many, or where it was guessed too late."""
        known = {name for batch in self.batches for name in batch} | set(self.levels) | set(self.later)
        found: dict[str, list[float]] = {}
        for name, value, _ in values:
            guessed = name.startswith(GUESSED)
            if name not in known and ((guessed and self.mean is not None) or len(known) >= _MOST_STRATA):
                name = GUESSED if guessed else _REST  # noqa: PLW2901
            known.add(name)
            found.setdefault(name, []).append(value)
        return found

    def _learn(self, name: str, values: Sequence[float]) -> None:
        self.later.setdefault(name, []).append(_moments(values))
        if len(self.later[name]) >= BATCHES:
            n, total, _ = (sum(column) for column in zip(*self.later.pop(name), strict=True))
            self.levels[name] = (n, total / n)

    def _settle(self) -> None:
        """Work out levels, spread and wobble; let the batches go."""
        self._merge_rare()
        strata = _total(self.batches)
        n = sum(moments[0] for moments in strata.values())
        self.levels = {name: (n, total / n) for name, (n, total, _) in strata.items()}
        self.mean = sum(total for _, total, _ in strata.values()) / n
        self.freedom = round(n) - len(strata)
        within = math.fsum(squares - total * total / n for n, total, squares in strata.values())
        self.deviation = math.sqrt(max(0.0, within) / self.freedom)
        self.wobble = self._wobble()
        self.batches = []

    def _wobble(self) -> float:
        if self.deviation == 0:
            return 1.0
        spread = 0.0
        for batch in self.batches:
            n = sum(moments[0] for moments in batch.values())
            off = sum(total - part * self.levels[name][1] for name, (part, total, _) in batch.items())
            spread += off * off / n
        return math.sqrt(max(1.0, spread / self.deviation**2 / chi_square(0.9, len(self.batches) - 1)))

    def _merge_rare(self) -> None:
        """Make one stratum of those that were guessed and are rare."""
        strata = _total(self.batches)
        rare = {name for name, moments in strata.items() if name.startswith(GUESSED) and moments[0] < _COMMON}
        for batch in self.batches:
            for name in rare & set(batch):
                batch[GUESSED] = _sum(batch.get(GUESSED, _NOTHING), batch.pop(name))


def student(freedom: int) -> float:
    """Return the 0.975 quantile of Student's t, to 0.003 from 11 degrees of freedom on.

    Source: the Cornish-Fisher expansion, Abramowitz and Stegun 26.7.5.
    """
    z = 1.959964
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def chi_square(q: float, freedom: int) -> float:
    """Return the q quantile of chi-square, within 2 % from 3 degrees of freedom on; q is 0.1 or 0.9.

    Source: Wilson and Hilferty 1931.
    """
    z = {0.1: -1.281552, 0.9: 1.281552}[q]
    return freedom * (1 - 2 / (9 * freedom) + z * math.sqrt(2 / (9 * freedom))) ** 3


def _moments(values: Sequence[float]) -> Moments:
    return [len(values), math.fsum(values), math.fsum(value * value for value in values)]


def _sum(one: Moments, other: Moments) -> Moments:
    return [a + b for a, b in zip(one, other, strict=True)]


def _total(batches: Sequence[Mapping[str, Moments]]) -> dict[str, Moments]:
    """Return the moments by stratum of all batches together."""
    known: dict[str, Moments] = {}
    for batch in batches:
        for name, moments in batch.items():
            known[name] = _sum(known.get(name, _NOTHING), moments)
    return known
