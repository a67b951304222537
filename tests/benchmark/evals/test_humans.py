"""A judge beside people: agreement, lean, and what calibration gains on texts that calibrated nothing."""

import json
import random
from pathlib import Path

import pytest

from ravelar.benchmark.evals.report.humans import beside_humans, read_human_scores
from ravelar.benchmark.evals.rows import Row
from ravelar.tools.errors import InputError

ITEMS = [f"end2end_en_{i}" for i in range(100)]
CLUSTERS = {item: item for item in ITEMS}


def judged(score: "dict[str, float]") -> list[Row]:
    return [{"key": item, "item": item, "system": "w", "judge": "j", "score": value} for item, value in score.items()]


def test_a_judge_that_is_off_by_two_agrees_in_rank_and_is_mended_by_calibration() -> None:
    dice = random.Random(3)
    people = {(item, "w"): float(dice.randint(1, 8)) for item in ITEMS}
    found = beside_humans("j", judged({item: score + 2 for (item, _), score in people.items()}), people, CLUSTERS)
    assert found is not None
    assert (found.n, found.lean, found.error) == (100, 2.0, 2.0)
    assert found.rank_correlation == pytest.approx(1.0)
    assert found.calibrated_error is not None
    assert found.calibrated_error < 0.2
    assert found.means["3"] == 1.0


def test_a_judge_that_says_anything_is_not_mended() -> None:
    dice = random.Random(4)
    people = {(item, "w"): float(dice.randint(1, 10)) for item in ITEMS}
    found = beside_humans("j", judged({item: float(dice.randint(1, 10)) for item in ITEMS}), people, CLUSTERS)
    assert found is not None
    assert found.low is not None
    assert found.low < 0 < found.high
    assert found.calibrated_error > 2


def test_texts_of_one_source_never_calibrate_one_another() -> None:
    """With two sources there are no five folds: nothing is claimed."""
    people = {(item, "w"): float(i % 10) for i, item in enumerate(ITEMS)}
    two = {item: str(i % 2) for i, item in enumerate(ITEMS)}
    found = beside_humans("j", judged({item: float(i % 10) for i, item in enumerate(ITEMS)}), people, two)
    assert found is not None
    assert found.calibrated_error is None
    assert beside_humans("other", judged(dict.fromkeys(ITEMS, 1.0)), people, two) is None


def test_human_scores_are_read_and_averaged_or_refused_by_line(tmp_path: Path) -> None:
    path = tmp_path / "human.jsonl"
    rows = [{"infer_id": "a", "model": "w", "score": 4}, {"infer_id": "a", "model": "w", "score": 7}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert read_human_scores(path) == {("a", "w"): 5.5}
    path.write_text(json.dumps({**rows[0], "score": "good"}), encoding="utf-8")
    with pytest.raises(InputError, match="a finite number score"):
        read_human_scores(path)
