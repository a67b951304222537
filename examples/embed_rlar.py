"""RLAR inside other applications, without a key: its tools for an agent, as a subgraph, and as one tool.

    python examples/embed_rlar.py

The two language models are scripted: `ScriptedChat` says what it was told to say, so that this runs anywhere in
seconds. Put a real one in its place, `open_chat("openai:gpt-5-mini")`, and the rest stays as it is.
"""

from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from ravelar.graphs.rlar import build_rlar
from ravelar.graphs.rlar_parts import Parts
from ravelar.graphs.rlar_state import RlarContext
from ravelar.graphs.rlar_tools import reward_tools
from ravelar.tools.adopted.store import open_store
from ravelar.tools.chat.scripted import ScriptedChat

SETTINGS = RlarContext(search_hub=False)  # here nothing is looked for on the Hub
PROMPT = "What is 6 * 7?"


def calls(name: str, **arguments: Any) -> AIMessage:
    """Return the reply by which a model calls a tool."""
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": f"call-{name}"}])


def agent(parts: Parts) -> None:
    """An agent that lists, scores and acquires; what it gets wrong comes back to it, and it goes on."""
    model = ScriptedChat(
        [
            calls("list_reward_tools", containing="math"),
            calls("score_completions", prompt=PROMPT, completions=["42"], reference=42, tool="maths"),
            calls("score_completions", prompt=PROMPT, completions=["It is 42.", "It is 41."], reference=42),
            calls("acquire_reward_tool", examples=[{"prompt": "Write a limerick about a cat."}]),
            "The first is right. For limericks there is no tool: nobody labelled any.",
        ]
    )
    app = create_agent(model, reward_tools(parts, SETTINGS))
    said: list[BaseMessage] = app.invoke({"messages": [("user", "Score the sums, and see about limericks.")]})[
        "messages"
    ]
    for message in said:
        if isinstance(message, ToolMessage):
            print(f"  {message.name}: {message.status}: {shortened(str(message.content))}")
    print(f"  agent: {said[-1].content}")


class Batch(TypedDict, total=False):
    """The state of an application that samples and then scores; RLAR shares its `triples` and `rewards`."""

    triples: list[dict[str, Any]]
    rewards: list[dict[str, Any]]
    mean: float


def subgraph(parts: Parts) -> None:
    """A bigger graph in which RLAR is a node: it reads `triples`, and `rewards` are there afterwards."""

    def sample(_state: Batch) -> Batch:
        return {"triples": [{"prompt": PROMPT, "completion": f"It is {n}.", "reference": 42} for n in (41, 42, 42)]}

    def average(state: Batch) -> Batch:
        values = [row["reward"] for row in state["rewards"] if row["reward"] is not None]
        return {"mean": sum(values) / len(values)}

    wiring = StateGraph(Batch, context_schema=RlarContext)
    wiring.add_node("sample", sample)
    wiring.add_node("rlar", build_rlar(parts=parts))
    wiring.add_node("average", average)
    for one, other in ((START, "sample"), ("sample", "rlar"), ("rlar", "average"), ("average", END)):
        wiring.add_edge(one, other)
    result = wiring.compile().invoke({}, context=SETTINGS)
    print(f"  rewards: {[row['reward'] for row in result['rewards']]}, mean {result['mean']:.3f}")


def as_one_tool(parts: Parts) -> None:
    """The whole graph as one LangChain tool: its input's fields are the tool's arguments, all of them needed."""
    tool = build_rlar(parts=parts).as_tool(
        name="rlar", description="Score completions, or get a reward tool for a task."
    )
    triple = {"prompt": PROMPT, "completion": "42", "reference": 42}
    result = tool.invoke({"triples": [triple], "examples": [], "probes": []})
    print(f"  {tool.name}({', '.join(tool.args)}): {result['end']}, reward {result['rewards'][0]['reward']}")


def shortened(text: str, most: int = 100) -> str:
    """Cut a text for the screen."""
    return text if len(text) <= most else f"{text[:most]}..."


def main() -> None:
    """Run all three."""
    parts = Parts(store=open_store("memory:"))
    for title, show in (("agent", agent), ("subgraph", subgraph), ("one tool", as_one_tool)):
        print(title)
        show(parts)


if __name__ == "__main__":
    main()
