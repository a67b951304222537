"""Intervals: known values, clusters, and properties that must hold for any counts."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravelar.tools.evidence.intervals import (
    Estimate,
    attainable_low,
    auc,
    correlation,
    difference,
    mean_of,
    share,
    wilson,
)

CASES = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=60)


def outcomes(right: int, wrong: int, per_prompt: int = 1) -> list[tuple[str, float]]:
    values = [1.0] * right + [0.0] * wrong
    return [(str(i // per_prompt), value) for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(50, 50, 0.9287, 1.0), (0, 10, 0.0, 0.2775),
     (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (1, 29, 0.0061, 0.1718)],
)  # fmt: skip
def test_wilson_has_the_published_values(right: int, n: int, low: float, high: float) -> None:
    """The last three are Newcombe's examples, Stat. Med. 17 (1998) 857."""
    assert wilson(right / n, n) == pytest.approx((low, high), abs=5e-5)


def test_fifty_without_error_give_093() -> None:
    estimate = share(outcomes(50, 0))
    assert estimate is not None
    assert (round(estimate.low, 2), estimate.high) == (0.93, 1.0)
    assert attainable_low(str(i) for i in range(50)) == estimate.low


def test_fifty_probes_of_few_prompts_are_worth_less() -> None:
    lows = [share(outcomes(50, 0, per_prompt)).low for per_prompt in (1, 2, 5, 50)]  # type: ignore[union-attr]
    assert lows == sorted(lows, reverse=True)
    assert lows[1] > 0.90 > lows[2]
    assert lows[-1] < 0.6


def test_errors_that_come_in_clusters_widen_the_interval() -> None:
    scattered = [(str(i // 5), float(i % 5 != i // 5 % 5 or i // 5 >= 10)) for i in range(100)]
    clustered = [(str(i // 5), float(i // 5 >= 2)) for i in range(100)]
    one, other = share(scattered), share(clustered)
    assert one is not None
    assert other is not None
    assert one.value == other.value == 0.9
    assert other.low < one.low - 0.05


def test_no_cases_no_share() -> None:
    assert share([]) is None
    assert auc([], [("a", 1.0)]) is None
    assert attainable_low([]) == 0.0


def test_the_area_under_the_curve_counts_pairs() -> None:
    good, bad = [("a", 0.9), ("b", 0.4), ("c", 0.5)], [("a", 0.1), ("b", 0.4), ("c", 0.8)]
    pairs = [1.0 if g > b else 0.5 if g == b else 0.0 for _, g in good for _, b in bad]
    estimate = auc(good, bad)
    assert estimate is not None
    assert estimate.value == pytest.approx(sum(pairs) / len(pairs))
    assert estimate.low < estimate.value < estimate.high


def test_a_perfect_curve_has_width_and_chance_is_not_excluded_by_few() -> None:
    perfect = auc([(str(i), 1.0) for i in range(50)], [(str(i), 0.0) for i in range(50)])
    few = auc([("a", 1.0), ("b", 1.0)], [("a", 0.0), ("b", 0.0)])
    assert perfect is not None
    assert few is not None
    assert (round(perfect.low, 2), perfect.high) == (0.93, 1.0)
    assert few.low < 0.5


@given(CASES)
def test_an_interval_holds_its_value_and_stays_within_zero_and_one(cases: list[tuple[str, float]]) -> None:
    estimate = share(cases)
    assert estimate is not None
    assert 0.0 <= estimate.low <= estimate.value + 1e-12
    assert estimate.value <= estimate.high + 1e-12 <= 1.0 + 1e-12
    assert estimate.low < estimate.high
    assert sum(estimate.influence.values()) == pytest.approx(0.0, abs=1e-9)


@given(CASES)
def test_order_does_not_matter(cases: list[tuple[str, float]]) -> None:
    one, other = share(cases), share(cases[::-1])
    assert one is not None
    assert other is not None
    assert (one.low, one.high) == pytest.approx((other.low, other.high))


@given(CASES, CASES)
def test_curves_turn_round(good: list[tuple[str, float]], bad: list[tuple[str, float]]) -> None:
    one, other = auc(good, bad), auc(bad, good)
    assert one is not None
    assert other is not None
    assert one.value == pytest.approx(1 - other.value)
    assert one.low == pytest.approx(1 - other.high)
    assert one.low < one.high


@given(CASES, CASES)
def test_means_and_differences_hold_their_values(a: list[tuple[str, float]], b: list[tuple[str, float]]) -> None:
    one, other = share(a), share(b)
    assert one is not None
    assert other is not None
    mean = mean_of(one, other)
    assert mean.low <= mean.value + 1e-12
    assert mean.value <= mean.high + 1e-12
    value, low, high = difference(one, other)
    assert low <= value + 1e-12
    assert value <= high + 1e-12
    back = difference(other, one)
    assert back == pytest.approx((-value, -high, -low))


@given(CASES)
def test_a_tool_is_never_better_than_itself(cases: list[tuple[str, float]]) -> None:
    estimate = share(cases)
    assert estimate is not None
    value, low, high = difference(estimate, estimate)
    assert value == 0.0
    assert low <= 0.0 <= high


def test_pairing_narrows_a_difference() -> None:
    rng = random.Random(1)
    first = [(str(i), float(rng.random() < 0.7)) for i in range(200)]
    second = [(key, 0.0 if value == 0.0 or i < 12 else 1.0) for i, (key, value) in enumerate(first)]
    one, other = share(first), share(second)
    assert one is not None
    assert other is not None
    assert correlation(one, other) > 0.8
    _, low, high = difference(one, other)
    unpaired = Estimate(other.value, other.low, other.high, other.n, {})
    _, loose_low, loose_high = difference(one, unpaired)
    assert low > 0 > loose_low
    assert high - low < loose_high - loose_low


@pytest.mark.parametrize(("prompts", "size", "share_right"), [(60, 1, 0.95), (30, 4, 0.9), (25, 6, 0.7)])
def test_intervals_cover_what_they_should(prompts: int, size: int, share_right: float) -> None:
    """Half of a prompt's probes share its fate: the correlation is 0.25 or so."""
    rng = random.Random(7)
    covered = 0
    for _ in range(400):
        cases = []
        for prompt in range(prompts):
            fate = rng.random() < share_right
            cases += [
                (str(prompt), float(fate if rng.random() < 0.5 else rng.random() < share_right)) for _ in range(size)
            ]
        estimate = share(cases)
        assert estimate is not None
        covered += estimate.low <= share_right <= estimate.high
    assert covered / 400 > 0.92
