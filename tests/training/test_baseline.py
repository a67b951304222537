"""The baseline: levels by stratum, what is rare, what comes later, and quantiles against a library's."""

import random
from dataclasses import asdict

import pytest

from ravelar.training.baseline import BATCHES, GUESSED, VALUES, Baseline, Value, chi_square, student


def settled(strata: dict[str, float], each: int = 3) -> Baseline:
    """Return a baseline of strata with values about their levels, so many of each in a batch."""
    baseline = Baseline()
    for i in range(BATCHES):
        baseline.add(
            [Value(name, level + (i + j) % 2 * 0.2 - 0.1, 16) for name, level in strata.items() for j in range(each)]
        )
    assert baseline.mean is not None
    return baseline


def test_a_value_is_measured_from_the_level_of_its_own_stratum() -> None:
    baseline = settled({"a": 0.0, "b": 5.0}, each=4)
    found = baseline.distances([Value("a", 0.5), Value("b", 5.5), Value("b", 4.5), Value("b", 5.5)])
    assert found.values == pytest.approx([0.5, 0.5, -0.5, 0.5])
    assert found.level == pytest.approx(3.75)
    assert found.error == pytest.approx((0.25**2 / 16 + 0.75**2 / 16) ** 0.5)
    assert baseline.deviation == pytest.approx(0.1, rel=0.05)


def test_it_takes_four_batches_and_more_where_there_are_few_values() -> None:
    baseline, batches = Baseline(), 0
    while baseline.mean is None:
        baseline.add([Value("", 0.1, 8), Value("", 0.2, 8)])
        batches += 1
    assert batches == VALUES / 2


def test_it_takes_192_completions_where_values_are_of_few() -> None:
    baseline, batches = Baseline(), 0
    while baseline.mean is None:
        baseline.add([Value("", 0.1)] * 32)
        batches += 1
    assert batches == 6


def test_it_takes_more_values_than_strata() -> None:
    baseline = Baseline()
    for i in range(BATCHES):
        baseline.add([Value(f"task {i} {j}", 0.0, 8) for j in range(8)])
    assert baseline.mean is None


def test_guessed_strata_that_are_rare_are_one_and_so_are_those_that_come_later() -> None:
    baseline = Baseline()
    for i in range(BATCHES):
        baseline.add(
            [Value(f"{GUESSED}common", 1.0, 8)] * 5 + [Value(f"{GUESSED}word {i} {j}", 3.0, 8) for j in range(3)]
        )
    assert {name: level for name, (_, level) in baseline.levels.items()} == {f"{GUESSED}common": 1.0, GUESSED: 3.0}
    assert baseline.distances([Value(f"{GUESSED}new", 3.5)]).values == [0.5]


def test_a_task_that_comes_later_says_nothing_until_its_level_is_known() -> None:
    baseline = settled({"a": 0.0}, each=8)
    for _ in range(BATCHES):
        assert baseline.distances([Value("b", 7.0), Value("b", 9.0), Value("a", 0.5)]).values == [0.5]
    assert baseline.distances([Value("b", 9.0)]).values == [1.0]
    assert baseline.distances([Value("b", 9.0)]).error == pytest.approx(8**-0.5)


def test_tasks_without_end_share_one_stratum() -> None:
    baseline = settled({f"task {i}": float(i) for i in range(60)})
    for i in range(100):
        baseline.distances([Value(f"late {i}", 1.0)])
    assert len(baseline.levels) + len(baseline.later) <= 65


def test_batches_that_lie_apart_wobble_and_those_that_do_not_do_not() -> None:
    numbers = random.Random(1)
    calm, torn = Baseline(), Baseline()
    for shift in (-1.0, 1.0, -1.0, 1.0):
        calm.add([Value("", numbers.gauss(0, 0.3), 8) for _ in range(16)])
        torn.add([Value("", numbers.gauss(shift, 0.3), 8) for _ in range(16)])
    assert calm.wobble == 1.0
    assert torn.wobble > 1.5


def test_it_is_the_same_after_a_checkpoint() -> None:
    baseline = settled({"a": 0.0, "b": 5.0}, each=4)
    baseline.distances([Value("c", 1.0)])
    assert asdict(Baseline(**baseline.as_json())) == asdict(baseline)


def test_quantiles_are_those_of_a_library() -> None:
    stats = pytest.importorskip("scipy.stats")
    for freedom in (11, 20, 60, 500):
        assert student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=0.003)
    for freedom in (3, 11, 60, 500):
        for q in (0.1, 0.9):
            assert chi_square(q, freedom) == pytest.approx(stats.chi2.ppf(q, freedom), rel=0.02)
