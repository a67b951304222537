"""RAVEL as a node of a bigger graph: take an order, have the article written, check it, and watch it happen.

    python examples/ravel_subgraph.py

The writer replays a shipped article, and says so in it. For a real one: RavelContext(model="openai:gpt-5-mini").
"""

from typing import Any

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

import ravelar
from ravelar.ravel import RavelContext, build_ravel

SETTINGS = RavelContext(model="scripted:demo")


class Order(TypedDict, total=False):
    """The application's state; RAVEL reads `brief`, and `article`, `end` and `because` are there afterwards."""

    topic: str
    brief: dict[str, Any]
    article: str | None
    end: str
    because: str
    checks: dict[str, float | None]


def commission(state: Order) -> Order:
    """Make a brief of what was ordered."""
    return {"brief": {"instruction": f"Write about {state['topic']} for curious readers.", "language": "en"}}


def check(state: Order) -> Order:
    """Let reward tools read the article; only a finished run has one."""
    if state.get("article") is None:
        return {"checks": {}}
    row = {"prompt": state["brief"]["instruction"], "completion": state["article"], "min_words": 400, "max_words": 600}
    return {"checks": {name: ravelar.score([row], tool=name)[0].value for name in ("repetition", "length")}}


wiring = StateGraph(Order, context_schema=RavelContext)
wiring.add_node("commission", commission)
wiring.add_node("ravel", build_ravel())
wiring.add_node("check", check)
for one, other in ((START, "commission"), ("commission", "ravel"), ("ravel", "check"), ("check", END)):
    wiring.add_edge(one, other)
graph: Any = wiring.compile()


def show(node: str, sections: Any) -> None:
    """Print what a node of RAVEL did to sections."""
    for name, section in sections.items() if isinstance(sections, dict) else ():
        print(f"  {node:8}{name} {section['status']:15}{section['score'] or ''}")


state: Any = {}
watched = ["updates", "values"]
for inside, mode, data in graph.stream({"topic": "tides"}, context=SETTINGS, stream_mode=watched, subgraphs=True):
    if mode == "updates" and inside:
        for node, update in data.items():
            show(node, update.get("sections"))
    elif mode == "values" and not inside:
        state = data

print(f"{state['end']}: {state['because']}; checks: {state['checks']}")
print(f"{len((state['article'] or '').split())} words: {(state['article'] or '')[:90]!r}...")
