"""The vocabulary: what a triple may be made of, and what it says of itself."""

from dataclasses import FrozenInstanceError

import pytest

from ravelar.tools.errors import InputError
from ravelar.tools.reward import Reward, Scored, Triple

ASKED = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Which?"}]
SAID = [{"role": "assistant", "content": "<think>hm</think>Blue."}]


@pytest.mark.parametrize(
    ("prompt", "completion", "says"),
    [
        (5, "x", "prompt is int; allowed: text, or a list of chat messages"),
        ("x", None, "completion is NoneType"),
        ("x", {"role": "user"}, "completion is dict"),
        (["hello"], "x", r"prompt\[0\] is no chat message"),
        ("x", [SAID[0], {"content": "x"}], r"completion\[1\] is no chat message"),
        ("x", [{"role": 5}], r"completion\[0\]"),
    ],
)
def test_what_is_neither_text_nor_messages_is_refused_by_name(prompt: object, completion: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        Triple(prompt, completion)  # type: ignore[arg-type]


@pytest.mark.parametrize("prompt", ["Which?", ASKED, tuple(ASKED)])
@pytest.mark.parametrize("completion", ["<think>hm</think>Blue.", SAID, tuple(SAID)])
def test_texts_and_messages_say_the_same(prompt: object, completion: object) -> None:
    triple = Triple(prompt, completion)  # type: ignore[arg-type]
    assert (triple.question, triple.text, triple.answer) == ("Which?", "<think>hm</think>Blue.", "Blue.")
    assert triple.tool_calls == []


class Text(str):
    """A text of another class, as numpy and data sets have them."""


def test_a_text_of_another_class_is_a_text() -> None:
    assert Triple(Text("Which?"), Text("Blue.")).answer == "Blue."


def test_reasoning_that_never_ends_leaves_no_answer() -> None:
    assert Triple("Which?", "<think>hm").answer == ""


def test_tool_calls_are_those_of_the_last_message() -> None:
    call = {"type": "function", "function": {"name": "add", "arguments": {"x": 1}}}
    said = [{"role": "assistant", "content": "", "tool_calls": [call]}]
    assert Triple("Which?", said).tool_calls == [{"name": "add", "arguments": {"x": 1}}]


def test_a_reward_is_four_columns_of_a_row() -> None:
    reward = Reward(0.5, "math", "a remark", 2.0, {"kept": "beside"})
    assert reward.as_row() == {"tool": "math", "reward": 0.5, "raw": 2.0, "reason": "a remark"}


@pytest.mark.parametrize("value", [Triple("a", "b"), Scored(1.0), Reward(1.0)])
def test_what_was_scored_and_earned_does_not_change(value: object) -> None:
    name = next(iter(type(value).__dataclass_fields__))  # type: ignore[attr-defined]
    with pytest.raises(FrozenInstanceError):
        setattr(value, name, None)
