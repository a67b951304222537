"""From a study's rows to its figures: means over seeds with 95 % intervals, differences paired by seed."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ravelar.training.study.arms import ARMS, BY_ARM
from ravelar.training.study.families import BY_NAME

OVERALL = "mean"
"""The mean over families, each weighing the same."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over seeds.

    Attributes:
        value: The mean.
        half: Half the width of its 95 % interval by Student's t; None of fewer than two seeds.
        n: How many seeds.
    """

    value: float
    half: float | None
    n: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of zero; never of fewer than two seeds."""
        return self.half is not None and abs(self.value) > self.half


class Figures:
    """What the rows of a study say.

    Args:
        rows: Rows of any number of runs; of two for one arm and seed the last counts.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self.rows = list(rows)
        self.runs: dict[tuple[str, int], Mapping[str, Any]] = {
            (row["arm"], row["seed"]): row for row in self.rows if row["kind"] == "run"
        }
        self.kits = {row["seed"]: row for row in self.rows if row["kind"] == "kit"}

    @property
    def arms(self) -> list[str]:
        """The arms that have runs, in the registry's order."""
        return [arm.name for arm in ARMS if any(name == arm.name for name, _ in self.runs)]

    @property
    def seeds(self) -> list[int]:
        """The seeds that any arm was run with."""
        return sorted({seed for _, seed in self.runs})

    def missing(self, arms: Sequence[str], seeds: Sequence[int]) -> list[tuple[str, int]]:
        """Return the runs of a plan that have no row."""
        return [(arm, seed) for arm in arms for seed in seeds if (arm, seed) not in self.runs]

    def accuracy(self, arm: str, family: str = OVERALL, *, when: str = "after") -> Mean | None:
        """Return an arm's true accuracy on held-out questions; None without runs."""
        return mean_of([self._of(arm, seed, "accuracy", family, when) for seed in self._seeds_of(arm)])

    def reward(self, arm: str, family: str = OVERALL, *, when: str = "after") -> Mean | None:
        """Return an arm's own reward of the same completions, over the families that it can score; None without any."""
        values = [self._of(arm, seed, "reward", family, when) for seed in self._seeds_of(arm)]
        return mean_of([value for value in values if not math.isnan(value)])

    def difference(self, arm: str, other: str, family: str = OVERALL) -> Mean | None:
        """Return by how much an arm's true accuracy is above another's, paired over the seeds that both have."""
        both = [seed for seed in self._seeds_of(arm) if seed in self._seeds_of(other)]
        pairs = [
            (self._of(arm, seed, "accuracy", family, "after"), self._of(other, seed, "accuracy", family, "after"))
            for seed in both
        ]
        return mean_of([one - two for one, two in pairs])

    def best(self, kind: str, family: str = OVERALL) -> str | None:
        """Return the arm of a kind with the greatest true accuracy; None if none of them has runs."""
        found = {arm: self.accuracy(arm, family) for arm in self.arms if BY_ARM[arm].kind == kind}
        known = {arm: mean.value for arm, mean in found.items() if mean is not None}
        return max(known, key=lambda arm: known[arm]) if known else None

    def rates(self) -> dict[str, float]:
        """Return the learning rate of each arm's runs."""
        return {arm: row["rate"] for (arm, _), row in self.runs.items()}

    def curve(self, arm: str) -> list[tuple[int, float]]:
        """Return (step, true accuracy on held-out questions), the mean over families and seeds."""
        at: dict[int, list[float]] = {0: [], **{}}
        for seed in self._seeds_of(arm):
            row = self.runs[arm, seed]
            at[0].append(_overall(row["before"]["accuracy"]))
            for point in row["curve"]:
                at.setdefault(point["step"], []).append(_overall(point["accuracy"]))
        return [(step, statistics.fmean(values)) for step, values in sorted(at.items()) if values]

    def while_training(self, arm: str) -> list[tuple[float, float, float]]:
        """Return (step, reward, true accuracy) of training batches by tenths of the run, the mean over seeds."""
        parts = zip(*(self.runs[arm, seed]["training"] for seed in self._seeds_of(arm)), strict=False)
        found = []
        for part in parts:
            rewards = [entry["reward"] for entry in part if entry["reward"] is not None]
            if rewards:
                accuracy = statistics.fmean(entry["accuracy"] for entry in part)
                found.append((part[0]["step"], statistics.fmean(rewards), accuracy))
        return found

    def _seeds_of(self, arm: str) -> list[int]:
        return sorted(seed for name, seed in self.runs if name == arm)

    def _of(self, arm: str, seed: int, figure: str, family: str, when: str) -> float:
        by_family: Mapping[str, float | None] = self.runs[arm, seed][when][figure]
        value = _overall(by_family) if family == OVERALL else by_family[family]
        return math.nan if value is None else value


def mean_of(values: Sequence[float]) -> Mean | None:
    """Return the mean of values, one a seed, with its interval; None of none."""
    if not values:
        return None
    if len(values) == 1:
        return Mean(values[0], None, 1)
    from scipy.stats import t  # type: ignore[import-untyped]  # noqa: PLC0415  heavy

    error = statistics.stdev(values) / math.sqrt(len(values))
    return Mean(statistics.fmean(values), float(t.ppf(0.975, len(values) - 1)) * error, len(values))


def _overall(by_family: Mapping[str, float | None]) -> float:
    known = [value for name, value in by_family.items() if name in BY_NAME and value is not None]
    return statistics.fmean(known) if known else math.nan
