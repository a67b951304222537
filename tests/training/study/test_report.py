"""The report, made from whatever rows there are; and the one in the docs, made from those that are kept."""

import itertools
import math
import random
import statistics
from pathlib import Path
from typing import Any

import pytest

from ravelar.tools.errors import InputError
from ravelar.training.study.arms import ARMS, TRUE_READER
from ravelar.training.study.families import BY_NAME
from ravelar.training.study.figures import Figures, mean_of
from ravelar.training.study.plots import draw
from ravelar.training.study.report import put_into, report, written_report
from ravelar.training.study.schedule import Plan, Rows

ROOT = Path(__file__).resolve().parents[3]
PLAN = Plan(arms=("routed", "normalized everywhere", "oracle"), seeds=(1, 2, 3))


def run_row(arm: str, seed: int, accuracy: float, before: float = 0.3) -> dict[str, Any]:
    def examined(value: float) -> dict[str, Any]:
        return {
            "accuracy": dict.fromkeys(BY_NAME, value),
            "reward": {**dict.fromkeys(BY_NAME, value), "notes": None},
            "unscored": 0.2,
            "characters": 5.0,
        }

    return {
        "kind": "run",
        "arm": arm,
        "seed": seed,
        "rate": 3e-4,
        "steps": 60,
        "before": examined(before),
        "after": examined(accuracy),
        "curve": [{"step": 20, "accuracy": dict.fromkeys(BY_NAME, accuracy)}],
        "training": [{"step": 0.0, "reward": None, "accuracy": before, "unscored": 1.0},
                     {"step": 6.0, "reward": accuracy, "accuracy": accuracy, "unscored": 0.0}],
        "reward_share": 0.04,
    }  # fmt: skip


def rows(routed: tuple[float, ...], normalized: tuple[float, ...]) -> list[dict[str, Any]]:
    return [
        run_row(arm, seed, value)
        for arm, values in (("routed", routed), ("normalized everywhere", normalized), ("oracle", (0.9, 0.9, 0.9)))
        for seed, value in enumerate(values, start=1)
    ]


def test_an_interval_holds_the_true_mean_in_95_of_100_cases() -> None:
    rng, covered = random.Random(4), 0
    for _ in range(2_000):
        mean = mean_of([rng.gauss(0.5, 0.1) for _ in range(5)])
        assert mean is not None
        assert mean.half is not None
        covered += abs(mean.value - 0.5) <= mean.half
    assert abs(covered / 2_000 - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 2_000)


def test_a_single_seed_has_no_interval_and_excludes_nothing() -> None:
    mean = mean_of([0.7])
    assert mean is not None
    assert (mean.half, mean.n, mean.excludes_zero) == (None, 1, False)
    assert mean_of([]) is None


def test_differences_are_paired_by_seed() -> None:
    figures = Figures(rows((0.5, 0.7, 0.9), (0.4, 0.6, 0.8)))
    ahead = figures.difference("routed", "normalized everywhere")
    assert ahead is not None
    assert (round(ahead.value, 6), ahead.n) == (0.1, 3)
    assert ahead.half == pytest.approx(0.0, abs=1e-12)  # though either arm differs widely between seeds
    assert ahead.excludes_zero


def test_seeds_that_only_one_of_two_arms_has_are_left_out_of_their_difference() -> None:
    figures = Figures(rows((0.5, 0.7), (0.4, 0.6, 0.8)))
    ahead = figures.difference("routed", "normalized everywhere")
    assert ahead is not None
    assert ahead.n == 2


def test_the_claim_is_upheld_or_not_by_the_interval() -> None:
    upheld = report(Figures(rows((0.8, 0.81, 0.82), (0.5, 0.5, 0.52))), PLAN)
    assert "The best static reward is *normalized everywhere*." in upheld
    assert "The interval excludes zero." in upheld
    other = report(Figures(rows((0.8, 0.4, 0.6), (0.6, 0.6, 0.5))), PLAN)
    assert "The interval does not exclude zero: these runs do not show it." in other
    behind = report(Figures(rows((0.3, 0.31, 0.32), (0.5, 0.51, 0.52))), PLAN)
    assert "Routed is behind it by" in behind


def test_the_report_says_what_is_missing_and_can_be_made_of_nothing() -> None:
    part = report(Figures(rows((0.8, 0.81), (0.5,))), PLAN)
    assert "**Not complete:** 6 of 9 runs have a row. Missing: seed 2: normalized everywhere; seed 3:" in part
    assert "Not complete" not in report(Figures(rows((0.8, 0.8, 0.8), (0.5, 0.5, 0.5))), PLAN)
    nothing = report(Figures([]), PLAN)
    assert "Missing: seed 1: all; seed 2: all; seed 3: all." in nothing
    assert "can't be tested yet" in nothing


def test_the_last_row_of_an_arm_and_seed_counts() -> None:
    figures = Figures([run_row("routed", 1, 0.2), run_row("routed", 1, 0.6)])
    accuracy = figures.accuracy("routed")
    assert accuracy is not None
    assert accuracy.value == pytest.approx(0.6)


def test_reward_is_the_mean_of_those_families_that_it_can_score() -> None:
    reward = Figures([run_row("routed", 1, 0.6)]).reward("routed")
    assert reward is not None
    assert reward.value == pytest.approx(0.6)


def test_a_document_without_marks_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Nothing here\n")
    with pytest.raises(InputError, match="has no place for figures"):
        put_into(page, "text")
    assert page.read_text() == "# Nothing here\n"
    with pytest.raises(InputError, match="can't be read"):
        put_into(tmp_path / "none.md", "text")


def test_what_stands_around_the_marks_is_kept_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- figures: made -->\nold\n<!-- end of figures -->\nafter\n")
    put_into(page, "new\n")
    once = page.read_text()
    assert once == "before\n<!-- figures: made -->\n\nnew\n\n<!-- end of figures -->\nafter\n"
    put_into(page, "new\n")
    assert page.read_text() == once


@pytest.mark.slow
def test_plots_are_drawn_of_what_there_is_and_are_the_same_again(tmp_path: Path) -> None:
    figures = Figures(rows((0.8, 0.81, 0.82), (0.5, 0.5)))
    one, two = draw(figures, tmp_path / "one"), draw(figures, tmp_path / "two")
    assert [path.name for path in one] == ["accuracy.svg", "curves.svg"]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    assert draw(Figures([]), tmp_path) == []


def test_the_report_in_the_docs_is_the_one_that_the_kept_rows_give(tmp_path: Path) -> None:
    document, kept = ROOT / "docs" / "study.md", ROOT / "docs" / "study" / "rows.jsonl"
    text = written_report(Rows(kept), Plan(), tmp_path)
    assert text in document.read_text()


def test_the_kept_rows_hold_what_the_protocol_says() -> None:
    plan, kept = Plan(), list(Rows(ROOT / "docs" / "study" / "rows.jsonl"))
    runs = [row for row in kept if row["kind"] == "run" and row["arm"] != TRUE_READER.name]
    assert {(row["arm"], row["seed"]) for row in runs} == set(itertools.product(plan.arms, plan.seeds))
    assert {row["steps_done"] for row in runs} == {plan.steps}
    assert {arm.name for arm in ARMS} == set(plan.arms)
    for seed in plan.seeds:  # one warm policy a seed, whatever the arm
        starts = [tuple(row["before"]["accuracy"].items()) for row in runs if row["seed"] == seed]
        assert len(set(starts)) == 1
    oracle = [statistics.fmean(row["after"]["accuracy"].values()) for row in runs if row["arm"] == "oracle"]
    warm = [statistics.fmean(row["before"]["accuracy"].values()) for row in runs if row["arm"] == "oracle"]
    assert min(oracle) > max(warm)  # something can be learned here
