"""Statements of an answer: the unit it is stated in, and what is filled in."""

import pytest

from ravelar.tools.evidence.forms import statements, unit_of


@pytest.mark.parametrize(
    ("question", "unit"),
    [
        ("How far is it, in km?", "km"),
        ("Convert 3 miles to km.", "km"),
        ("How far is it in miles, or in km?", "km"),
        ("Convert 3 ft to inches.\nThen give it in cm.", "cm"),
        ("How many apples are left?", "apples"),
        ("How many apples and how many pears are left?", None),
        ("What is 6 times 7?", None),
    ],
)
def test_a_question_says_its_unit_or_not(question: str, unit: str | None) -> None:
    assert unit_of(question) == unit


def test_a_number_is_stated_with_the_unit_that_was_asked_for() -> None:
    assert "It comes to 5 km." in statements("5", "number", question="How far is it, in km?")
    assert not any("km" in text for text in statements("5", "number", question="How far is it?"))
    assert not any(text.startswith("It comes to x km") for text in statements("x", "atom", question="In km?"))


def test_data_are_stated_as_they_stand_and_with_indents() -> None:
    stated = statements('["é", 1]', "data", reference=["é", 1])
    assert any('[\n  "é",\n  1\n]' in text for text in stated)
    assert any('["é", 1]' in text for text in stated)
    assert not any("\\u00e9" in text for text in stated)


def test_another_answer_is_weighed_and_dismissed_first() -> None:
    said = "At first sight it might be 6, but that does not fit. "
    assert sum(said in text for text in statements("5", "number", doubts=["6", "7"])) == 1
    assert not any("At first sight" in text for text in statements("5", "number"))


def test_a_question_of_up_to_six_hundred_characters_is_repeated() -> None:
    assert any("Q" * 600 in text for text in statements("x", "atom", question="Q" * 600))
    assert not any("QQ" in text for text in statements("x", "atom", question="Q" * 601))


def test_what_is_filled_in_stays_as_it_is() -> None:
    assert any("{question} and {doubt}" in text for text in statements("{question} and {doubt}", "line", question="Q?"))
    assert not any("Q?" in text for text in statements("{question} and {doubt}", "atom", question="Q?" * 2_000))
