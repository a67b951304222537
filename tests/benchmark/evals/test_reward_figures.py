"""Published figures by hand, and on the given score files."""

import csv
import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from ravelar.benchmark.evals.rewards.board import compared
from ravelar.benchmark.evals.rewards.cases import Case
from ravelar.benchmark.evals.rewards.figures import figures
from ravelar.benchmark.evals.rewards.given import read_given
from ravelar.benchmark.evals.rewards.scorers import Judged
from ravelar.benchmark.evals.rewards.selection import matrix_of, select
from ravelar.benchmark.evals.rewards.ties import PARTS, Gaps, gaps, ties_score
from ravelar.tools.errors import InputError


def said(*given, subset="s", right=1, first=True):
    """Cases with the scores, or the Judged, that were said of each; None where nothing was."""
    rows = []
    for i, one in enumerate(given):
        judged = Judged(str(i), tuple(map(float, one))) if isinstance(one, list) else one
        n = len(one) if isinstance(one, list) else 2
        rows.append((Case(str(i), subset, "p", ("c",) * n, right, str(i), first), judged))
    return rows


def by_name(benchmark, rows):
    return {one.name: one for one in figures(benchmark, rows, resamples=200)}


def test_gaps_by_hand() -> None:
    assert gaps([5.0, 3.0, 1.0, 2.0], 2) == Gaps(spread=2.0, gap=1.0)


def test_ties_by_hand() -> None:
    tied = {
        "1": gaps([4.0, 3.5, 1.0], 2),  # spread 0.5, gap 2.5: accurate, margin
        "2": gaps([5.0, 1.0, 0.0], 2),  # spread 4, gap 1: accurate, no margin
        "3": gaps([2.0, 1.0, 1.5], 2),  # gap -0.5: wrong
    }
    reference = {
        "1": gaps([3.0, 2.75], 1),  # gap 0.25: accurate, but under the spread
        "2": gaps([3.0, 1.0], 1),
        "3": gaps([1.0, 2.0], 1),  # gap -1: wrong
    }
    found = ties_score(tied, reference, resamples=50)
    sizes = [math.tanh(0.25 / 0.5 - 1), math.tanh(1 / 4 - 1), math.tanh(-1 / 1 - 1)]
    expected = 0.3 * 2 / 3 + 0.3 * 2 / 3 + 0.2 * 1 / 3 + 0.2 * 0 + 0.01 * sum(sizes) / 3
    assert found.score == pytest.approx(expected)
    assert found.parts == pytest.approx(
        {
            "tied accuracy": 2 / 3,
            "reference accuracy": 2 / 3,
            "margin": 1 / 3,
            "hard margin": 0.0,
            "margin size": sum(sizes) / 3,
        }
    )
    assert found.prompts == 3


def test_ties_at_the_edges_as_the_published_code_has_them() -> None:
    perfect = ties_score({"1": Gaps(0.0, 2.0)}, {"1": Gaps(0.0, 2.0)}, resamples=10)
    assert perfect.score == pytest.approx(1.01)  # a spread of 0 under a gap counts as infinitely far
    level = ties_score({"1": Gaps(0.0, 0.0)}, {"1": Gaps(0.0, 0.0)}, resamples=10)
    assert level.score == 0.0  # no gap is not above none, and 0 / 0 is 0
    backwards = ties_score({"1": Gaps(0.0, -1.0)}, {"1": Gaps(0.0, -1.0)}, resamples=10)
    assert backwards.score == pytest.approx(-0.01)


def test_a_ties_prompt_without_its_twin_counts_for_accuracy_alone() -> None:
    found = ties_score({"1": Gaps(0.5, 1.0), "2": Gaps(0.5, 1.0)}, {"1": Gaps(0.0, 1.0)}, resamples=10)
    assert found.prompts == 1
    assert found.parts == pytest.approx(
        {
            "tied accuracy": 1.0,
            "reference accuracy": 1.0,
            "margin": 1.0,
            "hard margin": 1.0,
            "margin size": math.tanh(1.0),
        }
    )
    assert found.score == pytest.approx(1.0 + 0.01 * math.tanh(1.0))
    alone = ties_score({"1": Gaps(0.5, 1.0)}, {}, resamples=10)
    assert (alone.score, alone.prompts) == (None, 0)
    assert alone.parts == dict.fromkeys(PARTS) | {"tied accuracy": 1.0}


def test_ties_without_any_prompt_have_no_score_in_any_resample() -> None:
    empty = ties_score({}, {}, resamples=10)
    assert (empty.score, empty.prompts, empty.parts) == (None, 0, dict.fromkeys(PARTS))
    assert empty.resampled.shape == (10,)
    assert np.isnan(empty.resampled).all()


@pytest.mark.parametrize(
    ("tied", "reference", "margin", "hard"),
    [
        (Gaps(1.0, 1.0), Gaps(0.0, 3.0), 0.0, 0.0),  # as wide as the spread is not wider
        (Gaps(1.0, 3.0), Gaps(0.0, 1.0), 1.0, 0.0),
        (Gaps(1.0, 1.5), Gaps(0.0, 1.25), 1.0, 1.0),
    ],
)
def test_a_margin_is_a_gap_wider_than_the_spread(tied: Gaps, reference: Gaps, margin: float, hard: float) -> None:
    found = ties_score({"1": tied}, {"1": reference}, resamples=10)
    assert (found.parts["margin"], found.parts["hard margin"]) == (margin, hard)
    assert found.parts["margin size"] == pytest.approx(math.tanh(min(tied.gap, reference.gap) - 1))
    assert found.resampled == pytest.approx(np.full(10, found.score))  # of one prompt every resample is the same


def test_a_ties_score_can_not_be_changed_afterwards() -> None:
    with pytest.raises(FrozenInstanceError):
        ties_score({}, {}, resamples=1).score = 1.0


def ties_case(name, scores, right):
    return Case(f"Ties/{name}", "Ties", "p", ("c",) * len(scores), right, name.partition(":")[2]), Judged(
        name, tuple(scores)
    )


def test_rewardbench2_is_the_mean_of_its_subsets_and_a_shared_first_place_counts_in_part() -> None:
    rows = [
        *said([9, 1, 2, 3], [1, 9, 2, 3], subset="Focus"),
        *said([5, 5, 2, 3], [5, 5, 5, 5], [0, 1, 2, 3], subset="Math"),
        ties_case("tied:1", [4.0, 4.0, 1.0], 2),
        ties_case("ref:1", [4.0, 1.0], 1),
    ]
    found = by_name("rewardbench2", rows)
    assert found["Focus"].value == 0.5
    assert found["Math"].value == pytest.approx((1 / 2 + 1 / 4 + 0) / 3)
    assert found["Ties"].value == pytest.approx(1.01)
    assert found["overall"].value == pytest.approx((0.5 + 0.25 + 1.01) / 3)
    assert found["overall"].n == 7


def test_the_published_overall_scores_are_means_of_six_subsets(shared) -> None:
    with shared("leaderboards/rewardbench2_leaderboard.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["Score"]]
    subsets = ("Factuality", "Focus", "Math", "Precise IF", "Safety", "Ties")
    for row in rows:
        assert np.mean([float(row[name]) for name in subsets]) == pytest.approx(float(row["Score"]), abs=1e-4)
    assert len(rows) > 100


def test_unscored_cases_are_counted_and_an_unknown_subset_leaves_the_overall_unknown() -> None:
    rows = [*said([2, 1], None, Judged("2", error="down"), subset="Focus"), *said(None, subset="Math")]
    found = by_name("rewardbench2", rows)
    assert (found["Focus"].value, found["Focus"].n, found["Focus"].unscored) == (1.0, 1, 2)
    assert found["Focus"].at_least == pytest.approx(1 / 3)
    assert (found["Math"].value, found["Math"].unscored, found["overall"].value) == (None, 1, None)


def test_rm_bench_by_hand() -> None:
    # right: concise 2, detailed 3, marked up 4; wrong: concise 1, detailed 2, marked up 5
    rows = said([2, 3, 4, 1, 2, 5], subset="chat", right=3)
    found = by_name("rm-bench", rows)
    assert found["normal"].value == pytest.approx((1 + 1 + 0) / 3)
    assert found["hard"].value == pytest.approx((0 + 0 + 0) / 3)  # 2 > 2, 2 > 5, 3 > 5: ties do not win
    assert found["easy"].value == pytest.approx(1.0)  # 3 > 1, 4 > 1, 4 > 2
    assert found["overall"].value == pytest.approx((2 / 3 + 0 + 1) / 3)
    assert found["right marked up, wrong marked up"].value == 0.0


def test_rm_bench_counts_each_domain_once_and_safety_as_one() -> None:
    win, loss = [2, 2, 2, 1, 1, 1], [1, 1, 1, 2, 2, 2]
    rows = [
        *said(win, win, win, subset="chat", right=3),
        *said(loss, subset="safety-refuse", right=3),
        *said(win, subset="safety-response", right=3),
    ]
    assert by_name("rm-bench", rows)["overall"].value == pytest.approx((1 + 0.5) / 2)


def test_rewardmath_by_hand() -> None:
    rows = said([5, 1, 2], [2, 2, 1], [1, 3, 2])
    found = by_name("rewardmath", rows)
    assert found["top-1"].value == pytest.approx(1 / 3)
    assert found["top-1, ties as wins"].value == pytest.approx(2 / 3)
    assert found["top-1, ties drawn by lot"].value == pytest.approx(1.5 / 3)
    assert found["mean reciprocal rank"].value == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)


def test_judgebench_counts_both_orders() -> None:
    votes = {("right", "right"): 1.0, ("right", "wrong"): 0.5, ("wrong", "wrong"): 0.0, ("right", "tie"): 0.75}
    rows = said(*(Judged(str(i), share=share, votes=vote) for i, (vote, share) in enumerate(votes.items())))
    found = by_name("judgebench", rows)
    assert found["overall"].value == 0.5  # a vote each way is no win, a win and a tie is one
    assert found["ties as half"].value == pytest.approx(2.25 / 4)
    assert found["both orders agree"].value == 0.5
    scores = by_name("judgebench", said([2, 1], [1, 1], [1, 2]))
    assert (scores["overall"].value, scores["ties as half"].value) == (pytest.approx(1 / 3), 0.5)
    assert "both orders agree" not in scores


def test_a_judge_that_always_prefers_the_first_is_found_out() -> None:
    always = Judged("0", share=0.5, votes=("right", "wrong"))
    assert by_name("llmbar", said(always, first=True))["first one preferred"].value == 1.0
    assert by_name("llmbar", said(always, first=False))["first one preferred"].value == 0.0
    fair = Judged("0", share=1.0, votes=("right", "right"))
    assert by_name("llmbar", said(fair))["first one preferred"].value == 0.5


def test_subsets_of_one_size_are_resampled_apart() -> None:
    half = [[1, 0] if i % 2 else [0, 1] for i in range(40)]
    rows = [*said(*half, subset="A"), *said(*half, subset="B")]
    one, both = by_name("rewardbench2", said(*half, subset="A"))["overall"], by_name("rewardbench2", rows)["overall"]
    assert both.high - both.low < 0.85 * (one.high - one.low)  # the mean of two is steadier than one


def test_rewardmath_scores_reproduce_the_single_model_figures(shared) -> None:
    given = read_given("rewardmath", [shared("rewardmath/scores.jsonl.gz")])
    top = {system: by_name("rewardmath", rows)["top-1"] for system, rows in given.items()}
    assert top["ArmoRM"].value == pytest.approx(0.205, abs=5e-4)
    assert max(one.value for one in top.values()) == pytest.approx(0.373, abs=5e-4)
    board = compared("rewardmath", given)
    assert board.standings[0].mean.system == "internlm2"
    assert any("skywork_llama3 and ArmoRM can't be ranked" in line for line in board.words())


def test_judgebench_scores_reproduce_the_decisions_beside_them(shared) -> None:
    paths = sorted(shared("judgebench/gpt-4o-2024-05-13.jsonl.gz").parent.glob("*__reward_model__*"))
    given = read_given("judgebench", paths)
    assert len(given) == 5
    from ravelar.benchmark.evals.rewards.records import read_records  # noqa: PLC0415

    for path, (system, rows) in zip(
        sorted(paths, key=lambda path: path.name.split("__")[2].replace("_", "/", 1)),
        sorted(given.items()),
        strict=True,
    ):
        assert path.name.split("__")[2].startswith(system.replace("/", "_"))
        flip = {"A>B": "B>A", "B>A": "A>B"}
        won = 0
        for record in read_records([path]):
            first, second = (one["decision"] for one in record.values["judgments"])
            won += (first == record.values["label"]) + (flip[second] == record.values["label"]) == 2
        assert by_name("judgebench", rows)["overall"].value == pytest.approx(won / len(rows))


def test_selection_over_given_scores_adjusts_the_oracle_for_chance(shared) -> None:
    found = select("rewardmath", [shared("rewardmath/scores.jsonl.gz")], quick=True)
    first = found.findings[0]
    oracles = {line.what: line.share.value for line in first.oracles}
    reached, lot = oracles["any of 9 is right"], oracles["any of 9, had the right completion been drawn by lot"]
    assert oracles["any of 9, adjusted for chance"] == pytest.approx((reached - lot) / (1 - lot))
    schemes = {line.what: line for line in first.schemes}
    assert schemes["best single"].share.value == pytest.approx(0.373, abs=5e-3)
    assert schemes["raw mean"].over_best.high < 0
    assert (found.left_out, found.cases) == (0, 483)


def test_only_cases_that_all_scored_are_in_the_matrix() -> None:
    one = said(*[[2, 1]] * 12, None)
    other = said(*[[1, 2]] * 11, Judged("11", error="down"), [1, 2])
    matrix, left_out = matrix_of("x", {"a": one, "b": other})
    assert (matrix.scores.shape, left_out) == ((2, 11, 2), 2)
    with pytest.raises(InputError, match="needs two or more, got a"):
        matrix_of("x", {"a": one})
    with pytest.raises(InputError, match="1 cases with one right completion were scored by all of a, b"):
        matrix_of("x", {"a": said([2, 1]), "b": said([2, 1])})
