"""RAVEL as a part of others: a tool of an agent, the graph as a tool, a node of another graph, and what it streams."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from typing_extensions import TypedDict

sys.path.insert(0, str(Path(__file__).parent))
from ravel_world import BRIEF, Writer, action, graph_of, outline, prose, run

from ravelar.graphs.ravel_parts import Parts
from ravelar.graphs.ravel_state import RavelContext
from ravelar.graphs.ravel_tools import write_article
from ravelar.tools.chat.scripted import ScriptedChat
from ravelar.tools.writing.gate import has_finished
from ravelar.writing import awrite, write

FIXED = RavelContext(protocol="fixed")


def tool_of(writer: Writer, context: RavelContext = FIXED) -> Any:
    return write_article(Parts(chat=ScriptedChat(writer)), context)


def call(**arguments: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "write_article", "args": arguments, "id": "1"}])


def agent_of(writer: Writer, *said: Any, context: RavelContext = FIXED, **more: Any) -> Any:
    return create_agent(ScriptedChat(list(said)), [tool_of(writer, context)], **more)


def tool_messages(result: Any) -> list[ToolMessage]:
    return [message for message in result["messages"] if isinstance(message, ToolMessage)]


def test_an_agent_has_an_article_written():
    writer = Writer(2)
    result = agent_of(writer, call(instruction="Of harbours.", words=400), "Here it is.").invoke({"messages": ["Go!"]})
    answer = json.loads(tool_messages(result)[0].content)
    assert (answer["end"], answer["unfinished"]) == ("finished", None)
    assert answer["article"].startswith("# North Sea harbours\n\n## Of herring\n")
    assert answer["sections"][0] == {"title": "Of herring", "status": "accepted", "score": 9.0}
    assert "length: 400 words" in writer.prompts[0]


def test_a_tool_that_is_called_by_itself_is_not_ended_by_langchains_limit_of_25_steps():
    answer = tool_of(Writer(12)).invoke({"instruction": "Of harbours."})
    assert (answer["end"], len(answer["sections"])) == ("finished", 12)


def test_a_tool_that_did_not_finish_says_so_and_gives_no_article():
    broken = {
        "drafter": lambda section, nth, _: (
            "never" if section == "s2" else Writer(2).answers["drafter"](section, nth, "")
        )
    }
    result = agent_of(Writer(2, **broken), call(instruction="Of harbours."), "Sorry.").invoke({"messages": ["Go!"]})
    answer = json.loads(tool_messages(result)[0].content)
    assert (answer["end"], answer["article"]) == ("failed:broken_reply", None)
    assert answer["unfinished"].startswith("# North Sea harbours\n\n## Of herring\n")
    assert "Of pilots" not in answer["unfinished"]


@pytest.mark.parametrize(
    "arguments", [{}, {"instruction": ""}, {"instruction": "x", "sections": 0}, {"instruction": "x", "language": "tlh"}]
)
def test_an_agent_survives_arguments_that_do_not_fit(arguments):
    writer = Writer(1)
    result = agent_of(writer, call(**arguments), "I give up.").invoke({"messages": ["Go!"]})
    assert [message.status for message in tool_messages(result)] == ["error"]
    assert writer.asked == []


def test_a_question_of_the_tool_reaches_the_agent_s_caller():
    writer = Writer(2)
    context = RavelContext(protocol="no_review", approve=("outline",))
    agent = agent_of(writer, call(instruction="Of harbours."), "Done.", context=context, checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    agent.invoke({"messages": ["Go!"]}, config)
    (asked,) = agent.get_state(config).interrupts
    assert (asked.value["kind"], asked.value["title"]) == ("outline", "North Sea harbours")
    assert writer.count("drafter") == 0
    result = agent.invoke(Command(resume=True), config)
    assert result["messages"][-1].content == "Done."
    assert json.loads(tool_messages(result)[0].content)["end"] == "finished"
    assert writer.count("outliner") == 1


@pytest.mark.filterwarnings("ignore:This API is in beta")  # of langchain-core: `as_tool`
def test_the_graph_is_a_tool():
    tool = graph_of(Writer(1)).as_tool(name="ravel", description="Writes.")
    result = tool.invoke({"brief": BRIEF, "outline": None})  # it takes each part of the input as needed
    assert has_finished(result["end"])


class Desk(TypedDict, total=False):
    brief: Any
    article: str | None
    end: str
    printed: str


def test_the_graph_is_a_node_of_another_graph_and_its_questions_are_that_one_s():
    writer = Writer(2)
    wiring = StateGraph(Desk, context_schema=RavelContext)
    wiring.add_node("ravel", graph_of(writer))
    wiring.add_node("print", lambda state: {"printed": f"{state['end']}: {state['article'][:20]}"})
    wiring.add_edge(START, "ravel")
    wiring.add_edge("ravel", "print")
    wiring.add_edge("print", END)
    app = wiring.compile(checkpointer=InMemorySaver())
    assert set(app.get_graph().nodes) == {"__start__", "ravel", "print", "__end__"}
    assert {"ravel:plan", "ravel:draft", "ravel:finish", "print"} <= set(app.get_graph(xray=True).nodes)
    config: Any = {"configurable": {"thread_id": "1"}}
    context = RavelContext(protocol="fixed", approve=("outline", "sections"))
    app.invoke({"brief": BRIEF}, config, context=context)
    (first,) = app.get_state(config).interrupts
    app.invoke(Command(resume=True), config, context=context)
    (second,) = app.get_state(config).interrupts
    result = app.invoke(Command(resume=True), config, context=context)
    assert [one.value["kind"] for one in (first, second)] == ["outline", "sections"]
    assert result["printed"] == "finished: # North Sea harbours"
    assert len(writer.asked) == 5


def test_it_streams_tokens_by_role_and_events_as_they_come():
    graph = graph_of(Writer(2))
    tokens: dict[str, str] = {}
    kinds = []
    for mode, piece in graph.stream({"brief": BRIEF}, context=FIXED, stream_mode=["messages", "custom"]):
        if mode == "custom":
            kinds.append(piece["kind"])
            continue
        chunk, told = piece
        tokens[told["langgraph_node"]] = tokens.get(told["langgraph_node"], "") + str(chunk.content)
    assert tokens["outline"] == outline(2)
    assert "<content>" in tokens["draft"]
    assert tokens["draft"].count(prose("herring")) == 1
    assert kinds[:4] == ["run", "step", "outline", "spent"]
    assert kinds[-2:] == ["step", "end"]
    assert kinds.count("text") == kinds.count("review") == 2


def test_write_hears_tokens_and_events_and_awrite_does_not_block():
    events: list[str] = []
    tokens: list[str] = []
    result = write(
        "Of harbours.", chat=ScriptedChat(Writer(1)), protocol="no_review",
        on_event=lambda event: events.append(event["kind"]), on_token=lambda *said: tokens.append(" ".join(said)),
    )  # fmt: skip
    assert events == ["run", "step", "call", "outline", "step", "call", "text", "step", "end"]
    assert any(token.startswith("draft <content>") for token in tokens)
    assert [event["kind"] for event in result["events"]] == events

    async def both() -> list[Any]:
        writers = (Writer(1), Writer(2))
        return await asyncio.gather(*(awrite("Of x.", chat=ScriptedChat(w), protocol="no_review") for w in writers))

    assert [len(one["order"]) for one in asyncio.run(both())] == [1, 2]


def test_a_cancelled_awrite_stops_at_its_next_event_and_goes_on_later(tmp_path):
    writer = Writer(3)
    started = asyncio.Event()

    async def cancelled() -> None:
        loop = asyncio.get_running_loop()

        def heard(event: dict[str, Any]) -> None:
            if event["kind"] == "outline":
                loop.call_soon_threadsafe(started.set)

        options: Any = {"chat": ScriptedChat(slow), "protocol": "fixed", "at_once": 1, "out": tmp_path / "run"}
        task = asyncio.create_task(awrite("Of harbours.", on_event=heard, **options))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    def slow(messages: Any) -> Any:
        time.sleep(0.1)
        return writer(messages)

    asyncio.run(cancelled())
    asked = len(writer.asked)
    assert asked < 7
    result = write(out=tmp_path / "run", resume=True, chat=ScriptedChat(writer))
    assert result["end"] == "finished"
    assert len(writer.asked) <= 8


# What a person may answer, beside yes.


def test_a_person_edits_the_outline():
    writer = Writer(2)
    mine = {"title": "Mine", "sections": [{"title": "Only one", "points": ["a"]}]}
    answers = iter(["what?", {"outline": {"title": "x", "sections": []}}, {"outline": mine}])
    asked = []

    def answer(question: dict[str, Any]) -> Any:
        asked.append(question)
        return next(answers)

    result = write("Of harbours.", chat=ScriptedChat(writer), protocol="no_review", approve=["outline"], answer=answer)
    assert [question.get("problem", "")[:14] for question in asked] == ["", "answer 'what?'", "the outline ca"]
    assert list(result["sections"]) == ["s1"]
    assert result["article"].startswith("# Mine\n\n## Only one\n")
    assert [event["title"] for event in result["events"] if event["kind"] == "outline"] == [
        "North Sea harbours",
        "Mine",
    ]


def test_a_person_edits_one_section_and_sends_another_back():
    writer = Writer(2)
    answers = iter([
        {"sections": {"s1": {"content": "My own words about herring."}, "s2": {"feedback": "Name the pilots."}}},
        {"sections": {"s9": {"content": "x"}}},
        True,
        True,
    ])  # fmt: skip
    asked = []

    def answer(question: dict[str, Any]) -> Any:
        asked.append([section["id"] for section in question["sections"]])
        return next(answers)

    result = write("Of harbours.", chat=ScriptedChat(writer), protocol="fixed", approve=["sections"], answer=answer)
    assert result["end"] == "finished"
    assert asked == [["s1", "s2"], ["s1"], ["s1"], ["s2"]]  # the one that is closed first is asked about first
    assert result["sections"]["s1"]["content"] == "My own words about herring."
    assert result["sections"]["s1"]["scores"] == [9, 9]  # a person's text is reviewed like any other
    (told,) = (said for who, said in zip(writer.asked, writer.prompts, strict=True) if who[0] == "refiner")
    assert "Name the pilots." in told


@pytest.mark.parametrize("answer", [False, {"approve": False, "reason": "off topic"}])
def test_a_person_says_no_and_nothing_more_is_paid_for(answer):
    writer = Writer(2)
    result = write("Of x.", chat=ScriptedChat(writer), protocol="fixed", approve=["outline"], answer=lambda _: answer)
    assert (result["end"], result["article"]) == ("not_approved", None)
    assert writer.asked == [("outliner", None)]


@pytest.mark.parametrize(("what", "protocol", "ways"), [
    ("outline", "fixed", 3), ("sections", "fixed", 4), ("sections", "no_review", 3),
])  # fmt: skip
def test_a_question_says_what_may_be_answered_and_each_of_its_examples_can_be(what, protocol, ways):
    def ask_with(example: Any) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = []

        def answer(question: dict[str, Any]) -> Any:
            asked.append(question)
            return example if len(asked) == 1 else True

        write("Of x.", chat=ScriptedChat(Writer(2)), protocol=protocol, approve=[what], answer=answer)
        return asked

    said = ask_with(False)[0]["answers"]
    assert len(said) == ways
    assert all(one["means"].endswith(".") for one in said)
    assert not [again["problem"] for one in said for again in ask_with(one["example"]) if "problem" in again]


def test_a_question_that_nobody_answers_is_returned_and_can_be_answered_later(tmp_path):
    writer = Writer(1)
    chat = ScriptedChat(writer)
    result = write("Of x.", chat=chat, protocol="no_review", approve=["outline"], out=tmp_path / "run")
    assert (result["end"], result["waiting"]["kind"]) == ("", "outline")
    again = write(out=tmp_path / "run", resume=True, chat=chat)
    assert again["waiting"] == result["waiting"]
    done = write(out=tmp_path / "run", resume=True, chat=chat, answer=lambda _: True)
    assert (done["end"], done["waiting"]) == ("finished", None)
    assert writer.count("outliner") == 1


def test_a_fork_in_the_graph_itself_goes_another_way_and_counts_its_own_calls():
    writer = Writer(2)
    graph = graph_of(writer, checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    context = RavelContext(protocol="fixed", at_once=1)
    whole = graph.invoke({"brief": BRIEF}, config, context=context)
    past = next(
        state for state in graph.get_state_history(config) if state.values.get("step") == 1 and state.next == ("plan",)
    )
    section = {**past.values["sections"]["s2"], "title": "Of whales"}
    forked = graph.update_state(past.config, {"sections": {"s2": section}})
    result = graph.invoke(None, forked, context=context)
    assert (whole["end"], result["end"]) == ("finished", "finished")
    assert "## Of whales" in result["article"]
    assert "## Of whales" not in whole["article"]
    assert result["spent"]["calls"] == whole["spent"]["calls"] == 5
    assert result["step"] == whole["step"]


def test_settings_may_come_as_a_server_sends_them():
    result = graph_of(Writer(1)).invoke(
        {"brief": BRIEF},
        context={"protocol": "no_review", "approve": [], "at_once": 2},  # type: ignore[arg-type]
    )
    assert result["end"] == "finished"
    assert (
        run(Writer(1, planner=lambda _, nth, __: [action("outline"), action("finish")][min(nth, 1)]), max_steps=3)[
            "end"
        ]
        == "step_budget"
    )
