"""What the RLAR graph carries: its input, its state, its context, its end states. All of it is plain JSON."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

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


class TripleRow(TypedDict):
    """One completion to be scored; the form of a row of `ravelar score`."""

    prompt: Annotated[str | list[dict[str, Any]], Field(description="What the policy was asked: text or messages.")]
    completion: Annotated[str | list[dict[str, Any]], Field(description="What it wrote: text or messages.")]
    reference: NotRequired[Annotated[Any, Field(description="What decides: any JSON value, or nothing.")]]
    task: NotRequired[Annotated[str, Field(description="A task's label, if one is known.")]]
    tool: NotRequired[Annotated[str, Field(description="A reward tool's name, if it is to decide.")]]
    metadata: NotRequired[Annotated[dict[str, Any], Field(description="Further columns, such as options.")]]


class ExampleRow(TypedDict):
    """One example of a task: a prompt and its reference, without a completion."""

    prompt: Annotated[str | list[dict[str, Any]], Field(description="What the policy is asked: text or messages.")]
    reference: NotRequired[Annotated[Any, Field(description="What decides: any JSON value, or nothing.")]]
    task: NotRequired[Annotated[str, Field(description="The task's label, if it has one.")]]
    metadata: NotRequired[Annotated[dict[str, Any], Field(description="Further columns.")]]


class ProbeRow(TypedDict):
    """One labelled case: a completion and whether it is right; or a prompt with `chosen` and `rejected`."""

    prompt: Annotated[str | list[dict[str, Any]], Field(description="What the policy was asked.")]
    completion: NotRequired[Annotated[str | list[dict[str, Any]], Field(description="What it wrote.")]]
    label: NotRequired[Annotated[bool, Field(description="Whether the completion is right.")]]
    chosen: NotRequired[Annotated[str | list[dict[str, Any]], Field(description="The better completion of a pair.")]]
    rejected: NotRequired[Annotated[str | list[dict[str, Any]], Field(description="The worse completion of a pair.")]]
    reference: NotRequired[Annotated[Any, Field(description="What decides: any JSON value, or nothing.")]]
    metadata: NotRequired[Annotated[dict[str, Any], Field(description="Further columns.")]]


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


class RlarInput(TypedDict):
    """What the graph is given: completions to score, and what may be learned from."""

    triples: NotRequired[
        Annotated[list[TripleRow], Field(title="Triples", description="The completions to score, of any tasks.")]
    ]
    examples: NotRequired[
        Annotated[
            list[ExampleRow],
            Field(title="Task examples", description="Prompts of ONE task that may need a reward tool."),
        ]
    ]
    probes: NotRequired[
        Annotated[
            list[ProbeRow],
            Field(title="Probes", description="Labelled completions of that task; 50 held out per class are needed."),
        ]
    ]


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


@dataclass(frozen=True, slots=True)
class RlarContext:
    """Settings of a run; each has a default that costs nothing and asks nobody.

    Attributes:
        tool: Score every triple with this tool instead of routing.
        acquire: Whether a task without a tool gets one; False only routes and scores.
        model: The language model, "provider:name" as `init_chat_model` takes it; None means none is asked.
        base_url: Where an OpenAI-compatible server of one's own listens.
        structured_output: How replies are asked for: "text", "json_schema", "function_calling" or "json_mode".
        search_hub: Whether reward models are looked for on the Hub.
        hub_endpoint: Another Hub than the public one.
        web_search: A search tool of langchain-community by class name, whose hits only name models.
        remote_models: Reward models behind HTTP to try: mappings with `url`, `protocol` and, as needed, `model`.
        write_verifier: Whether a verifier is written.
        judge: Whether the language model itself is tried as a judge.
        replace: Whether a task that has a tool may get a better one; else a known task ends the search.
        ask_before_adopting: Whether a person must approve.
        allow_remote_code: Repositories, by name, whose own code may run in this process.
        library: Where adopted tools are kept: a path or a URL; None means the default place.
        max_llm_calls: Most calls of the language model.
        max_judge_calls: Most calls of a judge: its budget is its own, since it is asked for each probe and completion.
        max_tokens: Most tokens, of prompts and replies together.
        max_seconds: Most wall clock, over all nodes, resumed runs included.
        max_candidates: Most reward models that are downloaded and evaluated.
        max_download_gb: Most gigabytes that are downloaded.
        memory_gb: Memory that a reward model may take; None means what this machine has free.
        max_repairs: Most times a verifier is repaired.
        thresholds: What evidence must reach; names and defaults stand in `tools.evidence.adoption`.
    """

    tool: str | None = None
    acquire: bool = True
    model: str | None = None
    base_url: str | None = None
    structured_output: Literal["text", "json_schema", "function_calling", "json_mode"] = "text"
    search_hub: bool = True
    hub_endpoint: str | None = None
    web_search: str | None = None
    remote_models: tuple[dict[str, str], ...] = ()
    write_verifier: bool = True
    judge: bool = False
    replace: bool = False
    ask_before_adopting: bool = False
    allow_remote_code: tuple[str, ...] = ()
    library: str | None = None
    max_llm_calls: int = 20
    max_judge_calls: int = 2_000
    max_tokens: int = 120_000
    max_seconds: float = 1_800.0
    max_candidates: int = 5
    max_download_gb: float = 20.0
    memory_gb: float | None = None
    max_repairs: int = 2
    thresholds: dict[str, float] = field(default_factory=dict)
