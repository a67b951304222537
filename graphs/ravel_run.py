"""One node's run: what it reads from state and context, whom it asks, what it writes down, and what it returns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from langgraph.runtime import Runtime

from ravelar.agents.asking import How
from ravelar.agents.ravel.reviewer import Review
from ravelar.graphs.ravel_open import OpenRun
from ravelar.graphs.ravel_parts import Parts
from ravelar.graphs.ravel_state import Errand, RavelContext, RavelState, Role, Update
from ravelar.tools.chat.failures import without_secrets
from ravelar.tools.errors import AgentError, BrokenReply, BudgetExhausted
from ravelar.tools.writing.actions import limits_of
from ravelar.tools.writing.events import failure_name
from ravelar.tools.writing.gate import FAILED, MONEY_BUDGET, TIME_BUDGET, TOKEN_BUDGET
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.replay import result_of
from ravelar.tools.writing.state import Section, StepRecord
from ravelar.tools.writing.transitions import with_review, with_text

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

ROLE_OF: Mapping[str, Role] = {
    "plan": "planner",
    "outline": "outliner",
    "draft": "drafter",
    "review": "reviewer",
    "refine": "refiner",
}
_BUDGETS = {"tokens": TOKEN_BUDGET, "cost": MONEY_BUDGET, "seconds": TIME_BUDGET}


@dataclass(slots=True)
class Run:
    """One node at work. What it changes it puts into `update`; `result()` is its return.

    Attributes:
        parts: What the graph stands on.
        state: The state as the node found it.
        context: The settings.
        limits: The bounds, as the protocol has them.
        open: The run as this process has it open.
        stream: Where progress is told.
        update: What of the state the node changes.
    """

    parts: Parts
    state: RavelState
    context: RavelContext
    limits: Limits
    open: OpenRun
    stream: Any
    update: Update = field(default_factory=dict)

    @classmethod
    def of(cls, parts: Parts, state: RavelState, runtime: Runtime[RavelContext]) -> Self:
        """Begin a node."""
        context = runtime.context or RavelContext()
        limits = limits_of(context.protocol, context.limits())
        return cls(parts, state, context, limits, parts.run_of(state, context), runtime.stream_writer)

    def note(self, kind: str, **values: Any) -> None:
        """Write an event into the log, and stream it."""
        self.open.log.write(kind, **values)
        self.stream({"kind": kind, **values})

    def ends(self, end: str, because: str) -> Update:
        """Return what ends the run; `finish` comes next."""
        return {"end": end, "because": without_secrets(because)}

    def stepped(self, errand: Errand, result: str) -> Update:
        """Return what a step adds to the state, besides what it changed."""
        named = {name: errand[name] for name in ("step", "operation", "section")}
        return {"step": 1, "recent": [StepRecord(**named, result=result)]}  # type: ignore[typeddict-item]


@dataclass(frozen=True, slots=True)
class Doing:
    """An errand being done: whom it asks, and what becomes of its section.

    Attributes:
        run: The node's run.
        errand: What is to be done.
    """

    run: Run
    errand: Errand

    @property
    def named(self) -> str:
        """The section's id; "" where the errand has none."""
        return self.errand["section"] or ""

    @property
    def section(self) -> Section:
        """The section as it is."""
        return self.run.state["sections"][self.named]

    @property
    def chat(self) -> "BaseChatModel":
        """The language model of the errand's role.

        Raises: ModelUnavailable: if there is none.
        """
        return self.run.parts.chat_of(self.run.context, ROLE_OF[self.errand["operation"]])

    @property
    def how(self) -> How:
        """How its calls are made: metered, kept in the log before they are used, tried again where that helps."""
        run, role = self.run, ROLE_OF[self.errand["operation"]]
        return How(
            meter=run.open.meter,
            config={"metadata": self._named_in_traces(role)},
            method=run.context.structured_output,
            journal=run.open.log.at(role, self.errand["step"], self.errand["section"]),
            retries=run.parts.retries,
        )

    def _named_in_traces(self, role: Role) -> dict[str, Any]:
        """Return what a call is about, for traces."""
        step, section = self.errand["step"], self.errand["section"] or ""
        return {"role": role, "protocol": self.run.context.protocol, "step": step, "section": section}

    def writes(self, content: str, summary: str, **more: str) -> None:
        """Give the section another text."""
        self._becomes(with_text(self.section, content, summary))
        operation = self.errand["operation"]
        self._note("text", operation=operation, content=content, summary=summary, **more)

    def reviews(self, review: Review, findings: Sequence[str]) -> None:
        """Give the section's text a score; a section that was refined for a seam is not refined again."""
        run = self.run
        seamed = self.named in (run.state.get("seamed") or [])
        limits = run.limits.replace(max_revisions=0) if seamed else run.limits
        section = with_review(self.section, review.score, review.feedback, limits, findings)
        self._becomes(section)
        verdicts = {name: getattr(review, name).model_dump() for name in review.verdicts}
        told = {"score": review.score, "feedback": review.feedback, "findings": list(findings)}
        self._note("review", verdicts=verdicts, **told, status=section["status"])

    def _becomes(self, section: Section) -> None:
        self.run.update["sections"] = {section["id"]: section}

    def _note(self, kind: str, **values: Any) -> None:
        self.run.note(kind, step=self.errand["step"], section=self.named, **values)


def take_outline(run: Run, title: str, sections: Sequence[Section], *, step: int, operation: str = "outline") -> None:
    """Make an outline the article's plan; `operation` is "edit" where a person changed it."""
    run.update |= {"title": title, "order": [section["id"] for section in sections]}
    run.update["sections"] = {section["id"]: section for section in sections}
    run.note("outline", step=step, operation=operation, title=title, sections=list(sections))


def do(run: Run, errand: Errand, work: Callable[[Doing], None]) -> Update:
    """Do an errand, as a step of the run; return what changes. What goes wrong ends the run, or this step, by its name.

    A broken reply may be tried again in a later step, so often as the context says; a refusal, a model that can't be
    asked, or a budget ends the run. What was finished before stays, and a resumed run goes on there. A decision
    ("plan") is part of the step that it decides on, unless it fails.
    """
    name, section = errand["operation"], errand["section"]
    role = ROLE_OF[name]
    begun = False
    with run.open.seats:
        try:
            run.open.check()
            if name != "plan":
                begun = True
                tell_step(run, errand)
            work(Doing(run, errand))
            if begun:
                changed = run.update.get("sections", {}).get(section)
                run.update |= run.stepped(errand, result_of(changed, name))
            run.update |= _attempts(run, errand, 0)
        except BudgetExhausted as error:
            if begun:
                _give_up(run, errand, error)
            run.update |= run.ends(_BUDGETS[error.what], str(error))
        except AgentError as error:
            _failed(run, errand, error)
    spent = run.open.paid(role, errand["step"], section)
    run.stream({"kind": "spent", "role": role, "step": errand["step"], "section": section, "spent": spent})
    return {**run.update, "spent": spent}


def tell_step(run: Run, errand: Errand, *, refused: str | None = None) -> None:
    """Write down what was decided."""
    named = {name: errand[name] for name in ("step", "operation", "section")}
    first = errand.get("first", errand["step"])
    run.note("step", **named, first=first, thought=errand.get("thought", ""), refused=refused)


def _failed(run: Run, errand: Errand, error: AgentError) -> None:
    """Count a failure, and end the run where trying again can't help, or was done often enough."""
    if errand["operation"] == "plan":
        run.update["errands"] = []
        tell_step(run, errand)
    said = _give_up(run, errand, error)
    times = (run.state.get("failures") or {}).get(_attempt(errand), 0) + 1
    run.update |= _attempts(run, errand, times)
    if not isinstance(error, BrokenReply) or times >= run.context.max_attempts:
        run.update |= run.ends(FAILED + failure_name(error), f"{_attempt(errand)}: {said}")


def _give_up(run: Run, errand: Errand, error: AgentError) -> str:
    """Count a step that came to nothing; return why."""
    said = without_secrets(f"{type(error).__name__}: {error}")
    name, section = errand["operation"], errand["section"]
    told = {"step": errand["step"], "operation": name, "section": section, "error": type(error).__name__}
    run.note("gave_up", **told, message=said)
    run.update |= run.stepped(errand, result_of(None, name, failed=said))
    return said


def _attempts(run: Run, errand: Errand, times: int) -> Update:
    name = _attempt(errand)
    return {"failures": {name: times}} if times != (run.state.get("failures") or {}).get(name, 0) else {}


def _attempt(errand: Errand) -> str:
    return f"{errand['operation']} {errand['section']}" if errand["section"] else errand["operation"]
