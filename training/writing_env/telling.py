"""What a policy is told: at the beginning of an episode, and after each of its calls."""

from collections.abc import Callable

from ravelar.agents.ravel.languages import labels_of
from ravelar.tools.writing.actions import next_fixed
from ravelar.tools.writing.state import Operation, in_order
from ravelar.tools.writing.view import feedback_view, neighbours, policy_view, section_view
from ravelar.training.writing_env.episode import Episode

Tell = Callable[[Episode, Operation | None, str | None, str | None], str | None]
"""(episode, operation, section, why it was refused) -> what the policy reads; no operation is the beginning."""


def tell_state(episode: Episode, operation: Operation | None, section: str | None, refused: str | None) -> str | None:
    """Tell what RAVEL's planner sees; a writer in addition what it is to write next, and what a review said."""
    if episode.end:
        return f"the run has ended: {episode.end} ({episode.state['because']})"
    labels = labels_of(episode.state["brief"]["language"])
    lines = [policy_view(episode.state, episode.limits, labels, refusal=refused)]
    if episode.state["protocol"] == "fixed":
        lines += _work(episode)
    return ("\n\n" if operation is None else "") + "\n".join(lines)


def tell_result(episode: Episode, operation: Operation | None, section: str | None, refused: str | None) -> str | None:
    """Tell only what came of the last step, such as "review s1: score 6, needs_revision"; few tokens."""
    if operation is None:
        return None
    if episode.late:
        return f"the run has ended: {episode.end}"
    last = episode.state["recent"][-1]
    named = f"{last['operation']} {last['section']}" if last["section"] else last["operation"]
    ended = f"; the run has ended: {episode.end}" if episode.end else ""
    return f"{named}: {last['result']}{ended}"


def tell_statuses(
    episode: Episode, operation: Operation | None, section: str | None, refused: str | None
) -> str | None:
    """Tell each section's status and nothing else, for policies that read few words."""
    if episode.end:
        return "ended"
    said = " ".join(f"{section['id']} {section['status']}" for section in in_order(episode.state)) or "empty"
    return f"{'refused ' if refused else ''}{said}" if operation else f" {said}"


def _work(episode: Episode) -> list[str]:
    """Return what is to be written next, with its plan, its neighbours and its review."""
    following = next_fixed(episode.state, episode.limits)
    if following.section is None:
        return [f"next: {following.operation}"]
    labels = labels_of(episode.state["brief"]["language"])
    section = episode.state["sections"][following.section]
    around = neighbours(episode.state, following.section, labels)
    lines = [f"next: {following.operation} {following.section}", section_view(section, labels), around]
    if following.operation == "refine":
        lines += [f"{labels['feedback']}: {feedback_view(section)}", *section["findings"]]
    return [line for line in lines if line]
