"""Finding options in questions, and naming one of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravelar.tools.options import find_options, given_options, option_of

CITIES = {"A": "London", "B": "Paris", "C": "Rome"}


@pytest.mark.parametrize(
    "question",
    [
        "Capital of France?\nA) London\nB) Paris\nC) Rome",
        "Capital of France?\nA. London\nB. Paris\nC. Rome\nAnswer:",
        "Capital of France?\n(A) London\n(B) Paris\n(C) Rome\n\nAnswer with the letter.",
        "Capital of France?\n[A] London\n[B] Paris\n[C] Rome",
        "Capital of France?\n- A: London\n- B: Paris\n- C: Rome",
        "Capital of France?\n**A.** London\n**B.** Paris\n**C.** Rome",
        "Capital of France?\na) London\nb) Paris\nc) Rome",
        "法国的首都？\nA、London\nB、Paris\nC、Rome",
        "Capital of France? (A) London (B) Paris (C) Rome",
        "Capital of France? A) London, B) Paris, C) Rome",
        "Capital of France? A. London B. Paris C. Rome",
        "Q: Largest?\nA) Mars\nB) Sun\nC) Io\nAnswer: B\n\nQ: Capital of France?\nA) London\nB) Paris\nC) Rome",
    ],
)
def test_options_are_found_in_every_usual_style(question: str) -> None:
    assert find_options(question) == CITIES


@pytest.mark.parametrize(
    "question",
    [
        "",
        "Tell me a joke.",
        "Did A. Smith and B. Jones meet?",
        "A) London",
        "Q: why?\nA: because.\nQ: and?\nA: so.",
        "A) London\nC) Rome",
        "A) London\nB. Paris",
        "vitamins (a) and nothing else",
    ],
)
def test_text_that_only_looks_lettered_shows_no_options(question: str) -> None:
    assert find_options(question) == {}


@pytest.mark.parametrize(
    "column",
    [
        ["London", "Paris", "Rome"],
        ("London", "Paris", "Rome"),
        ["A) London", "B) Paris", "C) Rome"],
        {"A": "London", "B": "Paris", "C": "Rome"},
        {"a": "London", "b": "Paris", "c": "Rome"},
        {"label": ["A", "B", "C"], "text": ["London", "Paris", "Rome"]},
        [{"label": "A", "text": "London"}, {"label": "B", "text": "Paris"}, {"label": "C", "text": "Rome"}],
        json.dumps(["London", "Paris", "Rome"]),
        json.dumps(CITIES),
        "A) London\nB) Paris\nC) Rome",
    ],
)
def test_options_columns_of_every_usual_form_are_read(column: object) -> None:
    assert given_options(column) == CITIES


@pytest.mark.parametrize("column", [None, 3, True, b"AB", {"label": ["A"], "text": ["x", "y"]}, "[not json", [], ""])
def test_columns_without_options_give_none(column: object) -> None:
    assert given_options(column) == {}


def test_long_lists_keep_every_option() -> None:
    options = given_options([str(i) for i in range(30)])
    assert len(options) == 30
    assert options["AA"] == "26"


def test_digit_labels_are_kept() -> None:
    assert given_options({"label": ["1", "2"], "text": ["Sun", "Moon"]}) == {"1": "Sun", "2": "Moon"}


@pytest.mark.parametrize("text", ["B", "b", "(B)", "B.", "(b)", "Paris", "paris.", "B) Paris", "B. Paris", "(B) paris"])
def test_an_option_is_named_by_label_text_or_both(text: str) -> None:
    assert option_of(text, CITIES) == "B"


@pytest.mark.parametrize("text", ["", "D", "B) London", "Par", "Paris or Rome", "Parisian", "AB", "."])
def test_other_texts_name_no_option(text: str) -> None:
    assert option_of(text, CITIES) is None


def test_options_that_differ_only_in_brackets_case_or_point_stay_apart() -> None:
    assert option_of("[0, 1]", {"A": "(0, 1)", "B": "[0, 1]"}) == "B"
    assert option_of("mm", {"A": "Mm", "B": "mm"}) == "B"
    assert option_of(".5", {"A": "5", "B": ".5"}) == "B"
    assert option_of("MM", {"A": "Mm", "B": "mm"}) is None


def test_a_text_that_two_options_share_names_none() -> None:
    assert option_of("Paris", {"A": "Paris", "B": "Paris"}) is None


@given(st.text(max_size=300), st.one_of(st.text(max_size=60), st.lists(st.text(max_size=9)), st.integers(), st.none()))
def test_any_question_and_column_is_read_without_failing(question: str, column: object) -> None:
    options = given_options(column) or find_options(question)
    assert option_of(question, options) in (None, *options)
