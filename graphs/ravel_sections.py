"""The nodes of RAVEL that ask a writer: outline, draft, review, refine. Each does one errand and says what changed."""

from dataclasses import dataclass

from langgraph.runtime import Runtime

from ravelar.agents.ravel.drafter import draft
from ravelar.agents.ravel.outliner import outline
from ravelar.agents.ravel.refiner import refine
from ravelar.agents.ravel.reviewer import review
from ravelar.graphs.ravel_parts import Parts
from ravelar.graphs.ravel_run import Run, doing, take_outline
from ravelar.graphs.ravel_state import Desk, RavelContext, RavelState, Update
from ravelar.tools.writing.transitions import outlined

Given = Runtime[RavelContext]


@dataclass(frozen=True, slots=True)
class SectionNodes:
    """Outline, draft, review, refine; over the parts, which never enter the state."""

    parts: Parts

    def outline(self, state: RavelState, runtime: Given) -> Update:
        """Plan the article's title and sections."""
        run, errand = Run.of(self.parts, state, runtime), state["errands"][0]
        with doing(run, errand) as work:
            plan = outline(work.chat, state["brief"], run.limits, **work.how).value
            take_outline(run, plan.title, outlined(plan.planned(), state["brief"]), step=errand["step"])
        return run.update

    def draft(self, state: Desk, runtime: Given) -> Update:
        """Write a section's text, the first or another one."""
        run = Run.of(self.parts, state, runtime)
        with doing(run, state["errand"]) as work:
            wrote = draft(work.chat, state, work.named, run.limits, **work.how).value
            work.writes(wrote.content, wrote.summary)
        return run.update

    def review(self, state: Desk, runtime: Given) -> Update:
        """Score a section's text; the gate decides what the score means."""
        run, findings = Run.of(self.parts, state, runtime), state["errand"].get("findings", [])
        with doing(run, state["errand"]) as work:
            work.reviews(review(work.chat, state, work.named, findings, **work.how).value, findings)
        return run.update

    def refine(self, state: Desk, runtime: Given) -> Update:
        """Change a section's text by its review."""
        run = Run.of(self.parts, state, runtime)
        with doing(run, state["errand"]) as work:
            wrote = refine(work.chat, state, work.named, run.limits, **work.how).value
            work.writes(wrote.content, wrote.summary, changes=wrote.changes)
        return run.update
