"""The proof's figures, report and plot from whatever rows there are; and those in the docs, from the kept ones."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from ravelar.tools.errors import InputError, UnknownName
from ravelar.training.study.schedule import Rows
from ravelar.training.writing_env.proof.figures import ProofFigures
from ravelar.training.writing_env.proof.report import draw_proof, proof_report, written_proof
from ravelar.training.writing_env.proof.runs import ProofSpec
from ravelar.training.writing_env.proof.schedule import ProofPlan, key_of

ROOT = Path(__file__).resolve().parents[3]
KEPT = ROOT / "docs" / "writer-training" / "rows.jsonl"


def point(step: int, success: float, refused: float | None) -> dict[str, Any]:
    figures = {"S": success, "refused_share": refused, "unscored": 0.0, "reward": success, "accepted": success}
    return {"step": step, "episodes": 48, **figures, "obeyed": 0.0, "length": None, "article": None}


def row(arm: str, seed: int, before: float, after: float) -> dict[str, Any]:
    spec = {"seed": seed, "arm": arm, "warm_steps": 300, "steps": 40, "episodes": 32, "look_every": 10, "rate": 1e-3}
    held_out = [point(0, before, 0.6), point(40, after, 0.6 - after / 2)]
    return {
        "kind": "run",
        **spec,
        "held_out": held_out,
        "training": [point(i, before, None) for i in range(40)],
        "grpo_s": 9,
    }


def rows(episode: tuple[float, ...], shuffled: tuple[float, ...] = ()) -> list[dict[str, Any]]:
    made = [row("episode", seed, 0.2, value) for seed, value in enumerate(episode, 1)]
    return made + [row("shuffled", seed, 0.2, value) for seed, value in enumerate(shuffled, 1)]


def test_a_change_is_paired_by_seed_and_said_with_its_interval() -> None:
    text = proof_report(
        ProofFigures(rows((0.7, 0.72, 0.71), (0.15, 0.35, 0.25))), ProofPlan(arms=("episode", "shuffled"))
    )
    assert "Reward of: *episode*. S changes by +0.510 ± 0.025 (better, and the interval excludes zero)" in text
    assert "Reward of: *shuffled*. S changes by +0.050 ± 0.248 (the interval does not exclude zero)" in text
    assert "Not complete" not in text


def test_a_fall_of_s_is_called_worse() -> None:
    text = proof_report(ProofFigures(rows((0.01, 0.02, 0.01))), ProofPlan(arms=("episode",)))
    assert "(worse, and the interval excludes zero)" in text


def test_what_is_missing_is_named() -> None:
    text = proof_report(ProofFigures(rows((0.7, 0.7))), ProofPlan(arms=("episode", "step")))
    assert "**Not complete.** Missing: step of seed 1, step of seed 2, episode of seed 3, step of seed 3." in text
    assert "Not complete" in proof_report(ProofFigures([]), ProofPlan())


def test_one_seed_has_no_interval_and_proves_nothing() -> None:
    text = proof_report(ProofFigures(rows((0.9,))), ProofPlan(seeds=(1,), arms=("episode",)))
    assert "S changes by +0.700 (one seed, no interval)" in text


def test_curves_are_of_what_all_runs_have_and_unknown_figures_are_left_out() -> None:
    figures = ProofFigures(rows((0.6, 0.8)))
    assert [(step, round(mean.value, 3)) for step, mean in figures.curve("episode", "S")] == [(0, 0.2), (40, 0.7)]
    assert len(figures.while_training("episode", "S")) == 10
    assert figures.while_training("episode", "refused_share") == []
    assert figures.at("episode", "length", 0) is None


@pytest.mark.slow
def test_plots_are_drawn_of_what_there_is_and_are_the_same_again(tmp_path: Path) -> None:
    figures = ProofFigures(rows((0.6, 0.8), (0.2, 0.2)))
    (one,), (two,) = draw_proof(figures, tmp_path / "one"), draw_proof(figures, tmp_path / "two")
    assert one.read_bytes() == two.read_bytes()
    assert draw_proof(ProofFigures([]), tmp_path) == []


@pytest.mark.slow
def test_the_report_is_put_where_it_belongs(tmp_path: Path) -> None:
    kept = Rows(tmp_path / "rows.jsonl")
    for each in rows((0.6, 0.8, 0.7)):
        kept.add(each)
    text = written_proof(kept, ProofPlan(), tmp_path)
    assert (tmp_path / "report.md").read_text() == text
    page = tmp_path / "page.md"
    page.write_text("# Page\n<!-- figures: made -->\n<!-- end of figures -->\n")
    written_proof(kept, ProofPlan(), tmp_path, page)
    assert "(curves.svg)" in page.read_text()
    with pytest.raises(InputError, match="no place for figures"):
        written_proof(kept, ProofPlan(), tmp_path, tmp_path / "report.md")


def test_runs_are_told_apart_by_all_that_decides_them() -> None:
    spec = ProofSpec(seed=1)
    assert key_of(row("episode", 1, 0.1, 0.2)) == spec.key
    others = (ProofSpec(2), ProofSpec(1, arm="step"), ProofSpec(1, steps=41), ProofSpec(1, rate=1e-4))
    assert len({spec.key, *(other.key for other in others)}) == 5
    with pytest.raises(UnknownName, match="no arm 'steps'; did you mean 'step'"):
        ProofSpec(seed=1, arm="steps")  # type: ignore[arg-type]


def test_the_report_in_the_docs_is_the_one_that_the_kept_rows_give(tmp_path: Path) -> None:
    assert written_proof(Rows(KEPT), ProofPlan(), tmp_path) in (ROOT / "docs" / "writer-training.md").read_text()
    assert (tmp_path / "curves.svg").read_bytes() == (KEPT.parent / "curves.svg").read_bytes()


def test_the_kept_rows_show_what_the_page_says() -> None:
    plan, figures = ProofPlan(), ProofFigures(Rows(KEPT))
    assert set(figures.runs) >= set(itertools.product(plan.arms, plan.seeds))
    rise, fall = figures.change("episode", "S"), figures.change("episode", "refused_share")
    assert rise is not None
    assert rise.excludes_zero
    assert rise.value > 0
    assert fall is not None
    assert fall.excludes_zero
    assert fall.value < 0
    control = figures.change("shuffled", "S")
    assert control is not None
    assert control.value < 0
    for seed in plan.seeds:  # one warm policy a seed, whatever the arm
        starts = [{**run["held_out"][0], "reward": 0} for (_, of), run in figures.runs.items() if of == seed]
        assert all(start == starts[0] for start in starts)
