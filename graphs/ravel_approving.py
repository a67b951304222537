"""Where a person approves or edits: the outline, and each section when it is closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from ravelar.graphs.ravel_parts import Parts
from ravelar.graphs.ravel_run import Run
from ravelar.graphs.ravel_state import RavelContext, RavelState, Update
from ravelar.tools.errors import InputError
from ravelar.tools.writing.gate import is_open
from ravelar.tools.writing.state import Section, in_order

NOT_APPROVED = "not_approved"
_OUTLINE = "outline"


def unapproved(state: RavelState, context: RavelContext) -> list[str]:
    """Return what a person must look at before anything else: "outline", or ids of closed sections."""
    if not state.get("order") or state.get("end"):
        return []
    approved = state.get("approved") or []
    if "outline" in context.approve and _OUTLINE not in approved:
        return [_OUTLINE]
    if "sections" not in context.approve:
        return []
    closed = [section["id"] for section in in_order(state) if not is_open(section, context.protocol)]
    return [name for name in closed if name not in approved]


@dataclass(frozen=True, slots=True)
class ApproveNodes:
    """Asks a person, and takes the answer."""

    parts: Parts

    def approve(self, state: RavelState, runtime: Runtime[RavelContext]) -> Update:
        """Ask about the outline, or about every section that is closed and not yet approved.

        Answers: true, or {"approve": true}, approves all; {"approve": false, "reason": ...} ends the run.
        {"outline": {"title": ..., "sections": [...]}} is the outline as it is to be; {"sections": {"s2": {"content":
        ...}, "s3": {"feedback": ...}}} changes a section's text, or sends it back to be refined, and approves the
        others. A changed text is reviewed like any other. An answer of another form is asked for again.
        """
        run = Run.of(self.parts, state, runtime, "approve")
        waiting = unapproved(state, run.context)
        question = _question(state, waiting)
        while True:
            answer = interrupt(question)
            try:
                return self._taken(run, waiting, answer)
            except InputError as error:
                question = {**question, "problem": str(error)}

    def _taken(self, run: Run, waiting: Sequence[str], answer: Any) -> Update:
        """Return what an answer changes.

        Raises: InputError: if it has none of the forms.
        """
        given = {"approve": answer} if isinstance(answer, bool) else answer
        if not isinstance(given, Mapping) or not given.keys() & {"approve", "outline", "sections"}:
            raise InputError(f"answer {answer!r}: allowed: true, false, {{'outline': ...}} or {{'sections': ...}}"[:500])
        if given.get("approve") is False:
            return run.ends(NOT_APPROVED, str(given.get("reason") or "a person did not approve"))
        if waiting == [_OUTLINE]:
            changed = run.outlined_by_person(given["outline"]) if given.get("outline") else {}
            return {**changed, "approved": [*(run.state.get("approved") or []), _OUTLINE]}
        return self._sections(run, waiting, given.get("sections") or {})

    def _sections(self, run: Run, waiting: Sequence[str], edits: Mapping[str, Any]) -> Update:
        if unknown := [name for name in edits if name not in waiting]:
            raise InputError(f"no section {unknown[0]!r} waits for approval; waiting: {', '.join(waiting)}")
        changed = {name: run.edited(run.state["sections"][name], edit) for name, edit in edits.items()}
        done = [name for name in waiting if name not in changed]
        return {"sections": changed, "approved": [*(run.state.get("approved") or []), *done]}


def _question(state: RavelState, waiting: Sequence[str]) -> dict[str, Any]:
    """Return what a person is asked."""
    if waiting == [_OUTLINE]:
        planned = [_shown(section, "id", "title", "points", "words") for section in in_order(state)]
        return {"kind": "outline", "question": "Is the outline right?", "title": state["title"], "sections": planned}
    names = ("id", "title", "content", "status", "score", "feedback")
    shown = [_shown(state["sections"][name], *names) for name in waiting]
    return {"kind": "sections", "question": f"Are these right: {', '.join(waiting)}?", "sections": shown}


def _shown(section: Section, *names: str) -> dict[str, Any]:
    return {name: value for name, value in section.items() if name in names}
