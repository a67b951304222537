"""Statistics worked out by hand, at the bounds where they change."""

import math
from dataclasses import FrozenInstanceError

import choix
import numpy as np
import pytest

from ravelar.benchmark.evals.agreement import agreement
from ravelar.benchmark.evals.means import (
    differences,
    means,
    minimum_detectable,
    p_value,
    standard_error,
    unpaired,
)
from ravelar.benchmark.evals.ratings import Comparison, ratings
from ravelar.benchmark.evals.resampling import bounds, by_cluster, multiplicities, ratios
from ravelar.benchmark.evals.table import Score, Table
from ravelar.tools.errors import InputError


def table(clusters=None, **systems):
    return Table.of(
        Score(name, f"r{i}", value, clusters[i] if clusters else None)
        for name, values in systems.items()
        for i, value in enumerate(values)
    )


def test_systems_on_rows_of_their_own_differ_by_their_means_and_both_errors() -> None:
    given = table(a=[1.0, 2.0, 3.0, None, None], b=[2.0, 4.0, None, 6.0, None])
    gap = unpaired(given, "a", "b")
    error = math.hypot(3**0.5 / 3, 2 * 3**0.5 / 3)
    assert (gap.value, gap.n, gap.clusters, gap.unscored, gap.paired) == (-2.0, 3, 3, 2, False)
    assert gap.error == pytest.approx(error)
    t = 2 / error
    assert gap.p == pytest.approx(1 - t / math.sqrt(t * t + 2))  # Student's t with two degrees of freedom
    assert gap.low < -2 < gap.high
    assert unpaired(table(a=[1.0, 2.0], b=[None, None]), "a", "b").value is None


def test_clusters_are_those_in_which_a_system_has_a_score() -> None:
    given = table(clusters=["x", "x", "y", "z"], a=[1.0, 3.0, 5.0, None], b=[1.0, 1.0, 1.0, 1.0])
    first, second = means(given)
    assert (first.value, first.n, first.clusters, first.unscored) == (3.0, 3, 2, 1)
    assert (second.value, second.n, second.clusters) == (1.0, 4, 3)
    (gap,) = differences(given)
    assert (gap.value, gap.n, gap.clusters, gap.unscored) == (2.0, 3, 2, 1)
    assert unpaired(given, "a", "b").clusters == 2


def test_what_data_would_show_is_told_at_five_per_cent_and_eight_chances_of_ten() -> None:
    (gap,) = differences(table(a=[1.0, 2.0, 4.0], b=[0.0, 3.0, 1.0]))
    assert gap.detectable() == pytest.approx(minimum_detectable(gap.error, 3, level=0.05, power=0.8))
    assert minimum_detectable(2.0, 3) == pytest.approx(2 * minimum_detectable(1.0, 3))
    # two degrees of freedom: the quantile at p is (2p - 1) * sqrt(2 / (1 - (2p - 1)^2))
    quantiles = [(2 * p - 1) * math.sqrt(2 / (1 - (2 * p - 1) ** 2)) for p in (0.975, 0.8)]
    assert minimum_detectable(1.0, 3, level=0.05, power=0.8) == pytest.approx(sum(quantiles))


@pytest.mark.parametrize(
    ("value", "error", "clusters", "p"),
    [
        (1.0, 1.0, 3, 1 - 1 / 3**0.5),
        (-1.0, 1.0, 3, 1 - 1 / 3**0.5),
        (1.0, 1.0, 2, 0.5),
        (9.0, 0.0, 1, 1.0),
        (9.0, 0.0, 0, 1.0),
        (9.0, 1.0, 1, 1.0),
        (9.0, 1.0, 0, 1.0),
        (9.0, 0.0, 2, 0.5),
        (1e9, 1.0, 3, 0.25),
    ],
)
def test_p_is_students_over_clusters_and_no_less_than_a_sign_tests(
    value: float, error: float, clusters: int, p: float
) -> None:
    assert p_value(value, error, clusters) == pytest.approx(p)


def test_an_error_of_unequal_clusters_by_hand() -> None:
    # mean 10 / 4; residuals 1 - 2.5, 3 - 2.5, 6 - 5: 1.5 times their squares' sum, over 4
    found = standard_error(np.array([1.0, 3.0, 6.0]), np.array([1.0, 1.0, 2.0]))
    assert found == pytest.approx(math.sqrt(1.5 * 3.5) / 4)


def test_ends_are_taken_further_out_the_fewer_the_clusters() -> None:
    resampled = np.arange(10_001, dtype=float)[:, None]
    # two clusters: t of one degree at 0.975 is 12.706, times sqrt(2): beyond any normal quantile
    low, high = bounds(resampled, 2)
    assert (low[0], high[0]) == pytest.approx((0.0, 10_000.0), abs=1e-6)
    # t of two degrees is 4.3027, times sqrt(1.5): 5.2697 deviations
    low, high = bounds(resampled, 3)
    out = 0.5 * math.erfc(4.302653 * math.sqrt(1.5) / math.sqrt(2))
    assert (low[0], high[0]) == pytest.approx((10_000 * out, 10_000 * (1 - out)), abs=1e-4)
    assert np.isnan(bounds(resampled, 1)).all()
    known = bounds(np.array([[1.0, np.nan], [1.0, np.nan]]), 5)
    assert known[0][0] == known[1][0] == 1.0
    assert np.isnan([known[0][1], known[1][1]]).all()


def test_a_resample_is_the_ratio_of_what_it_drew() -> None:
    sums, counts = np.array([[1.0, 4.0], [0.0, 6.0]]), np.array([[1.0, 2.0], [0.0, 3.0]])
    drawn = np.concatenate(list(multiplicities(2, seed=5, resamples=40)))
    found = ratios(sums, counts, seed=5, resamples=40)
    assert found.shape == (40, 2)
    for (x, y), (first, second) in zip(drawn, found, strict=True):
        assert first == pytest.approx((x + 4 * y) / (x + 2 * y))
        assert second == pytest.approx(2.0) if y else np.isnan(second)


def test_figures_do_not_mix_their_clusters() -> None:
    sums, counts = by_cluster(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, np.nan]]), np.array([1, 0]), 3)
    assert sums.tolist() == [[2.0, 1.0, 0.0], [4.0, 3.0, 0.0], [0.0, 5.0, 0.0]]
    assert counts.tolist() == [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]


def test_two_values_and_two_judges_are_enough_for_agreement() -> None:
    assert agreement(table(a=[1.0, 2.0], b=[1.0, 2.0]), resamples=20).alpha == 1.0
    against = agreement(table(a=[1.0, 2.0], b=[2.0, 1.0]), resamples=20)
    # nominal or not: all disagreement observed, two thirds expected of the four values' pairs
    assert against.alpha == pytest.approx(1 - 1 / (2 / 3))
    assert (against.judges, against.units, against.single, against.unscored) == (2, 2, 0, 0)


@pytest.mark.parametrize("share", [-0.5, 1.5])
def test_a_share_outside_nothing_and_all_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="allowed: 0 to 1"):
        ratings([Comparison("a", "b", share, "x")])


def test_strengths_are_log_odds_around_zero() -> None:
    found = ratings([Comparison("a", "b", 1.0, f"c{i}") for i in range(3)], prior=1.0, resamples=20)
    assert [one.system for one in found] == ["a", "b"]
    assert [one.strength for one in found] == pytest.approx([math.log(4) / 2, -math.log(4) / 2], abs=1e-6)
    assert [one.chance for one in found] == pytest.approx([2 / 3, 1 / 3], abs=1e-6)
    assert [(one.n, one.unscored) for one in found] == [(3, 0), (3, 0)]
    even = ratings([Comparison("a", "b", 0.5, "x"), Comparison("a", "b", None, "y")], resamples=20)
    assert [one.strength for one in even] == pytest.approx([0.0, 0.0], abs=1e-9)
    assert [(one.n, one.unscored) for one in even] == [(1, 1), (1, 1)]
    assert even[0].low is None


def test_an_unpaired_difference_takes_each_mean_over_its_own_rows() -> None:
    gap = unpaired(table(a=[1.0, 2.0, 3.0, 6.0], b=[5.0, 7.0, None, None]), "a", "b")
    assert (gap.value, gap.n, gap.clusters, gap.unscored) == (3.0 - 6.0, 2, 2, 2)
    assert gap.error == pytest.approx(math.sqrt(14 / 3 / 4 + 2 / 2))  # both variances over their numbers


def test_blocks_of_resamples_hold_no_more_than_they_may(monkeypatch) -> None:
    def shapes(clusters, resamples):
        return [block.shape for block in multiplicities(clusters, resamples=resamples)]

    monkeypatch.setattr("ravelar.benchmark.evals.resampling._BLOCK", 70)
    assert shapes(7, 45) == [(10, 7)] * 4 + [(5, 7)]
    assert shapes(1, 100) == [(70, 1), (30, 1)]
    assert shapes(71, 2) == [(1, 71)] * 2  # one resample at least


def test_a_resample_in_which_one_row_counts_is_known() -> None:
    drawn = np.concatenate(list(multiplicities(2, seed=5, resamples=40)))
    found = ratios(np.array([[0.0, 3.0]]), np.array([[0.0, 1.0]]), seed=5, resamples=40)[:, 0]
    assert set(drawn[:, 1]) == {0.0, 1.0, 2.0}
    np.testing.assert_array_equal(found, np.where(drawn[:, 1] > 0, 3.0, np.nan))


def test_many_clusters_have_plain_percentiles_and_one_has_none_of_the_same_shape() -> None:
    resampled = np.arange(10_001, dtype=float)[:, None]
    assert np.concatenate(bounds(resampled, 10**9)) == pytest.approx([250.0, 9_750.0], abs=1e-3)
    assert [end.shape for end in bounds(np.zeros((9, 3)), 1)] == [(3,), (3,)]


def test_rows_of_one_score_change_no_interval_of_agreement() -> None:
    both = {"a": [1.0, 2.0, 3.0, 4.0, 4.0, 1.0], "b": [1.0, 3.0, 3.0, 4.0, 2.0, 1.0]}
    beside = {"a": [*both["a"], 2.0, 4.0], "b": [*both["b"], None, None]}
    plain, more = (agreement(table(**given), resamples=50) for given in (both, beside))
    assert (plain.single, more.single) == (0, 2)
    assert (more.alpha, more.low, more.high, more.units) == (plain.alpha, plain.low, plain.high, plain.units)
    assert plain.low < plain.alpha < plain.high


def test_agreement_on_one_source_text_has_no_interval() -> None:
    one = agreement(table(clusters=["x"] * 3, a=[1.0, 2.0, 3.0], b=[1.0, 2.0, 2.0]), resamples=20)
    assert one.alpha is not None
    assert (one.low, one.high) == (None, None)
    two = agreement(table(clusters=["x", "x", "y"], a=[1.0, 2.0, 3.0], b=[1.0, 2.0, 2.0]), resamples=20)
    assert two.low < two.alpha <= two.high


def test_strengths_are_those_of_another_algorithm() -> None:
    wins = {("a", "b"): 7, ("b", "a"): 3, ("b", "c"): 6, ("c", "b"): 5, ("a", "c"): 4, ("c", "a"): 2}
    games = [Comparison(*pair, 1.0, f"{pair}{i}") for pair, n in wins.items() for i in range(n)]
    found = {one.system: one.strength for one in ratings(games, prior=0.0, resamples=2)}
    data = [("abc".index(one.first), "abc".index(one.second)) for one in games]
    newton = choix.opt_pairwise(3, data, alpha=0.0, method="Newton-CG", tol=1e-10)
    assert [found[name] for name in "abc"] == pytest.approx(newton - newton.mean(), abs=1e-5)


def test_each_resample_of_comparisons_is_fitted_anew() -> None:
    won = [1.0, 1.0, 0.5, 1.0, 0.0, 1.0]
    first, second = ratings([Comparison("a", "b", share, str(i)) for i, share in enumerate(won)], seed=7, resamples=60)
    drawn = np.concatenate(list(multiplicities(6, seed=7, resamples=60)))
    wins, losses = drawn @ np.array(won), drawn @ (1 - np.array(won))
    log_odds = np.log((wins + 0.01) / (losses + 0.01)) / 2  # of two systems: half of it each way
    low, high = np.concatenate(bounds(log_odds[:, None], 6))
    assert (first.low, first.high) == pytest.approx((low, high), abs=1e-6)
    assert (second.low, second.high) == pytest.approx((-high, -low), abs=1e-6)


@pytest.mark.parametrize("field", ["value", "n"])
def test_means_and_differences_can_not_be_changed_afterwards(field: str) -> None:
    given = table(a=[1.0, 2.0], b=[2.0, 2.0])
    for found in (means(given, resamples=2)[0], differences(given, resamples=2)[0]):
        with pytest.raises(FrozenInstanceError):
            setattr(found, field, 1)


def test_ratings_and_agreement_can_not_be_changed_afterwards() -> None:
    with pytest.raises(FrozenInstanceError):
        ratings([Comparison("a", "b", 1.0, "x")], resamples=2)[0].strength = 0.0
    with pytest.raises(FrozenInstanceError):
        agreement(table(a=[1.0, 2.0], b=[1.0, 2.0]), resamples=2).alpha = 1.0
