"""What can't be read is unscored, and the message names the instruction, the argument, the value and what would do."""

import pytest

from ravelar.tools.errors import UnusableReference
from ravelar.tools.reward import Triple
from ravelar.tools.scoring import score_or_abstain
from ravelar.tools.verifiers.instructions import Instructions

NO_COMMA = {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
WORDS = "length_constraints:number_words"


def message(reference, metadata=None):
    [error] = Instructions().score([Triple("p", "c", reference, metadata or {})])
    assert isinstance(error, UnusableReference), error
    return str(error)


def one(instruction_id, kwargs):
    return message({"instruction_id_list": [instruction_id], "kwargs": [kwargs]})


def test_unknown_instruction_is_answered_with_the_nearest_one():
    text = one("punctuation:no_commas", {})
    assert "no instruction 'punctuation:no_commas'; did you mean 'punctuation:no_comma'?" in text


@pytest.mark.parametrize(
    ("instruction_id", "kwargs", "parts"),
    [
        (WORDS, {"relation": "at least"}, ["lacks the argument 'num_words'", "a whole number, 0 or more"]),
        (WORDS, {}, ["'num_words'", "'relation'"]),
        (WORDS, {"relation": "at least", "num_words": -3}, ["num_words=-3", "a whole number, 0 or more"]),
        (WORDS, {"relation": "at least", "num_words": "many"}, ["num_words='many'", "a whole number"]),
        (WORDS, {"relation": "at least", "num_words": 2.5}, ["num_words=2.5"]),
        (WORDS, {"relation": "at least", "num_words": True}, ["num_words=True"]),
        (WORDS, {"relation": "more than", "num_words": 3}, ["relation='more than'", "'at least', or 'less than'"]),
        (WORDS, {"relation": "less than", "num_words": 0}, ["relation='less than'", "a number above 0"]),
        (WORDS, {"relation": "at least", "num_words": 3, "letter": "a"}, ["takes no argument 'letter'", "'num_words'"]),
        ("punctuation:no_comma", {"letter": "a"}, ["takes no argument 'letter'", "it takes none"]),
        ("keywords:existence", {"keywords": "river"}, ["keywords='river'", "a list of one or more texts"]),
        ("keywords:existence", {"keywords": []}, ["keywords=[]", "one or more"]),
        ("keywords:existence", {"keywords": ["a", 3]}, ["keywords=3", "a list of one or more texts"]),
        ("keywords:forbidden_words", {"forbidden_words": [" "]}, ["forbidden_words=' '", "none blank"]),
        (
            "keywords:letter_frequency",
            {"letter": "ab", "let_frequency": 1, "let_relation": "at least"},
            ["letter='ab'", "one character"],
        ),
        ("language:response_language", {"language": "tlh"}, ["language='tlh'", "ISO 639-1", "de, el, en"]),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 2, "nth_paragraph": 3, "first_word": "x"},
            ["nth_paragraph=3", "from 1 to num_paragraphs"],
        ),
        ("length_constraints:number_paragraphs", {"num_paragraphs": 0}, ["num_paragraphs=0", "1 or more"]),
        ("combination:repeat_prompt", {"prompt_to_repeat": ""}, ["prompt_to_repeat=''", "not blank"]),
        ("startend:end_checker", [], ["kwargs[0] of startend:end_checker is []", "a mapping"]),
        ("startend:end_checker", "{nope", ["kwargs[0]", "no JSON"]),
    ],
)
def test_bad_argument_is_named_with_its_value_and_what_is_allowed(instruction_id, kwargs, parts):
    text = one(instruction_id, kwargs)
    assert instruction_id in text
    for part in parts:
        assert part in text


@pytest.mark.parametrize(
    ("reference", "part"),
    [
        (None, "no instruction_id_list"),
        (42, "no instruction_id_list"),
        ("", "no instruction_id_list"),
        ("{broken", "the reference is '{broken', which is no JSON"),
        ({"kwargs": []}, "no instruction_id_list"),
        ({"instruction_id_list": []}, "instruction_id_list is empty"),
        ({"instruction_id_list": "punctuation:no_comma"}, "no JSON"),
        ({"instruction_id_list": {"a": 1}}, "(dict); allowed: a list"),
        ({"instruction_id_list": [7]}, "instruction_id_list[0] is 7"),
        ({"instruction_id_list": ["punctuation:no_comma"], "kwargs": {}}, "kwargs is {} (dict); allowed: a list"),
        ({"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}, {}]}, "kwargs has 2 entries for 1"),
        ({"instruction_id_list": "[" * 100_000}, "no JSON"),
    ],
)
def test_missing_or_malformed_list_is_unusable(reference, part):
    assert part in message(reference)


def test_bad_reference_leaves_the_other_triples_scored():
    triples = [Triple("", "a", NO_COMMA), Triple("", "a", None), Triple("", "a,", NO_COMMA)]
    rewards = score_or_abstain(Instructions(), triples)
    assert [reward.value for reward in rewards] == [1.0, None, 0.0]
    assert rewards[1].reason.startswith("UnusableReference: no instruction_id_list")
