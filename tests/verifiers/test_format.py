"""Tags and reasoning format."""

import pytest

from ravelar.tools.errors import InputError, UnusableReference
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.verifiers.layout import Format


def score(completion: str, reference: object = None, prompt: str = "?", **columns: object) -> RawScore:
    return Format().score([Triple(prompt, completion, reference, columns)])[0]


@pytest.mark.parametrize(
    "completion",
    [
        "<think>6 * 7</think><answer>42</answer>",
        "\n<think>\n6 * 7 < 50\n</think>\n\n<answer>\n42\n</answer>\n",
        "<think>想</think><answer>四十二</answer>",
        "<think>use <b>bold</b></think><answer><code>42</code></answer>",
    ],
)
def test_wanted_layout_is_accepted(completion: str) -> None:
    assert score(completion) == 1.0


@pytest.mark.parametrize(
    "completion",
    [
        "",
        "42",
        "<think>6 * 7</think>",
        "<answer>42</answer>",
        "<think>6 * 7</think>42",
        "<think>6 * 7</think><answer></answer>",
        "<think>6 * 7</think><answer> \n . </answer>",
        "<think></think><answer>42</answer>",
        "<think> </think><answer>42</answer>",
        "<think>6 * 7<answer>42</answer>",
        "<think>6 * 7</think><answer>42",
        "<answer>42</answer><think>6 * 7</think>",
        "<think>6 * 7<answer>42</answer></think>",
        "<think>6 * 7</think><answer>42<answer>43</answer></answer>",
        "<think>a</think><think>b</think><answer>42</answer>",
        "<think>a</think><answer>42</answer><answer>43</answer>",
        "<think><think>a</think></think><answer>42</answer>",
        "Sure! <think>a</think><answer>42</answer>",
        "<think>a</think>so<answer>42</answer>",
        "<think>a</think><answer>42</answer> done",
        "<THINK>a</THINK><answer>42</answer>",
        "<think>a</think><answer>42</ANSWER></answer>",
        "<think x=1>a</think><answer>42</answer>",
        "<think>a</ think><answer>42</answer>",
        "<think>a</think><answer>4< answer >2</answer>",
    ],
)
def test_missing_nested_repeated_empty_and_disordered_tags_earn_nothing(completion: str) -> None:
    scored = score(completion)
    assert isinstance(scored, Scored)
    assert scored.raw == 0.0
    assert scored.note


def test_block_opened_by_the_prompt_may_go_on_in_the_completion() -> None:
    opened = "What is 6 * 7?\n<think>\n"
    assert score("6 * 7</think><answer>42</answer>", prompt=opened) == 1.0
    assert score("<think>6 * 7</think><answer>42</answer>", prompt=opened) == 1.0
    assert score("6 * 7</think><answer>42</answer>") != 1.0
    assert score("<answer>42</answer>", prompt=opened) != 1.0


def test_other_blocks_are_named_by_column_reference_or_constructor() -> None:
    good = "<plan>a</plan><code>b</code>"
    assert score(good, tags=["plan", "code"]) == 1.0
    assert score(good, {"tags": ["plan", "code"]}) == 1.0
    assert Format(("plan", "code")).score([Triple("?", good)]) == [1.0]
    assert score(good, tags=["code", "plan"]) != 1.0


@pytest.mark.parametrize("reference", ["42", 42, ["Paris", "paris"], {"gold": 42}, None])
def test_references_of_other_tools_are_left_alone(reference: object) -> None:
    assert score("<think>a</think><answer>b</answer>", reference) == 1.0


@pytest.mark.parametrize("tags", [[], "think", ["a", "A"], ["a", 3], ["<a>"], ["a b"], {"a": 1}, 3])
def test_bad_tags_are_unusable(tags: object) -> None:
    assert isinstance(score("x", {"tags": tags}), UnusableReference)
    assert isinstance(score("x", tags=tags), UnusableReference)


def test_bad_tags_are_refused_at_construction() -> None:
    with pytest.raises(InputError):
        Format(("think", "think"))
