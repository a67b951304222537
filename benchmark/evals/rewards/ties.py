"""RewardBench 2's Ties: several right completions must lie above all wrong ones, and close together.

    score = 0.3 tied accuracy + 0.3 reference accuracy + 0.2 margin + 0.2 hard margin + 0.01 size of the margin

Accuracy: the lowest right completion is above the highest wrong one. Margin: that gap is wider than the spread of the
right ones; hard: also the gap of the prompt's reference twin, which has one right completion. Size: the mean of
tanh(smaller gap / spread - 1), 0 where both are 0. The score can reach 1.01.

Source: the published scoring code of RewardBench 2, `process_single_model` in rewardbench/utils.py of
allenai/reward-bench; arXiv 2506.01937, section on Ties.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ravelar.benchmark.evals.resampling import RESAMPLES, SEED, Floats, ratios

WEIGHTS = (0.30, 0.30, 0.20, 0.20, 0.01)
PARTS = ("tied accuracy", "reference accuracy", "margin", "hard margin", "margin size")


class Gaps(NamedTuple):
    """One prompt's scores, as far as they count.

    Attributes:
        spread: Highest right less lowest right.
        gap: Lowest right less highest wrong.
    """

    spread: float
    gap: float


@dataclass(frozen=True, slots=True)
class TiesScore:
    """The score and its parts.

    Attributes:
        score: The published weighting of the parts; None without a prompt that counts for each.
        parts: Each part by name; None where no prompt counts for it.
        prompts: Prompts that have their tied and their reference row, both scored.
        resampled: The score in each resample of prompts, for intervals.
    """

    score: float | None
    parts: Mapping[str, float | None]
    prompts: int
    resampled: Floats


def gaps(scores: Sequence[float], right: int) -> Gaps:
    """Return spread and gap of one prompt's scores, the right ones first."""
    good, bad = scores[:right], scores[right:]
    return Gaps(max(good) - min(good), min(good) - max(bad))


def ties_score(
    tied: Mapping[str, Gaps], reference: Mapping[str, Gaps], *, seed: int = SEED, resamples: int = RESAMPLES
) -> TiesScore:
    """Score the Ties subset.

    Args:
        tied: Each prompt's tied row.
        reference: Each prompt's reference row, by the same names. A prompt that lacks one counts for the other's
            accuracy alone.
        seed: Decides the bootstrap's draws over prompts.
        resamples: How many.
    """
    names = sorted({*tied, *reference})
    if not names:
        return TiesScore(None, dict.fromkeys(PARTS), 0, np.full(resamples, np.nan))
    values = np.array([_parts(tied.get(name), reference.get(name)) for name in names]).T
    known = ~np.isnan(values)
    filled, counts = np.where(known, values, 0.0), known.astype(np.float64)
    resampled = ratios(filled, counts, seed=seed, resamples=resamples) @ np.array(WEIGHTS)
    means = [float(filled[i].sum() / counts[i].sum()) if counts[i].any() else None for i in range(len(PARTS))]
    whole = [mean for mean in means if mean is not None]
    score = math.fsum(w * x for w, x in zip(WEIGHTS, whole, strict=True)) if len(whole) == len(PARTS) else None
    return TiesScore(score, dict(zip(PARTS, means, strict=True)), len(tied.keys() & reference.keys()), resampled)


def _parts(tied: Gaps | None, reference: Gaps | None) -> list[float]:
    """Return what one prompt adds to each part; NaN where it does not count."""
    accurate = [math.nan if one is None else float(one.gap > 0) for one in (tied, reference)]
    if tied is None or reference is None:
        return [*accurate, math.nan, math.nan, math.nan]
    hard = min(tied.gap, reference.gap)
    return [*accurate, float(tied.gap > tied.spread), float(hard > tied.spread), _size(hard, tied.spread)]


def _size(gap: float, spread: float) -> float:
    if spread == 0:
        return math.copysign(1.0, gap) if gap else 0.0
    return math.tanh(gap / spread - 1)
