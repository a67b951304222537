"""Where a person approves or edits: the outline, and each section when it is closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import Overwrite

from ravelar.agents.ravel.briefs import read_outline
from ravelar.graphs.people import answers, ask
from ravelar.graphs.ravel_parts import Parts
from ravelar.graphs.ravel_run import Run, take_outline
from ravelar.graphs.ravel_state import RavelContext, RavelState, Update
from ravelar.tools.errors import InputError
from ravelar.tools.writing.gate import is_open
from ravelar.tools.writing.state import Section, in_order
from ravelar.tools.writing.transitions import outlined, reopened, with_text

NOT_APPROVED = "not_approved"
_OUTLINE = "outline"
_FORMS = frozenset({"approve", "outline", "sections"})
_REFINING = frozenset({"autonomous", "fixed"})
_YES = ("Approve.", {"approve": True})
_NO = ("Refuse: the run ends, and nothing more is paid for.", {"approve": False, "reason": "Off topic."})


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
        run = Run.of(self.parts, state, runtime)
        waiting = unapproved(state, run.context)
        return ask(_question(run, waiting), lambda answer: _taken(run, waiting, answer))


def _taken(run: Run, waiting: Sequence[str], answer: Any) -> Update:
    """Return what an answer changes.

    Raises: InputError: if it has none of the forms, or asks for what can't be.
    """
    given = {"approve": answer} if isinstance(answer, bool) else answer
    if not isinstance(given, Mapping) or len(given.keys() & _FORMS) != 1:
        raise InputError(f"answer {answer!r}: allowed: true, false, {{'outline': ...}} or {{'sections': ...}}"[:500])
    if given.get("approve") is False:
        return run.ends(NOT_APPROVED, str(given.get("reason") or "a person did not approve"))
    if waiting == [_OUTLINE]:
        return _outline_taken(run, given)
    edits = given.get("sections") or {}
    if not isinstance(edits, Mapping) or any(name not in waiting for name in edits):
        raise InputError(f"sections {edits!r}: allowed: a mapping of {', '.join(waiting)}"[:500])
    edited = {name: _edited(run, name, edit) for name, edit in edits.items()}
    for section, kind, values in edited.values():
        run.note(kind, step=run.state["step"], section=section["id"], **values)
    final = [name for name in waiting if name not in edited or run.context.protocol == "no_review"]
    return {"sections": {name: change[0] for name, change in edited.items()}, "approved": _approved(run, final)}


def _outline_taken(run: Run, given: Mapping[str, Any]) -> Update:
    if "sections" in given:
        raise InputError("the outline waits for approval, no section; to change it, give the whole of it as 'outline'")
    if "outline" in given:
        brief = run.state["brief"]
        title, planned = read_outline(given["outline"], brief, run.limits)
        sections = outlined(planned, brief)
        take_outline(run, title, sections, step=run.state["step"], operation="edit")
        run.update["sections"] = Overwrite(run.update["sections"])
    return {**run.update, "approved": _approved(run, [_OUTLINE])}


def _edited(run: Run, name: str, edit: Any) -> tuple[Section, str, dict[str, Any]]:
    """Return a section as a person wants it, and the event that tells of it."""
    section = run.state["sections"][name]
    if not isinstance(edit, Mapping) or len(edit.keys() & {"content", "feedback"}) != 1:
        raise InputError(f"section {name}: {edit!r}: allowed: {{'content': text}} or {{'feedback': text}}"[:500])
    ((kind, said),) = ((kind, edit[kind]) for kind in ("content", "feedback") if kind in edit)
    if not isinstance(said, str) or not said.strip():
        raise InputError(f"section {name}: the {kind} is empty")
    if kind == "content":
        summary = str(edit.get("summary") or section["summary"])
        values = {"operation": "edit", "content": said.strip(), "summary": summary}
        return with_text(section, said.strip(), summary), "text", values
    if run.context.protocol not in _REFINING:
        raise InputError(f"section {name}: protocol {run.context.protocol} refines nothing; give the content instead")
    return reopened(section, said), "reopened", {"feedback": said}


def _approved(run: Run, names: Sequence[str]) -> list[str]:
    for name in names:
        run.note("approved", step=run.state["step"], what=name)
    return [*(run.state.get("approved") or []), *names]


def _question(run: Run, waiting: Sequence[str]) -> dict[str, Any]:
    """Return what a person is asked, and what may be answered."""
    state = run.state
    if waiting == [_OUTLINE]:
        planned = [_shown(section, "id", "title", "points", "words") for section in in_order(state)]
        other = [_shown(section, "title", "points", "words") for section in in_order(state)]
        return {
            "kind": "outline",
            "question": "Is the outline right?",
            "answers": answers(
                _YES,
                (
                    "Take this outline instead, the whole of it.",
                    {"outline": {"title": state["title"], "sections": other}},
                ),
                _NO,
            ),
            "title": state["title"],
            "sections": planned,
        }
    first = waiting[0]
    edits = [("Change a section's text; the others are approved.", {"sections": {first: {"content": "The new text."}}})]
    if run.context.protocol in _REFINING:
        feedback = {"sections": {first: {"feedback": "Shorter, and name the source."}}}
        edits.append(("Send a section back to be refined; the others are approved.", feedback))
    names = ("id", "title", "content", "status", "score", "feedback")
    return {
        "kind": "sections",
        "question": f"Are these right: {', '.join(waiting)}?",
        "answers": answers(_YES, *edits, _NO),
        "sections": [_shown(state["sections"][name], *names) for name in waiting],
    }


def _shown(section: Section, *names: str) -> dict[str, Any]:
    return {name: value for name, value in section.items() if name in names}
