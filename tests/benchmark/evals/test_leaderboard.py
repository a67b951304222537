"""The leaderboard's words and bounds: who may be called ahead, and what is said beside it."""

from dataclasses import FrozenInstanceError, replace

import pytest

from ravelar.benchmark.evals.leaderboard import Published, leaderboard, published_leaderboard, ranked, verdict
from ravelar.benchmark.evals.means import Difference, Mean, p_value
from ravelar.benchmark.evals.table import Score, Table
from ravelar.tools.errors import InputError

PAIR = Difference("a", "b", 0.5, 0.25, 0.75, 0.01, n=90, clusters=30, unscored=0, error=0.125)


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({}, True),
        ({"p": 0.05}, False),
        ({"p": 0.049}, True),
        ({"adjusted": 0.06}, False),
        ({"p": 0.9, "adjusted": 0.01}, True),
        ({"low": 0.0}, False),
        ({"low": -0.1}, False),
        ({"low": 0.001}, True),
        ({"value": -0.5, "low": -0.75, "high": 0.0}, False),
        ({"value": -0.5, "low": -0.75, "high": -0.001}, True),
        ({"low": None}, False),
        ({"high": None}, False),
        ({"value": None}, False),
    ],
)
def test_both_the_test_and_the_interval_must_show_who_is_ahead(change: dict[str, float | None], shown: bool) -> None:
    assert ranked(replace(PAIR, **change)) is shown


def test_a_verdict_names_the_one_ahead_first_with_its_figures() -> None:
    assert verdict(PAIR, 1) == "a is ahead of b: 0.50 (0.25 to 0.75), p = 0.010, 90 rows."
    turned = replace(PAIR, value=-0.5, low=-0.75, high=-0.25, adjusted=0.0005)
    assert verdict(turned, 3) == "b is ahead of a: -0.50 (-0.75 to -0.25), p < 0.001 after Holm over 3 pairs, 90 rows."
    assert "p = 0.001 after Holm over 2 pairs" in verdict(replace(PAIR, p=0.001), 2)


def test_a_verdict_that_can_not_rank_says_what_would_be_missed() -> None:
    least = PAIR.detectable(0.05 / 2)
    said = verdict(replace(PAIR, low=-0.25), 2)
    assert said.startswith("a and b can't be ranked: 0.50 (-0.25 to 0.75), p = 0.010 after Holm over 2 pairs, 90 rows;")
    assert said.endswith(f"a true difference under {least:.2f} would mostly be missed.")
    assert verdict(replace(PAIR, low=None, error=None), 1) == "a and b can't be ranked: 0.50, p = 0.010, 90 rows."
    assert verdict(replace(PAIR, value=None), 1) == "a and b can't be ranked: no row is scored for both."


def test_published_means_are_compared_by_their_half_widths() -> None:
    board = published_leaderboard({"low": Published(7.0, 50, 0.3), "high": Published(8.0, 100, 0.4)})
    (pair,) = board.pairs
    assert (pair.first, pair.second, pair.n, pair.clusters, pair.paired) == ("high", "low", 50, 50, False)
    assert (pair.value, pair.low, pair.high) == pytest.approx((1.0, 0.5, 1.5))  # 0.3 and 0.4 make 0.5
    assert pair.error == pytest.approx(0.5 / 1.959964)
    assert pair.p == pytest.approx(p_value(1.0, 0.5 / 1.959964, 50))
    assert [(one.mean.system, one.rank) for one in board.standings] == [("high", "1"), ("low", "2")]
    assert board.summary() == "All can be ranked, in this order: high, low."


@pytest.mark.parametrize("given", [Published(7.0, 1, 0.3), Published(7.0, 50, 0.0), Published(7.0, 50, float("nan"))])
def test_a_published_mean_needs_two_items_and_a_width(given: Published) -> None:
    with pytest.raises(InputError, match="a: n is"):
        published_leaderboard({"a": given})
    assert published_leaderboard({"a": Published(7.0, 2, 0.1)}).standings


def test_ranks_are_ranges_where_neighbours_can_not_be_told_apart() -> None:
    board = published_leaderboard(
        {"a": Published(9.0, 100, 0.2), "b": Published(8.9, 100, 0.2), "c": Published(5.0, 100, 0.2)}
    )
    assert [(one.mean.system, one.rank) for one in board.standings] == [("a", "1 to 2"), ("b", "1 to 2"), ("c", "3")]
    assert board.summary() == "2 of 3 pairs can be ranked; the other 1 can't."


def test_systems_come_from_the_highest_mean_down_and_by_name_where_means_are_equal() -> None:
    scores = [
        Score(name, f"r{i}", value)
        for name, value in (("c", -1.0), ("b", 2.0), ("a", 2.0), ("d", 0.0))
        for i in range(3)
    ]
    board = leaderboard(Table.of(scores), resamples=20)
    assert [one.mean.system for one in board.standings] == ["a", "b", "d", "c"]


@pytest.mark.parametrize("given", [{"b": 0.5, "a": 0.0, "c": -0.5}, {"c": 0.0, "b": -0.5, "a": -1.0}])
def test_a_mean_of_zero_stands_between_those_above_and_below_it(given: dict[str, float]) -> None:
    scores = [Score(name, f"r{i}", mean) for name, mean in given.items() for i in range(3)]
    assert [one.mean.system for one in leaderboard(Table.of(scores), resamples=20).standings] == list(given)
    board = published_leaderboard({name: Published(mean, 9, 0.1) for name, mean in sorted(given.items())})
    assert [one.mean.system for one in board.standings] == list(given)


def test_a_published_mean_is_shown_with_the_interval_it_came_with() -> None:
    (one,) = published_leaderboard({"a": Published(7.0, 50, 0.25)}).standings
    assert one.mean == Mean("a", 7.0, 6.75, 7.25, n=50, clusters=50, unscored=0)
    assert one.rank == "1"
    (pair,) = published_leaderboard({"a": Published(7.0, 50, 0.25), "b": Published(6.0, 50, 0.25)}).pairs
    assert pair.unscored == 0


def rows(**systems: list[float | None]) -> Table:
    return Table.of(
        Score(name, f"r{i:03}", value) for name, values in systems.items() for i, value in enumerate(values)
    )


def test_who_is_behind_on_the_shared_rows_is_ranked_behind_whatever_the_means() -> None:
    """The easy rows that only one of two has lift its mean, and say nothing of the other."""
    shared = [5.0 + i % 3 for i in range(20)]
    better = [value + (0.4 if i % 2 else 0.6) for i, value in enumerate(shared)]
    board = leaderboard(rows(easy=shared + [9.0] * 20, able=better + [None] * 20), resamples=200)
    assert [(one.mean.system, one.rank) for one in board.standings] == [("easy", "2"), ("able", "1")]
    assert board.summary() == "All can be ranked, in this order: able, easy."
    assert board.words()[1].startswith("able is ahead of easy: -0.50 (")


def test_three_that_beat_one_another_in_a_ring_are_not_said_to_stand_in_one_order() -> None:
    low, high, none = [1.0 + i % 2 for i in range(12)], [3.0 + i % 3 for i in range(12)], [None] * 12
    board = leaderboard(rows(a=high + none + low, b=low + high + none, c=none + low + high), resamples=200)
    assert {one.rank for one in board.standings} == {"2"}
    assert board.summary() == "Every two can be ranked, but not all in one order: a, b, c."


def test_a_leaderboard_can_not_be_changed_afterwards() -> None:
    board = published_leaderboard({"a": Published(7.0, 50, 0.25)})
    with pytest.raises(FrozenInstanceError):
        board.standings[0].best_rank = 2
    with pytest.raises(FrozenInstanceError):
        board.standings = ()
