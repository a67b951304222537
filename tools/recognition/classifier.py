"""A linear classifier over features that says "none of these" of what it has not seen.

Weights are whole numbers, so that sums do not depend on their order and every process and machine that holds the
same classifier decides the same. Scoring needs numpy alone.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ravelar.tools.errors import InputError

SCALE = 10_000  # ours: weights are kept to four decimals


class Guess(NamedTuple):
    """The likeliest label and the next; probabilities are those of one-against-the-rest models.

    `typical` is how typical the prompt is of the likeliest label, in units of what that label asks for: below 1 it is
    odder than the label's own prompts are.
    """

    label: str
    probability: float
    runner_up: str | None
    next_probability: float
    typical: float


@dataclass(frozen=True, slots=True, eq=False)
class LinearClassifier:
    """One logistic model per label over features of unit length.

    Attributes:
        labels: The labels, sorted.
        counts: How many names stand behind each.
        vocabulary: The row of each known feature.
        squares: A feature's squared weight within a prompt (its rarity), times SCALE.
        unknown_square: The same for a feature never seen; it counts for no label and makes all others lighter.
        weights: Row by feature, column by label, times SCALE.
        bias: One per label.
        shares: Row by feature, column by label: the share of the label's names that have the feature, times SCALE.
        floors: One per label: the least sum of shares over the root of the number of features.
    """

    labels: tuple[str, ...]
    counts: tuple[int, ...]
    vocabulary: Mapping[str, int]
    squares: npt.NDArray[np.int64]
    unknown_square: int
    weights: npt.NDArray[np.int32]
    bias: tuple[float, ...]
    shares: npt.NDArray[np.int32]
    floors: tuple[float, ...]

    def guess(self, found: Collection[str]) -> Guess:
        """Return the likeliest label of a set of features."""
        row_of = self.vocabulary.get
        rows = [row for feature in found if (row := row_of(feature)) is not None]
        length = math.sqrt((int(self.squares[rows].sum()) + self.unknown_square * (len(found) - len(rows))) / SCALE)
        sums = self.weights[rows].sum(axis=0, dtype=np.int64).tolist()
        scores = [total / SCALE / (length or 1.0) + bias for total, bias in zip(sums, self.bias, strict=True)]
        order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
        first = order[0]
        typical = int(self.shares[rows, first].sum()) / SCALE / math.sqrt(len(found) or 1)
        least = self.floors[first]
        label, next_label = self.labels[first], self.labels[order[1]] if len(order) > 1 else None
        return Guess(
            label=label,
            probability=_probability(scores[first]),
            runner_up=next_label,
            next_probability=_probability(scores[order[1]]) if len(order) > 1 else 0.0,
            typical=typical / least if least > 0 else 1.0,
        )

    def as_plain(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "labels": list(self.labels),
            "counts": list(self.counts),
            "features": list(self.vocabulary),
            "squares": self.squares.tolist(),
            "unknown_square": self.unknown_square,
            "weights": self.weights.tolist(),
            "bias": list(self.bias),
            "shares": self.shares.tolist(),
            "floors": list(self.floors),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "LinearClassifier":
        """Read what `as_plain` wrote.

        Raises:
            InputError: if parts are missing or do not fit one another.
        """
        try:
            features: Sequence[str] = plain["features"]
            made = cls(
                labels=tuple(plain["labels"]),
                counts=tuple(int(count) for count in plain["counts"]),
                vocabulary={feature: row for row, feature in enumerate(features)},
                squares=np.array(plain["squares"], dtype=np.int64),
                unknown_square=int(plain["unknown_square"]),
                weights=np.array(plain["weights"], dtype=np.int32).reshape(len(features), len(plain["labels"])),
                bias=tuple(float(bias) for bias in plain["bias"]),
                shares=np.array(plain["shares"], dtype=np.int32).reshape(len(features), len(plain["labels"])),
                floors=tuple(float(floor) for floor in plain["floors"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(f"no classifier can be read: {type(error).__name__}: {error}") from error
        per_label = {len(made.labels), len(made.counts), len(made.bias), len(made.floors)}
        if len(per_label) > 1 or not made.labels or len(made.squares) != len(features):
            raise InputError("no classifier can be read: labels, counts, bias and features do not fit one another")
        return made


def _probability(score: float) -> float:
    """Return 1 / (1 + exp(-score)), to four decimals."""
    return round(1.0 / (1.0 + math.exp(-max(-40.0, min(40.0, score)))), 4)
