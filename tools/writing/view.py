"""What a model is shown of a run: little, and no more the longer the article is.

The planner sees where each section stands, the operations the neighbours of their section; neither grows with the
article beyond its bound, so that a run's prompts grow linearly with it. Words around the data come from the caller
(`labels`), one language each.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from ravelar.tools.writing.gate import is_open
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.state import Brief, Section, WritingState, in_order

LABELS: Mapping[str, str] = {
    "length": "length",
    "words": "words",
    "sections": "sections",
    "audience": "audience",
    "genre": "genre",
    "style": "style",
    "steps": "steps used",
    "of": "of",
    "recent": "recent",
    "feedback": "feedback",
    "revisions": "revisions",
    "score": "score",
    "next": "next",
    "before": "before",
    "after": "after",
    "points": "points",
    "ends": "it ends",
    "refused": "your last action was refused",
}
"""The words in a view, by their keys, in English."""

_DETAILED = 6  # sections in need of a revision that the planner sees one by one
_RANGES = 12  # runs of sections with one status
_STEPS = 3  # of the last ten
_SHORT = 160  # characters of a feedback, for the planner
_GIST = 90  # characters of a summary, for the planner
_SUMMARY = 160  # characters of a neighbour's summary
_TITLE = 100
_TAIL = 140  # characters of the text before, for the join
_INSTRUCTION = 400  # characters of the instruction, for the planner
_BRIEF, _SECTION, _FEEDBACK = 3_200, 2_400, 2_000  # characters, for those who work on a section
_NEIGHBOURS = 1_500  # characters of all of them
_BEFORE, _AFTER = 2, 1  # neighbours of whoever writes; a reviewer sees one on either side


def brief_view(brief: Brief, labels: Mapping[str, str] = LABELS, *, longest: int | None = None) -> str:
    """Return a brief as lines: the instruction, cut to `longest` characters, then what else was said."""
    lines = [brief["instruction"] if longest is None else _cut(brief["instruction"], longest)]
    if words := brief.get("words"):
        lines.append(f"{labels['length']}: {words} {labels['words']}")
    if sections := brief.get("sections"):
        lines.append(f"{labels['sections']}: {sections}")
    said = {"audience": brief.get("audience"), "genre": brief.get("genre"), "style": brief.get("style")}
    return "\n".join([*lines, *(f"{labels[name]}: {value}" for name, value in said.items() if value)])


def section_brief(brief: Brief, labels: Mapping[str, str] = LABELS) -> str:
    """Return as much of a brief as those need who work on one section; of a very long one, beginning and end."""
    instruction = _middle_out(brief["instruction"], _BRIEF)
    return brief_view({**brief, "instruction": instruction}, labels)


def feedback_view(section: Section) -> str:
    """Return what the reviewer wants changed, most important first: as much of it as a call has room for."""
    return section["feedback"][:_FEEDBACK]


def planner_brief(brief: Brief, labels: Mapping[str, str] = LABELS) -> str:
    """Return as much of a brief as the planner needs."""
    return brief_view(brief, labels, longest=_INSTRUCTION)


def section_view(section: Section, labels: Mapping[str, str] = LABELS) -> str:
    """Return what one section is to be, as lines: its title, its points, its length."""
    lines = [f"{section['id']} {_cut(section['title'], _TITLE)}", *(f"- {point}" for point in section["points"])]
    if section["words"]:
        lines.append(f"{labels['length']}: {section['words']} {labels['words']}")
    return "\n".join(_within(lines, _SECTION))


def policy_view(
    state: WritingState, limits: Limits, labels: Mapping[str, str] = LABELS, *, refusal: str | None = None
) -> str:
    """Return where a run stands, for the planner: at most about 3,500 characters, however long the article is.

    Runs of sections with one status stand on one line; the first ones that need a revision have a line of their own,
    with their score and what the reviewer wants; then the next title, the last two summaries, the last steps, and why
    the last action was refused.
    """
    sections = in_order(state)
    used = f"{labels['steps']}: {state.get('step', 0)} {labels['of']} {limits.steps_for(len(sections))}"
    refused = [f"{labels['refused']}: {refusal}"] if refusal else []
    if not sections:
        return "\n".join([used, *refused])
    protocol = state.get("protocol", "autonomous")
    opened = [s for s in sections if is_open(s, protocol)]
    detailed = [s for s in opened if s["status"] == "needs_revision"][:_DETAILED]
    lines = [f"{_cut(state.get('title', ''), _TITLE)} ({len(sections)} {labels['sections']})", used]
    lines += _ranges(sections)
    lines += [_open_line(section, limits, labels) for section in detailed]
    lines += [f"{labels['next']}: {s['id']} {_cut(s['title'], _TITLE)}" for s in opened if s["status"] == "pending"][:1]
    lines += [f"{s['id']}: {_cut(s['summary'], _GIST)}" for s in sections if s["summary"]][-2:]
    if recent := state.get("recent"):
        lines.append(f"{labels['recent']}: " + "; ".join(_step(record) for record in recent[-_STEPS:]))
    return "\n".join([*lines, *refused])


def neighbours(
    state: WritingState,
    section: str,
    labels: Mapping[str, str] = LABELS,
    *,
    before: int = _BEFORE,
    join: bool = True,
) -> str:
    """Return what stands around a section, in at most 1,500 characters: summaries, the end of the text before.

    Sections that are not written yet are shown by their points.

    Args:
        state: The run.
        section: The section's id.
        labels: The words around the data.
        before: How many of the sections before are shown.
        join: Whether the end of the text before is shown, for whoever writes on from there.
    """
    sections = in_order(state)
    at = next(i for i, other in enumerate(sections) if other["id"] == section)
    preceding, following = sections[max(0, at - before) : at], sections[at + 1 : at + 1 + _AFTER]
    lines = [f"{labels['before']} {_neighbour(other, labels)}" for other in preceding]
    if join and preceding and preceding[-1]["content"]:
        lines.append(f"{labels['ends']}: ... {_tail(preceding[-1]['content'])}")
    lines += [f"{labels['after']} {_neighbour(other, labels)}" for other in following]
    return "\n".join(_within(lines, _NEIGHBOURS))


def _open_line(section: Section, limits: Limits, labels: Mapping[str, str]) -> str:
    parts = [f"{section['id']} {_cut(section['title'], _TITLE)}"]
    if section["score"] is not None:
        parts.append(f"{labels['score']} {section['score']:g}")
    parts.append(f"{labels['revisions']} {section['revisions']} {labels['of']} {limits.max_revisions}")
    return f"{', '.join(parts)}; {labels['feedback']}: {_cut(section['feedback'], _SHORT)}"


def _ranges(sections: Sequence[Section]) -> list[str]:
    """Return lines such as "accepted: s1-s4, s6", each status once; of many ranges the last are counted."""
    runs: dict[str, list[str]] = {}
    for status, group in groupby(sections, key=lambda section: section["status"]):
        ids = [section["id"] for section in group]
        runs.setdefault(status, []).append(ids[0] if len(ids) == 1 else f"{ids[0]}-{ids[-1]}")
    return [
        f"{status}: {', '.join(ranges[:_RANGES])}{f' +{len(ranges) - _RANGES}' if len(ranges) > _RANGES else ''}"
        for status, ranges in runs.items()
    ]


def _step(record: Mapping[str, object]) -> str:
    section = f" {record['section']}" if record["section"] else ""
    return f"{record['step']} {record['operation']}{section}: {_cut(str(record['result']), _TITLE)}"


def _neighbour(section: Section, labels: Mapping[str, str]) -> str:
    title = f"{section['id']} {_cut(section['title'], _TITLE)}"
    if section["summary"]:
        return f"{title}: {_cut(section['summary'], _SUMMARY)}"
    return f"{title} ({labels['points']}): {_cut('; '.join(section['points']), _SUMMARY)}"


def _within(lines: Iterable[str], characters: int) -> list[str]:
    """Cut each line so that all of them fit."""
    there = list(lines)
    if sum(map(len, there)) + len(there) <= characters or not there:
        return there
    each = max(40, characters // len(there) - 1)
    return [_cut(line, each) for line in there]


def _tail(text: str) -> str:
    """Return the end of a text, from a whole word on where its script writes spaces."""
    end = " ".join(text[-_TAIL:].split())
    word = end.find(" ", 0, _TAIL // 4)
    return end[word + 1 :] if len(text) > _TAIL else end


def _middle_out(text: str, longest: int) -> str:
    half = (longest - 5) // 2
    return text if len(text) <= longest else f"{text[:half]}\n...\n{text[-half:]}"


def _cut(text: str, longest: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 4]} ..."
