"""How far an article is: the potential whose differences are the rewards of steps."""

from ravelar.tools.writing.gate import has_finished
from ravelar.tools.writing.state import SectionStatus, WritingState, in_order

_OF_STATUS: dict[SectionStatus, float] = {
    "pending": 0.0,
    "drafted": 1 / 3,
    "needs_revision": 1 / 3,
    "budget_exhausted": 2 / 3,
    "accepted": 1.0,
}


def progress(state: WritingState) -> float:
    """Return how far an article is, 0 to 1: (outline + the sections' shares + end) / (sections + 2); ours.

    A section counts 1/3 once it has a text, 2/3 when its revisions are used up, 1 when it is accepted. Without an
    outline it is 0. A finished article whose sections are all accepted has 1.
    """
    sections = in_order(state)
    if not sections:
        return 0.0
    done = sum(_OF_STATUS[section["status"]] for section in sections)
    return (1 + done + has_finished(state["end"])) / (len(sections) + 2)
