"""A crew of programs: no language model, decided by the seed; for tests, for the proof, and for trying a set-up.

What it writes is no prose worth reading: a sentence for each point. Its reviews are real ones of such texts: they look
at points, length and findings, and keep to the bounds that the verdicts allow.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from ravelar.tools.writing.detectors import findings_of, length_of
from ravelar.tools.writing.state import Section
from ravelar.tools.writing.text_measures import covered, letter_grams, letters
from ravelar.tools.writing.verdicts import Verdict, score_bounds
from ravelar.training.writing_env.crew import Assignment, Crew, Plan, Reviewed, Text

_SECTIONS, _WORDS = 3, 24  # of an outline where the brief says neither
_TITLES = ("the quay", "the tide", "the pilot", "the crane", "the ledger", "the ferry", "the light", "the storm")
_POINTS = (
    "ropes are wet by noon", "boats wait for water", "a bell counts the hours", "children learn the flags",
    "prices follow the wind", "nets dry on the wall", "salt eats every hinge", "letters come by ferry",
    "lamps are lit at four", "cranes turn in the rain", "ice closes the inner basin", "gulls sleep on the mast",
)  # fmt: skip
_AROUND = ("here", "each day", "as they say", "in truth", "by custom", "this year", "at last", "without fail")
_SHARE_COVERED = 0.5  # of the points; a text that leaves out half of them or more misses the criterion
_LENGTHS = (0.6, 1.5)  # of the words planned; as the detectors count


@dataclass(frozen=True, slots=True)
class Programs:
    """How well the programs write.

    Attributes:
        weak: How often a first text leaves out a point.
        mending: How often a refined text covers what was left out.
    """

    weak: float = 0.5
    mending: float = 0.8

    def crew(self) -> Crew:
        """Return the crew."""
        return Crew(plan_by_program, self.draft, review_by_program, self.refine)

    def draft(self, given: Assignment) -> Text:
        """Write a sentence for each point of a section, or for all but one."""
        rng = given.rng("drafter")
        section = given.state["sections"][given.section]
        points = list(section["points"])
        if rng.random() < self.weak:
            del points[rng.randrange(len(points))]
        return _written(section, points, rng)

    def refine(self, given: Assignment) -> Text:
        """Write the text anew with what its review found missing, most of the time."""
        rng = given.rng("refiner")
        section = given.state["sections"][given.section]
        there = [point for point in section["points"] if _covers(section["content"], point)]
        points = section["points"] if rng.random() < self.mending else there
        return _written(section, points, rng)._replace(changes="the points that were missing")


def program_crew(*, weak: float = 0.5, mending: float = 0.8) -> Crew:
    """Return a crew of programs.

    Args:
        weak: How often a first text leaves out a point, 0 to 1.
        mending: How often a refined text covers what was left out.
    """
    return Programs(weak, mending).crew()


def plan_by_program(given: Assignment) -> Plan:
    """Plan as many sections as the brief asks for, with two points each, drawn by the seed."""
    rng, brief = given.rng("outliner"), given.state["brief"]
    count = brief.get("sections") or _SECTIONS
    titles = [
        f"{title} {i // len(_TITLES) + 1}" if i >= len(_TITLES) else title for i, title in _cycled(_TITLES, count, rng)
    ]
    points = [point for _, point in _cycled(_POINTS, 2 * count, rng)]
    return Plan("harbour days", [(title, points[2 * i : 2 * i + 2], _WORDS) for i, title in enumerate(titles)])


def review_by_program(given: Assignment) -> Reviewed:
    """Review a text by its points, its length and what a program finds in it.

    The score is the bound that the verdicts allow, the upper one, less half its width for each finding.
    """
    section = given.state["sections"][given.section]
    content = section["content"]
    findings = findings_of(given.state, given.section, content)
    missing = [point for point in section["points"] if not _covers(content, point)]
    share = 1 - len(missing) / len(section["points"])
    words: list[Verdict] = ["met" if not missing else "partly" if share > _SHARE_COVERED else "missed"]
    words += ["met" if _long_enough(section, content) else "partly", "partly" if findings else "met"]
    low, high = score_bounds(words)
    score = max(low, high - (high - low) / 2 * len(findings) - (1 - share))
    wishes = [f"cover: {point}" for point in missing] + ([] if words[1] == "met" else ["keep to the length"])
    return Reviewed(round(score, 2), "\n".join([*wishes, *findings]), findings)


def _covers(content: str, point: str) -> bool:
    return bool(covered([letter_grams(letters(point), 2)], letter_grams(letters(content), 2), least=0.95))


def _long_enough(section: Section, content: str) -> bool:
    planned = section["words"]
    return not planned or _LENGTHS[0] <= length_of(content) / planned <= _LENGTHS[1]


def _written(section: Section, points: Sequence[str], rng: random.Random) -> Text:
    """Write a sentence for each point, and so many of what is said around them that the length is about right."""
    sentences = [f"{rng.choice(_AROUND).capitalize()}, {point}." for point in points]
    sentences = sentences or [f"{section['title'].capitalize()} is here."]
    wanted, i = section["words"] or 0, 0
    while length_of(" ".join(sentences)) < 0.8 * wanted:
        opening, middle, closing = (rng.choice(_AROUND) for _ in range(3))
        sentences.append(f"{opening.capitalize()}, {section['title']} {middle} {closing} {i + 1}.")
        i += 1
    return Text(" ".join(sentences), f"{section['title']}: {len(points)} of {len(section['points'])} points")


def _cycled(names: Sequence[str], count: int, rng: random.Random) -> list[tuple[int, str]]:
    """Return so many of the names, each once before any twice, in an order that is drawn."""
    drawn: list[str] = []
    while len(drawn) < count:
        drawn += rng.sample(names, len(names))
    return list(enumerate(drawn[:count]))
