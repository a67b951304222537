"""The nodes of RAVEL that ask a writer: outline, draft, review, refine. Each does one errand and says what changed."""

from dataclasses import dataclass

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from ravelar.agents.ravel.drafter import draft
from ravelar.agents.ravel.outliner import outline
from ravelar.agents.ravel.refiner import refine
from ravelar.agents.ravel.reviewer import review
from ravelar.graphs.ravel_parts import Parts
from ravelar.graphs.ravel_run import Run
from ravelar.graphs.ravel_state import Desk, RavelContext, RavelState, Update
from ravelar.tools.writing.transitions import with_review, with_text


@dataclass(frozen=True, slots=True)
class SectionNodes:
    """Outline, draft, review, refine; over the parts, which never enter the state."""

    parts: Parts

    def outline(self, state: RavelState, runtime: Runtime[RavelContext], config: RunnableConfig) -> Update:
        """Plan the article's title and sections."""
        run = Run.of(self.parts, state, runtime, config)
        with run.doing(state["errands"][0]):
            answer = outline(run.chat("outliner"), state["brief"], run.limits, **run.how("outliner"))
            run.outlined(answer.value.title, answer.value.planned())
        return run.result()

    def draft(self, desk: Desk, runtime: Runtime[RavelContext], config: RunnableConfig) -> Update:
        """Write a section's text, the first or another one."""
        run = Run.of(self.parts, desk, runtime, config)
        with run.doing(desk["errand"]) as section:
            answer = draft(run.chat("drafter"), desk, section["id"], run.limits, **run.how("drafter"))
            run.changed(with_text(section, answer.value.content, answer.value.summary))
        return run.result()

    def review(self, desk: Desk, runtime: Runtime[RavelContext], config: RunnableConfig) -> Update:
        """Score a section's text; the gate decides what the score means."""
        run = Run.of(self.parts, desk, runtime, config)
        findings = desk["errand"]["findings"]
        with run.doing(desk["errand"]) as section:
            answer = review(run.chat("reviewer"), desk, section["id"], findings, run.limits, **run.how("reviewer"))
            run.changed(with_review(section, answer.value.score, answer.value.feedback, run.gate_limits, findings))
        return run.result()

    def refine(self, desk: Desk, runtime: Runtime[RavelContext], config: RunnableConfig) -> Update:
        """Change a section's text by its review."""
        run = Run.of(self.parts, desk, runtime, config)
        with run.doing(desk["errand"]) as section:
            answer = refine(run.chat("refiner"), desk, section["id"], run.limits, **run.how("refiner"))
            run.changed(with_text(section, answer.value.content, answer.value.summary))
        return run.result()
