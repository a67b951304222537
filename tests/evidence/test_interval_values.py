"""Intervals worked out by hand, each step on its own."""

import math
from fractions import Fraction

import pytest

from ravelar.tools.evidence.intervals import (
    Estimate,
    attainable_low,
    auc,
    clustered_variance,
    correlation,
    difference,
    effective_n,
    least_design_effect,
    mean_of,
    share,
    wilson,
)

FIRST = Estimate(0.8, 0.7, 0.9, 10, {"a": 0.1, "b": -0.1})
SECOND = Estimate(0.6, 0.5, 0.75, 20, {"a": 0.1, "b": -0.1})
AGAINST = Estimate(0.6, 0.5, 0.75, 20, {"a": -0.1, "b": 0.1})


def test_a_cluster_counts_for_less_than_its_size() -> None:
    assert least_design_effect("abc") == 1.0
    assert least_design_effect("aab") == pytest.approx(1 + (5 / 3 - 1) * 0.2)
    assert least_design_effect("aaaa") == pytest.approx(1.6)
    assert attainable_low("aaaa") == wilson(1.0, 4 / 1.6)[0]
    assert attainable_low("abcd") == wilson(1.0, 4)[0]


def test_a_variance_comes_from_the_clusters_pulls() -> None:
    assert clustered_variance({"a": 0.1, "b": -0.1}) == pytest.approx(0.04)
    assert clustered_variance({"a": 0.2, "b": -0.1, "c": -0.1}) == pytest.approx(1.5 * 0.06)
    assert clustered_variance({"a": 0.5}) == 0.0


def test_clustered_cases_are_worth_fewer_independent_ones() -> None:
    apart = [("a", 1.0), ("b", 1.0), ("c", 0.0), ("d", 0.0)]
    estimate = share(apart)
    assert estimate is not None
    assert estimate.influence == {"a": 0.125, "b": 0.125, "c": -0.125, "d": -0.125}
    # variance 4/3 * 4/64 = 1/12 against 1/16 of independent ones: a design effect of 4/3
    assert effective_n(apart, 0.5, estimate.influence) == pytest.approx(3.0)
    assert (estimate.low, estimate.high) == pytest.approx(wilson(0.5, 3.0))
    mixed = [("a", 1.0), ("a", 0.0), ("b", 1.0), ("b", 0.0)]  # no spread between clusters: the least effect holds
    assert effective_n(mixed, 0.5, {"a": 0.0, "b": 0.0}) == pytest.approx(4 / 1.2)


def test_a_curve_has_the_interval_of_its_clustered_variance() -> None:
    good, bad = [("a", 0.9), ("b", 0.4), ("c", 0.5)], [("a", 0.1), ("b", 0.4), ("c", 0.8)]
    area = Fraction(13, 18)  # above a share of the bad: 1, 1/2, 2/3
    won = {"a": (1, 1), "b": (Fraction(1, 2), Fraction(5, 6)), "c": (Fraction(2, 3), Fraction(1, 3))}
    pulls = {key: sum(each - area for each in both) / 3 for key, both in won.items()}
    variance = Fraction(3, 2) * sum(pull * pull for pull in pulls.values())
    worth = float(area * (1 - area) / variance)
    estimate = auc(good, bad)
    assert estimate is not None
    assert estimate.n == 6
    assert estimate.influence == pytest.approx({key: float(pull) for key, pull in pulls.items()})
    assert (estimate.low, estimate.high) == pytest.approx(wilson(float(area), worth))


def test_a_curve_without_a_variance_is_worth_its_classes() -> None:
    perfect = auc([("a", 2.0), ("a", 3.0), ("b", 2.0), ("b", 3.0)], [("a", 0.0), ("b", 1.0)])
    assert perfect is not None
    assert (perfect.low, perfect.high) == pytest.approx(wilson(1.0, 2))  # the smaller class
    one_cluster = auc([("a", 1.0), ("a", 0.0)], [("a", 0.5)])
    assert one_cluster is not None
    assert (one_cluster.low, one_cluster.high) == pytest.approx(wilson(0.5, 1 + 2 / 1.2))


def test_a_mean_joins_the_distances_of_both_ends() -> None:
    mean = mean_of(FIRST, SECOND)
    assert (mean.value, mean.low, mean.high, mean.n) == pytest.approx((0.7, 0.6, 0.825, 30))
    assert mean.influence == pytest.approx({"a": 0.1, "b": -0.1})
    against = mean_of(FIRST, AGAINST)  # their correlation of -1 is not used
    assert (against.low, against.high) == pytest.approx((0.7 - 0.02**0.5 / 2, 0.7 + 0.0325**0.5 / 2))
    lone = mean_of(Estimate(0.0, 0.0, 0.9, 1, {"a": 0.5}), Estimate(1.0, 0.1, 1.0, 1, {"b": 0.5}))
    assert (lone.value, lone.low, lone.high) == pytest.approx((0.5, 0.05, 0.95))
    assert lone.influence == {"a": 0.25, "b": 0.25}


def test_a_difference_is_narrow_where_both_move_together_and_wide_where_they_part() -> None:
    assert difference(FIRST, SECOND) == pytest.approx((0.2, 0.15, 0.2))
    assert difference(FIRST, AGAINST) == pytest.approx((0.2, 0.2 - 0.25, 0.2 + 0.2))
    far = difference(Estimate(1.0, 0.0, 1.0, 1), Estimate(0.0, 0.0, 1.0, 1))
    assert far == pytest.approx((1.0, 1 - 2**0.5, 1.0))


def test_a_correlation_is_over_the_clusters_that_both_have() -> None:
    assert correlation(FIRST, SECOND) == pytest.approx(1.0)
    assert correlation(FIRST, AGAINST) == pytest.approx(-1.0)
    assert correlation(FIRST, Estimate(0.5, 0.4, 0.6, 9, {"a": 0.1, "c": -0.1})) == pytest.approx(0.5)
    assert correlation(FIRST, Estimate(0.5, 0.4, 0.6, 9)) == 0.0


def test_rounding_carries_no_end_beyond_what_a_figure_can_be() -> None:
    """Each of these comes out beyond its bound, by the last digit, where the bound is not kept."""
    moved, against = {"a": 0.1, "b": -0.1}, {"a": -0.1, "b": 0.1}
    assert (wilson(0.0, 27)[0], wilson(1.0, 16)[1]) == (0.0, 1.0)
    assert mean_of(Estimate(0.05, 0.0, 1.0, 1, moved), Estimate(0.4, 0.0, 1.0, 1, moved)).low == 0.0
    eighths = {"a": 0.125, "b": -0.125}
    assert mean_of(Estimate(0.01, 0.0, 1.0, 1, eighths), Estimate(0.46, 0.0, 1.0, 1, eighths)).high == 1.0
    assert difference(Estimate(0.1, 0.0, 1.0, 1, moved), Estimate(0.2, 0.0, 1.0, 1, against))[1] == -1.0
    assert difference(Estimate(0.2, 0.0, 1.0, 1, moved), Estimate(0.1, 0.0, 1.0, 1, against))[2] == 1.0
    first, second = {"a": 0.1, "b": -0.2}, {"a": 0.1 * 3 / 7, "b": -0.2 * 3 / 7}
    assert correlation(Estimate(0.5, 0, 1, 1, first), Estimate(0.5, 0, 1, 1, second)) == 1.0
    turned = {key: -pull for key, pull in second.items()}
    assert correlation(Estimate(0.5, 0, 1, 1, first), Estimate(0.5, 0, 1, 1, turned)) == -1.0


def test_two_tools_of_nearly_the_same_distances_that_move_together_have_a_difference() -> None:
    """The root is of (a - b)^2, which is below zero by rounding for these two."""
    moved = {"a": 0.125, "b": -0.125}
    first = Estimate(0.021, 0.0, 0.021, 1, moved)
    second = Estimate(0.0, 0.0, math.nextafter(0.021, 1), 1, moved)
    assert correlation(first, second) == 1.0
    value, low, high = difference(first, second)
    assert (value, low) == (0.021, 0.021)
    assert high == pytest.approx(0.021)
