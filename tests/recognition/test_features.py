"""What is read of prompts and references."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravelar.tools.recognition.features import features, prompt_text, shape, shortened
from ravelar.tools.recognition.names import prompt_key

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(st.text(), inner, max_size=40),
    max_leaves=30,
)


@settings(max_examples=60, deadline=None)
@given(st.builds(str.__mul__, st.text(max_size=40), st.integers(1, 90)), JSON_VALUES)
def test_what_a_name_keeps_has_the_features_of_the_whole(text: str, reference: Any) -> None:
    kept = json.loads(json.dumps([shortened(text), shape(reference)], sort_keys=True))
    assert features(*kept) == features(text, reference)
    assert "\x00" not in kept[0]
    kept[0].encode()


def test_references_of_one_kind_look_alike_and_of_another_do_not() -> None:
    date, other_date, number = (features("", reference) for reference in ("2026-11-23", "1999-01-02", "4711"))
    assert date == other_date
    assert date != number
    assert features("", {"b": 1, "a": "x"}) == features("", {"a": None, "b": [2]})
    assert features("", {"a": 1}) != features("", {"b": 1})
    assert features("", 1) != features("", True) != features("", None)


def test_values_of_a_reference_leave_no_trace() -> None:
    kept = repr([shape({"secret": "hunter2"}), *features("", {"secret": "hunter2"})])
    assert "secret" in kept
    assert "hunter2" not in kept


@pytest.mark.parametrize(
    "text", ["a " * 500_000, "\x00" * 1_000_000, "\ud800" * 1_000_000, "字" * 1_000_000, "1" * 1_000_000]
)
def test_a_prompt_of_a_million_characters_gives_few_features(text: str) -> None:
    assert len(features(text, text)) < 5_000
    assert len(prompt_key(text, text)) == 32


def test_messages_give_the_system_and_the_last_user_text() -> None:
    messages = [
        {"role": "system", "content": "You convert units."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi!"},
        {"role": "user", "content": [{"type": "text", "text": "3 ft"}, {"type": "image"}]},
    ]
    assert prompt_text(messages) == "You convert units.\n3 ft"
    assert prompt_text([{"role": "assistant", "content": None}]) == ""
    assert prompt_text([]) == ""


def test_keys_see_the_whole_and_not_the_spacing() -> None:
    assert prompt_key("a  b\n", 1) == prompt_key("a b", 1) == prompt_key([{"role": "user", "content": "a b"}], 1)
    assert prompt_key("q", {"a": 1, "b": 2}) == prompt_key("q", {"b": 2, "a": 1})
    middle = "x" * 5_000
    keys = {
        prompt_key("q"),
        prompt_key("q", ""),
        prompt_key("q", "1"),
        prompt_key("q", 1),
        prompt_key("q", True),
        prompt_key("Q"),
        prompt_key([{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]),
        prompt_key(f"{middle}a{middle}"),
        prompt_key(f"{middle}b{middle}"),
        prompt_key('q\x1d"', None),
    }
    assert len(keys) == 10
