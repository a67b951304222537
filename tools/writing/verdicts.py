"""What a reviewer's verdicts say of its score: a score that contradicts them is no score."""

from collections.abc import Iterable
from typing import Literal

from ravelar.tools.writing.limits import HIGHEST_SCORE

Verdict = Literal["met", "partly", "missed"]

CRITERIA = ("brief", "points", "substance", "coherence", "language")
"""What a section is reviewed by: serves the brief; covers its points; is true, specific and without filler; follows
from its neighbours and repeats nothing; is well written in the right language and form."""

_PARTLY: dict[int, tuple[float, float]] = {0: (8.0, HIGHEST_SCORE), 1: (7.0, 9.0), 2: (6.0, 8.0)}
_MANY_PARTLY, _ANY_MISSED = (3.0, 7.0), (0.0, 6.0)


def score_bounds(verdicts: Iterable[Verdict]) -> tuple[float, float]:
    """Return the lowest and the highest score that verdicts allow; ours, see docs/ravel.md.

    All met: 8 to 10. One partly: 7 to 9. Two partly: 6 to 8. More partly: 3 to 7. Any missed: 0 to 6.
    """
    said = list(verdicts)
    if "missed" in said:
        return _ANY_MISSED
    return _PARTLY.get(said.count("partly"), _MANY_PARTLY)
