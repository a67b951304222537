"""RLAR, the reward agent, as a LangGraph state machine.

    START -> route -> invoke -> END

`route` chooses one tool per (prompt, reference); `invoke` scores by the same path as `ravelar.score`.
The state is JSON-plain. What acquires tools for unknown tasks (search the Hub, evaluate candidates, write
a verifier, check it, adopt it) joins between START and `route`: it changes the library, and routing then
finds what it adopted.
"""

from dataclasses import dataclass
from typing import Annotated, Any, NotRequired

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from pydantic import Field
from typing_extensions import TypedDict

from ravelar.tools.builtin import builtin_library
from ravelar.tools.columns import Columns
from ravelar.tools.library import Library
from ravelar.tools.reward import Reward, Triple
from ravelar.tools.routing import Route
from ravelar.tools.scoring import choose, invoke


class TripleRow(TypedDict):
    """One completion to be scored; the form of a row of `ravelar score`."""

    prompt: Annotated[str | list[dict[str, Any]], Field(description="What the policy was asked: text or messages.")]
    completion: Annotated[str | list[dict[str, Any]], Field(description="What it wrote: text or messages.")]
    reference: NotRequired[Annotated[Any, Field(description="What decides: any JSON value, or nothing.")]]
    task: NotRequired[Annotated[str, Field(description="A task's label, if one is known.")]]
    tool: NotRequired[Annotated[str, Field(description="A reward tool's name, if it is to decide.")]]
    metadata: NotRequired[Annotated[dict[str, Any], Field(description="Further columns, such as options.")]]


class RouteRow(TypedDict):
    """The tool chosen for a triple, and why."""

    tool: str | None
    reason: str


class RewardRow(TypedDict):
    """A triple's reward: a value in [0, 1], or null and the reason."""

    tool: str | None
    reward: float | None
    raw: float | None
    reason: str | None
    detail: dict[str, Any] | None


class RlarInput(TypedDict):
    """What the graph is given."""

    triples: Annotated[list[TripleRow], Field(title="Triples", description="The completions to score.")]


class RlarState(RlarInput):
    """What the graph carries; `routes` and `rewards` have one entry per triple, in order."""

    routes: NotRequired[list[RouteRow]]
    rewards: NotRequired[list[RewardRow]]


class RlarOutput(TypedDict):
    """What the graph returns."""

    routes: list[RouteRow]
    rewards: list[RewardRow]


class RoutesUpdate(TypedDict):
    """What `route` changes."""

    routes: list[RouteRow]


class RewardsUpdate(TypedDict):
    """What `invoke` changes."""

    rewards: list[RewardRow]


@dataclass(frozen=True, slots=True)
class RlarContext:
    """Settings of a run.

    Attributes:
        tool: Score every triple with this tool instead of routing.
    """

    tool: str | None = None


def build_rlar(library: Library | None = None) -> CompiledStateGraph[RlarState, RlarContext, RlarInput, RlarOutput]:
    """Wire the graph over a library; None means the built-in tools.

    No checkpointer is set: the server brings its own, and callers may recompile with theirs.
    """
    nodes = _Nodes(library or builtin_library())
    wiring = StateGraph(RlarState, context_schema=RlarContext, input_schema=RlarInput, output_schema=RlarOutput)
    wiring.add_node("route", nodes.route)
    wiring.add_node("invoke", nodes.invoke)
    wiring.add_edge(START, "route")
    wiring.add_edge("route", "invoke")
    wiring.add_edge("invoke", END)
    return wiring.compile(name="rlar")


@dataclass(frozen=True, slots=True)
class _Nodes:
    """The graph's nodes over one library; nothing of it enters the state."""

    library: Library

    def route(self, state: RlarState, runtime: Runtime[RlarContext]) -> RoutesUpdate:
        """Choose a tool for each triple, never looking at its completion."""
        context = runtime.context or RlarContext()
        routes = choose(_triples(state), library=self.library, tool=context.tool)
        return {"routes": [RouteRow(tool=route.tool, reason=route.reason) for route in routes]}

    def invoke(self, state: RlarState) -> RewardsUpdate:
        """Score the triples, one batch per tool."""
        routes = [Route(row["tool"], row["reason"]) for row in state.get("routes", [])]
        rewards = invoke(_triples(state), routes, library=self.library)
        return {"rewards": [_reward_row(reward) for reward in rewards]}


def _reward_row(reward: Reward) -> RewardRow:
    return RewardRow(
        tool=reward.tool,
        reward=reward.value,
        raw=reward.raw,
        reason=reward.reason,
        detail=None if reward.detail is None else dict(reward.detail),
    )


def _triples(state: RlarState) -> list[Triple]:
    columns = Columns()
    return [columns.triple({**row.get("metadata", {}), **row}) for row in state["triples"]]


graph = build_rlar()
