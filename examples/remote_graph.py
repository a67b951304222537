"""A graph that runs on a server as a node of a graph that runs here: LangGraph's RemoteGraph.

    langgraph dev --no-browser                              # in another terminal; the extra `studio`
    python examples/remote_graph.py http://127.0.0.1:2024

The server has the library, the sandbox and the keys; this process needs langgraph only. `context` goes with each run;
for the writing agent: RemoteGraph("ravel", url=URL) and context={"model": "openai:gpt-5-mini"}.
"""

import sys
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.pregel.remote import RemoteGraph
from typing_extensions import TypedDict

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:2024"


class Batch(TypedDict, total=False):
    """The application's state; the server reads `triples` and sends `rewards`."""

    triples: list[dict[str, Any]]
    rewards: list[dict[str, Any]]
    best: str


def sample(state: Batch) -> Batch:
    """Stand in for a policy."""
    says = ("Half of it is 1.", "Half of it is 3/2.", "Half of it is 2.")
    return {"triples": [{"prompt": "What is half of 3?", "completion": text, "reference": "1.5"} for text in says]}


def choose(state: Batch) -> Batch:
    """Keep the completion with the highest reward; one that could not be scored is no candidate."""
    scored = [(row["reward"], n) for n, row in enumerate(state["rewards"]) if row["reward"] is not None]
    return {"best": state["triples"][max(scored)[1]]["completion"]}


wiring = StateGraph(Batch)
wiring.add_node("sample", sample)
wiring.add_node("rlar", RemoteGraph("rlar", url=URL))
wiring.add_node("choose", choose)
for one, other in ((START, "sample"), ("sample", "rlar"), ("rlar", "choose"), ("choose", END)):
    wiring.add_edge(one, other)

result = wiring.compile().invoke({})
for triple, row in zip(result["triples"], result["rewards"], strict=True):
    print(f"{triple['completion']:20} {row['tool']} {row['reward']}")
print(f"best: {result['best']}")

writer = RemoteGraph("ravel", url=URL)
order = {"brief": {"instruction": "Write about tides."}}
for update in writer.stream(order, context={"model": "scripted:demo"}, stream_mode="updates"):
    print(*update, end=" ", flush=True)
print()
