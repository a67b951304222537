"""The published prompts: every one loads, and some are answered by hand."""

import json
from pathlib import Path

import pytest

from ravelar.tools.reward import Triple
from ravelar.tools.verifiers.instructions import Instructions
from ravelar.tools.verifiers.instructions.families import FAMILIES
from ravelar.tools.verifiers.instructions.reading import instructions_of

ANSWERED = json.loads(Path(__file__).with_name("answered_prompts.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def rows(shared_rows):
    return shared_rows("ifeval/ifeval")


def triple(row, completion):
    """Join a row to a completion, in which {prompt_to_repeat} stands for what the row wants repeated."""
    for kwargs in row["kwargs"]:
        completion = completion.replace("{prompt_to_repeat}", kwargs.get("prompt_to_repeat") or "")
    return Triple(row["prompt"], completion, None, {k: row[k] for k in ("instruction_id_list", "kwargs")})


def test_all_prompts_load_and_use_all_25_families(rows):
    instructions = [instruction for row in rows for instruction in instructions_of(triple(row, ""))]
    assert len(rows) == 541
    assert len(instructions) == 834
    assert {instruction.id for instruction in instructions} == set(FAMILIES)


def test_hub_form_with_a_null_for_every_unused_argument_loads_the_same(rows):
    names = {name for row in rows for kwargs in row["kwargs"] for name in kwargs}
    for row in rows:
        filled = [{name: kwargs.get(name) for name in names} for kwargs in row["kwargs"]]
        assert instructions_of(triple(row, "")) == instructions_of(triple({**row, "kwargs": filled}, ""))


def test_empty_completion_earns_nothing_on_any_prompt(rows):
    for mode in ("strict", "loose"):
        scores = Instructions(mode, "fraction").score([triple(row, " \n") for row in rows])
        assert {scored.raw for scored in scores} == {0.0}


@pytest.mark.parametrize("answered", ANSWERED, ids=lambda answered: f"key-{answered['key']}")
def test_completion_written_for_a_real_prompt_follows_all_its_instructions(rows, answered):
    [row] = [row for row in rows if row["key"] == answered["key"]]
    [scored] = Instructions().score([triple(row, answered["completion"])])
    assert len(row["instruction_id_list"]) > 1
    assert scored.raw == 1.0, scored.note


@pytest.mark.parametrize(
    ("key", "completion", "missed"),
    [
        pytest.param(answered["key"], answered["completion"].replace(old, new, 1), missed, id=f"{answered['key']}-{i}")
        for answered in ANSWERED
        for i, (old, new, missed) in enumerate(answered["spoilt"])
    ],
)
def test_spoiling_one_thing_fails_just_that_instruction(rows, key, completion, missed):
    [row] = [row for row in rows if row["key"] == key]
    [scored] = Instructions().score([triple(row, completion)])
    followed = [instruction["followed"] for instruction in scored.detail["instructions"]]
    assert [i for i, kept in enumerate(followed) if not kept] == missed
