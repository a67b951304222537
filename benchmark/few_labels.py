"""Join or choose, when only few prompts are labelled? Part of `benchmark.score_matrices`.

So many prompts are drawn, schemes learn from them, and are counted on all the others; a hundred draws, the same for
every scheme. The 95 % intervals resample draws and prompts both, so that they cover the luck of the draw, too.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ravelar.benchmark.joining import CalibratedMean, Floats, Scheme, ScoreMatrix, best_single, routed
from ravelar.benchmark.score_matrix_report import FewLabels, Figure, Line

PROMPTS = (5, 10, 20, 40, 80)
DRAWS = 100
RESAMPLES = 2_000
BEST_SINGLE = "best single"


def schemes_for_few() -> dict[str, Scheme]:
    """Return what is tried, by the names that the tables show; the best single comes first."""
    automatic = CalibratedMean("auto")
    return {
        BEST_SINGLE: best_single,
        "calibrated mean": automatic,
        "of the models above chance": automatic.of_models_above_chance,
        "best model per category": routed,
    }


def few_labels(  # noqa: PLR0913  as `study`, with what is drawn
    matrix: ScoreMatrix,
    measures: Sequence[Callable[[Floats], Floats]],
    *,
    seed: int,
    prompts: Sequence[int] = PROMPTS,
    draws: int = DRAWS,
    schemes: Mapping[str, Scheme] | None = None,
) -> list[list[FewLabels]]:
    """Try schemes that learn from few prompts; return, for each measure, one entry per number of prompts.

    Args:
        matrix: The scores.
        measures: Of `pairwise` and `ranked_first`.
        seed: Decides the draws and the bootstrap.
        prompts: The numbers of labelled prompts.
        draws: How often each number is drawn.
        schemes: What is tried; "best single" must be among them. None means `schemes_for_few`.
    """
    found: list[list[FewLabels]] = [[] for _ in measures]
    for n in prompts:
        rng = np.random.default_rng([seed, n])
        trains = [np.sort(rng.choice(matrix.prompts, n, replace=False)) for _ in range(draws)]
        unseen = np.ones((draws, matrix.prompts))
        for row, train in zip(unseen, trains, strict=True):
            row[train] = 0.0
        outputs = {
            name: np.stack([scheme(matrix, train) for train in trains])
            for name, scheme in (schemes or schemes_for_few()).items()
        }
        for entries, measure in zip(found, measures, strict=True):
            rows = {name: measure(given) for name, given in outputs.items()}
            entries.append(FewLabels(n, _lines(rows, unseen, np.random.default_rng([seed, n, 1]))))
    return found


def _lines(rows: Mapping[str, Floats], unseen: Floats, rng: np.random.Generator) -> list[Line]:
    draws, prompts = unseen.shape
    draw_counts = rng.multinomial(draws, np.full(draws, 1 / draws), RESAMPLES).astype(np.float64)
    prompt_counts = rng.multinomial(prompts, np.full(prompts, 1 / prompts), RESAMPLES).astype(np.float64)
    cases = ((draw_counts @ unseen) * prompt_counts).sum(axis=1)

    def figure(row: Floats) -> Figure:
        shares = ((draw_counts @ (row * unseen)) * prompt_counts).sum(axis=1) / cases
        low, high = np.percentile(shares, [2.5, 97.5])
        return Figure(float((row * unseen).sum() / unseen.sum()), float(low), float(high), prompts)

    best = rows[BEST_SINGLE]
    return [Line(name, figure(row), None if name == BEST_SINGLE else figure(row - best)) for name, row in rows.items()]
