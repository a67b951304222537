"""The nodes of RAVEL that decide: where a run begins, what comes next, the seam pass, and how it ends."""

import uuid
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime
from langgraph.types import Overwrite

from ravelar.agents.ravel.planner import decide
from ravelar.graphs.ravel_brief import read_brief, read_outline
from ravelar.graphs.ravel_desk import errand_of, next_errands
from ravelar.graphs.ravel_parts import Parts
from ravelar.graphs.ravel_run import Run
from ravelar.graphs.ravel_state import Errand, RavelContext, RavelState, Update
from ravelar.tools.errors import BudgetExhausted
from ravelar.tools.writing.actions import Action, refusal
from ravelar.tools.writing.gate import STEP_BUDGET, finished_end, has_finished
from ravelar.tools.writing.seams import seams
from ravelar.tools.writing.state import article, in_order, new_state
from ravelar.tools.writing.transitions import reopened


@dataclass(frozen=True, slots=True)
class DecideNodes:
    """Begin, plan, seam, finish; over the parts, which never enter the state."""

    parts: Parts

    def begin(self, state: RavelState, runtime: Runtime[RavelContext]) -> Update:
        """Check what was given, before anything is paid for, and put all else to its start; threads may be used again.

        Raises: InputError: if brief, outline, settings or log can't be used.
        """
        context = runtime.context or RavelContext()
        limits = context.limits()
        brief = read_brief(state.get("brief"))
        fresh: dict[str, Any] = {**new_state(brief, context.protocol), "failures": {}, "recent": []}
        update: Update = {name: Overwrite(value) if name in _JOINED else value for name, value in fresh.items()}
        update |= {"run": uuid.uuid4().hex, "errands": [], "refusal": None, "seamed": None}
        update |= {"approved": [], "article": None}
        run = Run.of(self.parts, {**state, **fresh, "run": update["run"]}, runtime)
        run.begins(brief)
        if state.get("outline"):
            title, planned = read_outline(state["outline"], brief, limits)
            run.outlined(title, planned, given=True)
            update |= {**run.update, "sections": Overwrite(run.update["sections"])}
        return update

    def plan(self, state: RavelState, runtime: Runtime[RavelContext], config: RunnableConfig) -> Update:
        """Decide what comes next, unless the run has ended or a person is to look first."""
        run = Run.of(self.parts, state, runtime, config)
        if state.get("end") or run.unapproved():
            return {}
        sections, step = len(state.get("order") or []), state.get("step", 0)
        if step >= run.limits.steps_for(sections):
            return run.ends(STEP_BUDGET, f"{step} steps were executed, as many as {sections} sections may take")
        if run.context.protocol != "autonomous":
            return {"errands": next_errands(state, run.context, run.limits)}
        return self._asked(run)

    def seam(self, state: RavelState, runtime: Runtime[RavelContext]) -> Update:
        """Have the sections refined, once each, in which a program finds what another section says already."""
        run = Run.of(self.parts, state, runtime)
        found = seams(state)
        mended = {
            name: {**reopened(state["sections"][name], "\n".join(lines)), "findings": lines}
            for name, lines in found.items()
        }
        run.note("seam", found=found)
        return {"seamed": list(found), "sections": mended, "errands": []}

    def finish(self, state: RavelState, runtime: Runtime[RavelContext]) -> Update:
        """End the run; there is an article only if every section is closed, and it is made of the sections alone."""
        run = Run.of(self.parts, state, runtime)
        ended = bool(state.get("end"))
        end = state.get("end") or finished_end(in_order(state))
        because = state.get("because") or run.summary()
        update: Update = {"end": end, "because": because, "errands": []}
        if not ended:
            update |= run.stepped(state["errands"][0], end)
        run.finished(end, because)
        return {**update, "article": article(state) if has_finished(end) else None}

    def _asked(self, run: Run) -> Update:
        """Ask the planner; a refused action is told it once, and costs a step."""
        state, number = run.state, run.state.get("step", 0) + 1
        errand = Errand(step=number, operation="plan", section=None)
        action: Action | None = None
        with run.doing(errand):
            how, told = run.how("planner"), state.get("refusal")
            action = decide(run.chat("planner"), state, run.limits, refusal=told, **how).value
        if action is None:
            return run.result()
        why = refusal(action, state, run.limits)
        run.decided(action, why)
        if why is None:
            return {**run.paid(), "errands": [errand_of(state, action, number)], "refusal": None}
        again = None if state.get("refusal") else why
        return {**run.paid(), **run.stepped(_refused(action, number), f"refused: {why}"), "refused": 1, "refusal": again}


def _refused(action: Action, step: int) -> Errand:
    return Errand(step=step, operation=action.operation, section=action.section)


_JOINED = frozenset({"sections", "step", "refused", "recent", "spent", "end", "because", "failures"})
