r"""RAVEL, the writing agent, as a LangGraph state machine.

    START -> begin -> plan -> outline -------------------------\
                       ^  |-> draft | review | refine  (one, or several side by side) --> plan
                       |  |-> approve  (a person, if the context asks for one) --------/
                       |  |-> seam     (protocol fixed: joins, repetition) -----------/
                       \--/ refused     \-> finish -> END

`plan` decides: the planner (protocol autonomous), or a pure function of the state, which may send several sections on
their way at once. Gates are code (`tools.writing`), every bound stands in the context, and each run says how it ended.
What is sent side by side depends on the state alone, never on who was quicker, so that a run can be repeated.
"""

from collections.abc import Hashable, Sequence
from typing import Any, Literal

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send

from ravelar.graphs.ravel_approving import ApproveNodes
from ravelar.graphs.ravel_deciding import DecideNodes
from ravelar.graphs.ravel_desk import desk_of
from ravelar.graphs.ravel_parts import Parts
from ravelar.graphs.ravel_sections import SectionNodes
from ravelar.graphs.ravel_state import Desk, RavelContext, RavelInput, RavelOutput, RavelState
from ravelar.tools.tracing.runs import watch_traces

RavelGraph = CompiledStateGraph[RavelState, RavelContext, RavelInput, RavelOutput]
Branch = Literal["refused", "outline", "approve", "seam", "finish"]

_MOVES = ("outline", "approve", "seam", "finish")


def build_ravel(
    *, parts: Parts | None = None, checkpointer: BaseCheckpointSaver[Any] | bool | None = None
) -> RavelGraph:
    """Wire the graph.

    Args:
        parts: What it stands on: language models, open runs; None means the real parts.
        checkpointer: Where its state is kept; a server brings its own.
    """
    given = parts or Parts()
    wiring = StateGraph(RavelState, context_schema=RavelContext, input_schema=RavelInput, output_schema=RavelOutput)
    deciding, sections, approving = DecideNodes(given), SectionNodes(given), ApproveNodes(given)
    wiring.add_node("begin", deciding.begin)
    wiring.add_node("plan", deciding.plan)
    wiring.add_node("outline", sections.outline)
    wiring.add_node("draft", sections.draft, input_schema=Desk)
    wiring.add_node("review", sections.review, input_schema=Desk)
    wiring.add_node("refine", sections.refine, input_schema=Desk)
    wiring.add_node("seam", deciding.seam)
    wiring.add_node("approve", approving.approve)
    wiring.add_node("finish", deciding.finish)
    wiring.add_edge(START, "begin")
    wiring.add_edge("begin", "plan")
    names = ("outline", "draft", "review", "refine", "seam", "approve", "finish")
    ways: dict[Hashable, str] = {name: name for name in names}
    wiring.add_conditional_edges("plan", after_plan, {**ways, "refused": "plan"})
    for name in ("outline", "draft", "review", "refine", "seam", "approve"):
        wiring.add_edge(name, "plan")
    wiring.add_edge("finish", END)
    watch_traces()
    compiled = wiring.compile(name="ravel", checkpointer=checkpointer)
    return compiled.with_config(tags=["ravelar", "ravel"], metadata={"graph": "ravel"})


def after_plan(state: RavelState) -> Branch | Sequence[Send]:
    """Go where the plan says; back to it where its action was refused. It depends on the state alone."""
    if state.get("end"):
        return "finish"
    errands = state.get("errands") or []
    if not errands:
        return "refused"
    if errands[0]["operation"] in _MOVES:
        return errands[0]["operation"]  # type: ignore[return-value]
    return [Send(errand["operation"], desk_of(state, errand)) for errand in errands]


graph = build_ravel()
