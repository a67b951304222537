"""A judge beside people: how far it agrees with human scores of the same texts, and what calibrating it to them gains.

The map from a judge's score to what people would say is monotone (isotonic), fitted on four fifths of the source texts
and measured on the fifth that it has not seen, in turn: no text, and no other text of its source, calibrates itself.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravelar.benchmark.evals.resampling import SEED, multiplicities
from ravelar.benchmark.evals.rows import Row
from ravelar.tools.errors import InputError
from ravelar.tools.extras import need
from ravelar.tools.rows import BadRow, read_rows

FOLDS = 5
LEAST = 20  # texts; ours: with fewer, a map of ten steps is mostly noise
_RESAMPLES = 500

Floats = NDArray[np.float64]
Human = Mapping[tuple[str, str], float]
"""The mean human score by item and system."""


@dataclass(frozen=True, slots=True)
class BesideHumans:
    """A judge's scores beside people's.

    Attributes:
        judge: Who.
        n: Texts that both scored.
        rank_correlation: Spearman's; None where it can't be told.
        low: Lower end of its 95 % interval, by cluster bootstrap.
        high: Upper end.
        lean: The judge's mean less people's, on their scale.
        error: Mean distance of the judge's scores from people's.
        calibrated_error: The same of calibrated scores, on texts that calibrated nothing; None with fewer than 20.
        means: What people said on the mean where the judge said a score, by that score.
    """

    judge: str
    n: int
    rank_correlation: float | None
    low: float | None
    high: float | None
    lean: float
    error: float
    calibrated_error: float | None
    means: Mapping[str, float]


def read_human_scores(path: Path) -> dict[tuple[str, str], float]:
    """Read human scores: rows of `infer_id`, `model` and `score`, several people's averaged.

    Raises:
        InputError: if the file can't be read, or a row has no such columns or no finite score.
    """
    found: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for row in read_rows(str(path)):
        if isinstance(row, BadRow):
            raise InputError(f"{row.place}: {row.reason}")
        item, system, score = (row.values.get(name) for name in ("infer_id", "model", "score"))
        numeric = isinstance(score, int | float) and not isinstance(score, bool) and bool(np.isfinite(score))
        if score is None or not isinstance(item, str) or not isinstance(system, str) or not numeric:
            there = f"{row.values!r:.200}"
            raise InputError(f"{row.place}: infer_id, model and a finite number score are needed, found {there}")
        found[item, system].append(float(score))
    if not found:
        raise InputError(f"{path} holds no human scores")
    return {key: sum(scores) / len(scores) for key, scores in found.items()}


def beside_humans(judge: str, judged: Sequence[Row], human: Human, clusters: Mapping[str, str]) -> BesideHumans | None:
    """Set a judge's scores beside people's; None if they share no text.

    Args:
        judge: Who.
        judged: Its rows; several of one text are averaged.
        human: What people said.
        clusters: The source of each item.
    """
    said: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for row in judged:
        key = (str(row["item"]), str(row["system"]))
        if row["judge"] == judge and row.get("score") is not None and key in human:
            said[key].append(float(row["score"]))
    if not said:
        return None
    keys = sorted(said)
    ours = np.array([np.mean(said[key]) for key in keys])
    theirs = np.array([human[key] for key in keys])
    groups = np.unique([clusters[item] for item, _ in keys], return_inverse=True)[1]
    low, high = _interval(ours, theirs, groups)
    return BesideHumans(
        judge=judge,
        n=len(keys),
        rank_correlation=_spearman(ours, theirs),
        low=low,
        high=high,
        lean=float((ours - theirs).mean()),
        error=float(np.abs(ours - theirs).mean()),
        calibrated_error=_calibrated_error(ours, theirs, groups),
        means={f"{score:g}": round(float(theirs[ours == score].mean()), 3) for score in np.unique(ours)},
    )


def _spearman(ours: Floats, theirs: Floats) -> float | None:
    from scipy import stats  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415

    if len(ours) < 3 or ours.std() == 0 or theirs.std() == 0:
        return None
    return float(stats.spearmanr(ours, theirs).statistic)


def _interval(ours: Floats, theirs: Floats, groups: NDArray[Any]) -> tuple[float | None, float | None]:
    members = [np.flatnonzero(groups == group) for group in range(int(groups.max()) + 1)]
    found = []
    for block in multiplicities(len(members), seed=SEED, resamples=_RESAMPLES):
        for times in block:
            rows = np.concatenate([np.repeat(rows, int(n)) for rows, n in zip(members, times, strict=True)])
            value = _spearman(ours[rows], theirs[rows])
            if value is not None:
                found.append(value)
    if len(members) < 2 or not found:
        return None, None
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def _calibrated_error(ours: Floats, theirs: Floats, groups: NDArray[Any]) -> float | None:
    if len(ours) < LEAST or int(groups.max()) + 1 < FOLDS:
        return None
    need("sklearn", extra="acquire", what="calibrating a judge to people")
    from sklearn import isotonic  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415

    distances = np.zeros(len(ours))
    for fold in range(FOLDS):
        held = groups % FOLDS == fold
        fitted = isotonic.IsotonicRegression(out_of_bounds="clip").fit(ours[~held], theirs[~held])
        distances[held] = np.abs(fitted.predict(ours[held]) - theirs[held])
    return float(distances.mean())
