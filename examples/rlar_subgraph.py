"""RLAR as a node of a bigger graph: sample completions, score them, keep the mean.

    python examples/rlar_subgraph.py

Nothing here asks a language model. For tasks that no tool fits, give the node `examples` and `probes` as well, and a
model that writes verifiers: context=RlarContext(model="openai:gpt-5-mini").
"""

from typing import Any

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from ravelar import open_store
from ravelar.rlar import Parts, RlarContext, build_rlar


class Batch(TypedDict, total=False):
    """The application's state; RLAR reads `triples`, and `rewards` are there afterwards."""

    triples: list[dict[str, Any]]
    rewards: list[dict[str, Any]]
    mean: float


def sample(state: Batch) -> Batch:
    """Stand in for a policy."""
    says = ("It is 41.", "It is 42.", "6 * 7 = 42, so the answer is 42.")
    return {"triples": [{"prompt": "What is 6 * 7?", "completion": text, "reference": 42} for text in says]}


def average(state: Batch) -> Batch:
    """Leave out what could not be scored: unknown is not zero."""
    values = [row["reward"] for row in state["rewards"] if row["reward"] is not None]
    return {"mean": sum(values) / len(values)}


wiring = StateGraph(Batch, context_schema=RlarContext)
wiring.add_node("sample", sample)
wiring.add_node("rlar", build_rlar(parts=Parts(store=open_store("memory:"))))
wiring.add_node("average", average)
for one, other in ((START, "sample"), ("sample", "rlar"), ("rlar", "average"), ("average", END)):
    wiring.add_edge(one, other)

result = wiring.compile().invoke({}, context=RlarContext(search_hub=False))
for row in result["rewards"]:
    print(row["tool"], row["reward"], row["reason"])
print(f"mean {result['mean']:.3f}")
