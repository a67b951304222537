"""From a tool to a candidate, and which of several: chosen on one half, told apart on the other, else the cheapest."""

from dataclasses import replace
from zlib import crc32

import pytest

from ravelar.tools.acquiring import Attempt, Candidate, beats, best_of, can_rank, try_model
from ravelar.tools.adopted.entry import JudgeRecipe, RemoteRecipe
from ravelar.tools.errors import ToolUnavailable
from ravelar.tools.evidence.measure import score_probes
from ravelar.tools.evidence.probes import Probe, ProbeSet
from ravelar.tools.evidence.thresholds import Thresholds
from ravelar.tools.reward import Triple
from ravelar.tools.task import TaskSpec

RECIPE = RemoteRecipe(url="http://127.0.0.1:1", protocol="ravelar")
SPEC = TaskSpec(label="longer", summary="Say more.", correct="longer", reference_decides=False)


@pytest.fixture(scope="module")
def attempt() -> Attempt:
    pairs = [
        Probe(Triple(f"prompt {i}", "word " * n), good, "preferred" if good else "rejected", pair=str(i))
        for i in range(120)
        for n, good in ((6 + i % 5, True), (1 + i % 3, False))
    ]
    return Attempt(SPEC, ProbeSet(pairs), Thresholds())


def model(fake_tool, says, **card):
    tool = fake_tool(name="model", says=says, low=-1e9, high=1e9, **card)
    tool.card = tool.card.model_copy(update={"kind": "reward_model"})
    return tool


def words(triple: Triple) -> float:
    return float(triple.text.count("word"))


def test_a_good_model_passes_calibrated_and_with_evidence_of_the_half_it_was_not_fitted_on(fake_tool, attempt):
    found = try_model("good", model(fake_tool, words), RECIPE, attempt)
    assert found.passed
    assert found.entry.trial.half == "held_out"
    assert found.shown.half == "shown"
    assert found.entry.card.name == "longer"
    assert found.entry.card.to_unit(8.0) > 0.5 > found.entry.card.to_unit(2.0)
    assert Candidate.of_row(found.as_row()) == found


def test_a_cost_model_is_turned_round(fake_tool, attempt):
    found = try_model("cost", model(fake_tool, lambda t: -words(t), direction="lower"), RECIPE, attempt)
    assert found.passed
    assert found.entry.card.to_unit(-8.0) > found.entry.card.to_unit(-2.0)


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (lambda t: 1.0, "constant"),
        (lambda t: -words(t), "not_above_chance"),
        (lambda t: float(crc32((t.text + t.question).encode()) % 97), "not_above_chance"),
        (lambda t: float("nan"), "unscored"),
    ],
)
def test_a_model_without_merit_is_refused_by_name(fake_tool, attempt, says, why):
    found = try_model("bad", model(fake_tool, says), RECIPE, attempt)
    assert not found.passed
    assert why in "; ".join(found.reasons)


def test_a_model_out_of_reach_is_not_refused(fake_tool, attempt):
    with pytest.raises(ToolUnavailable, match=r"far: .*no route"):
        try_model("far", model(fake_tool, lambda t: ToolUnavailable("no route")), RECIPE, attempt)


def test_where_evidence_sees_no_difference_the_cheapest_kind_wins(fake_tool, attempt):
    dear = try_model("dear", model(fake_tool, words), RECIPE, attempt)
    judge = replace(
        dear,
        name="judge",
        kind="judge",
        entry=dear.entry.model_copy(update={"recipe": JudgeRecipe(model="a:b", rubric="?")}),
    )
    assert best_of([judge, dear], attempt.probes).name == "dear"
    assert best_of([replace(dear, passed=False)], attempt.probes) is None


def test_only_an_exact_tie_is_put_to_whoever_breaks_ties(fake_tool, attempt):
    one = try_model("one", model(fake_tool, words), RECIPE, attempt)
    other = replace(one, name="other")
    asked = []

    def choose(level):
        asked.append([candidate.name for candidate in level])
        return "other"

    assert best_of([one, other], attempt.probes, choose).name == "other"
    assert asked == [["one", "other"]]
    worse = try_model(
        "worse", model(fake_tool, lambda t: words(t) + crc32((t.question + t.text).encode()) % 9), RECIPE, attempt
    )
    assert best_of([worse, one], attempt.probes, choose).name == "one"
    assert len(asked) == 1


def test_a_challenger_must_beat_the_tool_in_use_on_the_same_probes(fake_tool, attempt):
    good = try_model("good", model(fake_tool, words), RECIPE, attempt)
    poor = score_probes(fake_tool(says=lambda t: float(len(t.question) % 2)), attempt.probes, "held_out", repeats=1)
    assert beats(good, poor, attempt.probes)[0]
    same = score_probes(fake_tool(says=lambda t: min(1.0, words(t) / 20)), attempt.probes, "held_out", repeats=1)
    better, why = beats(good, same, attempt.probes)
    assert not better
    assert "not_better_than_incumbent" in why


def test_few_probes_can_rank_nothing(attempt):
    assert can_rank(attempt.probes, Thresholds())
    assert not can_rank(ProbeSet(attempt.probes.probes[:20]), Thresholds())
