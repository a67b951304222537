"""Each recipe ends in rows that are routed to the tool meant, and that this tool can judge."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ravelar.tools.builtin import builtin_library
from ravelar.tools.errors import InputError, UnknownName
from ravelar.tools.reward import Triple
from ravelar.tools.routing import router_for
from ravelar.tools.scoring import score_or_abstain
from ravelar.training.mixture import Mixture, mixed_rows
from ravelar.training.recipes import RECIPES, as_messages, recipe_named
from ravelar.training.sources import Source, SourceRow, read_source

LIBRARY = builtin_library()
LEETCODE = {
    "task_id": "same-list",
    "problem_description": "Return the linked list that you are given.",
    "starter_code": "class Solution:\n    def same(self, head):\n        ",
    "entry_point": "Solution().same",
    "prompt": (
        "class ListNode:\n    def __init__(self, val=0, next=None):\n        self.val, self.next = val, next\n\n"
        "def list_node(values):\n    return ListNode(values[0], list_node(values[1:])) if values else None\n\n"
        "def values_of(node):\n    return [node.val, *values_of(node.next)] if node else []\n"
    ),
    "test": "def check(candidate):\n    assert values_of(candidate(head=list_node([1, 2]))) == [1, 2]\n",
}
FILES = {
    "gsm8k": "gsm8k/train.jsonl.gz",
    "math": "math/math500.jsonl.gz",
    "mbpp": "mbpp/mbpp.jsonl.gz",
    "humaneval": "humaneval/HumanEval.jsonl.gz",
    "ifeval": "ifeval/ifeval.jsonl.gz",
    "translation": "wmt21ted/ende.jsonl.gz",
    "preference": "hh-rlhf/harmless_test.jsonl.gz",
}


def routed(row: SourceRow) -> str | None:
    further = {name: value for name, value in row.items() if name not in {"prompt", "reference"}}
    return router_for(LIBRARY.names)(row["prompt"], row["reference"], further).tool


def reward(row: SourceRow, completion: str) -> float | None:
    tool = LIBRARY[str(routed(row))]
    further = {name: value for name, value in row.items() if name not in {"prompt", "reference"}}
    return score_or_abstain(tool, [Triple(row["prompt"], completion, row["reference"], further)])[0].value


def test_every_recipe_is_tested_here() -> None:
    assert {*FILES, "leetcode"} == set(RECIPES)


@pytest.mark.parametrize("name", FILES)
def test_rows_of_real_data_are_routed_to_the_tool_meant(name: str, shared: Callable[[str], Path]) -> None:
    rows = read_source(Source(data=str(shared(FILES[name])), recipe=name))
    assert len(rows) > 50
    assert {row["task"] for row in rows} == {RECIPES[name].task}
    assert {routed(row) for row in rows} == {RECIPES[name].tool}


@pytest.mark.parametrize("name", ["gsm8k", "math", "translation"])
def test_references_of_real_data_score_full_marks(name: str, shared: Callable[[str], Path]) -> None:
    rows = mixed_rows(Mixture(sources=(Source(data=str(shared(FILES[name])), recipe=name, limit=20),), form="text"))
    rewards = [reward(row, f"${row['reference']}$" if name == "math" else row["reference"]) for row in rows]
    assert rewards == pytest.approx([1.0] * 20)


def test_programs_of_real_data_pass_their_tests_and_others_fail(shared: Callable[[str], Path], jail: Any) -> None:
    for row in read_source(Source(data=str(shared(FILES["mbpp"])), recipe="mbpp"))[:5]:
        assert reward(row, row["reference"]["code"]) == 1.0
        assert reward(row, "def f():\n    return None") == 0.0


def test_instructions_of_the_hub_lose_the_nulls_that_arrow_adds() -> None:
    given = {"num_words": None, "relation": None, "num_highlights": None}
    row = RECIPES["ifeval"].make(
        {
            "prompt": "Write 3 words, no comma.",
            "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
            "kwargs": [given, {**given, "num_words": 3, "relation": "at least"}],
        },
        {},
    )
    assert row["reference"]["kwargs"] == [{}, {"num_words": 3, "relation": "at least"}]
    assert reward({**row, "task": "ifeval"}, "one two three") == 1.0
    assert reward({**row, "task": "ifeval"}, "one, two") == 0.0


def test_leetcode_is_judged_with_the_preamble_of_its_tests(jail: Any) -> None:
    row = {**RECIPES["leetcode"].make(LEETCODE, {}), "task": "leetcode"}
    assert "def same" in row["prompt"]
    solution = "```python\nclass Solution:\n    def same(self, head):\n        return {}\n```"
    assert reward(row, solution.format("head")) == 1.0
    assert reward(row, solution.format("None")) == 0.0


def test_published_solutions_of_gsm8k_mark_their_answer_in_another_way(shared: Callable[[str], Path]) -> None:
    source = Source(
        data=str(shared("gsm8k/labelled_solutions.jsonl.gz")), recipe="gsm8k", columns={"answer": "ground_truth"}
    )
    assert read_source(source)[0]["reference"] == "18"


@pytest.mark.parametrize(
    ("row", "arguments", "asked", "reference"),
    [
        ({"translation": {"en": "Good day", "de": "Guten Tag"}}, {}, "into German", "Guten Tag"),
        ({"translation": {"en": "Good day", "de": "Guten Tag"}}, {"target": "en"}, "into English", "Good day"),
        ({"source": "Good day", "ref": "Guten Tag", "lp": "ende"}, {}, "into German", "Guten Tag"),
        ({"source": "Good day", "target": "Guten Tag", "lp": "en-de_DE"}, {}, "into German", "Guten Tag"),
        ({"source": "Good day", "reference": "Guten Tag"}, {"target": "de"}, "into German", "Guten Tag"),
    ],
)
def test_translation_pairs_come_in_many_shapes(
    row: dict[str, Any], arguments: dict[str, str], asked: str, reference: str
) -> None:
    made = RECIPES["translation"].make(row, arguments)
    assert asked in made["prompt"]
    assert made["reference"] == reference


def test_the_prompt_of_a_preference_pair_is_chat_and_holds_no_answer(shared: Callable[[str], Path]) -> None:
    rows = read_source(Source(data=str(shared(FILES["preference"])), recipe="preference"))
    assert all(row["prompt"][-1]["role"] == "user" for row in rows)
    assert all(row["reference"] is None and "chosen" not in row for row in rows)
    assert as_messages("no dialogue: Human: in the middle") == "no dialogue: Human: in the middle"


@pytest.mark.parametrize(
    ("name", "row", "said"),
    [
        ("gsm8k", {"question": "q", "answer": "forty-two"}, "no final '#### NUMBER'"),
        ("gsm8k", {"question": " ", "answer": "#### 4"}, "question: a text is needed"),
        ("math", {"problem": "p", "solution": "It is 4."}, "no .boxed answer"),
        ("mbpp", {"text": "p", "test_list": []}, "test_list: a list of asserts"),
        ("ifeval", {"prompt": "p", "instruction_id_list": ["a"], "kwargs": []}, "same length"),
        ("translation", {"source": "a", "ref": "b", "lp": "english"}, "a pair such as 'en-de'"),
        ("translation", {"translation": {"en": "a", "de": ""}}, "a source text and a reference"),
        ("preference", {"chosen": "a", "rejected": "b"}, "nothing in common"),
    ],
)
def test_rows_that_can_not_be_used_say_why(name: str, row: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        RECIPES[name].make(row, {})


def test_an_unknown_recipe_gets_a_suggestion() -> None:
    with pytest.raises(UnknownName, match="did you mean 'gsm8k'"):
        recipe_named("gsm8")
