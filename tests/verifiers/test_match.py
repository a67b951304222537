"""Exact and normalized match."""

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravelar.tools.errors import UnusableReference
from ravelar.tools.reward import RewardTool, Scored, Triple
from ravelar.tools.verifiers.match import Exact, Normalized, normal_form, same_json


def raw(tool: RewardTool, completion: Any, reference: object) -> float:
    [score] = tool.score([Triple("?", completion, reference)])
    assert not isinstance(score, Exception), score
    return score.raw if isinstance(score, Scored) else score


def calls(*made: tuple[str, object]) -> list[dict[str, Any]]:
    functions = [{"type": "function", "function": {"name": name, "arguments": args}} for name, args in made]
    return [{"role": "assistant", "content": None, "tool_calls": functions}]


@pytest.mark.parametrize(
    ("completion", "reference", "expected"),
    [
        (" Paris\n", "Paris", 1.0),
        ("<think>London?</think> Paris", "Paris", 1.0),
        ("paris", "Paris", 0.0),
        ("Paris.", "Paris", 0.0),
        ("London Paris", "Paris", 0.0),
        ("", "Paris", 0.0),
        ('{"a": [1, 2]}', {"a": [1, 2]}, 1.0),
        ('Here:\n```json\n{"a": [1, 2]}\n```\nDone.', {"a": [1, 2]}, 1.0),
        ('```\n{"a": [1, 2]}\n```', {"a": [1, 2]}, 1.0),
        ('{"b": 1, "a": 2}', '{"a": 2, "b": 1}', 1.0),
        ('{"a": [2, 1]}', {"a": [1, 2]}, 0.0),
        ('{"a": 1, "a": [1, 2]}', {"a": [1, 2]}, 0.0),
        ('```json\n{"a": 1}\n```\n```json\n{"a": 2}\n```', {"a": 2}, 0.0),
        ('The result is {"a": 1}', {"a": 1}, 0.0),
        ("1", 1, 1.0),
        ("1.0", 1, 1.0),
        ("1", 1.0, 1.0),
        ("true", 1, 0.0),
        ("1", True, 0.0),
        ("true", True, 1.0),
        ('"1"', 1, 0.0),
        ("NaN", 1, 0.0),
        ("1e999", 1, 0.0),
        ("null", {"a": None}, 0.0),
        ('{"a": null}', {"a": None}, 1.0),
        ("[" * 5_000, [1], 0.0),
        ("[" * 100 + "]" * 100, [1], 0.0),
        ("9" * 6_000, 9, 0.0),
    ],
)
def test_exact(completion: str, reference: object, expected: float) -> None:
    assert raw(Exact(), completion, reference) == expected


WEATHER = {"name": "weather", "arguments": {"city": "Paris", "days": 2}}


@pytest.mark.parametrize(
    ("completion", "reference", "expected"),
    [
        (calls(("weather", {"city": "Paris", "days": 2})), WEATHER, 1.0),
        (calls(("weather", '{"days": 2, "city": "Paris"}')), WEATHER, 1.0),
        (calls(("weather", '{"days": 2, "city": "Paris"}')), [WEATHER], 1.0),
        (calls(("weather", {"city": "Paris", "days": 2})), {**WEATHER, "arguments": '{"city":"Paris","days":2}'}, 1.0),
        ('{"name": "weather", "arguments": {"city": "Paris", "days": 2}}', [WEATHER], 1.0),
        (calls(("weather", {"city": "Paris", "days": True})), WEATHER, 0.0),
        (calls(("weather", {"city": "Rome", "days": 2})), WEATHER, 0.0),
        (calls(("weather", "{broken")), WEATHER, 0.0),
        (calls(("time", {"city": "Paris", "days": 2})), WEATHER, 0.0),
        (calls(("weather", {"city": "Paris", "days": 2}), ("time", {})), WEATHER, 0.0),
        (calls(("time", {}), ("weather", WEATHER["arguments"])), [WEATHER, {"name": "time", "arguments": {}}], 0.0),
        (calls(("weather", {"city": "Paris", "days": 2})), "weather", 0.0),
    ],
)
def test_exact_compares_tool_calls(completion: Any, reference: object, expected: float) -> None:
    assert raw(Exact(), completion, reference) == expected


@pytest.mark.parametrize("reference", [None, "", "  ", float("nan"), {"a": float("inf")}, datetime.date(2026, 1, 1)])
def test_exact_refuses_references_that_are_missing_or_no_json(reference: object) -> None:
    [score] = Exact().score([Triple("?", "x", reference)])
    assert isinstance(score, UnusableReference)


def test_exact_refuses_a_reference_nested_without_end() -> None:
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    [score] = Exact().score([Triple("?", "x", deep)])
    assert isinstance(score, UnusableReference)


@pytest.mark.parametrize(
    ("completion", "reference"),
    [
        ("paris", "Paris"),
        ("The Paris!", "Paris"),
        ("**Paris**", "Paris"),
        ("The answer is Paris.", "Paris"),
        ("The answer is: Paris", "Paris"),
        ("The answer is Paris. It is the capital.", "Paris"),
        ("Let me think about London.\n\nFinal answer: Paris", "Paris"),
        ("**Final Answer:**\nParis", "Paris"),
        (r"So it is \boxed{\text{Paris}}.", "Paris"),
        ("<answer>Paris</answer>", "Paris"),
        ("答案是巴黎。", "巴黎"),
        ("The answer is St. Louis.", "St. Louis"),
        ("Ｐａｒｉｓ", "Paris"),
        ("Paris", ["London", "Paris"]),
        ("Eiffel Tower", "the Eiffel-Tower"),
        ("1,000", 1000),
        ("$1,000", "1000"),
        ("3.14", 3.14),
        ("A", "A"),
        ("U.S.", "US"),
        ("don’t", "don't"),
    ],
)
def test_normalized_accepts_the_same_answer_otherwise_written(completion: str, reference: object) -> None:
    assert raw(Normalized(), completion, reference) == 1.0


@pytest.mark.parametrize(
    ("completion", "reference"),
    [
        ("", "Paris"),
        ("...", "Paris"),
        ("London", "Paris"),
        ("Paris London", "Paris"),
        ("London, Paris, Rome", ["Paris", "Rome"]),
        ("The answer is Paris or London.", "Paris"),
        ("The answer is not Paris.", "Paris"),
        ("The answer is London. Paris is nice.", "Paris"),
        ("It could be Paris.", "Paris"),
        (r"Paris \boxed{London}", "Paris"),
        ("Paris. The answer is London.", "Paris"),
        ("<think>Paris", "Paris"),
        ("-5", "5"),
        ("314", "3.14"),
        ("50", "50%"),
        ("C", "C++"),
        ("C", "C#"),
        ("Vitamin", "Vitamin A"),
        ("Paris" * 10_000, "Paris"),
    ],
)
def test_normalized_rejects_other_answers_and_lists_of_guesses(completion: str, reference: object) -> None:
    assert raw(Normalized(), completion, reference) == 0.0


@pytest.mark.parametrize("reference", [None, "", "?!", True, {"a": 1}, [], ["Paris", None], ["Paris", ""], [["x"]]])
def test_normalized_refuses_references_without_an_answer(reference: object) -> None:
    [score] = Normalized().score([Triple("?", "Paris", reference)])
    assert isinstance(score, UnusableReference)
    assert "allowed" in str(score)


@given(st.text("aBé中5 .,-!«`$%\n\x00\ud800", max_size=40))
def test_every_text_equals_itself(text: str) -> None:
    if text.strip():
        assert raw(Exact(), text, text) == 1.0
    if normal_form(text):
        assert raw(Normalized(), text, text) == 1.0


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(_JSON, _JSON)
def test_json_equality_is_reflexive_symmetric_and_never_true_across_bool_and_number(one: Any, other: Any) -> None:
    assert same_json(one, one)
    assert same_json(one, other) == same_json(other, one)
    assert not same_json([True], [1])
