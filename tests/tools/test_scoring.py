import asyncio
import math
import pickle
import time

import pytest

from ravelar.tools.composite import Composite
from ravelar.tools.errors import InputError, ToolUnavailable, UnknownName, UnusableReference
from ravelar.tools.library import Library
from ravelar.tools.reward import Reward, RewardTool, Scored, Triple
from ravelar.tools.routing import Route
from ravelar.tools.scoring import MAX_COMPLETION_CHARS, ascore, describe, score, score_or_abstain, score_stream


def raising(error):
    def says(triple):
        raise error

    return says


def triples(*completions):
    return [Triple("?", completion) for completion in completions]


def test_a_fake_tool_meets_the_protocol(fake_tool):
    assert isinstance(fake_tool(), RewardTool)


def test_failing_tool_is_unscored_not_zero(fake_tool):
    rewards = score_or_abstain(fake_tool(says=raising(ToolUnavailable("no worker"))), triples("a", "b"))
    assert rewards == [Reward(None, "fake", "ToolUnavailable: no worker")] * 2


def test_a_returned_error_leaves_only_its_own_triple_unscored(fake_tool):
    tool = fake_tool(says=lambda t: UnusableReference("empty") if t.completion == "b" else 1.0)
    assert [reward.value for reward in score_or_abstain(tool, triples("a", "b", "c"))] == [1.0, None, 1.0]


def test_a_crash_in_a_batch_leaves_only_the_guilty_unscored(fake_tool):
    tool = fake_tool(says=lambda t: 1 / 0 if t.completion == "b" else 1.0)
    rewards = score_or_abstain(tool, triples("a", "b", "c"))
    assert [reward.value for reward in rewards] == [1.0, None, 1.0]
    assert rewards[1].reason == "ToolCrashed: ZeroDivisionError: division by zero"


@pytest.mark.parametrize("said", [math.nan, math.inf, -0.1, 1.1, "1", None, 10**400, [1]])
def test_what_is_no_number_in_range_is_unscored(fake_tool, said):
    (reward,) = score_or_abstain(fake_tool(says=lambda t: said), triples("a"))
    assert reward.value is None
    assert "is no finite number in [0.0, 1.0]" in reward.reason


def test_a_truth_value_and_an_integer_count_as_numbers(fake_tool):
    answers = iter([True, 1])
    rewards = score_or_abstain(fake_tool(says=lambda t: next(answers)), triples("a", "b"))
    assert [reward.value for reward in rewards] == [1.0, 1.0]


def test_too_few_scores_are_no_scores(fake_tool):
    tool = fake_tool()
    tool.score = lambda batch: [1.0]
    assert {reward.value for reward in score_or_abstain(tool, triples("a", "b"))} == {None}


def test_an_error_that_cannot_speak_is_named_all_the_same(fake_tool):
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError

    (reward,) = score_or_abstain(fake_tool(says=raising(Mute())), triples("a"))
    assert "Mute" in reward.reason


def test_raw_scores_are_mapped_to_the_unit_range_and_kept(fake_tool):
    (reward,) = score_or_abstain(fake_tool(says=lambda t: 25.0, low=0, high=100), triples("a"))
    assert (reward.value, reward.raw) == (0.25, 25.0)


def test_where_lower_is_better_the_lowest_raw_score_earns_one(fake_tool):
    (reward,) = score_or_abstain(fake_tool(says=lambda t: 0.0, direction="lower"), triples("a"))
    assert (reward.value, reward.raw) == (1.0, 0.0)


def test_an_unbounded_tool_without_calibration_is_unscored_and_keeps_its_raw_score(fake_tool):
    (reward,) = score_or_abstain(fake_tool(says=lambda t: 3.0, low=-math.inf, high=math.inf), triples("a"))
    assert reward.value is None
    assert reward.raw == 3.0
    assert "calibration" in reward.reason


def test_a_giant_completion_earns_the_lowest_value_unread_and_its_neighbours_are_scored(fake_tool):
    tool = fake_tool()
    rewards = score_or_abstain(tool, triples("a", "x" * (MAX_COMPLETION_CHARS + 1), "c"))
    assert [reward.value for reward in rewards] == [1.0, 0.0, 1.0]
    assert "1,000,001 characters" in rewards[1].reason
    assert [len(batch) for batch in tool.batches] == [2]


def test_one_batch_per_tool_and_rewards_in_order(fake_tool):
    first, second = fake_tool("first"), fake_tool("second", says=lambda t: 0.0)

    def router(prompt, reference, metadata):
        return Route(metadata["tool"], "") if metadata.get("tool") else Route(None, "nothing fits")

    rows = [Triple("?", str(n), metadata={"tool": name}) for n, name in enumerate(["first", "second", "", "first"])]
    seen = []
    started = time.perf_counter()
    rewards = score(rows, library=Library([first, second]), router=router, on_batch=lambda *batch: seen.append(batch))
    elapsed = time.perf_counter() - started
    assert [reward.value for reward in rewards] == [1.0, 0.0, None, 1.0]
    assert rewards[2].reason == "nothing fits"
    assert [len(first.batches), len(second.batches)] == [1, 1]
    assert [(name, n) for name, n, _ in seen] == [("first", 2), ("second", 1)]
    assert 0 <= sum(seconds for _, _, seconds in seen) <= elapsed


def test_tools_run_side_by_side_when_awaited(fake_tool):
    def slow(triple):
        time.sleep(0.3)
        return 1.0

    library = Library([fake_tool("first", says=slow), fake_tool("second", says=slow)])
    rows = [Triple("?", "", metadata={"tool": name}) for name in ("first", "second")]
    started = time.monotonic()
    rewards = asyncio.run(ascore(rows, library=library))
    assert [reward.value for reward in rewards] == [1.0, 1.0]
    assert time.monotonic() - started < 0.55


def test_a_stream_is_scored_in_bounded_batches(fake_tool):
    tool = fake_tool()
    rewards = score_stream(iter(triples(*"abcde")), library=Library([tool]), tool="fake", batch_size=2)
    assert len(list(rewards)) == 5
    assert [len(batch) for batch in tool.batches] == [2, 2, 1]


def test_an_unknown_tool_is_named_with_a_hint(fake_tool):
    with pytest.raises(UnknownName, match=r"no reward tool 'fakke'; did you mean 'fake'\? known: fake"):
        score(triples("a"), library=Library([fake_tool()]), tool="fakke")


def test_two_tools_of_one_name_are_refused(fake_tool):
    with pytest.raises(InputError, match="two reward tools are named 'fake'"):
        Library([fake_tool()]).plus(fake_tool())


def test_a_composite_joins_calibrated_values_with_fixed_weights(fake_tool):
    library = Library([fake_tool("half", says=lambda t: 50.0, high=100), fake_tool("full")])
    composite = Composite("both", task="tests", weights={"half": 1, "full": 3}, library=library)
    (reward,) = score_or_abstain(composite, triples("a"))
    assert reward.value == pytest.approx(0.875)
    assert reward.detail == {"half": {"value": 0.5, "raw": 50.0}, "full": {"value": 1.0, "raw": 1.0}}


def test_rounding_does_not_lead_a_composite_past_one(fake_tool):
    nine = {f"tool_{i}": 1 for i in range(9)}  # nine ninths add up to more than 1 in floating point
    composite = Composite("all", task="tests", weights=nine, library=Library(fake_tool(name) for name in nine))
    (reward,) = score_or_abstain(composite, triples("a"))
    assert (reward.value, reward.raw) == (1.0, 1.0)


def test_a_composite_is_unscored_where_a_part_is(fake_tool):
    library = Library([fake_tool("good"), fake_tool("bad", says=lambda t: UnusableReference("none"))])
    composite = Composite("both", task="tests", weights={"good": 1, "bad": 1}, library=library)
    (reward,) = score_or_abstain(composite, triples("a"))
    assert reward.value is None
    assert "part 'bad' is unscored: UnusableReference: none" in reward.reason


@pytest.mark.parametrize("weights", [{}, {"fake": 0}, {"fake": -1}, {"fake": math.inf}, {"fake": math.nan}])
def test_a_composite_refuses_weights_that_mean_nothing(fake_tool, weights):
    with pytest.raises(InputError, match="composite 'c'"):
        Composite("c", task="tests", weights=weights, library=Library([fake_tool()]))


def test_triples_and_rewards_travel_between_processes():
    triple = Triple("?", "a", {"k": [1]}, {"task": "t"})
    assert pickle.loads(pickle.dumps(triple)) == triple
    assert pickle.loads(pickle.dumps(Scored(1.0))) == Scored(1.0)


def test_a_completion_of_the_greatest_length_is_read_and_one_character_more_is_not(fake_tool):
    tool = fake_tool()
    longest, longer = "x" * MAX_COMPLETION_CHARS, "x" * (MAX_COMPLETION_CHARS + 1)
    first, second = score_or_abstain(tool, [Triple("?", longest), Triple("?", longer)])
    assert [triple.completion for batch in tool.batches for triple in batch] == [longest]
    assert (first.value, second.value) == (1.0, 0.0)
    assert second.reason.startswith("TooLong: 1,000,001 characters")


def test_of_messages_the_text_has_the_length_that_counts(fake_tool):
    messages = [{"role": "assistant", "content": "x" * (MAX_COMPLETION_CHARS + 1)}]
    (reward,) = score_or_abstain(fake_tool(), [Triple("?", messages)])
    assert reward.reason.startswith("TooLong: 1,000,001 characters")


@pytest.mark.parametrize(
    ("card", "raw"),
    [({}, 0.0), ({"low": 1.0, "high": 4.0, "direction": "lower"}, 4.0), ({"high": math.inf}, None)],
)
def test_what_is_too_long_has_the_worst_raw_score_if_there_is_one(fake_tool, card, raw):
    (reward,) = score_or_abstain(fake_tool(**card), [Triple("?", "x" * (MAX_COMPLETION_CHARS + 1))])
    assert (reward.value, reward.raw) == (0.0, raw)


def test_an_error_is_told_on_one_line_of_five_hundred_characters():
    assert describe(ValueError("a\n  b")) == "ValueError: a b"
    assert describe(ValueError("x" * 1_000)) == "ValueError: " + "x" * 488
