"""RLAR as tools of an agent: acquire, then score and list; mistakes and questions reach the agent's own graph."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

sys.path.insert(0, str(Path(__file__).parent))
from five_tasks import TASKS
from rlar_world import chat_that_says, named, repaired, written

from ravelar.graphs.rlar import build_rlar
from ravelar.graphs.rlar_parts import Parts
from ravelar.graphs.rlar_state import RlarContext
from ravelar.graphs.rlar_tools import acquire_reward_tool, reward_tools
from ravelar.tools.adopted.store import open_store
from ravelar.tools.chat.scripted import ScriptedChat

UNITS = TASKS["unit_conversion"]
GIVEN = {"examples": UNITS.examples(60), "probes": UNITS.probes()}


def parts() -> Parts:
    answers = {"task namer": [named(UNITS.spec())], "writer": [written(UNITS.honest_verifier())]}
    return Parts(store=open_store("memory:"), chat=chat_that_says(answers))


def settings(**more: Any) -> RlarContext:
    return RlarContext(search_hub=False, **more)


def said_by(tool: Any, **arguments: Any) -> ToolMessage:
    return tool.invoke({"name": tool.name, "args": arguments, "id": "1", "type": "tool_call"})


@pytest.mark.slow
def test_what_one_tool_acquires_the_others_use():
    acquire, score, listing = reward_tools(parts(), settings())
    assert [tool.name for tool in (acquire, score, listing)] == [
        "acquire_reward_tool",
        "score_completions",
        "list_reward_tools",
    ]
    answer = json.loads(said_by(acquire, **GIVEN).content)
    assert answer["end"] == "adopted"
    assert answer["adopted"]["tool"] == answer["task"] == "unit_conversion"
    assert [set(row) for row in answer["candidates"]] == [{"name", "kind", "passed", "reasons"}]
    row = GIVEN["probes"][0]
    (reward,) = score.invoke(
        {"prompt": row["prompt"], "completions": [row["completion"]], "reference": row["reference"]}
    )
    assert reward["tool"] == "unit_conversion"
    assert (reward["reward"] >= 0.5) == row["label"]
    (listed,) = listing.invoke({"containing": "unit_conversion"})
    assert any("good probes accepted" in fact for fact in listed["evidence"])


def test_the_answer_says_how_it_ended_where_nothing_could_be_adopted():
    answer = json.loads(said_by(acquire_reward_tool(parts(), settings()), examples=GIVEN["examples"][:5]).content)
    assert answer["end"] == "nothing_passed"
    assert answer["adopted"] is None


@pytest.mark.parametrize(
    ("arguments", "context", "said"),
    [
        ({"probes": [*GIVEN["probes"][:1], {**GIVEN["probes"][0], "label": False}]}, {}, "labelled False"),
        ({}, {"thresholds": {"min_probess": 1}}, "min_probess"),
        ({}, {"library": "mysql://x"}, "allowed: a path"),
    ],
)
def test_a_callers_mistake_is_a_message(arguments, context, said):
    given = Parts() if "library" in context else parts()
    message = said_by(acquire_reward_tool(given, settings(**context)), **{**GIVEN, **arguments})
    assert message.status == "error"
    assert said in message.content


def test_an_agent_survives_arguments_that_do_not_fit():
    def call(**arguments: Any) -> AIMessage:
        return AIMessage("", tool_calls=[{"name": "acquire_reward_tool", "args": arguments, "id": "1"}])

    model = ScriptedChat([call(examples=[]), call(probes=[{"prompt": "a"}]), call(examples="all"), "I give up."])
    messages = create_agent(model, reward_tools(parts(), settings())).invoke({"messages": [("user", "Go!")]})[
        "messages"
    ]
    answers = [message for message in messages if isinstance(message, ToolMessage)]
    assert [message.status for message in answers] == ["error"] * 3
    assert messages[-1].content == "I give up."


def test_the_question_before_adoption_reaches_the_agents_caller():
    call = AIMessage("", tool_calls=[{"name": "acquire_reward_tool", "args": GIVEN, "id": "1"}])
    given = parts()
    tools = reward_tools(given, settings(ask_before_adopting=True))
    app = create_agent(ScriptedChat([call, "Done."]), tools, checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    app.invoke({"messages": [("user", "Go!")]}, config)
    (asked,) = app.get_state(config).interrupts
    assert "unit_conversion" in asked.value["question"]
    assert given.store.active() == {}
    result = app.invoke(Command(resume={"approve": True}), config)
    assert result["messages"][-1].content == "Done."
    assert set(given.store.active()) == {"unit_conversion"}


@pytest.mark.filterwarnings("ignore:This API is in beta")  # of langchain-core: `as_tool`
def test_the_graph_is_one_tool_whose_arguments_are_its_input():
    tool = build_rlar(parts=parts()).as_tool(name="rlar", description="Scores.")
    triple = {"prompt": "What is 6 * 7?", "completion": "42", "reference": 42}
    result = tool.invoke({"triples": [triple], "examples": [], "probes": []})
    assert list(tool.args) == ["triples", "examples", "probes"]
    assert (result["end"], result["rewards"][0]["reward"]) == ("scored", 1.0)


@pytest.mark.slow
def test_an_acquisition_called_by_itself_repairs_as_often_as_it_may():
    """LangChain gives a tool that is called by itself a limit of 25 steps; twelve repairs take more."""
    broken = "def verify(prompt, completion, reference):\n    return 1.0\n"
    answers = {"task namer": [named(UNITS.spec())], "writer": [written(broken)], "repairer": [repaired(broken)] * 12}
    given = Parts(store=open_store("memory:"), chat=chat_that_says(answers))
    answer = acquire_reward_tool(given, settings(max_repairs=12)).invoke(GIVEN)
    assert (answer["end"], answer["spent"]["repairs"]) == ("nothing_passed", 12)
