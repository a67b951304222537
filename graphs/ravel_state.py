"""What the RAVEL graph carries: its input, its state, its context. All of it is plain JSON."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, with_config
from typing_extensions import TypedDict

from ravelar.agents.asking import Method
from ravelar.agents.ravel.languages import languages
from ravelar.graphs.settings import check_settings, form
from ravelar.tools.writing.limits import BOUNDS, BRIEF_BOUNDS, LONGEST_INSTRUCTION, MOST_SECTIONS, Limits
from ravelar.tools.writing.state import DEFAULT_LANGUAGE, ProtocolName, Section, Spent, WritingState

Approval = Literal["outline", "sections"]
APPROVALS: tuple[Approval, ...] = ("outline", "sections")
Role = Literal["planner", "outliner", "drafter", "reviewer", "refiner"]
ROLES: tuple[Role, ...] = ("planner", "outliner", "drafter", "reviewer", "refiner")


def _bounded(low: float, high: float) -> Any:
    """Return what a number's form says: the least and the most that it may be."""
    return Field(ge=low, le=None if high == math.inf else high)


def _languages(schema: dict[str, Any]) -> None:
    schema |= {"enum": list(languages()), "default": DEFAULT_LANGUAGE}


def _none(schema: dict[str, Any]) -> None:
    """Say that a field that may be left out is None then; a typed dictionary has no defaults of its own."""
    schema["default"] = None


@with_config(form("Section"))
class PlannedSection(TypedDict):
    """A section of an outline, before anything is written."""

    title: str
    """Its heading."""
    points: NotRequired[list[str]]
    """What it is to cover, point by point."""
    words: NotRequired[Annotated[int | None, _bounded(*BRIEF_BOUNDS["words"]), Field(json_schema_extra=_none)]]
    """How long it is to be, in words (characters of Chinese); open if left out."""


@with_config(form("Outline"))
class PlannedArticle(TypedDict):
    """An outline: a title and sections."""

    title: str
    """The article's title."""
    sections: Annotated[list[PlannedSection], Field(min_length=1, max_length=MOST_SECTIONS)]
    """Its sections, in order."""


@with_config(form("Brief"))
class GivenBrief(TypedDict):
    """A brief as a caller gives it: only the instruction is needed."""

    instruction: Annotated[
        str, Field(min_length=1, max_length=LONGEST_INSTRUCTION, examples=["An essay on tide tables, for sailors."])
    ]
    """What is to be written, in your own words."""
    language: NotRequired[Annotated[str, Field(json_schema_extra=_languages)]]
    """The language of the article, and of the prompts."""
    words: NotRequired[Annotated[int | None, _bounded(*BRIEF_BOUNDS["words"]), Field(json_schema_extra=_none)]]
    """How long it is to be, in words (characters of Chinese); open if left out."""
    sections: NotRequired[Annotated[int | None, _bounded(*BRIEF_BOUNDS["sections"]), Field(json_schema_extra=_none)]]
    """How many sections it is to have; open if left out."""
    audience: NotRequired[Annotated[str | None, Field(json_schema_extra=_none)]]
    """For whom."""
    genre: NotRequired[Annotated[str | None, Field(json_schema_extra=_none)]]
    """What kind of text: an essay, a report, a speech ..."""
    style: NotRequired[Annotated[str | None, Field(json_schema_extra=_none)]]
    """How it is to be written."""


class Errand(TypedDict):
    """One thing that is decided to be done: which operation, of which section, as which step.

    `first` is the first step that was decided together with this one, if it is not this one; `thought` is why;
    `findings` is what a program sees in a text that is to be reviewed, beside all the others.
    """

    step: int
    operation: str
    section: str | None
    first: NotRequired[int]
    thought: NotRequired[str]
    findings: NotRequired[list[str]]


def merge(before: Mapping[str, Any] | None, changed: Mapping[str, Any] | None) -> dict[str, Any]:
    """Put changed entries in place of those of the same key; the others stay."""
    return {**(before or {}), **(changed or {})}


@with_config(form("Write an article"))
class RavelInput(TypedDict):
    """What the writing agent is given: a brief, and perhaps an outline."""

    brief: GivenBrief
    """What is to be written."""
    outline: NotRequired[Annotated[PlannedArticle | None, Field(json_schema_extra=_none)]]
    """Your own outline, to be used as it is; without one, a model outlines."""


class RavelState(WritingState, total=False):
    """What the graph carries beside the state of writing.

    Attributes:
        run: The run's name; its event log and its calls are found by it.
        outline: The outline that the caller gave.
        errands: What was decided to be done next; side by side, where there are several.
        refusal: Why the policy's last action was refused; it is told once.
        failures: How often in a row an operation of a section failed, by "operation section".
        seamed: Sections that the seam pass had refined; each at most once. None before the pass.
        approved: What a person has approved: "outline", and sections' ids.
        article: The whole article, once the run has finished.
    """

    run: str
    outline: PlannedArticle | None
    errands: list[Errand]
    refusal: str | None
    failures: Annotated[dict[str, int], merge]
    seamed: list[str] | None
    approved: list[str]
    article: str | None


JOINED = frozenset({"sections", "step", "refused", "recent", "spent", "end", "because", "failures"})
"""Channels that join what nodes return; to set one back takes LangGraph's `Overwrite`."""


class RavelOutput(TypedDict, total=False):
    """What the graph returns: how it ended and why, the article if it finished, and every section as it stands."""

    run: str
    end: str
    because: str
    article: str | None
    title: str
    order: list[str]
    sections: dict[str, Section]
    step: int
    refused: int
    spent: Spent


class Desk(RavelState, total=False):
    """What a node that works on one section is sent: the state without the other sections' texts, and its errand."""

    errand: Errand


Update = dict[str, Any]


def _limit(name: str) -> Any:
    return _bounded(*BOUNDS[name])


@with_config(form("Settings of the writing agent"))
@dataclass(frozen=True, slots=True)
class RavelContext:
    """Settings of a run; each may be left out, but for a model."""

    model: Annotated[str | None, Field(examples=["openai:gpt-5-mini", "scripted:demo"])] = None
    """The language model of every role, "provider:name" as `init_chat_model` takes it; "scripted:demo" replays a
    shipped exchange and needs no key."""
    protocol: ProtocolName = "autonomous"
    """Who decides what comes next: the planner ("autonomous"), or code: "fixed" drafts, reviews and refines,
    "no_review" only drafts, "no_refine" drafts and reviews."""
    approve: tuple[Approval, ...] = ()
    """What a person must approve: "outline", "sections" or both."""
    tau: Annotated[float, _limit("tau")] = 8.0
    """The lowest score that is accepted, of 0 to 10."""
    max_revisions: Annotated[int, _limit("max_revisions")] = 3
    """Revisions of one section."""
    max_sections: Annotated[int, _limit("max_sections")] = MOST_SECTIONS
    """Sections of an outline."""
    max_steps: Annotated[int | None, _limit("max_steps")] = None
    """Steps of the whole run, T_max; if left out, max(50, 4 * sections + 10)."""
    max_tokens: Annotated[int | None, _limit("max_tokens")] = None
    """Tokens sent and received; no limit if left out."""
    max_cost: Annotated[float | None, _limit("max_cost")] = None
    """US dollars; no limit if left out. Needs a price for every model."""
    max_seconds: Annotated[float | None, _limit("max_seconds")] = None
    """Seconds of waiting for models, added up; no limit if left out."""
    at_once: Annotated[int, Field(ge=1, le=100)] = 8
    """Sections worked on side by side where code decides; 1 takes one after another."""
    planner_model: str | None = None
    """Another one that decides what comes next."""
    outliner_model: str | None = None
    """Another one that outlines."""
    drafter_model: str | None = None
    """Another one that drafts."""
    reviewer_model: str | None = None
    """Another one that reviews."""
    refiner_model: str | None = None
    """Another one that refines."""
    base_url: Annotated[str | None, Field(examples=["http://127.0.0.1:8000/v1"])] = None
    """Where an OpenAI-compatible server of one's own listens."""
    temperature: Annotated[float | None, Field(ge=0, le=2)] = 0.2  # RAVEL, the published loop
    """The models' temperature; None leaves it to the provider."""
    structured_output: Method = "text"
    """How replies are asked for; many servers of one's own know "text" alone."""
    tokens_per_call: Annotated[int, _limit("tokens_per_call")] = 8_000
    """About how many tokens one call may send and receive; what it shows is cut to fit."""
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 2
    """How often in a row one operation may fail by a broken reply before the run does."""
    timeout_s: Annotated[float, Field(ge=1, le=86_400)] = 120.0
    """Seconds that one call may take."""
    log: str | None = None
    """Folder of the run's event log; if left out, it is kept in memory."""
    prices: str | None = None
    """File of a price table that goes before the built-in one."""

    def check(self) -> None:
        """Check what no type holds, before anything is paid for.

        Raises: InputError: if a setting is none; names it, its value, and what is allowed.
        """
        check_settings(self)
        self.limits()

    def limits(self) -> Limits:
        """Return the bounds.

        Raises: InputError: if one of them is no possible bound.
        """
        return Limits(
            tau=self.tau,
            max_steps=self.max_steps,
            max_revisions=self.max_revisions,
            max_sections=self.max_sections,
            max_tokens=self.max_tokens,
            max_cost=self.max_cost,
            max_seconds=self.max_seconds,
            tokens_per_call=self.tokens_per_call,
        )
