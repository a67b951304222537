"""Ways to get one score out of several reward models' scores, each fitted on training prompts only.

A scheme is told which prompts it may learn from and returns a value for every completion of every prompt; the
caller looks at the values of the prompts that were held out.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravelar.tools.calibrating import Method, fit, values
from ravelar.tools.calibration import Calibration

Floats = NDArray[np.float64]
Rows = NDArray[Any]
Z_95 = 1.959964


@dataclass(frozen=True, slots=True)
class ScoreMatrix:
    """What several reward models gave the completions of many prompts, one of which is right.

    Attributes:
        name: The data set.
        models: The models' names.
        scores: Raw scores, of shape (models, prompts, completions); completion 0 is the right one.
        category: Each prompt's category, known without its completions.
    """

    name: str
    models: tuple[str, ...]
    scores: Floats
    category: NDArray[np.str_]

    @property
    def prompts(self) -> int:
        """How many prompts there are."""
        return int(self.scores.shape[1])

    @property
    def completions(self) -> int:
        """How many completions each prompt has."""
        return int(self.scores.shape[2])


Scheme = Callable[[ScoreMatrix, Rows], Floats]
"""(scores, training prompts) -> values of shape (prompts, completions)."""


def pairwise(given: Floats) -> Floats:
    """Share of (right, wrong) pairs in which the right completion has the higher value, ties counting half."""
    right, wrong = given[..., :1], given[..., 1:]
    return np.asarray(((right > wrong) + 0.5 * (right == wrong)).mean(axis=-1))


def ranked_first(given: Floats) -> Floats:
    """Chance that the right completion is taken where one of the highest is taken by lot."""
    highest = given == given.max(axis=-1, keepdims=True)
    return np.asarray(highest[..., 0] / highest.sum(axis=-1), dtype=np.float64)


def best_single(matrix: ScoreMatrix, train: Rows) -> Floats:
    """Take the model of the highest pairwise accuracy."""
    return np.asarray(matrix.scores[_best(matrix, train)])


def raw_mean(matrix: ScoreMatrix, train: Rows) -> Floats:
    """Take the mean over the models' own scales; nothing is learnt."""
    return np.asarray(matrix.scores.mean(axis=0))


def standardised_mean(matrix: ScoreMatrix, train: Rows) -> Floats:
    """Take the mean of z-scores: shift and scale of the training prompts, no labels; a constant model has no say."""
    seen = matrix.scores[:, train]
    shift, scale = seen.mean(axis=(1, 2), keepdims=True), seen.std(axis=(1, 2), keepdims=True)
    return np.asarray(((matrix.scores - shift) / np.where(scale > 0, scale, 1.0)).mean(axis=0))


class CalibratedMean:
    """Map each model by `tools.calibrating.fit`, then take the mean; what was fitted once is kept.

    Args:
        method: Which kind of map.
    """

    def __init__(self, method: Method) -> None:
        self.method = method
        self._kept: dict[tuple[str, str, bytes], Floats] = {}

    def __call__(self, matrix: ScoreMatrix, train: Rows) -> Floats:
        """Join all models."""
        return self._mean(matrix, train, range(len(matrix.models)))

    def of_models_above_chance(self, matrix: ScoreMatrix, train: Rows) -> Floats:
        """Join those whose interval of pairwise accuracy on the training prompts lies above one half."""
        low = [_low(row) for row in pairwise(matrix.scores[:, train])]
        return self._mean(matrix, train, [i for i, x in enumerate(low) if x > 0.5] or [_best(matrix, train)])

    def _mean(self, matrix: ScoreMatrix, train: Rows, chosen: Sequence[int]) -> Floats:
        return np.asarray(np.mean([self._units(matrix, train, i) for i in chosen], axis=0))

    def _units(self, matrix: ScoreMatrix, train: Rows, i: int) -> Floats:
        key = (matrix.name, matrix.models[i], train.tobytes())
        if key not in self._kept:
            self._kept[key] = values(fitted(matrix, i, train, self.method), matrix.scores[i])
        return self._kept[key]


def fitted(matrix: ScoreMatrix, i: int, train: Rows, method: Method) -> Calibration:
    """Fit the map of the i-th model on the training prompts."""
    seen = matrix.scores[i][train]
    right = np.zeros(seen.shape, dtype=np.bool_)
    right[:, 0] = True
    return fit(
        seen.ravel().tolist(),
        right.ravel().tolist(),
        direction="higher",
        probes_digest="",
        method=method,
        groups=np.repeat(train, matrix.completions).tolist(),
    )


def routed(matrix: ScoreMatrix, train: Rows) -> Floats:
    """Take, in each category, the model of the highest pairwise accuracy there."""
    return _by_category(matrix, train, _best)


def routed_on_evidence(matrix: ScoreMatrix, train: Rows) -> Floats:
    """Take the best single, save in categories where another beats it with a paired interval above zero."""
    incumbent = _best(matrix, train)

    def choose(matrix_: ScoreMatrix, rows: Rows) -> int:
        challenger = _best(matrix_, rows)
        gain = pairwise(matrix_.scores[challenger][rows]) - pairwise(matrix_.scores[incumbent][rows])
        return challenger if _low(gain) > 0 else incumbent

    return _by_category(matrix, train, choose)


def held_out(matrix: ScoreMatrix, scheme: Scheme, folds: Rows) -> Floats:
    """Return a scheme's values for each prompt, learnt on the other folds.

    Args:
        matrix: The scores.
        scheme: What is tried.
        folds: Each prompt's fold.
    """
    out = np.empty(matrix.scores.shape[1:])
    for fold in np.unique(folds):
        test = folds == fold
        out[test] = scheme(matrix, np.flatnonzero(~test))[test]
    return out


def _best(matrix: ScoreMatrix, rows: Rows) -> int:
    return int(pairwise(matrix.scores[:, rows]).mean(axis=-1).argmax())


def _by_category(matrix: ScoreMatrix, train: Rows, choose: Callable[[ScoreMatrix, Rows], int]) -> Floats:
    overall = _best(matrix, train)
    out = np.array(matrix.scores[overall])
    for category in np.unique(matrix.category):
        seen = train[matrix.category[train] == category]
        here = matrix.category == category
        out[here] = matrix.scores[choose(matrix, seen) if len(seen) else overall][here]
    return out


def _low(per_prompt: Floats) -> float:
    """Lower end of the 95 % interval of a mean over prompts, by the normal law; -inf for a single prompt."""
    if len(per_prompt) < 2:
        return -math.inf
    return float(per_prompt.mean() - Z_95 * per_prompt.std(ddof=1) / len(per_prompt) ** 0.5)
