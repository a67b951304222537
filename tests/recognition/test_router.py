"""From a prompt to a tool: what goes before what, and what never changes."""

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ravelar.benchmark.route_prompts import FamilyPrompt
from ravelar.tools.builtin import builtin_library
from ravelar.tools.recognition.grouping import Query
from ravelar.tools.recognition.names import NamedExample
from ravelar.tools.recognition.recogniser import Recogniser
from ravelar.tools.recognition.router import TaskRouter
from ravelar.tools.reward import Triple
from ravelar.tools.scoring import choose

ADOPTED = {"unit_conversion", "haiku", "date_normalisation"}
FEET = "Convert 12 feet to metres."
HAIKU = "Write a haiku about a wet road."
SUM = "Ada has 3 pens and gets 4 more from Bo. How many pens are there now?"
NAMED_PROMPT = "Say it in seventeen syllables."


@pytest.fixture(scope="module")
def router(recogniser: Recogniser) -> TaskRouter:
    named = recogniser.remembering(
        [
            NamedExample.of(NAMED_PROMPT, "42", "haiku"),
            NamedExample.of("Is this spam? Hello.", True, "spam"),
            NamedExample.of("Do these agree? a b", True, "exact"),
        ]
    )
    return TaskRouter(named, ADOPTED, names=builtin_library().names)


@pytest.mark.parametrize(
    ("prompt", "reference", "columns", "tool", "reason"),
    [
        (FEET, 3.66, {"tool": "exact", "task": "haiku"}, "exact", "column tool"),
        (FEET, 3.66, {"tool": "haiku"}, "haiku", "column tool"),
        (FEET, 3.66, {"tool": "nobody"}, None, "no reward tool 'nobody'"),
        (FEET, 3.66, {"task": "Date-Normalisation"}, "date_normalisation", "column task"),
        (FEET, 3.66, {"task": "gsm8k"}, "math_answer", "column task"),
        (FEET, 3.66, {"task": "nobody"}, "math_answer", "the reference is a number"),
        (HAIKU, None, {"task": "nobody"}, None, "the task nobody has no tool yet"),
        (HAIKU, None, {"instruction_id_list": ["x"]}, "instructions", "column instruction_id_list"),
        (NAMED_PROMPT, "42", {}, "haiku", "task haiku (cache"),
        (NAMED_PROMPT, "43", {}, "math_answer", "the reference is a number"),
        (FEET, 3.66, {}, "unit_conversion", "task unit_conversion (classifier"),
        (HAIKU, None, {}, "haiku", "task haiku (classifier"),
        ("Write 4 July 1999 as YYYY-MM-DD.", "1999-07-04", {}, "date_normalisation", "task date_normalisation"),
        (SUM, 7, {}, "math_answer", "the reference is a number"),
        (
            "Give only the SELECT statement for the name of all books.",
            "SELECT name FROM books",
            {},
            None,
            "sql_query has no",
        ),
        ("Is this spam? Hello.", True, {}, None, "the task spam has no tool yet (cache)"),
        ("Do these agree? a b", True, {}, "exact", "task exact (cache"),
        ("Say something kind.", None, {}, None, "no reference"),
    ],
)
def test_precedence(
    router: TaskRouter, prompt: str, reference: Any, columns: dict[str, Any], tool: str | None, reason: str
) -> None:
    chosen = router(prompt, reference, columns)
    assert (chosen.tool, reason in chosen.reason) == (tool, True), chosen


def test_a_less_sure_guess_goes_behind_the_built_in_rules(recogniser: Recogniser) -> None:
    confidence = recogniser.recognise(FEET, 3.66).confidence
    assert confidence < 1.0
    never_sure = TaskRouter(recogniser, ADOPTED, names=builtin_library().names, sure=1.0)
    assert never_sure(FEET, 3.66, {}).tool == "math_answer"
    assert never_sure(HAIKU, None, {}).tool == "haiku"


def test_an_unknown_prompt_gets_no_tool_and_both_reasons(router: TaskRouter) -> None:
    chosen = router("Say something kind.", None, {})
    assert chosen.tool is None
    assert "like no known task" in chosen.reason
    assert router.needs_name([Query(HAIKU), Query("Say something kind."), Query(SUM, 7)])[0].members == (1,)


def test_suspended_tools_are_not_routed_to_and_nothing_takes_their_place(router: TaskRouter) -> None:
    without = router.renewed(suspended={"unit_conversion", "math_answer"})
    for prompt, reference, columns in ((FEET, 3.66, {}), (FEET, 1, {"task": "unit_conversion"}), (SUM, 7, {})):
        chosen = without(prompt, reference, columns)
        assert chosen.tool is None
        assert "suspended" in chosen.reason
    assert without(HAIKU, None, {}).tool == "haiku"
    assert without.renewed(suspended=())(FEET, 3.66, {}).tool == "unit_conversion"


def test_a_group_keeps_its_tool_when_the_recogniser_learns_on(examples: list[NamedExample], router: TaskRouter) -> None:
    assert router(HAIKU, None, {}).tool == "haiku"
    retold = [NamedExample(one.key, one.prompt_text, one.reference, f"{one.label}_2") for one in examples]
    later = Recogniser.fit(retold)
    adopted = {"haiku", "haiku_2"}
    assert TaskRouter(later, adopted)(HAIKU, None, {}).tool == "haiku_2"
    assert router.renewed(recogniser=later, adopted=adopted)(HAIKU, None, {}).tool == "haiku"
    shared = Recogniser.fit(retold, decided=router.decided)
    assert TaskRouter(shared, adopted)(HAIKU, None, {}).tool == "haiku"
    assert TaskRouter(later, adopted, decided=router.decided)(HAIKU, None, {}).tool == "haiku"


def test_a_pickled_router_decides_the_same(router: TaskRouter, prompts_of: Callable[..., list[FamilyPrompt]]) -> None:
    copy = pickle.loads(pickle.dumps(router))
    given = prompts_of("haiku", "sorting", "unit_conversion", "word_problem", n=60, seed=8)
    here = [router(one.prompt, one.reference, {}) for one in given]
    assert [copy(one.prompt, one.reference, {}) for one in given] == here
    assert len({chosen.tool for chosen in here}) >= 3


def test_threads_that_share_a_router_agree(
    recogniser: Recogniser, prompts_of: Callable[..., list[FamilyPrompt]]
) -> None:
    shared_router = TaskRouter(recogniser, ADOPTED, names=builtin_library().names)
    given = prompts_of("haiku", "sorting", "unit_conversion", n=60, seed=9)

    def routed(_: int) -> list[Any]:
        return [shared_router(one.prompt, one.reference, {}) for one in given]

    with ThreadPoolExecutor(8) as pool:
        first, *others = pool.map(routed, range(16))
    assert all(other == first for other in others)


def test_the_score_path_takes_it_as_a_router(router: TaskRouter) -> None:
    triples = [Triple(FEET, f"{n} metres", 3.66) for n in range(4)]
    routes = choose(triples, library=builtin_library(), router=router)
    assert {route.tool for route in routes} == {"unit_conversion"}


def test_a_reference_that_is_no_json_is_left_to_the_rules(router: TaskRouter) -> None:
    chosen = router(FEET, {"at": object()}, {})
    assert chosen.tool is None
    assert "no JSON value" in chosen.reason
