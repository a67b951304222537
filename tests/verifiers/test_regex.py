"""The regex tool: patterns with a time limit."""

import time

import pytest

from ravelar.tools.errors import UnusableReference
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.verifiers.pattern import Regex


def score(completion: str, reference: object, **columns: object) -> RawScore:
    return Regex().score([Triple("?", completion, reference, columns)])[0]


@pytest.mark.parametrize(
    ("completion", "reference", "expected"),
    [
        ("It is 42.", r"\b42\b", 1.0),
        ("It is 421.", r"\b42\b", 0.0),
        ("<think>42</think>It is 7.", "42", 0.0),
        ("ABC", {"regex": "abc", "flags": "i"}, 1.0),
        ("ABC", {"regex": "abc"}, 0.0),
        (" 42 \n", {"regex": r"\d+", "match": "fullmatch"}, 1.0),
        ("42 43", {"regex": r"\d+", "match": "fullmatch"}, 0.0),
        ("a\nb", {"regex": "^b$", "flags": "m"}, 1.0),
        ("a\nb", {"regex": "a.b", "flags": "s"}, 1.0),
    ],
)
def test_pattern_decides(completion: str, reference: object, expected: float) -> None:
    assert score(completion, reference) == expected


def test_column_wins_over_the_reference() -> None:
    assert score("yes", "no", regex="yes") == 1.0
    assert score("YES", "no", regex={"regex": "yes", "flags": "i"}) == 1.0


def test_empty_answer_earns_nothing_even_where_the_pattern_matches_nothing() -> None:
    assert score("", ".*") == Scored(0.0, "empty answer")


@pytest.mark.parametrize(
    "reference",
    [
        None,
        "",
        3,
        ["a"],
        "(",
        "x" * 10_001,
        {"regex": "a", "flags": "q"},
        {"regex": "a", "flags": 2},
        {"regex": "a", "match": "match"},
        {"regex": "a", "flag": "i"},
        {"pattern": "a"},
    ],
)
def test_bad_pattern_is_unusable(reference: object) -> None:
    scored = score("a", reference)
    assert isinstance(scored, UnusableReference)


@pytest.mark.parametrize("pattern", [r"^(a+)+$", r"(\s*\w+\s*)+=\s*42$", r"(a|a)*b"])
def test_runaway_match_is_cut_and_is_the_completions_fault(pattern: str) -> None:
    start = time.monotonic()
    scored = score("a" * 50_000 + "!", pattern)
    assert scored == 0.0 or (isinstance(scored, Scored) and scored.raw == 0.0)
    assert time.monotonic() - start < 30  # uncut it takes for ever; the limit is some tenths of a second
