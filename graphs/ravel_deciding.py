"""The nodes of RAVEL that decide: where a run begins, what comes next, the seam pass, and how it ends."""

import uuid
from dataclasses import dataclass
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import Overwrite

from ravelar.agents.ravel.briefs import read_brief, read_outline
from ravelar.agents.ravel.planner import decide
from ravelar.graphs.ravel_approving import unapproved
from ravelar.graphs.ravel_beginning import check_models, tell_run
from ravelar.graphs.ravel_desk import errand_of, next_errands
from ravelar.graphs.ravel_parts import Parts
from ravelar.graphs.ravel_run import Doing, Run, do, take_outline, tell_step
from ravelar.graphs.ravel_state import JOINED, Errand, RavelContext, RavelState, Update
from ravelar.tools.errors import InputError
from ravelar.tools.tracing.runs import note
from ravelar.tools.writing.actions import Action, refusal
from ravelar.tools.writing.gate import STEP_BUDGET, finished_end, has_finished
from ravelar.tools.writing.replay import result_of
from ravelar.tools.writing.seams import seams
from ravelar.tools.writing.state import article, in_order, new_state
from ravelar.tools.writing.transitions import outlined, reopened


@dataclass(frozen=True, slots=True)
class DecideNodes:
    """Begin, plan, seam, finish; over the parts, which never enter the state."""

    parts: Parts

    def begin(self, state: RavelState, runtime: Runtime[RavelContext]) -> Update:
        """Check what was given before anything is paid for, and set all else to its start: threads are used again.

        Raises: InputError: if the brief, the outline, a setting or the log can't be used.
        """
        context = runtime.context or RavelContext()
        context.check()
        brief, limits = read_brief(state.get("brief")), context.limits()
        own = read_outline(state["outline"], brief, limits) if state.get("outline") else None
        models = check_models(self.parts, context)
        fresh: Any = {**new_state(brief, context.protocol), **_nothing_done()}
        fresh["run"] = uuid.uuid4().hex
        run = Run.of(self.parts, fresh, runtime)
        try:
            name = tell_run(run, brief, models)
        except InputError:
            self.parts.close(fresh["run"])
            raise
        self.parts.rename(fresh["run"], name)
        fresh["run"] = name
        note(protocol=context.protocol, ravel_run=name)
        if own is not None:
            take_outline(run, own[0], outlined(own[1], brief), step=0)
        update = {**fresh, **run.update}
        return {name: Overwrite(value) if name in JOINED else value for name, value in update.items()}

    def plan(self, state: RavelState, runtime: Runtime[RavelContext]) -> Update:
        """Decide what comes next, unless the run has ended, or a person is to look first."""
        run = Run.of(self.parts, state, runtime)
        if state.get("end"):
            return {"errands": []}
        if unapproved(state, run.context):
            return {"errands": [Errand(step=state.get("step", 0), operation="approve", section=None)]}
        sections, step = len(state.get("order") or []), state.get("step", 0)
        most = run.limits.steps_for(sections)
        if step >= most:
            return run.ends(STEP_BUDGET, f"all {most} steps are used up, and the article is not finished")
        if run.context.protocol != "autonomous":
            return {"errands": next_errands(state, run.context, run.limits)}
        return _asked(run, step + 1)

    def seam(self, state: RavelState, runtime: Runtime[RavelContext]) -> Update:
        """Have each section refined, once, in which a program finds what another section says already."""
        run, found = Run.of(self.parts, state, runtime), seams(state)
        for name, lines in found.items():
            run.note("reopened", step=state["step"], section=name, feedback="\n".join(lines))
        mended = {name: reopened(state["sections"][name], "\n".join(lines)) for name, lines in found.items()}
        return {"seamed": list(found), "sections": mended, "errands": []}

    def finish(self, state: RavelState, runtime: Runtime[RavelContext]) -> Update:
        """End the run; there is an article only if every section is closed, and it is made of the sections alone."""
        run = Run.of(self.parts, state, runtime)
        update: Update = {"errands": [], "article": None}
        end, because = state.get("end") or "", state.get("because") or ""
        if not end:
            errand = state["errands"][0]
            tell_step(run, errand)
            end, because = finished_end(in_order(state)), _summary(state)
            update |= {**run.stepped(errand, "done"), "end": end, "because": because}
        run.note("end", end=end, because=because)
        self.parts.close(state["run"])
        return {**update, "article": article(state)} if has_finished(end) else update


def _asked(run: Run, step: int) -> Update:
    """Ask the planner; a refused action is told it once, and costs its step."""
    state, told = run.state, run.state.get("refusal")
    decided: list[Action] = []  # none, if the planner could not be asked

    def work(doing: Doing) -> None:
        decided.append(decide(doing.chat, state, run.limits, refusal=told, **doing.how).value)

    update = do(run, Errand(step=step, operation="plan", section=None), work)
    if not decided:
        return update
    (action,) = decided
    why = refusal(action, state, run.limits)
    if why is None:
        return {**update, "errands": [errand_of(state, action, step)], "refusal": None}
    errand = Errand(step=step, operation=action.operation, section=action.section, thought=action.thought)
    tell_step(run, errand, refused=why)
    refused = run.stepped(errand, result_of(None, action.operation, refused=why))
    return {**update, **refused, "errands": [], "refused": 1, "refusal": why if told is None else None}


def _nothing_done() -> Update:
    return {"errands": [], "refusal": None, "failures": {}, "seamed": None, "approved": [], "article": None}


def _summary(state: RavelState) -> str:
    sections = in_order(state)
    exhausted = [section["id"] for section in sections if section["status"] == "budget_exhausted"]
    if not exhausted:
        return f"all {len(sections)} sections are closed"
    return f"of {len(sections)} sections, {', '.join(exhausted)} stayed below tau when the revisions were used up"
