r"""RLAR, the reward agent, as a LangGraph state machine.

    START -> name_task -> recall -> (known) -----------------------------------------> route -> invoke -> END
                            | scout -> evaluate_candidates --------------\                ^
                            | write_verifier -> check_verifier -----------+-> decide -> approve -> adopt
                            |        repair_verifier <-/   (bounded)      |
                            \ evaluate_judge ------------------------------/

What is found or made is adopted on evidence only, and changes the library; `route` and `invoke` then score by the
same path as `ravelar.score`. The state is JSON-plain, every bound stands in the context, and each run says how it
ended and what it left out (`tools` and models enter by `Parts`, never by the state).
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Literal

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from ravelar.graphs.rlar_acquire import AcquireNodes
from ravelar.graphs.rlar_adopting import AdoptNodes
from ravelar.graphs.rlar_naming import NamingNodes
from ravelar.graphs.rlar_parts import Parts
from ravelar.graphs.rlar_run import triples_of
from ravelar.graphs.rlar_state import (
    RewardRow,
    RewardsUpdate,
    RlarContext,
    RlarInput,
    RlarOutput,
    RlarState,
    RouteRow,
    RoutesUpdate,
)
from ravelar.tools.library import Library
from ravelar.tools.reward import Reward
from ravelar.tools.routing import Route
from ravelar.tools.scoring import choose, invoke
from ravelar.tools.tracing.leaving_out import MARK
from ravelar.tools.tracing.runs import watch_traces

RlarGraph = CompiledStateGraph[RlarState, RlarContext, RlarInput, RlarOutput]
_TRACED = {"graph": "rlar", **MARK}  # state and prompts hold references: counts alone go into traces
Branch = Literal["scout", "write_verifier", "evaluate_judge", "nothing to acquire"]


def build_rlar(
    library: Library | None = None,
    *,
    parts: Parts | None = None,
    checkpointer: BaseCheckpointSaver[Any] | bool | None = None,
) -> RlarGraph:
    """Wire the graph.

    Args:
        library: The tools that are there without being adopted; None means the built-in ones.
        parts: Everything else that it stands on; None means the real parts.
        checkpointer: Where its state is kept; a server brings its own.
    """
    given = parts or Parts()
    nodes = Parts(library, given.store, given.sandbox, given.chat, given.hub, given.search_tool) if library else given
    wiring = StateGraph(RlarState, context_schema=RlarContext, input_schema=RlarInput, output_schema=RlarOutput)
    _add_acquisition(wiring, nodes)
    scoring = _ScoreNodes(nodes)
    wiring.add_node("route", scoring.route)
    wiring.add_node("invoke", scoring.invoke)
    wiring.add_edge("adopt", "name_prompts")
    wiring.add_edge("name_prompts", "route")
    wiring.add_edge("route", "invoke")
    wiring.add_edge("invoke", END)
    watch_traces()
    compiled = wiring.compile(name="rlar", checkpointer=checkpointer)
    return compiled.with_config(tags=["ravelar", "rlar"], metadata=_TRACED)


def _add_acquisition(wiring: "StateGraph[RlarState, RlarContext, RlarInput, RlarOutput]", parts: Parts) -> None:
    naming, acquire, adopting = NamingNodes(parts), AcquireNodes(parts), AdoptNodes(parts)
    wiring.add_node("name_task", naming.name_task)
    wiring.add_node("recall", naming.recall)
    wiring.add_node("name_prompts", naming.name_prompts)
    wiring.add_node("scout", acquire.scout)
    wiring.add_node("evaluate_candidates", acquire.evaluate_candidates)
    wiring.add_node("write_verifier", acquire.write_verifier)
    wiring.add_node("check_verifier", acquire.check_verifier)
    wiring.add_node("repair_verifier", acquire.repair_verifier)
    wiring.add_node("evaluate_judge", acquire.evaluate_judge)
    wiring.add_node("decide", adopting.decide, defer=True)  # waits for every branch
    wiring.add_node("approve", adopting.approve)
    wiring.add_node("adopt", adopting.adopt)
    wiring.add_edge(START, "name_task")
    wiring.add_edge("name_task", "recall")
    searches: dict[Hashable, str] = {name: name for name in ("scout", "write_verifier", "evaluate_judge")}
    wiring.add_conditional_edges("recall", after_recall, {**searches, "nothing to acquire": "name_prompts"})
    wiring.add_edge("scout", "evaluate_candidates")
    wiring.add_edge("evaluate_candidates", "decide")
    wiring.add_edge("write_verifier", "check_verifier")
    wiring.add_conditional_edges("check_verifier", after_check, {"failed": "repair_verifier", "tried": "decide"})
    wiring.add_edge("repair_verifier", "check_verifier")
    wiring.add_edge("evaluate_judge", "decide")
    wiring.add_edge("decide", "approve")
    wiring.add_edge("approve", "adopt")


def after_recall(state: RlarState) -> list[Branch]:
    """Search and write side by side, unless the run has ended: the task is known, or nothing can be judged."""
    return ["nothing to acquire"] if state.get("end") else ["scout", "write_verifier", "evaluate_judge"]


def after_check(state: RlarState) -> Literal["failed", "tried"]:
    """Repair a verifier that failed, while repairs are left. It depends on the state alone."""
    check = state.get("check")
    if state.get("verifier") is None or check is None or check["passed"]:
        return "tried"
    return "failed" if (state.get("spent") or {}).get("repairs", 0) < check["max_repairs"] else "tried"


@dataclass(frozen=True, slots=True)
class _ScoreNodes:
    """The score path as nodes."""

    parts: Parts

    def route(self, state: RlarState, runtime: Runtime[RlarContext]) -> RoutesUpdate:
        """Choose a tool for each triple, never looking at its completion."""
        context, triples = runtime.context or RlarContext(), triples_of(state)
        if not triples:
            return {"routes": []}
        library = self.parts.library_of(context)
        router = None if context.tool else self.parts.router_of(context, library)
        routes = choose(triples, library=library, router=router, tool=context.tool)
        return {"routes": [RouteRow(tool=route.tool, reason=route.reason) for route in routes]}

    def invoke(self, state: RlarState, runtime: Runtime[RlarContext]) -> RewardsUpdate:
        """Score the triples, one batch per tool."""
        routes = [Route(row["tool"], row["reason"]) for row in state.get("routes") or []]
        library = self.parts.library_of(runtime.context or RlarContext())
        rewards = invoke(triples_of(state), routes, library=library) if routes else []
        return {"rewards": [_reward_row(reward) for reward in rewards]}


def _reward_row(reward: Reward) -> RewardRow:
    return RewardRow(
        tool=reward.tool,
        reward=reward.value,
        raw=reward.raw,
        reason=reward.reason,
        detail=None if reward.detail is None else dict(reward.detail),
    )


graph = build_rlar()
