"""The selection experiment over given scores: does choosing or joining reward models help, without leaks?

Everything that is learnt is learnt on nine tenths of the prompts and counted on the last tenth; an oracle that may look
is shown beside what it would reach by lot. The schemes and figures are those of `benchmark.score_matrices`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ravelar.benchmark.evals.rewards.cases import Case
from ravelar.benchmark.evals.rewards.given import Said, read_given
from ravelar.benchmark.joining import CalibratedMean, Scheme, ScoreMatrix, pairwise, ranked_first
from ravelar.benchmark.score_matrices import FOLDS, SEED, all_schemes, study
from ravelar.benchmark.score_matrix_report import Findings
from ravelar.tools.errors import InputError


class Selected(NamedTuple):
    """What was found.

    Attributes:
        findings: By each measure.
        left_out: Cases that are not in the matrix: not scored by every system, of another number of completions than
            most, or with several right ones.
        cases: Cases that are.
    """

    findings: list[Findings]
    left_out: int
    cases: int


def select(benchmark: str, paths: Sequence[Path], *, seed: int = SEED, quick: bool = False) -> Selected:
    """Run the experiment on score files.

    Args:
        benchmark: Whose scores they are.
        paths: As for `read_given`; several systems, in one file or in several.
        seed: Decides folds and bootstrap draws.
        quick: Leave out the schemes that fit maps, which need scikit-learn and some minutes.

    Raises:
        InputError: if there are fewer than two systems, or fewer than ten prompts that all of them scored.
    """
    said = read_given(benchmark, paths)
    matrix, left_out = matrix_of(benchmark, said)
    measures = (pairwise,) if matrix.completions == 2 else (ranked_first, pairwise)
    return Selected(study(matrix, measures, seed=seed, schemes=_schemes(quick)), left_out, matrix.prompts)


def matrix_of(name: str, said: Said) -> tuple[ScoreMatrix, int]:
    """Return the score matrix of the cases that every system scored, and how many cases are not in it.

    Raises:
        InputError: if there are fewer than two systems, or fewer cases than folds.
    """
    if len(said) < 2:
        raise InputError(f"choosing among reward models needs two or more, got {', '.join(said) or 'none'}")
    scores: dict[str, list[list[float]]] = {}
    cases: dict[str, Case] = {}
    for rows in said.values():
        for case, one in rows:
            known = one is not None and one.error is None and len(one.scores) > 1 and None not in one.scores
            if known and one is not None and case.right == 1:
                scores.setdefault(case.key, []).append([x for x in one.scores if x is not None])
                cases[case.key] = case
    whole = [key for key, given in scores.items() if len(given) == len(said)]
    widths = [len(scores[key][0]) for key in whole]
    usual = max(set(widths), key=widths.count) if widths else 0
    kept = [key for key, width in zip(whole, widths, strict=True) if width == usual]
    if len(kept) < FOLDS:
        raise InputError(
            f"{len(kept)} cases with one right completion were scored by all of {', '.join(said)}; {FOLDS} are needed"
        )
    values = np.array([scores[key] for key in kept]).transpose(1, 0, 2)
    category = np.array([cases[key].subset for key in kept])
    total = len({case.key for rows in said.values() for case, _ in rows})
    return ScoreMatrix(name, tuple(said), values, category), total - len(kept)


def _schemes(quick: bool) -> Mapping[str, Scheme]:
    every = all_schemes()
    return {name: one for name, one in every.items() if not (quick and _fits_maps(one))}


def _fits_maps(scheme: Scheme) -> bool:
    return isinstance(scheme, CalibratedMean) or isinstance(getattr(scheme, "__self__", None), CalibratedMean)
