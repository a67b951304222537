"""The nodes of RAVEL that ask a writer: outline, draft, review, refine. Each does one errand and says what changed."""

from dataclasses import dataclass

from langgraph.runtime import Runtime

from ravelar.agents.ravel.drafter import draft
from ravelar.agents.ravel.outliner import outline
from ravelar.agents.ravel.refiner import refine
from ravelar.agents.ravel.reviewer import review
from ravelar.graphs.ravel_parts import Parts
from ravelar.graphs.ravel_run import Doing, Run, do, take_outline
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

        def work(doing: Doing) -> None:
            plan = outline(doing.chat, state["brief"], run.limits, **doing.how).value
            take_outline(run, plan.title, outlined(plan.planned(), state["brief"]), step=errand["step"])

        return do(run, errand, work)

    def draft(self, state: Desk, runtime: Given) -> Update:
        """Write a section's text, the first or another one."""
        run = Run.of(self.parts, state, runtime)

        def work(doing: Doing) -> None:
            wrote = draft(doing.chat, state, doing.named, run.limits, **doing.how).value
            doing.writes(wrote.content, wrote.summary)

        return do(run, state["errand"], work)

    def review(self, state: Desk, runtime: Given) -> Update:
        """Score a section's text; the gate decides what the score means."""
        run, findings = Run.of(self.parts, state, runtime), state["errand"].get("findings", [])

        def work(doing: Doing) -> None:
            doing.reviews(review(doing.chat, state, doing.named, findings, **doing.how).value, findings)

        return do(run, state["errand"], work)

    def refine(self, state: Desk, runtime: Given) -> Update:
        """Change a section's text by its review."""
        run = Run.of(self.parts, state, runtime)

        def work(doing: Doing) -> None:
            wrote = refine(doing.chat, state, doing.named, run.limits, **doing.how).value
            doing.writes(wrote.content, wrote.summary, changes=wrote.changes)

        return do(run, state["errand"], work)
