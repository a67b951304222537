"""The reward vocabulary: what is scored, what a score is, and what a reward tool must be.

(prompt, completion, reference) -> Triple -> tool.score([Triple, ...]) -> raw scores
    -> tools.scoring.score_or_abstain -> Reward(value in [0, 1] | None + reason)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from ravelar.tools.card import ToolCard
from ravelar.tools.completion import Conversation, Message, conversation_text, opens_reasoning, without_reasoning
from ravelar.tools.completion import tool_calls as calls_of
from ravelar.tools.errors import InputError, RewardToolError

JSON = Any  # null, bool, number, text, list or mapping; mypy knows no better recursive type for read data


def _check_conversation(field_name: str, given: object) -> None:
    if isinstance(given, str):
        return
    if not isinstance(given, list | tuple):
        raise InputError(f"{field_name} is {type(given).__name__}; allowed: text, or a list of chat messages")
    for i, message in enumerate(given):
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            raise InputError(f"{field_name}[{i}] is no chat message: a mapping with a text 'role' is needed")


@dataclass(frozen=True, slots=True)
class Triple:
    """One completion to be scored.

    Attributes:
        prompt: What the policy was asked: text, or chat messages.
        completion: What it wrote: text, or chat messages (TRL's form, tool calls included).
        reference: What decides, if anything does: any JSON value, or None.
        metadata: Further columns of the row (`task`, `tool`, `options`, `target_language` ...).

    Raises:
        InputError: if the prompt or the completion is neither text nor a list of messages.
    """

    prompt: Conversation
    completion: Conversation
    reference: JSON = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if type(self.prompt) is not str:
            _check_conversation("prompt", self.prompt)
        if type(self.completion) is not str:
            _check_conversation("completion", self.completion)

    @property
    def text(self) -> str:
        """The completion's text as written, reasoning included."""
        return conversation_text(self.completion, "assistant")

    @property
    def answer(self) -> str:
        """The completion's text without its reasoning; '' where the reasoning never ends."""
        return without_reasoning(self.text, opened=opens_reasoning(self.question)) or ""

    @property
    def question(self) -> str:
        """The prompt's text: as it is, or that of the last user message."""
        return conversation_text(self.prompt, "user")

    @property
    def tool_calls(self) -> list[Message]:
        """The tool calls of the last assistant message, as `{"name", "arguments"}`."""
        return calls_of(self.completion)


@dataclass(frozen=True, slots=True)
class Scored:
    """A raw score with what stands behind it.

    Attributes:
        raw: The score on the card's own scale.
        note: A short remark for the row, such as "completion cut at 512 tokens".
        detail: Plain JSON values kept beside the reward (per-test outcomes, parts of a composite ...).
    """

    raw: float
    note: str | None = None
    detail: Mapping[str, JSON] | None = None


RawScore = float | Scored | RewardToolError
"""What a tool says of one triple: a number on its card's scale, the same with detail, or why it can't say."""


@dataclass(frozen=True, slots=True)
class Reward:
    """What the policy earns.

    Attributes:
        value: In [0, 1], higher is better; None if unscored, and then `reason` says why.
        tool: The tool that was asked; None if no tool fits the query.
        reason: Why it is unscored, or a remark on how it was scored.
        raw: The tool's own figure, before calibration.
        detail: What the tool kept beside it.
    """

    value: float | None
    tool: str | None = None
    reason: str | None = None
    raw: float | None = None
    detail: Mapping[str, JSON] | None = None

    def as_row(self) -> dict[str, JSON]:
        """Return the reward as the columns `tool, reward, raw, reason` of a row."""
        return {"tool": self.tool, "reward": self.value, "raw": self.raw, "reason": self.reason}


@runtime_checkable
class RewardTool(Protocol):
    """A reward model, verifier, metric or judge: anything that scores triples.

    `score` takes n triples and returns n raw scores in order, each within [card.low, card.high].
    A completion that is empty, wrong or hostile earns the lowest; what the tool can't judge (an
    unreadable reference, a broken model) is a `RewardToolError`: returned in that triple's place,
    or raised when it concerns the whole batch. A tool may be called from several threads.
    """

    @property
    def card(self) -> ToolCard:
        """What is known of the tool."""
        ...

    def score(self, triples: Sequence[Triple]) -> Sequence[RawScore]:
        """Score n triples; return n raw scores in order."""
        ...
