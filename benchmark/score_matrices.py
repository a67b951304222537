"""Does it help to join several reward models, or to route among them? Measured on published score matrices.

    python -m ravelar.benchmark.score_matrices [DIR] [--seed N] [--json]

DIR holds `judgebench/` (objectively labelled pairs, scored by five reward models), `rewardmath/` (one right and
nine wrong solutions of a problem, scored by nine) and, for the subjects of rewardmath's problems, `math/`.

Everything that is learnt (which model is best, maps, routes) is learnt on nine tenths of the prompts and
counted on the last tenth, ten times over, and all of that for five divisions into tenths, whose mean is
reported: a single division moves a choice among equals by several points. Intervals are 95 % percentile
bootstraps over prompts, the same draws for all schemes, so that differences are paired; they do not cover what
is learnt anew on other training prompts, nor that the same few models stand behind every prompt.
"""

import argparse
import gzip
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravelar.benchmark.evals.rewards.formats import judgebench_category
from ravelar.benchmark.few_labels import BEST_SINGLE, few_labels
from ravelar.benchmark.joining import (
    CalibratedMean,
    Floats,
    Scheme,
    ScoreMatrix,
    best_single,
    fitted,
    held_out,
    pairwise,
    ranked_first,
    raw_mean,
    routed,
    routed_on_evidence,
    standardised_mean,
)
from ravelar.benchmark.score_matrix_report import (
    Figure,
    Findings,
    Line,
    Scale,
    few_table,
    scale_table,
    tables,
)
from ravelar.tools.calibrating import values as values_of

Measure = Callable[[Floats], Floats]

FOLDS = 10
DIVISIONS = 5
RESAMPLES = 2_000
SEED = 21
RAW_MEAN = "raw mean"


def all_schemes() -> dict[str, Scheme]:
    """Return what is tried, by the names that the tables show."""
    automatic = CalibratedMean("auto")
    return {
        BEST_SINGLE: best_single,
        RAW_MEAN: raw_mean,
        "standardised mean": standardised_mean,
        "calibrated mean": automatic,
        "calibrated mean, all logistic": CalibratedMean("logistic"),
        "calibrated mean, all isotonic": CalibratedMean("isotonic"),
        "calibrated mean of the models above chance": automatic.of_models_above_chance,
        "routing: best model per category": routed,
        "routing: another model only on evidence": routed_on_evidence,
    }


def read_judgebench(folder: Path) -> ScoreMatrix:
    """Read JudgeBench's pairs and the reward models' scores beside them; the right completion comes first."""
    columns: dict[str, Floats] = {}
    category: list[str] = []
    for path in sorted(folder.glob("*__reward_model__*.jsonl.gz")):
        rows = list(_rows(path))
        pairs = [row["judgments"][0]["judgment"]["scores"] for row in rows]
        ordered = [pair if row["label"] == "A>B" else pair[::-1] for row, pair in zip(rows, pairs, strict=True)]
        columns[path.name.split("__")[2].removesuffix(".jsonl.gz")] = np.array(ordered, dtype=np.float64)
        category = [judgebench_category(row["source"]) for row in rows]
    return ScoreMatrix("JudgeBench", tuple(columns), np.stack(list(columns.values())), np.array(category))


def read_rewardmath(folder: Path, math_folder: Path) -> ScoreMatrix:
    """Read RewardMATH's score matrix; a problem's category is its subject in MATH-500, where it is found there."""
    rows = list(_rows(folder / "scores.jsonl.gz"))
    source = math_folder / "math500.jsonl.gz"
    subject = {_squeezed(row["problem"]): row["subject"] for row in _rows(source)} if source.exists() else {}
    models = tuple(rows[0]["scores"])
    scores = np.array([[_right_first(row, model) for row in rows] for model in models], dtype=np.float64)
    category = np.array([subject.get(_squeezed(row["problem"]), "unknown").lower() for row in rows])
    return ScoreMatrix("RewardMATH", models, scores, category)


def study(
    matrix: ScoreMatrix,
    measures: Sequence[Measure],
    *,
    seed: int = SEED,
    schemes: Mapping[str, Scheme] | None = None,
) -> list[Findings]:
    """Try every scheme on one matrix; return what was found by each measure.

    Args:
        matrix: The scores.
        measures: Of `pairwise` and `ranked_first`.
        seed: Decides the folds and the bootstrap's draws.
        schemes: What is tried; "best single" and "raw mean" must be among them. None means all.
    """
    rng = np.random.default_rng(seed)
    divisions = [rng.permutation(matrix.prompts) % FOLDS for _ in range(DIVISIONS)]
    named = all_schemes() if schemes is None else schemes
    tried = {name: np.stack([held_out(matrix, scheme, x) for x in divisions]) for name, scheme in named.items()}
    return [_findings(matrix, measure, tried, np.random.default_rng(seed)) for measure in measures]


def _findings(matrix: ScoreMatrix, measure: Measure, tried: Mapping[str, Floats], rng: np.random.Generator) -> Findings:
    draws = rng.integers(0, matrix.prompts, (RESAMPLES, matrix.prompts))
    alone = measure(matrix.scores)
    return Findings(
        data=matrix.name,
        measure="pairwise accuracy" if measure is pairwise else f"right one of {matrix.completions} ranked first",
        models=[Line(name, _figure(row, draws)) for name, row in zip(matrix.models, alone, strict=True)],
        schemes=_lines(tried, measure, draws),
        oracles=[
            *_in_sample(matrix, alone, draws),
            *(_any_of_n(matrix, draws) if measure is ranked_first or matrix.completions == 2 else ()),
        ],
        categories={name: list(_in_category(matrix, alone, name, rng)) for name in np.unique(matrix.category).tolist()},
    )


def _lines(tried: Mapping[str, Floats], measure: Measure, draws: NDArray[Any]) -> list[Line]:
    """Measure each scheme, averaged over the divisions, and its difference from the two it is compared with."""
    rows = {name: measure(given).mean(axis=0) for name, given in tried.items()}

    def over(name: str, other: str) -> Figure | None:
        return None if name == other or other not in rows else _figure(rows[name] - rows[other], draws)

    return [
        Line(name, _figure(row, draws), over(name, BEST_SINGLE), over(name, RAW_MEAN)) for name, row in rows.items()
    ]


def scales(matrix: ScoreMatrix) -> list[Scale]:
    """Describe each model's raw scale and how many ties the maps make, fitted on all prompts."""
    every = np.arange(matrix.prompts)
    lead = matrix.scores.mean(axis=0).argmax(axis=-1)
    return [_scale(matrix, i, lead, every) for i in range(len(matrix.models))]


def _scale(matrix: ScoreMatrix, i: int, lead: NDArray[Any], every: NDArray[Any]) -> Scale:
    from sklearn.isotonic import IsotonicRegression  # type: ignore[import-untyped]  # noqa: PLC0415  heavy

    scores = matrix.scores[i]
    right = np.zeros(scores.shape)
    right[:, 0] = 1.0
    weights = np.where(right > 0, matrix.completions - 1, 1)
    plain = IsotonicRegression().fit(scores.ravel(), right.ravel(), sample_weight=weights.ravel())
    ours = values_of(fitted(matrix, i, every, "isotonic"), scores)
    return Scale(
        what=matrix.models[i],
        low=float(scores.min()),
        middle=float(np.median(scores)),
        high=float(scores.max()),
        deviation=float(scores.std()),
        leads_raw_mean=float((scores.argmax(axis=-1) == lead).mean()),
        chosen=fitted(matrix, i, every, "auto").method,
        ties=_tied(scores),
        ties_plain=_tied(plain.predict(scores.ravel()).reshape(scores.shape)),
        ties_ours=_tied(ours),
    )


def _tied(values: Floats) -> float:
    return float((values[:, :1] == values[:, 1:]).mean())


def _in_sample(matrix: ScoreMatrix, alone: Floats, draws: NDArray[Any]) -> Iterator[Line]:
    best = alone[alone.mean(axis=1).argmax()]
    yield Line("best single, chosen and counted on the same prompts", _figure(best, draws))
    routed_in_sample = np.zeros(matrix.prompts)
    for category in np.unique(matrix.category):
        here = matrix.category == category
        routed_in_sample[here] = alone[alone[:, here].mean(axis=1).argmax()][here]
    yield Line("best model per category, chosen and counted on the same prompts", _figure(routed_in_sample, draws))


def _any_of_n(matrix: ScoreMatrix, draws: NDArray[Any]) -> Iterator[Line]:
    """Any-of-n takes a prompt for solved if some model ranks the right completion strictly first."""
    k, n = matrix.completions, len(matrix.models)
    highest = matrix.scores == matrix.scores.max(axis=-1, keepdims=True)
    first = highest & (highest.sum(axis=-1, keepdims=True) == 1)  # models, prompts, completions
    by_some = first.any(axis=0).astype(np.float64)
    any_of_n, by_lot = by_some[:, 0], by_some.mean(axis=-1)
    yield Line(f"any of {n} is right", _figure(any_of_n, draws))
    yield Line(f"any of {n}, had the right completion been drawn by lot", _figure(by_lot, draws))
    yield Line(f"any of {n} over that lot", _figure(any_of_n - by_lot, draws))
    yield Line(f"any of {n}, adjusted for chance", _above_chance(any_of_n, by_lot, draws))
    right = first[..., 0]
    low, high = np.percentile(1 - np.prod(1 - right[:, draws].mean(axis=-1), axis=0), [2.5, 97.5])
    independent = float(1 - np.prod(1 - right.mean(axis=1)))
    figure = Figure(independent, float(low), float(high), matrix.prompts)
    yield Line(f"any of {n} independent models as accurate as these", figure)
    coins = 1 - (1 - 1 / k) ** n
    yield Line(f"any of {n} that guess independently", Figure(coins, coins, coins, matrix.prompts))


def _above_chance(reached: Floats, by_lot: Floats, draws: NDArray[Any]) -> Figure:
    """Return how much of what lies above chance is reached: 0 for a lottery, 1 for every prompt (Cohen's kappa)."""
    means, lots = reached[draws].mean(axis=1), by_lot[draws].mean(axis=1)
    low, high = np.percentile((means - lots) / np.maximum(1 - lots, 1e-12), [2.5, 97.5])
    lot = float(by_lot.mean())
    value = (float(reached.mean()) - lot) / max(1 - lot, 1e-12)
    return Figure(value, float(low), float(high), len(reached))


def _in_category(matrix: ScoreMatrix, alone: Floats, category: str, rng: np.random.Generator) -> Iterator[Line]:
    here = alone[:, matrix.category == category]
    draws = rng.integers(0, here.shape[1], (RESAMPLES, here.shape[1]))
    for name, row in zip(matrix.models, here, strict=True):
        yield Line(name, _figure(row, draws))


def _figure(per_prompt: Floats, draws: NDArray[Any]) -> Figure:
    low, high = np.percentile(per_prompt[draws].mean(axis=1), [2.5, 97.5])
    return Figure(float(per_prompt.mean()), float(low), float(high), len(per_prompt))


def _right_first(row: dict[str, Any], model: str) -> list[float]:
    scores = row["scores"][model]
    return [scores[row["correct"]], *scores[: row["correct"]], *scores[row["correct"] + 1 :]]


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def matrices(data_dir: Path) -> list[tuple[ScoreMatrix, tuple[Measure, ...]]]:
    """Read both data sets, each with its measures."""
    return [
        (read_judgebench(data_dir / "judgebench"), (pairwise,)),
        (read_rewardmath(data_dir / "rewardmath", data_dir / "math"), (ranked_first, pairwise)),
    ]


def main() -> None:
    """Study both data sets and print what was found."""
    parser = argparse.ArgumentParser(description="Join or route reward models on published score matrices.")
    parser.add_argument("data_dir", type=Path, nargs="?", default=Path("../shared/data"), help="holds the data sets")
    parser.add_argument("--seed", type=int, default=SEED, help="decides folds and bootstrap draws")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    arguments = parser.parse_args()
    told: list[dict[str, Any]] = []
    for matrix, measures in matrices(arguments.data_dir):
        described, found = scales(matrix), study(matrix, measures, seed=arguments.seed)
        few = few_labels(matrix, measures, seed=arguments.seed)
        told += [asdict(one) | {"few": [asdict(x) for x in entries]} for one, entries in zip(found, few, strict=True)]
        told[-1]["scales"] = [asdict(x) for x in described]
        if not arguments.json:
            few_tables = [few_table(one, entries) for one, entries in zip(found, few, strict=True)]
            print("\n".join([scale_table(matrix.name, described), *map(tables, found), *few_tables]))
    if arguments.json:
        print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
