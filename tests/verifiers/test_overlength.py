"""Soft overlength punishment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravelar.tools.errors import InputError, UnusablePrompt
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.verifiers.overlength import Overlength, penalty


def score(tool: Overlength, completion: str = "text", **columns: object) -> RawScore:
    return tool.score([Triple("?", completion, None, columns)])[0]


def raw(tool: Overlength, completion: str = "text", **columns: object) -> float:
    scored = score(tool, completion, **columns)
    assert isinstance(scored, Scored), scored
    return scored.raw


@pytest.mark.parametrize(
    ("length", "expected"),
    [(0, 0.0), (16_384, 0.0), (18_432, -0.5), (20_480, -1.0), (20_481, -1.0), (10**9, -1.0)],
)
def test_penalty_is_that_of_dapo(length: int, expected: float) -> None:
    assert penalty(length, limit=20_480, buffer=4_096) == pytest.approx(expected)


def test_tokens_are_counted_by_the_columns_alone() -> None:
    tool = Overlength(limit=100, buffer=50)
    assert raw(tool, completion_ids=list(range(75))) == -0.5
    assert raw(tool, completion_tokens=75) == -0.5
    assert raw(tool, "x" * 10_000, completion_tokens=50) == 0.0


def test_words_and_characters_are_counted_in_the_text_with_its_reasoning() -> None:
    text = "<think>" + "a " * 8 + "</think>" + "b " * 8
    assert raw(Overlength(limit=20, buffer=4, unit="words"), text) == -0.5
    assert raw(Overlength(limit=40, buffer=10, unit="characters"), "x" * 35) == -0.5
    assert raw(Overlength(limit=10, buffer=0, unit="words"), "一" * 11) == -1.0


def test_columns_override_the_constructor() -> None:
    columns = {"overlength_limit": 10, "overlength_buffer": 4, "overlength_unit": "characters"}
    assert raw(Overlength(), "x" * 8, **columns) == -0.5


def test_empty_completion_earns_the_lowest_unless_it_calls_a_tool() -> None:
    assert raw(Overlength(), "", completion_tokens=1) == -1.0
    call = [{"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}]
    [scored] = Overlength().score([Triple("?", call, None, {"completion_tokens": 5})])
    assert isinstance(scored, Scored)
    assert scored.raw == 0.0


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"completion_tokens": "75"},
        {"completion_tokens": True},
        {"completion_tokens": -1},
        {"completion_ids": "1 2 3"},
        {"completion_tokens": 5, "overlength_unit": "pages"},
        {"completion_tokens": 5, "overlength_limit": 10, "overlength_buffer": 11},
        {"completion_tokens": 5, "overlength_limit": "10"},
        {"completion_tokens": 5, "overlength_unit": ["words"]},
    ],
)
def test_missing_counts_and_bad_limits_leave_it_unscored(columns: dict[str, object]) -> None:
    assert isinstance(score(Overlength(), **columns), UnusablePrompt)


@pytest.mark.parametrize("arguments", [{"limit": 0, "buffer": 0}, {"limit": 5, "buffer": 6}, {"buffer": -1}])
def test_bad_limits_are_refused_at_construction(arguments: dict[str, int]) -> None:
    with pytest.raises(InputError):
        Overlength(**arguments)  # type: ignore[arg-type]


@given(st.integers(0, 300), st.integers(1, 200), st.integers(0, 200))
def test_penalty_never_rises_with_length(length: int, limit: int, buffer: int) -> None:
    buffer = min(buffer, limit)
    here, further = (penalty(n, limit=limit, buffer=buffer) for n in (length, length + 1))
    assert -1.0 <= further <= here <= 0.0
