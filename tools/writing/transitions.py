"""How operations change the state: the one place for the graph, the event log and training alike.

pending -draft-> drafted -review-> accepted | needs_revision | budget_exhausted
                    ^--- refine, draft again ----/  (counted, and without a score until reviewed)
"""

from collections.abc import Sequence

from ravelar.tools.writing.gate import gate
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.state import Brief, Section


def new_section(number: int, title: str, points: Sequence[str], words: int | None = None) -> Section:
    """Return a section that nobody has drafted; `number` counts from 1."""
    return Section(
        id=f"s{number}",
        title=title,
        points=list(points),
        words=words,
        status="pending",
        content="",
        summary="",
        score=None,
        feedback="",
        findings=[],
        revisions=0,
        drafts=0,
        scores=[],
    )


def outlined(planned: Sequence[tuple[str, Sequence[str], int | None]], brief: Brief) -> list[Section]:
    """Return new sections of an outline, each (title, points, words or None), the words made to add up to the brief's.

    Raises: ValueError: if the outline is empty.
    """
    if not planned:
        raise ValueError("the outline has no sections")
    words = allot_words([words for _, _, words in planned], brief.get("words"))
    return [
        new_section(i, title, points, count)
        for i, ((title, points, _), count) in enumerate(zip(planned, words, strict=True), 1)
    ]


def allot_words(wanted: Sequence[int | None], total: int | None) -> list[int | None]:
    """Share `total` words among sections as they were wanted; equally where one was not said. None changes nothing.

    The shares add up to the total, as long as each section gets at least one word.
    """
    if total is None:
        return list(wanted)
    said = [count for count in wanted if count]
    usual = sum(said) / len(said) if said else 1.0
    weights = [float(count) if count else usual for count in wanted]
    ends = [round(total * sum(weights[: i + 1]) / sum(weights)) for i in range(len(weights))]
    return [max(1, end - start) for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def with_text(section: Section, content: str, summary: str, findings: Sequence[str] = ()) -> Section:
    """Return a section with a new text, drafted or refined: it has no score, and each text after the first counts."""
    return {
        **section,
        "status": "drafted",
        "content": content,
        "summary": summary,
        "score": None,
        "findings": list(findings),
        "drafts": section["drafts"] + 1,
        "revisions": section["revisions"] + (section["drafts"] > 0),
    }


def with_review(
    section: Section, score: float, feedback: str, limits: Limits, findings: Sequence[str] | None = None
) -> Section:
    """Return a section with a review of its text; the gate decides what it means."""
    return {
        **section,
        "status": gate(score, section["revisions"], tau=limits.tau, max_revisions=limits.max_revisions),
        "score": score,
        "feedback": feedback,
        "findings": section["findings"] if findings is None else list(findings),
        "scores": [*section["scores"], score],
    }


def reopened(section: Section, feedback: str) -> Section:
    """Return a reviewed section that must be refined after all, such as for a join to its neighbour.

    Its text has not changed, so that its score stays; without revisions left it is better left alone.
    """
    return {**section, "status": "needs_revision", "feedback": feedback}
