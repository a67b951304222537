"""Gates: what a score means, and how a run ends, decided by code and never by a prompt."""

from collections.abc import Iterable

from ravelar.tools.writing.state import ProtocolName, Section, SectionStatus

FINISHED = "finished"
FINISHED_WITH_EXHAUSTED = "finished_with_exhausted_sections"
STEP_BUDGET = "step_budget"
TOKEN_BUDGET = "token_budget"
MONEY_BUDGET = "money_budget"
TIME_BUDGET = "time_budget"
FAILED = "failed:"
"""What the end of a failed run begins with; after it stands what failed, such as "broken_reply"."""

_OPEN: frozenset[SectionStatus] = frozenset({"pending", "drafted", "needs_revision"})


def gate(score: float, revisions: int, *, tau: float, max_revisions: int) -> SectionStatus:
    """Accept iff `score >= tau`; else revise while revisions remain, else give the budget up.

    Args:
        score: The reviewer's score of the text as it is now, 0 to 10.
        revisions: How often the text was revised already.
        tau: The lowest score that is accepted.
        max_revisions: How often it may be revised.
    """
    if score >= tau:
        return "accepted"
    return "needs_revision" if revisions < max_revisions else "budget_exhausted"


def is_open(section: Section, protocol: ProtocolName) -> bool:
    """Say whether there is still something to do in a section; without reviews, a draft is all there will be."""
    if protocol == "no_review":
        return section["status"] == "pending"
    return section["status"] in _OPEN


def finished_end(sections: Iterable[Section]) -> str:
    """Return how a run ends that may finish: plainly, or with sections whose revisions were used up."""
    exhausted = any(section["status"] == "budget_exhausted" for section in sections)
    return FINISHED_WITH_EXHAUSTED if exhausted else FINISHED


def has_finished(end: str) -> bool:
    """Say whether an end is one of a whole article, exhausted sections included."""
    return end in {FINISHED, FINISHED_WITH_EXHAUSTED}
