"""Statistics: figures worked by hand, intervals that hold the truth, words where nothing can be ranked."""

import numpy as np
import pytest

from ravelar.benchmark.evals.agreement import agreement
from ravelar.benchmark.evals.coverage import coverage, simulated
from ravelar.benchmark.evals.hellobench import TASKS, checklist_score, read_hellobench
from ravelar.benchmark.evals.leaderboard import Published, leaderboard, published_leaderboard, ranked, verdict
from ravelar.benchmark.evals.means import (
    differences,
    holm,
    means,
    minimum_detectable,
    p_value,
    standard_error,
    unpaired,
)
from ravelar.benchmark.evals.ratings import Comparison, ratings
from ravelar.benchmark.evals.resampling import bounds, by_cluster, multiplicities, ratios
from ravelar.benchmark.evals.table import Score, Table
from ravelar.tools.errors import InputError, UnknownName

PUBLISHED = {"open_ended_qa": 54.82, "chat": 42.88, "text_completion": 67.49, "heuristic_text_generation": 47.87}


def table(**systems):
    """Systems' values over rows r0, r1 ...; `clusters` may name each row's cluster."""
    clusters = systems.pop("clusters", None)
    return Table.of(
        Score(name, f"r{i:03}", value, clusters[i] if clusters else None)
        for name, values in systems.items()
        for i, value in enumerate(values)
    )


def test_unscored_rows_are_counted_and_left_out_of_the_mean() -> None:
    one, other = means(table(a=[1.0, None, 3.0, 8.0], b=[2.0, 2.0, None, None]))
    assert (one.value, one.n, one.clusters, one.unscored) == (4.0, 3, 3, 1)
    assert (other.value, other.n, other.unscored) == (2.0, 2, 2)
    (gap,) = differences(table(a=[1.0, None, 3.0], b=[2.0, 5.0, 3.5]))
    assert (gap.value, gap.n, gap.unscored) == (-0.75, 2, 1)


def test_a_row_that_a_system_lacks_is_unscored_and_repeats_are_averaged() -> None:
    built = Table.of([Score("a", "x", 1.0), Score("a", "x", 2.0), Score("a", "x", None), Score("b", "y", 3.0)])
    assert built.rows == ("x", "y")
    assert built.values[0, 0] == 1.5
    assert np.isnan([built.values[0, 1], built.values[1, 0]]).all()
    assert [one.unscored for one in means(built)] == [1, 1]


def test_a_system_without_any_score_has_no_mean_and_no_rank() -> None:
    board = leaderboard(table(a=[1.0, 2.0, 3.0], b=[None, None, None]))
    assert [one.mean.system for one in board.standings] == ["a"]
    assert board.words()[-1] == "b has no score (3 unscored): it can't be ranked."
    assert "nothing to rank" in board.summary()


def test_one_cluster_gives_no_interval() -> None:
    (one,) = means(table(a=[1.0, 2.0, 3.0], clusters=["x", "x", "x"]))
    assert (one.value, one.low, one.high) == (2.0, None, None)
    (gap,) = differences(table(a=[1.0, 2.0], b=[2.0, 2.0], clusters=["x", "x"]))
    assert (gap.low, gap.p, gap.error, gap.detectable()) == (None, 1.0, None, None)


def test_bad_scores_are_refused_by_name() -> None:
    with pytest.raises(InputError, match="a, x: the score is inf"):
        Table.of([Score("a", "x", float("inf"))])
    with pytest.raises(InputError, match="row x is in the clusters 'p' and 'q'"):
        Table.of([Score("a", "x", 1.0, "p"), Score("b", "x", 1.0, "q")])
    with pytest.raises(InputError, match="there are no scores"):
        Table.of([])
    with pytest.raises(UnknownName, match="no system 'c'"):
        differences(table(a=[1.0], b=[1.0]), [("a", "c")])


def test_each_resample_draws_as_many_clusters_as_there_are_and_blocks_change_nothing(monkeypatch) -> None:
    drawn = np.concatenate(list(multiplicities(7, seed=1, resamples=50)))
    assert drawn.shape == (50, 7)
    assert set(drawn.sum(axis=1)) == {7.0}
    monkeypatch.setattr("ravelar.benchmark.evals.resampling._BLOCK", 70)
    assert (np.concatenate(list(multiplicities(7, seed=1, resamples=50))) == drawn).all()


def test_sums_and_numbers_by_cluster_skip_what_is_unknown() -> None:
    values = np.array([[1.0, np.nan, 3.0], [4.0, 5.0, np.nan]])
    sums, counts = by_cluster(values, np.array([0, 0, 1]), 2)
    assert sums.tolist() == [[1.0, 3.0], [9.0, 0.0]]
    assert counts.tolist() == [[1.0, 1.0], [2.0, 0.0]]
    assert np.isnan(ratios(np.array([[0.0, 2.0]]), np.array([[0.0, 1.0]]), resamples=200)).any()


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    given = simulated(np.random.default_rng(0), 40, systems=2)
    assert means(given, seed=3) == means(given, seed=3)
    assert means(given, seed=3)[0].low != means(given, seed=4)[0].low


def test_few_clusters_get_wider_intervals_than_plain_percentiles() -> None:
    resampled = np.random.default_rng(0).normal(size=(20_000, 1))
    few, many = (bounds(resampled, n)[1][0] for n in (5, 10_000))
    assert many == pytest.approx(1.96, abs=0.05)
    assert few > 2.8


def test_the_standard_error_of_clustered_scores_by_hand() -> None:
    # two clusters of two rows: sums 2 and 6, mean 2, residuals -2 and 2; sqrt(2 / 1 * 8) / 4 = 1
    assert standard_error(np.array([2.0, 6.0]), np.array([2.0, 2.0])) == pytest.approx(1.0)
    assert standard_error(np.array([1.0]), np.array([1.0])) is None


def test_p_by_hand_and_never_below_what_a_sign_test_could_give() -> None:
    assert p_value(2.0, 1.0, 10_000) == pytest.approx(0.0455, abs=1e-3)
    assert p_value(5.0, 0.0, 4) == 0.125
    assert p_value(100.0, 0.001, 5) == 0.0625
    assert p_value(0.0, 0.0, 9) == p_value(None, None, 0) == 1.0


def test_the_detectable_difference_is_2_8_errors_for_many_clusters() -> None:
    assert minimum_detectable(1.0, 100_000) == pytest.approx(1.96 + 0.8416, abs=1e-3)
    assert minimum_detectable(1.0, 100_000, level=0.05 / 3) > 3.2


def test_holm_by_hand_in_any_order() -> None:
    # 0.01 * 4, then 0.02 * 3 = 0.06, then 0.03 * 2 = 0.06, then 0.5
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_paired_differences_are_narrower_than_unpaired_ones_where_rows_differ_in_difficulty() -> None:
    given = simulated(np.random.default_rng(2), 99, systems=2)
    (paired,), apart = differences(given), unpaired(given, "s0", "s1")
    assert paired.error < apart.error
    assert paired.high - paired.low < apart.high - apart.low
    assert (paired.paired, apart.paired) == (True, False)


@pytest.mark.slow
@pytest.mark.parametrize("clusters", [12, 60])
def test_intervals_hold_the_truth_and_equal_systems_are_rarely_ranked(clusters) -> None:
    found = coverage(clusters, simulations=150, resamples=400)
    # 150 simulations of a share of 0.95 have a standard error of 0.018, of 0.05 the same, of 0.8 0.033
    assert found.mean > 0.90
    assert found.difference > 0.90
    assert found.false_ranks < 0.11
    assert 0.65 < found.power < 0.93


def test_who_is_ahead_is_said_and_ranks_are_ranges() -> None:
    rng = np.random.default_rng(4)
    base = rng.normal(5, 1, 200)
    board = leaderboard(table(good=base + 2, poor=base, same=base + rng.normal(0, 0.5, 200)))
    assert board.standings[0].mean.system == "good"
    assert [one.rank for one in board.standings] == ["1", "2 to 3", "2 to 3"]
    assert board.summary() == "2 of 3 pairs can be ranked; the other 1 can't."
    said = board.words()
    assert any(
        line.startswith("good is ahead of poor: 2.00 (") and "p < 0.001 after Holm over 3 pairs" in line
        for line in said
    )
    (open_pair,) = [pair for pair in board.pairs if not ranked(pair)]
    assert "can't be ranked" in verdict(open_pair, 3)
    assert "a true difference under" in verdict(open_pair, 3)


def test_an_order_of_all_is_said_to_be_one() -> None:
    base = np.random.default_rng(4).normal(5, 1, 50)
    board = leaderboard(table(a=base, b=base + 1 + 0.01 * base, c=base + 2))
    assert board.summary() == "All can be ranked, in this order: c, b, a."


def test_at_99_items_the_three_published_end2end_scores_cannot_be_ranked() -> None:
    given = {"gemini-3-pro-preview": 7.51, "gpt-5.2-2025-12-11": 7.37, "qwen3-max-2025-09-23": 7.35}
    board = published_leaderboard({name: Published(mean, 99, 0.24) for name, mean in given.items()})
    assert board.summary() == (
        "None can be ranked above another: gemini-3-pro-preview, gpt-5.2-2025-12-11, qwen3-max-2025-09-23."
    )
    assert {one.rank for one in board.standings} == {"1 to 3"}
    assert sum("can't be ranked" in line for line in board.words()) == 3
    wide = published_leaderboard({"a": Published(7.5, 99, 0.1), "b": Published(6.5, 99, 0.1)})
    assert "a is ahead of b" in wide.words()[1]
    with pytest.raises(InputError, match="half width"):
        published_leaderboard({"a": Published(7.5, 99, 0.0)})


def test_a_checklist_score_by_hand() -> None:
    assert checklist_score([1.0, 0.5], [60.0, 40.0]) == pytest.approx(20.0)
    with pytest.raises(InputError, match="1 scores of a checklist with 2 points"):
        checklist_score([1.0], [50.0, 50.0])


def test_hellobench_judgements_reproduce_the_published_means(shared) -> None:
    tables = read_hellobench(shared("hellobench/judgements.jsonl.gz").parent)
    assert tuple(tables) == TASKS
    for task, published in PUBLISHED.items():
        found = {one.system: one for one in means(tables[task], resamples=200)}
        assert found["gpt4o_0806"].value == pytest.approx(published, abs=0.005)
        assert found["gpt4o_0806"].low < published < found["gpt4o_0806"].high
    rows = sum(int((~np.isnan(one.values)).sum()) for one in tables.values())
    assert rows == 12_572
    assert any(one.unscored for one in means(tables["text_completion"], resamples=50))


def test_on_hellobench_the_paired_interval_is_narrower_and_neighbours_cannot_be_ranked(shared) -> None:
    tables = read_hellobench(shared("hellobench/judgements.jsonl.gz").parent)
    for given in tables.values():
        (paired,) = differences(given, [("gpt4o_0806", "mistral_large_api")])
        apart = unpaired(given, "gpt4o_0806", "mistral_large_api")
        assert paired.high - paired.low < apart.high - apart.low
    board = leaderboard(tables["open_ended_qa"], resamples=300)
    assert len(board.pairs) == 23 * 22 // 2
    shown = sum(map(ranked, board.pairs))
    assert 0 < shown < len(board.pairs)
    assert board.standings[0].worst_rank > 1


def test_alpha_of_the_textbook_and_its_interval() -> None:
    nan = None
    a = [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan]
    b = [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3]
    c = [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan]
    d = [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan]
    given = table(a=a, b=b, c=c, d=d)
    found = agreement(given, level="ordinal", resamples=200)
    assert found.alpha == pytest.approx(0.815, abs=5e-4)  # Krippendorff's own example
    assert found.low < found.alpha <= found.high
    assert (found.judges, found.units, found.single, found.unscored) == (4, 11, 1, 0)
    assert agreement(given, level="nominal", resamples=50).alpha == pytest.approx(0.743, abs=5e-4)
    assert agreement(given, resamples=50).alpha == pytest.approx(0.849, abs=5e-4)


def test_alpha_says_why_it_cannot_be_told() -> None:
    assert agreement(table(a=[1.0, 2.0], b=[None, None])).why == "no row has two scores"
    same = agreement(table(a=[1.0, 1.0], b=[1.0, 1.0]))
    assert (same.alpha, same.units) == (None, 2)
    assert "no disagreement to measure" in same.why
    assert agreement(table(a=[None], b=[None])).unscored == 1


def test_two_scores_of_one_row_are_enough_and_rows_of_one_score_count_for_nothing() -> None:
    pair = agreement(table(a=[1.0, 2.0, 5.0], b=[2.0, None, None]), resamples=20)
    assert (pair.units, pair.single) == (1, 2)
    assert pair.alpha == pytest.approx(0.0)  # two different scores, as far apart as chance has them
    assert agreement(table(a=[1.0, 2.0, 5.0], b=[1.0, 2.0, None]), resamples=20).alpha == 1.0


def test_judges_who_guess_do_not_agree_and_echoes_do() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(1, 11, (2, 300)).astype(float)
    guess = agreement(table(a=one, b=other), resamples=100)
    assert guess.low < 0 < guess.high
    assert agreement(table(a=one, b=one), resamples=50).alpha == 1.0


def test_bradley_terry_recovers_strengths_and_counts_ties_and_the_unscored() -> None:
    rng = np.random.default_rng(1)
    true = {"a": 1.0, "b": 0.0, "c": -1.0}
    games = []
    for i in range(600):
        first, second = rng.choice(list(true), 2, replace=False)
        won = rng.random() < 1 / (1 + np.exp(true[second] - true[first]))
        games.append(Comparison(str(first), str(second), float(won), f"item{i % 150}"))
    found = ratings([*games, Comparison("a", "b", None, "item0")], resamples=100)
    assert [one.system for one in found] == ["a", "b", "c"]
    for one in found:
        assert one.low < true[one.system] < one.high
        assert one.chance == pytest.approx(1 / (1 + np.exp(-one.strength)))
    assert (found[0].unscored, found[2].unscored) == (1, 0)
    tied = ratings([Comparison("a", "b", 0.5, str(i)) for i in range(20)], resamples=50)
    assert tied[0].strength == pytest.approx(0.0, abs=1e-9)


def test_bradley_terry_of_a_clean_sweep_is_finite_and_bad_input_is_named() -> None:
    sweep = ratings([Comparison("a", "b", 1.0, str(i)) for i in range(30)], resamples=20)
    assert np.isfinite(sweep[0].strength)
    assert ratings([Comparison("a", "b", 1.0, "x")], resamples=20)[0].low is None
    with pytest.raises(InputError, match="compared with itself"):
        ratings([Comparison("a", "a", 1.0, "x")])
    with pytest.raises(InputError, match="share 1"):
        ratings([Comparison("a", "b", 1.5, "x")])
    with pytest.raises(InputError, match="of 1 comparisons none is scored"):
        ratings([Comparison("a", "b", None, "x")])
