"""What the RLAR graph carries: its input, its state, its context, its end states. All of it is plain JSON."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, with_config
from typing_extensions import TypedDict

from ravelar.agents.asking import Method
from ravelar.graphs.settings import check_settings, form
from ravelar.tools.evidence.thresholds import Thresholds
from ravelar.tools.hub.remote_protocols import RemoteProtocol

End = Literal[
    "scored",
    "known",
    "adopted",
    "nothing_passed",
    "insufficient_probes",
    "not_better",
    "not_approved",
    "budget_exhausted",
    "unavailable",
    "failed",
]
"""How a run ended.

`scored` there was nothing to acquire; `known` the task has a tool already; `adopted` a tool was adopted;
`nothing_passed` there were candidates, and the evidence refused each; `insufficient_probes` there are too few
labelled cases to judge any; `not_better` what passed does not beat the tool that the task has; `not_approved`
a person said no; `budget_exhausted` a budget ended the search before anything passed; `unavailable` neither a
language model nor the Hub could be used, so that there was no candidate; `failed` a decision of the language
model could not be had. The state's `because` says it in words.
"""


Text = str | list[dict[str, Any]]
"""A text, or chat messages as TRL passes them."""


@with_config(form("Triple"))
class TripleRow(TypedDict):
    """One completion to be scored; the form of a row of `ravelar score`."""

    prompt: Annotated[Text, Field(examples=["What is 6 * 7?"])]
    """What the policy was asked: text or messages."""
    completion: Annotated[Text, Field(examples=["The answer is 42."])]
    """What it wrote: text or messages."""
    reference: NotRequired[Annotated[Any, Field(examples=[42])]]
    """What decides: any JSON value, or nothing."""
    task: NotRequired[str]
    """A task's label, if one is known."""
    tool: NotRequired[str]
    """A reward tool's name, if it is to decide."""
    metadata: NotRequired[dict[str, Any]]
    """Further columns, such as options."""


@with_config(form("Example"))
class ExampleRow(TypedDict):
    """One example of a task: a prompt and its reference, without a completion."""

    prompt: Text
    """What the policy is asked: text or messages."""
    reference: NotRequired[Any]
    """What decides: any JSON value, or nothing."""
    task: NotRequired[str]
    """The task's label, if it has one."""
    metadata: NotRequired[dict[str, Any]]
    """Further columns."""


@with_config(form("Probe"))
class ProbeRow(TypedDict):
    """One labelled case: a completion and whether it is right; or a prompt with `chosen` and `rejected`."""

    prompt: Text
    """What the policy was asked: text or messages."""
    completion: NotRequired[Text]
    """What it wrote: text or messages."""
    label: NotRequired[bool]
    """Whether the completion is right."""
    chosen: NotRequired[Text]
    """The better completion of a pair, instead of completion and label."""
    rejected: NotRequired[Text]
    """The worse completion of a pair."""
    reference: NotRequired[Any]
    """What decides: any JSON value, or nothing."""
    metadata: NotRequired[dict[str, Any]]
    """Further columns."""


@with_config(form("Remote reward model"))
class RemoteModel(TypedDict):
    """A reward model behind HTTP."""

    url: str
    """Where it is asked."""
    protocol: RemoteProtocol
    """Which dialect it speaks."""
    model: NotRequired[str]
    """The model's name there, if the dialect needs one."""


class RouteRow(TypedDict):
    """The tool chosen for a triple, and why."""

    tool: str | None
    reason: str


class RewardRow(TypedDict):
    """A triple's reward: a value in [0, 1], or null and the reason."""

    tool: str | None
    reward: float | None
    raw: float | None
    reason: str | None
    detail: dict[str, Any] | None


class CandidateRow(TypedDict):
    """What became of one candidate: a reward model, a written verifier, a judge.

    `entry` is the library entry that it would become; null where it never came that far; `shown` is its
    trial on the shown half; `values` are what it gave the held-out probes, by which candidates are compared.
    """

    name: str
    kind: str
    passed: bool
    reasons: list[str]
    entry: NotRequired[dict[str, Any] | None]
    shown: NotRequired[dict[str, Any] | None]
    values: NotRequired[list[float | None]]


class LeftOut(TypedDict):
    """A step, or a part of one, that was not done: which, of what kind the reason is, and the reason in words."""

    step: str
    kind: str
    said: str


class Spent(TypedDict, total=False):
    """What a run has used up so far."""

    llm_calls: int
    tokens: int
    seconds: float
    bytes: int
    candidates: int
    repairs: int


def add_spent(before: Spent, more: Spent) -> Spent:
    """Add up what parallel branches used."""
    total: dict[str, float] = {**before}  # type: ignore[dict-item]
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount  # type: ignore[operator]
    return total  # type: ignore[return-value]


def join(before: list[Any], more: list[Any]) -> list[Any]:
    """Append what another branch found; what a node says twice (it ran again after a kill) stands once."""
    return [*before, *(item for item in more if item not in before)]


def _empty(schema: dict[str, Any]) -> None:
    """Say that a list that may be left out is empty then; a typed dictionary has no defaults of its own."""
    schema["default"] = []


@with_config(form("Score completions, get reward tools"))
class RlarInput(TypedDict):
    """What the reward agent is given: completions to score, and what may be learned from."""

    triples: NotRequired[Annotated[list[TripleRow], Field(json_schema_extra=_empty)]]
    """The completions to score, of any tasks."""
    examples: NotRequired[Annotated[list[ExampleRow], Field(json_schema_extra=_empty)]]
    """Prompts of ONE task that may need a reward tool."""
    probes: NotRequired[Annotated[list[ProbeRow], Field(json_schema_extra=_empty)]]
    """Labelled completions of that task, by which a new tool is judged; 50 held out per class are needed."""


class RlarState(RlarInput):
    """What the graph carries; `routes` and `rewards` have one entry per triple, in order."""

    task: NotRequired[dict[str, Any] | None]
    known: NotRequired[bool]
    unverifiable: NotRequired[str | None]
    shortlist: NotRequired[list[dict[str, Any]]]
    verifier: NotRequired[dict[str, Any] | None]
    check: NotRequired[dict[str, Any] | None]
    repairs: NotRequired[int]
    candidates: NotRequired[Annotated[list[CandidateRow], join]]
    left_out: NotRequired[Annotated[list[LeftOut], join]]
    spent: NotRequired[Annotated[Spent, add_spent]]
    chosen: NotRequired[dict[str, Any] | None]
    approved: NotRequired[bool]
    adopted: NotRequired[dict[str, Any] | None]
    end: NotRequired[End | None]
    because: NotRequired[str | None]
    routes: NotRequired[list[RouteRow]]
    rewards: NotRequired[list[RewardRow]]


class RlarOutput(TypedDict):
    """What the graph returns."""

    end: NotRequired[End]
    because: NotRequired[str]
    task: NotRequired[dict[str, Any] | None]
    adopted: NotRequired[dict[str, Any] | None]
    candidates: NotRequired[list[CandidateRow]]
    left_out: NotRequired[list[LeftOut]]
    spent: NotRequired[Spent]
    routes: NotRequired[list[RouteRow]]
    rewards: NotRequired[list[RewardRow]]


class RoutesUpdate(TypedDict):
    """What `route` changes."""

    routes: list[RouteRow]


class RewardsUpdate(TypedDict):
    """What `invoke` changes."""

    rewards: list[RewardRow]


def _thresholds(schema: dict[str, Any]) -> None:
    schema |= {"properties": Thresholds.model_json_schema()["properties"], "additionalProperties": False, "default": {}}


@with_config(form("Settings of the reward agent"))
@dataclass(frozen=True, slots=True)
class RlarContext:
    """Settings of a run; each has a default that costs nothing and asks nobody."""

    acquire: bool = True
    """Whether a task without a tool gets one; False only routes and scores."""
    model: Annotated[str | None, Field(examples=["openai:gpt-5-mini"])] = None
    """The language model, "provider:name" as `init_chat_model` takes it; if left out, none is asked."""
    ask_before_adopting: bool = False
    """Whether a person must approve before a tool is adopted."""
    tool: str | None = None
    """Score every triple with this tool instead of routing."""
    search_hub: bool = True
    """Whether reward models are looked for on the Hub."""
    write_verifier: bool = True
    """Whether a verifier is written."""
    judge: bool = False
    """Whether the language model itself is tried as a judge."""
    replace: bool = False
    """Whether a task that has a tool may get a better one; else a known task ends the search."""
    remote_models: tuple[RemoteModel, ...] = ()
    """Reward models behind HTTP to try."""
    allow_remote_code: tuple[str, ...] = ()
    """Repositories, by name, whose own code may run in this process."""
    max_llm_calls: Annotated[int, Field(ge=0)] = 20
    """Most calls of the language model."""
    max_judge_calls: Annotated[int, Field(ge=0)] = 2_000
    """Most calls of a judge: its budget is its own, since it is asked for each probe and completion."""
    max_tokens: Annotated[int, Field(ge=0)] = 120_000
    """Most tokens, of prompts and replies together."""
    max_seconds: Annotated[float, Field(ge=0)] = 1_800.0
    """Most wall clock, over all nodes, resumed runs included."""
    max_candidates: Annotated[int, Field(ge=0, le=100)] = 5
    """Most reward models that are downloaded and evaluated."""
    max_download_gb: Annotated[float, Field(ge=0)] = 20.0
    """Most gigabytes that are downloaded."""
    memory_gb: Annotated[float | None, Field(gt=0)] = None
    """Memory that a reward model may take; if left out, what this machine has free."""
    max_repairs: Annotated[int, Field(ge=0, le=100)] = 2
    """Most times a verifier is repaired."""
    thresholds: Annotated[dict[str, float], Field(json_schema_extra=_thresholds)] = field(default_factory=dict)
    """What evidence must reach; what is left out has its default."""
    base_url: Annotated[str | None, Field(examples=["http://127.0.0.1:8000/v1"])] = None
    """Where an OpenAI-compatible server of one's own listens."""
    structured_output: Method = "text"
    """How replies are asked for; many servers of one's own know "text" alone."""
    hub_endpoint: str | None = None
    """Another Hub than the public one."""
    web_search: str | None = None
    """A search tool of langchain-community by class name, whose hits only name models."""
    library: str | None = None
    """Where adopted tools are kept: a path or a URL; if left out, the default place."""

    def check(self) -> None:
        """Check every setting, before anything is spent.

        Raises: InputError: if one of them is none; names it, its value, and what is allowed.
        """
        check_settings(self)
