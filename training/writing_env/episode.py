"""One article in the making, as a policy makes it: the graph's gates and refusals, its events, its measures.

    action -> over? -> refusal (tools.writing.actions) -> step -> work -> transitions -> gate -> event log

A refused action costs its step and is counted, as in the graph. What the policy's crew fails at ends the episode and
says nothing of the policy: `failure` is set. Figures are read out of the events by `tools.writing.measures`.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from typing import Any

from pydantic import ValidationError

from ravelar.agents.reading import explain
from ravelar.tools.chat.failures import without_secrets
from ravelar.tools.scoring import describe
from ravelar.tools.writing.actions import Action, limits_of, refusal
from ravelar.tools.writing.events import Event, EventLog, failure_name
from ravelar.tools.writing.gate import FAILED, STEP_BUDGET, finished_end
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.measures import RunMeasures, measure_run
from ravelar.tools.writing.replay import result_of
from ravelar.tools.writing.state import (
    Brief,
    Operation,
    ProtocolName,
    Section,
    StepRecord,
    WritingState,
    in_order,
    last_steps,
    new_state,
)
from ravelar.tools.writing.transitions import outlined, with_review, with_text
from ravelar.training.writing_env.crew import Assignment, Plan, Reviewed, Text
from ravelar.training.writing_env.progress import progress


@cache
def _version() -> str:
    return version("ravelar")


class Episode:
    """An article being written.

    Args:
        brief: What is asked for.
        protocol: Who decides: "autonomous" where the policy does, "fixed" where code does.
        limits: The bounds.
        seed: Decides what a crew of programs does.
        models: Who plays which role, for the event log.

    Attributes:
        state: The run as it stands; plain JSON.
        log: Its event log, in memory.
        gains: What each step added to the progress (`progress`), refused ones 0.
        late: Calls after the end; they cost no step and do nothing.
        failure: Why the episode says nothing of the policy; None while it does.
    """

    def __init__(
        self,
        brief: Brief,
        *,
        protocol: ProtocolName,
        limits: Limits,
        seed: int = 0,
        models: Mapping[str, str] | None = None,
    ) -> None:
        self.limits, self.seed = limits_of(protocol, limits), seed
        self.state: WritingState = new_state(brief, protocol)
        self.log = EventLog()
        self.gains: list[float] = []
        self.late = 0
        self.failure: str | None = None
        told = {"limits": asdict(limits), "models": dict(models or {}), "replay": False, "version": _version()}
        self.log.write("run", run=f"episode {seed}", brief=brief, protocol=protocol, **told)

    def __getstate__(self) -> dict[str, Any]:
        """Pickle all but the log, which is made again from its events."""
        return {**self.__dict__, "log": list(self.log.events)}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        """Take up what was pickled."""
        self.__dict__.update(kept, log=EventLog())
        for event in kept["log"]:
            self.log.write(**event)

    @property
    def events(self) -> list[Event]:
        """The events so far."""
        return self.log.events

    @property
    def end(self) -> str:
        """How it ended; "" while it goes on, or if the policy just stopped."""
        return self.state["end"]

    @property
    def last_step(self) -> int:
        """T_max, of the outline as it is."""
        return self.limits.steps_for(len(self.state["order"]))

    def measures(self) -> RunMeasures:
        """Return its figures, by the same code as those of any run."""
        return measure_run(self.log.events)

    def assignment(self, section: str | None) -> Assignment:
        """Return what a member of the crew is given in the step that was begun."""
        return Assignment(self.state, self.limits, section or "", self.state["step"], self.seed, self.log)

    def act(self, operation: Operation, section: Any, work: Callable[[str], None] | None = None) -> str | None:
        """Do an operation, if it is allowed now.

        Args:
            operation: What is to be done.
            section: The section's id as the policy wrote it; None for outline and finish.
            work: Does it, given the section's id as it is ("" for none); None for finish, which needs no work.

        Returns:
            Why it was refused; None if it was done, or if the episode is over.
        """
        if self.end:
            self.late += 1
            return None
        try:
            action = Action(operation=operation, section=section)
        except ValidationError as error:
            return self.refuse(operation, explain(error))
        if why := refusal(action, self.state, self.limits):
            return self.refuse(operation, why, action.section)
        before = progress(self.state)
        self._begin(operation, action.section)
        if work is None:
            self._ends(finished_end(in_order(self.state)), f"all {len(self.state['order'])} sections are closed")
        else:
            self._do(operation, action.section, work)
        self.gains.append(progress(self.state) - before)
        self._tell(operation, action.section)
        self._bound()
        return None

    def refuse(self, operation: Operation, why: str, section: str | None = None) -> str:
        """Count an action that can't be done as a step; return why."""
        if self.end:
            self.late += 1
            return why
        self._begin(operation, section, refused=why)
        self.state["refused"] += 1
        self.gains.append(0.0)
        self._tell(operation, section, refused=why)
        self._bound()
        return why

    def take_outline(self, plan: Plan) -> None:
        """Make an outline the article's plan.

        Raises: ValueError: if it is empty.
        """
        sections = outlined(plan.sections, self.state["brief"])
        self.state["title"], self.state["order"] = plan.title, [section["id"] for section in sections]
        self.state["sections"] = {section["id"]: section for section in sections}
        self._note("outline", None, operation="outline", title=plan.title, sections=sections)

    def take_text(self, operation: Operation, section: str, text: Text) -> None:
        """Give a section another text."""
        self._becomes(with_text(self.state["sections"][section], text.content, text.summary))
        said = {"content": text.content, "summary": text.summary}
        more = {"changes": text.changes} if text.changes else {}
        self._note("text", section, operation=operation, **said, **more)

    def take_review(self, section: str, review: Reviewed) -> None:
        """Give a section's text a score; the gate decides what it means."""
        findings = list(review.findings)
        changed = with_review(self.state["sections"][section], review.score, review.feedback, self.limits, findings)
        self._becomes(changed)
        told = {"score": review.score, "feedback": review.feedback, "findings": findings}
        self._note("review", section, verdicts={}, **told, status=changed["status"])

    def _begin(self, operation: Operation, section: str | None, *, refused: str | None = None) -> None:
        self.state["step"] += 1
        step = self.state["step"]
        self.log.write("step", step=step, operation=operation, section=section, first=step, thought="", refused=refused)

    def _do(self, operation: Operation, section: str | None, work: Callable[[str], None]) -> None:
        """Have it done; what goes wrong in it is ours, whatever it is, and ends the episode unscored."""
        try:
            work(section or "")
        except Exception as error:  # noqa: BLE001  a trainer would show it to the policy, and score what follows
            self.failure = without_secrets(f"{operation}: {describe(error)}")
            self._note("gave_up", section, operation=operation, error=type(error).__name__, message=self.failure)
            self._ends(FAILED + failure_name(error), self.failure)

    def _tell(self, operation: Operation, section: str | None, *, refused: str | None = None) -> None:
        changed = self.state["sections"].get(section or "")
        result = result_of(changed, operation, refused=refused, failed=self.failure)
        record = StepRecord(step=self.state["step"], operation=operation, section=section, result=result)
        self.state["recent"] = last_steps(self.state["recent"], [record])

    def _bound(self) -> None:
        if not self.end and self.state["step"] >= self.last_step:
            self._ends(STEP_BUDGET, f"all {self.last_step} steps are used up, and the article is not finished")

    def _ends(self, end: str, because: str) -> None:
        self.state["end"], self.state["because"] = end, because
        self.log.write("end", end=end, because=because)

    def _becomes(self, section: Section) -> None:
        self.state["sections"] = {**self.state["sections"], section["id"]: section}

    def _note(self, kind: str, section: str | None, **values: Any) -> None:
        self.log.write(kind, step=self.state["step"], section=section, **values)
