"""Joining and routing reward models: the schemes on matrices made for the test, the figures on the real ones."""

import gzip
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from ravelar.benchmark.few_labels import few_labels
from ravelar.benchmark.joining import (
    CalibratedMean,
    ScoreMatrix,
    best_single,
    held_out,
    pairwise,
    ranked_first,
    raw_mean,
    routed,
    routed_on_evidence,
    standardised_mean,
)
from ravelar.benchmark.score_matrices import (
    BEST_SINGLE,
    RAW_MEAN,
    SEED,
    all_schemes,
    matrices,
    read_judgebench,
    read_rewardmath,
    scales,
    study,
)
from ravelar.benchmark.score_matrix_report import few_table, scale_table, tables

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("RAVELAR_SHARED", ROOT.parent / "shared" / "data"))
FULL = os.environ.get("RAVELAR_FULL_STUDY") == "1"
FITTED_OFTEN = {"calibrated mean", "calibrated mean, all isotonic", "calibrated mean of the models above chance"}
TWO = {BEST_SINGLE: best_single, RAW_MEAN: raw_mean}


def made(gaps, *, prompts=200, completions=4, seed=0, scales=None, halves=False):
    """Models whose right completions lie `gap` deviations higher; with halves, in one category each only."""
    rng = np.random.default_rng(seed)
    category = np.array(["even", "odd"])[np.arange(prompts) % 2]
    scores = rng.normal(size=(len(gaps), prompts, completions))
    for i, gap in enumerate(gaps):
        knows = category == ("even", "odd")[i % 2] if halves else np.ones(prompts, dtype=bool)
        scores[i, knows, 0] += gap
        scores[i] *= (scales or [1.0] * len(gaps))[i]
    return ScoreMatrix("made", tuple(f"model{i}" for i in range(len(gaps))), scores, category)


def accuracy(scheme, matrix):
    folds = np.random.default_rng(1).permutation(matrix.prompts) % 10
    return float(pairwise(held_out(matrix, scheme, folds)).mean())


def test_ties_count_one_half_in_pairs_and_are_drawn_by_lot_in_groups():
    given = np.array([[1.0, 1.0, 0.0], [2.0, 2.0, 2.0], [0.0, 1.0, 1.0], [3.0, 1.0, 2.0]])
    assert pairwise(given).tolist() == [0.75, 0.5, 0.0, 1.0]
    assert ranked_first(given).tolist() == [0.5, pytest.approx(1 / 3), 0.0, 1.0]


@pytest.mark.parametrize("name", list(all_schemes()))
def test_no_scheme_sees_the_label_of_a_held_out_prompt(name):
    matrix = made([0.5, 0.2, 1.0], prompts=40)
    folds = np.arange(40) % 10
    before = held_out(matrix, all_schemes()[name], folds)
    turned = matrix.scores.copy()
    turned[:, 7] = turned[:, 7, ::-1]  # another completion of prompt 7 is now said to be right
    after = held_out(ScoreMatrix("turned", matrix.models, turned, matrix.category), all_schemes()[name], folds)
    assert after[7].tolist() == pytest.approx(before[7, ::-1].tolist(), abs=1e-12)


def test_one_loud_useless_model_ruins_the_raw_mean_and_not_the_calibrated_one():
    matrix = made([1.5, 1.5, 0.0], scales=[1.0, 1.0, 300.0])
    single = accuracy(best_single, matrix)
    assert accuracy(raw_mean, matrix) < 0.6 < single
    for method in ("logistic", "isotonic"):
        joined = CalibratedMean(method)
        assert accuracy(joined, matrix) > single
        assert accuracy(joined.of_models_above_chance, matrix) > single
    assert single > accuracy(standardised_mean, made([1.5, 0.0, 0.0, 0.0, 0.0]))  # equal say for those who know nothing


def test_routing_finds_who_knows_what_and_keeps_the_incumbent_where_nobody_knows_more():
    experts = made([2.0, 2.0], halves=True)
    assert accuracy(routed, experts) == pytest.approx(accuracy(routed_on_evidence, experts), abs=0.01)
    assert accuracy(routed, experts) > accuracy(best_single, experts) + 0.1
    alike = made([1.0, 1.0])
    every = np.arange(alike.prompts)
    assert routed_on_evidence(alike, every).tolist() == best_single(alike, every).tolist()


def test_a_category_without_training_prompts_falls_back_on_the_best_single():
    matrix = made([0.5, 2.0])
    even = np.flatnonzero(matrix.category == "even")
    assert routed(matrix, even)[1].tolist() == best_single(matrix, even)[1].tolist()


def test_learning_on_few_prompts_counts_on_all_the_others_and_draws_the_same_for_every_scheme():
    seen = {"one": [], "other": []}

    def spy(name):
        def scheme(matrix, train):
            seen[name].append(train.tolist())
            knowing = np.zeros(matrix.scores.shape[1:])
            knowing[train, 0] = 1.0  # right wherever it was trained, a tie elsewhere
            return knowing

        return scheme

    matrix = made([1.0, 0.5], prompts=60)
    schemes = {BEST_SINGLE: best_single, "one": spy("one"), "other": spy("other")}
    ((few,),) = few_labels(matrix, [pairwise], seed=1, prompts=[5], draws=20, schemes=schemes)
    assert seen["one"] == seen["other"]
    assert {len(set(train)) for train in seen["one"]} == {5}
    assert len({tuple(train) for train in seen["one"]}) == 20
    lines = {line.what: line for line in few.schemes}
    assert lines["one"].share.value == lines["one"].share.low == 0.5
    assert lines["one"].over_best.value == pytest.approx(0.5 - lines[BEST_SINGLE].share.value)
    assert lines[BEST_SINGLE].share.low < lines[BEST_SINGLE].share.value < lines[BEST_SINGLE].share.high


def test_any_of_n_without_knowledge_is_what_the_lot_gives():
    lines = {x.what: x.share for x in study(made([0.0] * 6, prompts=600), [ranked_first], schemes=TWO)[0].oracles}
    over = lines["any of 6 over that lot"]
    assert over.low < 0 < over.high
    guessing = lines["any of 6 that guess independently"].value
    assert guessing == pytest.approx(1 - 0.75**6)
    assert lines["any of 6 is right"].value == pytest.approx(guessing, abs=0.06)


def test_any_of_n_copies_of_one_model_is_that_model():
    one = made([1.0])
    copies = ScoreMatrix("copies", ("a", "b", "c"), np.repeat(one.scores, 3, axis=0), one.category)
    lines = {x.what: x.share.value for x in study(copies, [ranked_first], schemes=TWO)[0].oracles}
    assert lines["any of 3 is right"] == pytest.approx(float(ranked_first(one.scores).mean()))
    assert lines["any of 3, had the right completion been drawn by lot"] == pytest.approx(1 / 4)


def test_differences_are_paired_and_intervals_hold_their_value():
    (found,) = study(made([0.5, 1.5]), [pairwise], schemes=TWO)
    best, raw = found.schemes
    assert best.over_best is None
    assert best.over_raw.value == pytest.approx(best.share.value - raw.share.value)
    for figure in (best.share, raw.share, best.over_raw):
        assert figure.low < figure.value < figure.high
    assert best.over_raw.high - best.over_raw.low < best.share.high - best.share.low + raw.share.high - raw.share.low


def test_plain_isotonic_maps_tie_and_ours_do_not():
    for scale in scales(made([0.5, 1.0])):
        assert scale.ties == scale.ties_ours == 0.0
        assert scale.ties_plain > 0.1


def write(path, rows):
    path.parent.mkdir(exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)


def test_judgebench_is_read_with_the_right_completion_first(tmp_path):
    def row(source, label, scores):
        return {"source": source, "label": label, "judgments": [{"judgment": {"scores": scores}}]}

    write(
        tmp_path / "x__reward_model__one.jsonl.gz",
        [row("mmlu-pro-law", "A>B", [3, 1]), row("livecodebench", "B>A", [5, 7])],
    )
    write(
        tmp_path / "x__reward_model__two.jsonl.gz",
        [row("mmlu-pro-law", "A>B", [0.5, 0.6]), row("livecodebench", "B>A", [0, 1])],
    )
    matrix = read_judgebench(tmp_path)
    assert matrix.models == ("one", "two")
    assert matrix.scores.tolist() == [[[3, 1], [7, 5]], [[0.5, 0.6], [1, 0]]]
    assert matrix.category.tolist() == ["knowledge", "coding"]


def test_rewardmath_is_read_with_its_subjects_where_they_are_known(tmp_path):
    rows = [
        {"problem": "1 + 1", "correct": 0, "scores": {"m": [3, 1, 2]}},
        {"problem": "2 x", "correct": 2, "scores": {"m": [4, 5, 6]}},
    ]
    write(tmp_path / "rewardmath/scores.jsonl.gz", rows)
    write(tmp_path / "math/math500.jsonl.gz", [{"problem": "1  +1 ", "subject": "Prealgebra"}])
    matrix = read_rewardmath(tmp_path / "rewardmath", tmp_path / "math")
    assert matrix.scores.tolist() == [[[3, 1, 2], [6, 4, 5]]]
    assert matrix.category.tolist() == ["prealgebra", "unknown"]
    assert read_rewardmath(tmp_path / "rewardmath", tmp_path).category.tolist() == ["unknown", "unknown"]


def report(schemes, *, few=False):
    """Measure on the real data; return the findings on RewardMATH's groups, and all tables."""
    for name in ("judgebench", "rewardmath/scores.jsonl.gz", "math/math500.jsonl.gz"):
        if not (DATA / name).exists():
            pytest.skip(f"real data {name} is not here (looked in {DATA})")
    parts, groups = [], None
    for matrix, measures in matrices(DATA):
        found = study(matrix, measures, schemes=schemes)
        parts += [scale_table(matrix.name, scales(matrix)), *map(tables, found)]
        if few:
            parts += map(few_table, found, few_labels(matrix, measures, seed=SEED))
        groups = found[0]
    return groups, "\n".join(parts)


@pytest.fixture(scope="module")
def quick_report():
    return report({name: scheme for name, scheme in all_schemes().items() if name not in FITTED_OFTEN})


@pytest.mark.slow
def test_on_real_scores_calibration_recovers_what_the_raw_mean_loses(quick_report):
    lines = {line.what: line for line in quick_report[0].schemes}
    assert lines[RAW_MEAN].over_best.high < -0.1
    assert lines["calibrated mean, all logistic"].over_raw.low > 0.08
    assert abs(lines["calibrated mean, all logistic"].over_best.value) < 0.06


def published(text):
    """Return the rows of all tables under bold titles: (title, table's head, first cell) -> the row's numbers."""
    rows, title, head = {}, "", None
    for line in text.splitlines():
        if line.startswith("**"):
            title = line
        if not line.startswith("|"):
            head = None
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        head = head or cells[0]
        numbers = re.findall(r"-?\d+\.\d+|logistic|isotonic", " ".join(cells[1:]))
        rows[title, head, cells[0]] = [float(x) if x[-1].isdigit() else x for x in numbers]
    return rows


def check_docs(text):
    """Compare every measured row with the docs' row; return the docs' rows that were not measured."""
    measured, told = published(text), published((ROOT / "docs/calibration.md").read_text())
    titles = {title for title, _, _ in told}
    for (title, head, name), numbers in measured.items():
        if title not in titles and re.sub(r"\d+ prompts", "", title) in {re.sub(r"\d+ prompts", "", t) for t in titles}:
            pytest.skip(f"the data here is not the half that docs/calibration.md was measured on: {title}")
        assert told[title, head, name] == pytest.approx(numbers, abs=0.006), (title, head, name)
    tables_measured = {title for title, _, _ in measured}
    return {name for title, _, name in told.keys() - measured.keys() if title in tables_measured}


@pytest.mark.slow
def test_docs_publish_what_is_measured(quick_report):
    assert check_docs(quick_report[1]) == FITTED_OFTEN


@pytest.mark.skipif(not FULL, reason="a minute on a quiet core, several on a busy one: set RAVELAR_FULL_STUDY=1")
@pytest.mark.timeout(900)
def test_docs_publish_what_is_measured_with_the_map_chosen_anew_in_each_fold():
    assert check_docs(report(all_schemes(), few=True)[1]) == set()
