"""From the proof's rows to its figures: means over seeds with 95 % intervals, changes paired by seed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ravelar.training.study.figures import Mean, mean_of
from ravelar.training.writing_env.proof.runs import ARMS, Arm

Point = Mapping[str, Any]
_TENTHS = 10


class ProofFigures:
    """What the rows of the proof say.

    Args:
        rows: Rows of any number of runs; of two for one arm and seed the last counts.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self.runs: dict[tuple[str, int], Mapping[str, Any]] = {
            (row["arm"], row["seed"]): row for row in rows if row["kind"] == "run"
        }

    @property
    def arms(self) -> list[Arm]:
        """The arms that have runs, in their order."""
        return [arm for arm in ARMS if any(name == arm for name, _ in self.runs)]

    @property
    def seeds(self) -> list[int]:
        """The seeds that any arm was run with."""
        return sorted({seed for _, seed in self.runs})

    def of(self, arm: str) -> list[Mapping[str, Any]]:
        """Return an arm's runs, by seed."""
        return [self.runs[name, seed] for name, seed in sorted(self.runs) if name == arm]

    def at(self, arm: str, figure: str, which: int) -> Mean | None:
        """Return a figure of held-out episodes; `which` 0 is before GRPO, -1 after it. None where nothing is known."""
        values = [run["held_out"][which][figure] for run in self.of(arm)]
        return mean_of([value for value in values if value is not None])

    def change(self, arm: str, figure: str) -> Mean | None:
        """Return by how much a figure of held-out episodes changed, paired by seed."""
        ends = [(run["held_out"][0][figure], run["held_out"][-1][figure]) for run in self.of(arm)]
        return mean_of([after - before for before, after in ends if before is not None and after is not None])

    def curve(self, arm: str, figure: str) -> list[tuple[int, Mean]]:
        """Return (step, mean over seeds) of the looks at held-out episodes that all of the arm's runs have."""
        looks = zip(*(run["held_out"] for run in self.of(arm)), strict=False)
        return [(points[0]["step"], mean) for points in looks if (mean := _mean(points, figure)) is not None]

    def while_training(self, arm: str, figure: str) -> list[tuple[float, Mean]]:
        """Return (middle step, mean over seeds) of training episodes, in ten stretches of the run."""
        runs = [_stretches(run["training"], figure) for run in self.of(arm)]
        found = []
        for parts in zip(*runs, strict=False):
            mean = mean_of([value for _, value in parts if value is not None])
            if mean is not None:
                found.append((parts[0][0], mean))
        return found


def _mean(points: Sequence[Point], figure: str) -> Mean | None:
    return mean_of([point[figure] for point in points if point[figure] is not None])


def _stretches(points: Sequence[Point], figure: str) -> list[tuple[float, float | None]]:
    size = max(1, -(-len(points) // _TENTHS))
    parts = [points[at : at + size] for at in range(0, len(points), size)]
    return [((part[0]["step"] + part[-1]["step"]) / 2, _plain([point[figure] for point in part])) for part in parts]


def _plain(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
