"""Reward tools as LangChain tools: what they return, and what a caller's mistake returns."""

import asyncio
import json
from typing import Any

from langchain_core.messages import ToolMessage

from ravelar.tools.builtin import builtin_library
from ravelar.tools.langchain_tools import list_reward_tools, score_completions
from ravelar.tools.library import Library
from ravelar.tools.reward import Triple

SUM = {"prompt": "What is 6 * 7?", "completions": ["It is 42.", "It is 41."], "reference": 42}


def scoring(library: Library | None = None) -> Any:
    return score_completions(lambda: library or builtin_library(), lambda: None)


def called(tool: Any, /, **arguments: Any) -> ToolMessage:
    """Call a tool as an agent's tool node does."""
    return tool.invoke({"name": tool.name, "args": arguments, "id": "1", "type": "tool_call"})


def test_completions_of_one_prompt_get_rewards_by_the_score_path():
    rows = scoring().invoke(SUM)
    assert [(row["tool"], row["reward"]) for row in rows] == [("math_answer", 1.0), ("math_answer", 0.0)]
    assert json.loads(called(scoring(), **SUM).content)[0]["reward"] == 1.0


def test_a_named_tool_or_task_decides():
    assert scoring().invoke({**SUM, "tool": "exact"})[0]["tool"] == "exact"
    assert scoring().invoke({**SUM, "reference": "42", "task": "math"})[1]["reward"] == 0.0


def test_what_can_not_be_judged_is_null_with_the_reason():
    (row,) = scoring().invoke({"prompt": "Sing!", "completions": ["la"]})
    assert row["reward"] is None
    assert "no reference" in row["reason"]


def test_a_callers_mistake_is_a_message_and_no_exception():
    message = called(scoring(), **SUM, tool="maths")
    assert message.status == "error"
    assert "did you mean 'math_answer'?" in message.content


def test_a_tool_that_crashes_is_a_reason_and_no_exception(fake_tool):
    def crash(_triple: Triple) -> float:
        raise RuntimeError("boom")

    rows = scoring(Library([fake_tool(says=crash)])).invoke({**SUM, "tool": "fake"})
    assert [row["reward"] for row in rows] == [None, None]
    assert "boom" in rows[0]["reason"]


def test_the_library_is_asked_at_each_call_so_that_new_tools_are_seen(fake_tool):
    libraries = [Library([]), Library([fake_tool()])]
    tool = score_completions(lambda: libraries.pop(0), lambda: None)
    assert called(tool, **SUM, tool="fake").status == "error"
    assert tool.invoke({**SUM, "tool": "fake"})[0]["reward"] == 1.0


def test_it_works_in_an_event_loop():
    assert asyncio.run(scoring().ainvoke(SUM))[0]["reward"] == 1.0


def test_the_list_says_what_each_tool_needs_and_what_was_measured():
    rows = list_reward_tools(builtin_library).invoke({})
    assert {row["name"] for row in rows} == set(builtin_library().names)
    (maths,) = [row for row in rows if row["name"] == "math_answer"]
    assert "reference" in maths["needs"]
    assert any("n=" in fact for fact in maths["evidence"])
    json.dumps(rows)


def test_the_list_can_be_narrowed_whatever_the_case():
    names = [row["name"] for row in list_reward_tools(builtin_library).invoke({"containing": "TRANSLAT"})]
    assert "translation" in names
    assert "unit_tests" not in names
    assert list_reward_tools(builtin_library).invoke({"containing": "no such thing"}) == []


def test_the_arguments_are_described_for_the_model():
    schema = scoring().args_schema.model_json_schema()
    assert schema["required"] == ["prompt", "completions"]
    assert all("description" in field for field in schema["properties"].values())
