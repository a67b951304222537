"""Answers: the bounds of what may agree, and of what a text mentions, on both sides."""

from fractions import Fraction
from typing import Any

import pytest

from ravelar.tools.evidence.answers import form_of, may_agree, mentions, number_in, numbers, written
from ravelar.tools.task import TaskSpec

SPEC = TaskSpec(
    label="sums",
    summary="Sums.",
    inputs="two numbers",
    correct="their sum",
    reference_form="a number",
    reference_decides=True,
)
EIGHT = "one two three four five six seven"


@pytest.mark.parametrize(
    ("first", "second", "agree"),
    [
        ("100", "95", True),  # five of a hundred are within rounding
        ("100", "95.04", True),
        ("100", "94.97", False),
        ("100", "94.5", False),
        ("0.9504", "100", True),  # and of a share and its percentage
        ("0.9497", "100", False),
        ("2", "3", False),
        ("3", "-3", True),
        ("3", "-6", False),
        ("50", "0.5", True),
        ("50", "1", False),
        ("50", "0", False),
        (")(", "[]", False),
        ("+", "a fox", False),
        ("()", "( )", True),
        ("", "()", True),
        ("a-b", "a b", True),
        ("a+b", "a b", False),
        ("f(x)", "f x", False),
        ("f(x)", "f( x )", True),
        ("x -3", "x 3", False),
        ("b c", "a b c", True),
        ("a", "a b c", True),
        ("a c", "a b c", False),
        ("a b c d", "x y", False),
        (f"{EIGHT} 42", "about 42.5", True),
        ("two three four five six seven 42", "about 42.5", False),  # one word less: short texts have no last number
        (f"9 {EIGHT} 42", "about 7 and 42.5", True),
        (f"42 {EIGHT} 9", "about 42 and 8", False),
        (f"{EIGHT} eight 5", "no such thing", False),
        (f"{EIGHT} eight\nx y", "q r\nx y", True),
        (f"x y\n{EIGHT} eight", "x y\nq r", False),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, False),
        ({"a": 1}, {"b": 2}, True),
        ([1, 2], [2, 1], True),
        ([1, 2], [1, 2, 3], False),
        ([1, 2], [1, 9], False),
        ([5], 7, True),
        ([5, 6], 7, False),
        ({"a": 1}, 7, False),
        ({"a": 1}, [1], True),
    ],
)
def test_what_could_mean_the_same_agrees_and_no_more(first: Any, second: Any, agree: bool) -> None:
    assert may_agree(first, second) is agree
    assert may_agree(second, first) is agree


@pytest.mark.parametrize(
    ("text", "answers", "does"),
    [
        ("it is 3", ["3"], True),
        ("it is 3", ["6"], False),
        ("it is 6", ["3"], False),
        ("it is -3", ["3"], True),
        ("it is 50", ["0.5"], True),
        ("it is 0.5", ["50"], True),
        ("it is 100", ["0.9504"], True),
        ("it is 100", ["0.9497"], False),
        ("it is 0.9504", ["100"], True),
        ("it is 0.9497", ["100"], False),
        ("it is 100", ["2"], False),
        ("it is 0", ["7"], False),
        ("it is 1/3", ["3"], True),
        ("it is 7", ["5", "7"], True),
        ("it is 7", ["", "7"], True),
        ("", ["7"], False),
        ("a b c", ["ab"], True),
        ("the tall, red fox", ["tall red"], True),
        ("the red fox", ["tall red"], False),
        ("a fox", ["+"], False),
        ("a + fox", ["+"], True),
    ],
)
def test_a_text_that_could_be_read_as_giving_an_answer_mentions_it(text: str, answers: list[str], does: bool) -> None:
    assert mentions(text, answers) is does


def test_numbers_are_read_up_to_eighty_digits_and_references_below_ten_to_the_forty() -> None:
    assert number_in("9" * 80) == Fraction("9" * 80)
    assert number_in("9" * 81) is None
    assert numbers("1,000 and 2/4, then 7/0") == [1000, Fraction(1, 2)]
    assert number_in("1.5/2") is None, "no number that anybody writes"
    assert written(10**40 - 1, SPEC) == "9" * 40
    assert written(10**40, SPEC) is None
    assert written(-(10**40), SPEC) is None


def test_only_tasks_that_speak_of_data_have_references_written_as_data() -> None:
    lists = SPEC.model_copy(update={"correct": "a JSON list"})
    assert written([1], lists) == "[1]"
    assert written([1], SPEC) is None
    assert written([], lists) is None
    assert written(["é", 1], lists) == '["é", 1]'
    assert written(True, lists) is None
    assert written("  ", lists) is None


def test_data_that_are_no_json_are_not_written() -> None:
    lists = SPEC.model_copy(update={"correct": "a JSON list"})
    ring: list[Any] = []
    ring.append(ring)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for reference in ([{1}], ring, deep):
        assert written(reference, lists) is None


@pytest.mark.parametrize(
    ("reference", "form"),
    [
        ("42", "number"),
        ("2026-11-28", "atom"),
        ("New York", "phrase"),
        ("f(x)", "line"),
        ("one\ntwo", "block"),
        ([1], "data"),
    ],
)
def test_each_form_of_answer_is_told(reference: Any, form: str) -> None:
    assert form_of(reference, str(reference)) == form
