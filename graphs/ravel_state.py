"""What the RAVEL graph carries: its input, its state, its context. All of it is plain JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, get_args

from pydantic import Field
from typing_extensions import TypedDict

from ravelar.agents.asking import Method
from ravelar.tools.errors import InputError, UnknownName
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.state import PROTOCOLS, ProtocolName, Section, Spent, WritingState

Approval = Literal["outline", "sections"]
APPROVALS: tuple[Approval, ...] = ("outline", "sections")
Role = Literal["planner", "outliner", "drafter", "reviewer", "refiner"]
ROLES: tuple[Role, ...] = ("planner", "outliner", "drafter", "reviewer", "refiner")


class PlannedSection(TypedDict):
    """A section of an outline, before anything is written."""

    title: Annotated[str, Field(description="Its heading.")]
    points: NotRequired[Annotated[list[str], Field(description="What it is to cover.")]]
    words: NotRequired[Annotated[int | None, Field(description="How long it is to be.")]]


class PlannedArticle(TypedDict):
    """An outline: a title and sections."""

    title: Annotated[str, Field(description="The article's title.")]
    sections: Annotated[list[PlannedSection], Field(description="Its sections, in order.")]


class GivenBrief(TypedDict):
    """A brief as a caller gives it: only the instruction is needed."""

    instruction: Annotated[str, Field(description="What is to be written, in your own words.")]
    language: NotRequired[Annotated[str, Field(description="Its language: en or zh; en if left out.")]]
    words: NotRequired[Annotated[int | None, Field(description="How long it is to be, in words.")]]
    sections: NotRequired[Annotated[int | None, Field(description="How many sections it is to have.")]]
    audience: NotRequired[Annotated[str | None, Field(description="For whom.")]]
    genre: NotRequired[Annotated[str | None, Field(description="What kind of text.")]]
    style: NotRequired[Annotated[str | None, Field(description="How it is to be written.")]]


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


class RavelInput(TypedDict):
    """What the graph is given."""

    brief: Annotated[GivenBrief, Field(title="Brief", description="What is to be written.")]
    outline: NotRequired[
        Annotated[PlannedArticle | None, Field(title="Outline", description="Your own outline, if there is one.")]
    ]


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


@dataclass(frozen=True, slots=True)
class RavelContext:
    """Settings of a run.

    Attributes:
        model: The language model of every role, "provider:name" as `init_chat_model` takes it.
        planner_model: Another one that decides what comes next.
        outliner_model: Another one that outlines.
        drafter_model: Another one that drafts.
        reviewer_model: Another one that reviews.
        refiner_model: Another one that refines.
        base_url: Where an OpenAI-compatible server of one's own listens.
        temperature: The models' temperature; None leaves it to the provider.
        structured_output: How replies are asked for: "text", "json_schema", "function_calling" or "json_mode".
        protocol: Who decides: the planner ("autonomous"), or code ("fixed", "no_review", "no_refine").
        at_once: Sections worked on side by side where code decides; 1 takes one after another.
        approve: What a person must approve: "outline", "sections" or both.
        tau: The lowest score that is accepted, of 0 to 10.
        max_steps: T_max; None means max(50, 4 * sections + 10).
        max_revisions: Revisions of one section.
        max_sections: Sections of an outline.
        max_tokens: Tokens sent and received; None means no limit.
        max_cost: US dollars; None means no limit.
        max_seconds: Seconds of waiting for models, added up; None means no limit.
        tokens_per_call: About how many tokens one call may send and receive.
        max_attempts: How often in a row one operation may fail by a broken reply before the run does.
        timeout_s: Seconds that one call may take.
        log: Folder of the run's event log; None keeps it in memory.
        prices: File of a price table that goes before the built-in one.
    """

    model: str | None = None
    planner_model: str | None = None
    outliner_model: str | None = None
    drafter_model: str | None = None
    reviewer_model: str | None = None
    refiner_model: str | None = None
    base_url: str | None = None
    temperature: float | None = 0.2  # RAVEL, the published loop
    structured_output: Method = "text"
    protocol: ProtocolName = "autonomous"
    at_once: int = 8
    approve: tuple[Approval, ...] = ()
    tau: float = 8.0
    max_steps: int | None = None
    max_revisions: int = 3
    max_sections: int = 100
    max_tokens: int | None = None
    max_cost: float | None = None
    max_seconds: float | None = None
    tokens_per_call: int = 8_000
    max_attempts: int = 2
    timeout_s: float = 120.0
    log: str | None = None
    prices: str | None = None

    def check(self) -> None:
        """Check what no type holds, before anything is paid for.

        Raises: InputError: if a setting is none; names it, its value, and what is allowed.
        """
        self.limits()
        if self.protocol not in PROTOCOLS:
            raise UnknownName("protocol", str(self.protocol), PROTOCOLS)
        if self.structured_output not in get_args(Method):
            raise UnknownName("structured output", str(self.structured_output), get_args(Method))
        if unknown := set(self.approve) - set(APPROVALS):
            raise UnknownName("thing to approve", str(unknown.pop()), APPROVALS)
        for name, most in (("at_once", 100), ("max_attempts", 100), ("timeout_s", 86_400)):
            value = getattr(self, name)
            if isinstance(value, bool) or not 1 <= value <= most:
                raise InputError(f"{name} {value!r} is out of bounds; allowed: 1 to {most}")

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
