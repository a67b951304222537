"""No completion raises, and none of a million characters takes long."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravelar.tools.errors import RewardToolError
from ravelar.tools.reward import Scored, Triple
from ravelar.tools.verifiers.instructions import Instructions
from ravelar.tools.verifiers.instructions.families import FAMILIES
from ravelar.tools.verifiers.instructions.reading import instructions_of

MANY = 10**6
LIMIT_S = 1.0  # an instruction takes 0.2 s at worst here; a quadratic one takes minutes

ARGUMENTS = {
    "keywords:existence": {"keywords": ["aaaaab", "c++"]},
    "keywords:frequency": {"keyword": "aab", "frequency": 2_000_000, "relation": "at least"},
    "keywords:forbidden_words": {"forbidden_words": ["aaaaab", "**", "a b"]},
    "keywords:letter_frequency": {"letter": "a", "let_frequency": 2_000_000, "let_relation": "at least"},
    "language:response_language": {"language": "de"},
    "length_constraints:number_sentences": {"num_sentences": 2_000_000, "relation": "at least"},
    "length_constraints:number_paragraphs": {"num_paragraphs": 2},
    "length_constraints:number_words": {"num_words": 2_000_000, "relation": "at least"},
    "length_constraints:nth_paragraph_first_word": {"num_paragraphs": 2, "nth_paragraph": 1, "first_word": "x"},
    "detectable_content:number_placeholders": {"num_placeholders": 2_000_000},
    "detectable_content:postscript": {"postscript_marker": "P.P.S"},
    "detectable_format:number_bullet_lists": {"num_bullets": 2_000_000},
    "detectable_format:number_highlighted_sections": {"num_highlights": 2_000_000},
    "detectable_format:multiple_sections": {"section_spliter": "a", "num_sections": 2_000_000},
    "combination:repeat_prompt": {"prompt_to_repeat": "aaaa"},
    "startend:end_checker": {"end_phrase": "aaaa"},
    "change_case:capital_word_frequency": {"capital_frequency": 2_000_000, "capital_relation": "at least"},
}

UNITS = {
    "stars": "*",
    "star lines": "*\n",
    "half highlights": "**a*b",
    "open brackets": "[",
    "bracket lines": "[a\n",
    "brackets": "[a]",
    "angles": "<",
    "closed angles": "<<>>",
    "angle lines": "<<\n",
    "quotes": '"',
    "newlines": "\n",
    "newline dash": "\n-",
    "spaces": " ",
    "indents": " \t",
    "stops": ".",
    "spaced stops": ". ",
    "stops and quotes": '."',
    "postscripts": "p. p. ",
    "abbreviations": "Mr. ",
    "letters": "a",
    "capitals": "A",
    "words": "a b ",
    "digits": "a1",
    "braces": '{"a":',
    "lists": "[0,",
    "fences": "```json",
    "apostrophes": "'",
    "nuls": "\x00",
    "surrogates": "\ud800",
    "underscores": "_ ",
    "dotted": "İ",
    "hindi": "है ",
    "chinese stops": "。",
}


def instruction(instruction_id):
    reference = {"instruction_id_list": [instruction_id], "kwargs": [ARGUMENTS.get(instruction_id, {})]}
    [found] = instructions_of(Triple("", "", reference))
    return found


ALL = [instruction(instruction_id) for instruction_id in FAMILIES]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.slow
def test_million_characters_are_judged_in_time_by_every_instruction(unit):
    text = (UNITS[unit] * (MANY // len(UNITS[unit]) + 1))[: MANY - 1] + "x"
    slow = {}
    for checked in ALL:
        start = time.process_time()
        checked.followed_by(text)
        if (taken := time.process_time() - start) > LIMIT_S:
            slow[checked.id] = taken
    assert not slow


@given(text=st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_random_text_raises_nothing(text):
    for checked in ALL:
        assert checked.followed_by(text) in (True, False)


CHARACTERS = st.sampled_from(list("*[]<>\"'.!?\n -_aA1,`{}PSps#\x00\ud800\udfffé中か한ह।ا…’")) | st.characters(
    codec=None
)


@given(text=st.text(CHARACTERS, max_size=200), mode=st.sampled_from(["strict", "loose"]))
@settings(max_examples=200, deadline=None)
def test_random_marks_nuls_and_surrogates_are_scored_in_both_modes(text, mode):
    reference = {"instruction_id_list": list(FAMILIES), "kwargs": [ARGUMENTS.get(name) for name in FAMILIES]}
    [scored] = Instructions(mode, "fraction").score([Triple("", text, reference)])
    assert isinstance(scored, Scored)
    assert 0.0 <= scored.raw <= 1.0


@given(text=st.text(CHARACTERS, max_size=100))
@settings(max_examples=200, deadline=None)
def test_whatever_is_followed_strictly_is_followed_loosely(text):
    reference = {"instruction_id_list": list(FAMILIES), "kwargs": [ARGUMENTS.get(name) for name in FAMILIES]}
    strict, loose = (Instructions(mode).score([Triple("", text, reference)])[0] for mode in ("strict", "loose"))
    for before, after in zip(strict.detail["instructions"], loose.detail["instructions"], strict=True):
        assert after["followed"] or not before["followed"]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMED = st.dictionaries(st.sampled_from(sorted({key for kw in ARGUMENTS.values() for key in kw})), JSON_VALUES)


@pytest.mark.slow
@given(ids=st.lists(st.sampled_from(sorted(FAMILIES)) | JSON_VALUES, max_size=3), kwargs=st.lists(NAMED, max_size=3))
@settings(max_examples=300, deadline=None)
def test_random_references_are_scored_or_refused_but_raise_nothing(ids, kwargs):
    [result] = Instructions().score([Triple("", "text", {"instruction_id_list": ids, "kwargs": kwargs})])
    assert isinstance(result, Scored | RewardToolError)


@given(reference=JSON_VALUES)
@settings(max_examples=200, deadline=None)
def test_any_other_reference_is_refused_in_place(reference):
    [result] = Instructions().score([Triple("", "text", reference)])
    assert isinstance(result, RewardToolError)
