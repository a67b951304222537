"""LangGraph's own server with our graphs, driven as Studio drives it: over HTTP, by the SDK."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("langgraph_api", reason="the extra 'studio' is not installed")

from dev_server import dev_server
from five_tasks import TASKS
from langgraph_sdk import get_client, get_sync_client
from loopback_model import RoleServer
from rlar_world import named, repaired, written

from ravelar.studio.assistants import ASSISTANTS, register

pytestmark = pytest.mark.slow

IDS = {one.name: one.id for one in ASSISTANTS}
DEMO = IDS["ravel: demo, a replay"]
UNITS = TASKS["unit_conversion"]
HONEST = (Path(__file__).parents[1] / "tasks/five_tasks/honest/units.py").read_text(encoding="utf-8")
LAZY = "def verify(prompt, completion, reference):\n    return 1.0\n"
BRIEF = {"brief": {"instruction": "An essay on tide tables."}}
TRIPLE = {"prompt": "What is 6 * 7?", "completion": "The answer is 42.", "reference": 42}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    env = {"RAVELAR_LIBRARY": str(folder / "library.sqlite"), "LANGGRAPH_NO_VERSION_CHECK": "true"}
    with dev_server(folder, env=env) as url:
        yield url


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Any]:
    with get_sync_client(url=url, timeout=60) as client:
        yield client


def register_again(url: str) -> None:
    async def again() -> None:
        async with get_client(url=url) as client:
            await register(client)

    asyncio.run(again())


def new_thread(client: Any) -> str:
    return str(client.threads.create()["thread_id"])


def streamed(client: Any, thread: str, assistant: str, **given: Any) -> list[Any]:
    """Run to the end, or to a question; return the parts of the stream."""
    modes = ["custom", "messages-tuple", "updates"]
    parts = list(client.runs.stream(thread, assistant, stream_mode=modes, **given))
    assert not [part.data for part in parts if part.event == "error"]
    return parts


def said(parts: list[Any], event: str) -> list[Any]:
    return [part.data for part in parts if part.event == event]


def question(client: Any, thread: str) -> Mapping[str, Any]:
    """Return what a person is asked in a thread."""
    tasks = client.threads.get_state(thread)["tasks"]
    (asked,) = [one for task in tasks for one in task["interrupts"]]
    value: Mapping[str, Any] = asked["value"]
    return value


def answer(client: Any, thread: str, assistant: str, said: Any, **more: Any) -> Any:
    return client.runs.wait(thread, assistant, command={"resume": said}, **more)


def resumed_from(client: Any, thread: str, assistant: str, state: Mapping[str, Any], **changes: Any) -> Any:
    """Fork a thread at one of its states, with changes, and run on from there."""
    fork = client.threads.update_state(thread, checkpoint=state["checkpoint"], **changes)
    return client.runs.wait(thread, assistant, input=None, checkpoint=fork["checkpoint"])


@pytest.fixture(scope="module")
def article(client: Any) -> tuple[str, list[Any]]:
    """A whole article by the shipped replay: its thread, and what the run streamed."""
    thread = new_thread(client)
    return thread, streamed(client, thread, DEMO, input=BRIEF)


def test_each_graph_has_an_assistant_for_each_protocol_and_registering_again_adds_none(client, url):
    register_again(url)
    found = {one["name"]: one for one in client.assistants.search(limit=100)}
    assert set(found) == {"rlar", "ravel", *IDS}
    assert {found[one.name]["graph_id"] for one in ASSISTANTS} == {"rlar", "ravel"}
    protocols = {one["context"]["protocol"] for one in found.values() if "protocol" in one["context"]}
    assert protocols == {"autonomous", "fixed", "no_review", "no_refine"}
    assert all(one["description"] for one in found.values())


def test_an_assistant_that_somebody_changed_stays_as_they_left_it_and_runs_with_that(client, url):
    mine, name = {"acquire": False, "tool": "exact"}, IDS["rlar: score only"]
    client.assistants.update(name, context=mine)
    register_again(url)
    assert client.assistants.get(name)["context"] == mine
    result = client.runs.wait(new_thread(client), name, input={"triples": [TRIPLE]})
    assert result["rewards"][0]["tool"] == "exact"
    client.assistants.update(name, context={"acquire": False})


def test_the_drawings_are_small_and_their_edges_say_when_they_are_taken(client):
    for graph, least, labels in (("rlar", 14, {"failed", "tried", "nothing to acquire"}), ("ravel", 9, {"refused"})):
        drawing = client.assistants.get_graph(graph, xray=True)
        assert least <= len(drawing["nodes"]) - 2 <= 16
        assert {edge["data"] for edge in drawing["edges"] if "data" in edge} == labels


def fields(schema: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return every field of a form, those of its parts included, by where it stands."""
    parts = {"": schema, **schema.get("$defs", {})}
    return {f"{at}.{name}": field for at, part in parts.items() for name, field in part["properties"].items()}


@pytest.mark.parametrize("graph", ["rlar", "ravel"])
def test_every_field_of_the_forms_says_what_it_is_and_what_it_may_be(client, graph):
    schemas = client.assistants.get_schemas(IDS[{"rlar": "rlar: acquire", "ravel": "ravel: fixed"}[graph]])
    given, context = fields(schemas["input_schema"]), fields(schemas["context_schema"])
    for name, field in {**given, **context}.items():
        assert field["description"], name
        assert "\n" not in field["description"], name
        assert field.get("title") or "$ref" in field, name
    settings = {name: field for name, field in context.items() if name.startswith(".")}
    assert all("default" in field for field in settings.values())
    numbers = [field for field in settings.values() if field.get("type") in {"integer", "number"}]
    assert numbers
    assert all({"minimum", "exclusiveMinimum"} & field.keys() for field in numbers)
    assert settings[".structured_output"]["enum"][0] == "text"
    if graph == "ravel":
        assert given["GivenBrief.language"]["enum"] == ["en", "zh"]
        assert settings[".protocol"]["enum"] == ["autonomous", "fixed", "no_review", "no_refine"]


def test_rlar_scores_with_the_tools_there_are(client):
    triples = [TRIPLE, {**TRIPLE, "completion": "43"}, {"prompt": "Write a poem.", "completion": "Roses"}]
    result = client.runs.wait(new_thread(client), IDS["rlar: score only"], input={"triples": triples})
    assert [row["reward"] for row in result["rewards"]] == [1.0, 0.0, None]
    assert result["rewards"][2]["reason"]


def test_ravel_writes_an_article_and_its_words_and_steps_are_streamed(article):
    _, parts = article
    tokens = [message["content"] for message, _ in said(parts, "messages")]
    assert len(tokens) > 50
    assert "harbour stairs" in "".join(tokens)
    assert {meta["langgraph_node"] for _, meta in said(parts, "messages")} >= {"plan", "outline", "draft", "review"}
    told = said(parts, "custom")
    assert {"run", "step", "outline", "text", "review", "spent", "end"} <= {event["kind"] for event in told}
    drafted = [event["section"] for event in told if event["kind"] == "text" and event["operation"] == "draft"]
    assert drafted == ["s1", "s2", "s3", "s4"]
    assert told[-1] == {"kind": "end", "end": "finished", "because": "all 4 sections are closed"}


def test_ravel_s_history_can_be_forked_and_written_on_from_there(client, article):
    thread, _ = article
    history = client.threads.get_history(thread, limit=100)
    assert client.threads.get_state(thread)["values"]["end"] == "finished"
    closing = next(state for state in history if state["next"] == ["finish"])
    section = {**closing["values"]["sections"]["s4"], "content": "Written by a person."}
    changed = {"sections": {"s4": section}}
    result = resumed_from(client, thread, DEMO, closing, values=changed, as_node="plan")
    assert result["end"] == "finished"
    assert result["article"].endswith("Written by a person.\n")


def test_ravel_asks_about_the_outline_until_the_answer_can_be_used(client):
    thread, assistant = new_thread(client), IDS["ravel: fixed, ask about the outline"]
    context = {"model": "scripted:demo"}
    client.runs.wait(thread, assistant, input=BRIEF, context=context)
    asked = question(client, thread)
    assert (asked["kind"], asked["question"], len(asked["sections"])) == ("outline", "Is the outline right?", 4)
    answer(client, thread, assistant, {"outline": {"title": "No sections", "sections": []}}, context=context)
    again = question(client, thread)
    assert "outline can't be used" in again["problem"]
    assert again["answers"][0]["example"] == {"approve": True}
    result = answer(client, thread, assistant, again["answers"][0]["example"], context=context)
    assert result["end"] == "finished"


@pytest.mark.parametrize(
    ("given", "context", "told"),
    [
        ({"brief": {"instruction": " "}}, {"model": "scripted:demo"}, "the brief's instruction is empty"),
        (BRIEF, {"model": "scripted:demo", "tau": 11}, "tau 11 is out of bounds; allowed: 0 to 10"),
        (BRIEF, {"model": "scripted:demo", "protocol": "fixt"}, "no protocol 'fixt'; did you mean 'fixed'?"),
        (BRIEF, {"tau": "high", "model": "scripted:demo"}, "tau 'high' can't be used: Input should be a valid number"),
        (BRIEF, {}, "no language model is set for the planner; name one"),
    ],
)
def test_what_can_t_be_used_is_told_in_words(client, given, context, told):
    with pytest.raises(Exception, match=told.replace("?", r"\?")):
        client.runs.wait(new_thread(client), "ravel", input=given, context=context)


@pytest.fixture(scope="module")
def adopting(client: Any, jail: object) -> Iterator[dict[str, Any]]:
    """A tool acquired over the server from a loopback model: a lazy verifier, its repair, and a person's answer."""
    answers = {"task namer": named(UNITS.spec()), "writer": written(LAZY), "repairer": repaired(HONEST)}
    with RoleServer(answers) as model:
        thread, assistant = new_thread(client), IDS["rlar: acquire, ask before adopting"]
        context = {"model": "openai:loopback", "base_url": model.url, "search_hub": False, "max_repairs": 1}
        given = {"examples": UNITS.examples(60), "probes": UNITS.probes(), "triples": [TRIPLE]}
        parts = streamed(client, thread, assistant, input=given, context=context)
        yield {"thread": thread, "assistant": assistant, "context": context, "parts": parts, "model": model}


def test_rlar_s_progress_is_streamed_candidate_by_candidate(adopting):
    told = said(adopting["parts"], "custom")
    tried = [(event["name"], event["passed"]) for event in told if event["event"] == "candidate"]
    assert tried == [("written verifier, attempt 1", False), ("written verifier, attempt 2", True)]
    assert any("lint" in " ".join(event["reasons"]) for event in told if event["event"] == "candidate")
    words = "".join(message["content"] for message, _ in said(adopting["parts"], "messages"))
    assert "def verify" in words


def test_rlar_asks_before_it_adopts_and_then_scores(client, adopting):
    thread, assistant = adopting["thread"], adopting["assistant"]
    asked = question(client, thread)
    assert asked["question"] == "Adopt written verifier, attempt 2 as the reward tool 'unit_conversion'?"
    assert asked["recipe"]["source"] == HONEST
    assert all(fact["low"] <= fact["value"] <= fact["high"] for fact in asked["evidence"])
    answer(client, thread, assistant, "perhaps", context=adopting["context"])
    assert "answer 'perhaps': allowed: true, false" in question(client, thread)["problem"]
    result = answer(client, thread, assistant, "yes", context=adopting["context"])
    assert result["adopted"]["tool"] == "unit_conversion"
    assert [row["reward"] for row in result["rewards"]] == [1.0]


def test_rlar_s_history_can_be_forked_also_where_repairs_are_counted(client, adopting):
    thread = adopting["thread"]
    history = client.threads.get_history(thread, limit=100)
    checked = next(state for state in history if state["next"] == ["repair_verifier"])
    check = {**checked["values"]["check"], "max_repairs": 0}
    fork = client.threads.update_state(
        thread, {"check": check}, as_node="check_verifier", checkpoint=checked["checkpoint"]
    )
    forked = client.threads.get_state(thread, checkpoint=fork["checkpoint"])
    assert forked["next"] == ["decide"]
    result = client.runs.wait(
        thread, adopting["assistant"], input=None, checkpoint=fork["checkpoint"], context=adopting["context"]
    )
    assert result["end"] == "nothing_passed"


def ask_mcp(url: str, method: str, **params: Any) -> Any:
    accepted = {"Accept": "application/json, text/event-stream"}
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    reply = httpx.post(f"{url}/mcp", json=request, headers=accepted, timeout=60, trust_env=False)
    return reply.raise_for_status().json()["result"]


def test_each_assistant_is_an_mcp_tool_that_can_be_called(url):
    tools = {tool["name"]: tool for tool in ask_mcp(url, "tools/list")["tools"]}
    assert {"rlar", "ravel", "rlar_score_only", "ravel_fixed"} <= set(tools)
    assert "triples" in tools["rlar_score_only"]["inputSchema"]["properties"]
    called = ask_mcp(url, "tools/call", name="rlar_score_only", arguments={"triples": [TRIPLE]})
    assert "'reward': 1.0" in called["content"][0]["text"]
    written_text = ask_mcp(url, "tools/call", name="ravel_demo_a_replay", arguments=BRIEF)["content"][0]["text"]
    assert "'end': 'finished'" in written_text


def test_a_run_can_be_stopped_and_its_thread_used_again(client, jail):
    with RoleServer({}) as model:
        model.hanging.add("task namer")
        thread, assistant = new_thread(client), IDS["rlar: acquire"]
        context = {"model": "openai:loopback", "base_url": model.url, "search_hub": False}
        given = {"examples": TASKS["date_normalisation"].examples(20)}
        run = client.runs.create(thread, assistant, input=given, context=context)
        assert model.waiting.wait(30)
        client.runs.cancel(thread, run["run_id"], wait=True)
        assert client.runs.get(thread, run["run_id"])["status"] == "interrupted"
    result = client.runs.wait(thread, IDS["rlar: score only"], input={"triples": [TRIPLE]})
    assert [row["reward"] for row in result["rewards"]] == [1.0]


def test_the_page_s_server_says_nothing_of_blocking(folder, article):
    log = (folder / "server.log").read_text(encoding="utf-8", errors="replace")
    assert "Blocking" not in log
    assert json.loads((folder / "langgraph.json").read_text())["graphs"].keys() == {"rlar", "ravel"}
