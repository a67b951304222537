"""Modes, requirements, where instructions are read from, and what is kept beside the score."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ravelar.tools.errors import InputError
from ravelar.tools.reward import RewardTool, Triple
from ravelar.tools.scoring import score_or_abstain
from ravelar.tools.verifiers.instructions import Instructions

IDS = ["punctuation:no_comma", "length_constraints:number_words", "detectable_format:title"]
KWARGS = [{}, {"relation": "at least", "num_words": 4}, {}]
REFERENCE = {"instruction_id_list": IDS, "kwargs": KWARGS}
GOOD = "<<A day>>\nIt rained and rained."
HALF = "A day\nIt rained and rained."


def raw(tool, completion, reference=REFERENCE, metadata=None):
    [scored] = tool.score([Triple("", completion, reference, metadata or {})])
    return scored.raw


def one(instruction_id, **kwargs):
    return {"instruction_id_list": [instruction_id], "kwargs": [kwargs]}


def test_tool_fulfils_the_protocol_and_names_its_variants():
    assert isinstance(Instructions(), RewardTool)
    assert Instructions().card.kind == "verifier"
    names = [Instructions(mode, require).card.name for mode in ("strict", "loose") for require in ("all", "fraction")]
    assert names == ["instructions", "instructions_fraction", "instructions_loose", "instructions_loose_fraction"]
    assert Instructions(name="ifeval").card.name == "ifeval"


@pytest.mark.parametrize("wrong", [{"mode": "lax"}, {"require": "most"}])
def test_unknown_mode_or_requirement_is_refused_with_what_is_allowed(wrong):
    with pytest.raises(InputError, match=r"allowed: '(strict|all)'"):
        Instructions(**wrong)


def test_all_wants_every_instruction_and_fraction_pays_for_each():
    assert [raw(Instructions(), text) for text in (GOOD, HALF)] == [1.0, 0.0]
    assert [raw(Instructions(require="fraction"), text) for text in (GOOD, HALF)] == [1.0, pytest.approx(2 / 3)]


def test_detail_says_which_instructions_were_followed_also_where_an_id_comes_twice():
    reference = {
        "instruction_id_list": ["keywords:frequency", "keywords:frequency"],
        "kwargs": [
            {"keyword": "rain", "frequency": 1, "relation": "at least"},
            {"keyword": "sun", "frequency": 1, "relation": "at least"},
        ],
    }
    [reward] = score_or_abstain(Instructions(), [Triple("", "Only rain.", reference)])
    assert reward.value == 0.0
    assert reward.reason == "not followed: keywords:frequency"
    assert reward.detail == {
        "instructions": [
            {"id": "keywords:frequency", "followed": True},
            {"id": "keywords:frequency", "followed": False},
        ],
        "fraction": 0.5,
    }
    assert json.loads(json.dumps(reward.detail)) == reward.detail


@pytest.mark.parametrize(
    ("reference", "metadata"),
    [
        (REFERENCE, {}),
        (json.dumps(REFERENCE), {}),
        (None, REFERENCE),
        ("unrelated text", REFERENCE),
        (None, {"instruction_id_list": json.dumps(IDS), "kwargs": json.dumps(KWARGS)}),
        (None, {"instruction_id_list": IDS, "kwargs": [json.dumps(kwargs) for kwargs in KWARGS]}),
        (None, {"instruction_id_list": tuple(IDS), "kwargs": [None, {"relation": "at least", "num_words": 4.0}, {}]}),
        (
            None,
            {
                "instruction_id_list": IDS,
                "kwargs": [
                    {"relation": relation, "num_words": n, "num_bullets": None, "keywords": None}
                    for relation, n in ((None, None), ("at least", 4), (None, None))
                ],
            },
        ),
    ],
)
def test_instructions_are_read_from_the_reference_or_the_columns_with_nulls_for_unused_arguments(reference, metadata):
    assert raw(Instructions(), GOOD, reference, metadata) == 1.0
    assert raw(Instructions(), HALF, reference, metadata) == 0.0


def test_reference_goes_before_the_columns():
    assert raw(Instructions(), "a, b", one("punctuation:no_comma"), one("keywords:existence", keywords=["a"])) == 0.0


def test_kwargs_may_be_left_out_where_no_instruction_takes_any():
    assert raw(Instructions(), "none", {"instruction_id_list": ["punctuation:no_comma"]}) == 1.0


@pytest.mark.parametrize(
    ("reference", "completion"),
    [
        (one("startend:end_checker", end_phrase="The end."), "It was late. **The end.**"),
        (one("startend:quotation"), 'Sure, here it is:\n"All of it."'),
        (one("detectable_format:json_format"), '{"a": 1}\nI hope this helps!'),
        (one("detectable_format:json_format"), 'Sure!\n{"a": 1}\nI hope this helps!'),
        (one("combination:repeat_prompt", prompt_to_repeat="Sing."), "Of course.\n*Sing.* La la."),
        (one("change_case:english_lowercase"), "Sure!\n**it rained all day and we stayed at home.**\nBye"),
    ],
)
def test_loose_mode_forgives_a_first_line_a_last_line_and_asterisks(reference, completion):
    assert raw(Instructions("strict"), completion, reference) == 0.0
    assert raw(Instructions("loose"), completion, reference) == 1.0


@pytest.mark.parametrize(
    ("reference", "completion"),
    [
        (one("startend:quotation"), 'Sure.\nHere:\n"All of it."'),
        (one("punctuation:no_comma"), "a, b\nc, d\ne, f"),
        (one("punctuation:no_comma"), ""),
        (one("punctuation:no_comma"), "a, b"),
        (one("punctuation:no_comma"), "a, b\nc, d"),
    ],
)
def test_loose_mode_forgives_no_more_than_that(reference, completion):
    assert raw(Instructions("loose"), completion, reference) == 0.0


def test_each_instruction_may_pass_on_another_loose_version():
    reference = {
        "instruction_id_list": ["startend:quotation", "detectable_format:number_highlighted_sections"],
        "kwargs": [{}, {"num_highlights": 1}],
    }
    completion = 'Sure:\n*"All of it."*'
    assert raw(Instructions("loose"), completion, reference) == 1.0


def test_reasoning_is_taken_off_and_an_unclosed_one_is_no_completion():
    reference = one("punctuation:no_comma")
    assert raw(Instructions(), "<think>well, so</think>Fine.", reference) == 1.0
    assert raw(Instructions(), "<think>Fine.", reference) == 0.0


def test_chat_messages_are_judged_by_the_last_assistant_message():
    completion = [{"role": "assistant", "content": "a, b"}, {"role": "assistant", "content": "Fine."}]
    assert raw(Instructions(), completion, one("punctuation:no_comma")) == 1.0


def test_importing_the_verifier_loads_no_model_and_no_numpy():
    code = (
        "import sys, ravelar.tools.verifiers.instructions\n"
        "assert not {'py3langid', 'numpy', 'nltk', 'langdetect'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("fact", Instructions().card.evidence, ids=lambda fact: fact.measure[:20])
def test_evidence_on_the_card_lies_within_its_interval_and_can_be_made_again(fact):
    script = fact.made_by.split()[-1]
    assert fact.low <= fact.value <= fact.high
    assert (Path(__file__).parents[3] / script).is_file()
