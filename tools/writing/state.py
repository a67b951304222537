"""What is known while an article is written: plain JSON, so that it stands in checkpoints, logs and rows as it is.

    Brief -> title, order, sections {id: Section} -> article

Nodes side by side return only what they add; the functions below join it. A changed text has no score until it is
reviewed again: `tools.writing.transitions` are the only places that change a section.
"""

import operator
from collections.abc import Mapping
from typing import Annotated, Literal, NotRequired

from typing_extensions import TypedDict

Language = str
"""A code, such as "en" or "zh", for which agents/ravel has a folder of prompts."""

DEFAULT_LANGUAGE: Language = "en"

ProtocolName = Literal["autonomous", "fixed", "no_review", "no_refine"]
"""Who decides what comes next: the planner, or a pure function of the state."""

SectionStatus = Literal["pending", "drafted", "needs_revision", "accepted", "budget_exhausted"]
"""Not yet drafted; drafted or refined, and not reviewed; reviewed below tau; at or above it; below it for good."""

Operation = Literal["outline", "draft", "review", "refine", "finish"]

PROTOCOLS: tuple[ProtocolName, ...] = ("autonomous", "fixed", "no_review", "no_refine")
OPERATIONS: tuple[Operation, ...] = ("outline", "draft", "review", "refine", "finish")
RECENT = 10  # steps that the planner may be shown, as in the published loop


class Brief(TypedDict):
    """What a writer is asked for; no reference stands in it.

    Attributes:
        instruction: What is to be written, in the asker's words.
        language: The article's language, and that of the prompts.
        words: How long it is to be: words, or characters where a script writes no spaces; None leaves it open.
        sections: How many sections it is to have; None leaves it open.
        audience: For whom.
        genre: What kind of text.
        style: How it is to be written.
    """

    instruction: str
    language: Language
    words: NotRequired[int | None]
    sections: NotRequired[int | None]
    audience: NotRequired[str | None]
    genre: NotRequired[str | None]
    style: NotRequired[str | None]


class Section(TypedDict):
    """One section of the article.

    Attributes:
        id: "s1", "s2" and so on, in the outline's order.
        title: Its heading.
        points: What it is to cover.
        words: How long it is to be; None leaves it open.
        status: Where it stands.
        content: Its text as it is now, without its heading; "" before the first draft.
        summary: What the text says, in a few sentences, for those who write the other sections.
        score: The reviewer's score of this very text, 0 to 10; None while it is not reviewed.
        feedback: What the reviewer wants changed.
        findings: What a program found in this very text; see `tools.writing.detectors`.
        revisions: How often a text was replaced by another; drafting again counts, and resets nothing.
        drafts: How many texts there were, the first draft included.
        scores: Every score given, in order.
    """

    id: str
    title: str
    points: list[str]
    words: int | None
    status: SectionStatus
    content: str
    summary: str
    score: float | None
    feedback: str
    findings: list[str]
    revisions: int
    drafts: int
    scores: list[float]


class StepRecord(TypedDict):
    """One executed step.

    Attributes:
        step: Its number, from 1.
        operation: What was decided.
        section: Of which section; None for outline and finish.
        result: What came of it, in a few words, such as "score 8.5, accepted" or "refused: s2 was never drafted".
    """

    step: int
    operation: str
    section: str | None
    result: str


class Spent(TypedDict):
    """What asking language models took.

    Attributes:
        calls: Calls that were answered or failed for good, repair turns included.
        tokens_in: Tokens sent.
        tokens_out: Tokens received.
        cached: Tokens sent that the provider had in its cache; part of `tokens_in`.
        cost: In US dollars, as far as prices are known.
        retries: How often calls were tried again.
        unpriced: Calls whose price is not known; where there are any, `cost` is a lower bound.
        seconds: Seconds spent waiting, added up; calls side by side add up as well.
    """

    calls: int
    tokens_in: int
    tokens_out: int
    cached: int
    cost: float
    retries: int
    unpriced: int
    seconds: float


def nothing_spent() -> Spent:
    """Return what a run has spent before its first call."""
    return Spent(calls=0, tokens_in=0, tokens_out=0, cached=0, cost=0.0, retries=0, unpriced=0, seconds=0.0)


def add_spent(before: Spent | None, more: Spent | None) -> Spent:
    """Add up two amounts."""
    a, b = before or nothing_spent(), more or nothing_spent()
    return Spent(
        calls=a["calls"] + b["calls"],
        tokens_in=a["tokens_in"] + b["tokens_in"],
        tokens_out=a["tokens_out"] + b["tokens_out"],
        cached=a["cached"] + b["cached"],
        cost=a["cost"] + b["cost"],
        retries=a["retries"] + b["retries"],
        unpriced=a["unpriced"] + b["unpriced"],
        seconds=a["seconds"] + b["seconds"],
    )


def merge_sections(before: Mapping[str, Section] | None, changed: Mapping[str, Section] | None) -> dict[str, Section]:
    """Put changed sections in place of those of the same id; the others stay."""
    return {**(before or {}), **(changed or {})}


def last_steps(before: list[StepRecord] | None, more: list[StepRecord] | None) -> list[StepRecord]:
    """Return the last `RECENT` steps, by their numbers."""
    return sorted([*(before or []), *(more or [])], key=operator.itemgetter("step"))[-RECENT:]


def first_said(before: str | None, more: str | None) -> str:
    """Keep the first word on how a run ended: what fails beside it changes nothing."""
    return before or more or ""


class WritingState(TypedDict, total=False):
    """The state of one run; nodes return what they add or change.

    Attributes:
        brief: What is asked for.
        protocol: Who decides.
        title: The article's title.
        order: The sections' ids in the outline's order; empty before there is an outline.
        sections: Every section by its id.
        step: Steps executed, refused ones included; nodes return by how many it grows.
        refused: Actions refused; nodes return by how many it grows.
        recent: The last steps; nodes return those they add.
        spent: What was spent; nodes return by how much it grows.
        end: How the run ended, such as "finished" or "failed:broken_reply"; "" while it runs.
        because: Why, for people.
    """

    brief: Brief
    protocol: ProtocolName
    title: str
    order: list[str]
    sections: Annotated[dict[str, Section], merge_sections]
    step: Annotated[int, operator.add]
    refused: Annotated[int, operator.add]
    recent: Annotated[list[StepRecord], last_steps]
    spent: Annotated[Spent, add_spent]
    end: Annotated[str, first_said]
    because: Annotated[str, first_said]


def new_state(brief: Brief, protocol: ProtocolName = "autonomous") -> WritingState:
    """Return the state before the first step."""
    return WritingState(
        brief=brief,
        protocol=protocol,
        title="",
        order=[],
        sections={},
        step=0,
        refused=0,
        recent=[],
        spent=nothing_spent(),
        end="",
        because="",
    )


def in_order(state: WritingState) -> list[Section]:
    """Return the sections in the outline's order."""
    sections = state.get("sections", {})
    return [sections[name] for name in state.get("order", [])]


def article(state: WritingState) -> str:
    """Return the article as Markdown: its title, and every section that has a text, under its heading."""
    parts = [f"# {state['title']}"] if state.get("title") else []
    parts += [
        f"## {section['title']}\n\n{section['content'].strip()}" for section in in_order(state) if section["content"]
    ]
    return "\n\n".join(parts) + "\n" if parts else ""
