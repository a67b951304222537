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
}
"""The words in a view, by their keys, in English."""

_DETAILED = 6  # open sections that the planner sees one by one
_RANGES = 12  # runs of sections with one status
_STEPS = 4  # of the last ten
_SHORT = 160  # characters of a summary or a feedback, for the planner
_SUMMARY = 260  # characters of a neighbour's summary
_TITLE = 100
_TAIL = 200  # characters of the text before, for the join
_INSTRUCTION = 400  # characters of the instruction, for the planner
_BEFORE, _AFTER = 3, 1  # neighbours


def brief_view(brief: Brief, labels: Mapping[str, str] = LABELS, *, longest: int | None = None) -> str:
    """Return a brief as lines: the instruction, cut to `longest` characters, then what else was said."""
    lines = [brief["instruction"] if longest is None else _cut(brief["instruction"], longest)]
    if words := brief.get("words"):
        lines.append(f"{labels['length']}: {words} {labels['words']}")
    if sections := brief.get("sections"):
        lines.append(f"{labels['sections']}: {sections}")
    said = {"audience": brief.get("audience"), "genre": brief.get("genre"), "style": brief.get("style")}
    return "\n".join([*lines, *(f"{labels[name]}: {value}" for name, value in said.items() if value)])


def planner_brief(brief: Brief, labels: Mapping[str, str] = LABELS) -> str:
    """Return as much of a brief as the planner needs."""
    return brief_view(brief, labels, longest=_INSTRUCTION)


def section_view(section: Section, labels: Mapping[str, str] = LABELS) -> str:
    """Return what one section is to be, as lines: its title, its points, its length."""
    lines = [f"{section['id']} {_cut(section['title'], _TITLE)}", *(f"- {point}" for point in section["points"])]
    if section["words"]:
        lines.append(f"{labels['length']}: {section['words']} {labels['words']}")
    return "\n".join(lines)


def policy_view(state: WritingState, limits: Limits, labels: Mapping[str, str] = LABELS) -> str:
    """Return where a run stands, for the planner: at most about 3,500 characters, however long the article is.

    Runs of sections with one status stand on one line; the first open ones that were written have a line of their
    own, with their score and what the reviewer wants; then the last two summaries, and the last steps.
    """
    sections = in_order(state)
    used = f"{labels['steps']}: {state.get('step', 0)} {labels['of']} {limits.steps_for(len(sections))}"
    if not sections:
        return used
    protocol = state.get("protocol", "autonomous")
    opened = [s for s in sections if is_open(s, protocol)]
    detailed = [s for s in opened if s["status"] != "pending"][:_DETAILED]
    lines = [f"{_cut(state.get('title', ''), _TITLE)} ({len(sections)} {labels['sections']})", used]
    lines += _ranges(sections)
    lines += [_open_line(section, limits, labels) for section in detailed]
    lines += [f"{labels['next']}: {s['id']} {_cut(s['title'], _TITLE)}" for s in opened if s["status"] == "pending"][:1]
    lines += [f"{s['id']}: {_cut(s['summary'], _SHORT)}" for s in sections if s["summary"]][-2:]
    if recent := state.get("recent"):
        lines.append(f"{labels['recent']}: " + "; ".join(_step(record) for record in recent[-_STEPS:]))
    return "\n".join(lines)


def neighbours(
    state: WritingState, section: str, labels: Mapping[str, str] = LABELS, *, characters: int = 1_500
) -> str:
    """Return what stands around a section: the summaries of three before it, the end of the last one, what follows.

    Sections that are not written yet are shown by their points.

    Args:
        state: The run.
        section: The section's id.
        labels: The words around the data.
        characters: How long the view may be.
    """
    sections = in_order(state)
    at = next(i for i, other in enumerate(sections) if other["id"] == section)
    before, after = sections[max(0, at - _BEFORE) : at], sections[at + 1 : at + 1 + _AFTER]
    lines = [f"{labels['before']} {_neighbour(other, labels)}" for other in before]
    if before and before[-1]["content"]:
        lines.append(f"{labels['ends']}: ... {' '.join(before[-1]['content'][-_TAIL:].split())}")
    lines += [f"{labels['after']} {_neighbour(other, labels)}" for other in after]
    return "\n".join(_within(lines, characters))


def _open_line(section: Section, limits: Limits, labels: Mapping[str, str]) -> str:
    parts = [f"{section['id']} {_cut(section['title'], _TITLE)}: {section['status']}"]
    if section["score"] is not None:
        parts.append(f"{labels['score']} {section['score']:g}")
        parts.append(f"{labels['revisions']} {section['revisions']} {labels['of']} {limits.max_revisions}")
        parts.append(f"{labels['feedback']}: {_cut(section['feedback'], _SHORT)}")
    return ", ".join(parts)


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


def _cut(text: str, longest: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 4]} ..."
