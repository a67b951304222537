"""What a language model said, kept so that no finished call is ever paid for twice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata

from ravelar.tools.completion import content_text

_REASONS = ("finish_reason", "stop_reason")


@dataclass(frozen=True, slots=True)
class Said:
    """One answered call, as plain JSON can hold it.

    Attributes:
        text: The reply's text.
        tool_calls: The tool calls in it, each {name, args, id}.
        finish_reason: Why it ended, in the provider's word; "" if it does not say.
        refusal: The provider's own word that it refuses; "" if it does not.
        tokens_in: Tokens sent.
        tokens_out: Tokens received.
        cached: Tokens sent that the provider had in its cache.
        seconds: How long it took, waiting between retries included.
        retries: How often it was tried again.
    """

    text: str
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    finish_reason: str = ""
    refusal: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    cached: int = 0
    seconds: float = 0.0
    retries: int = 0

    @classmethod
    def of(cls, message: AIMessage, **measured: Any) -> "Said":
        """Take from a message what counts, and what was measured of the call."""
        metadata = message.response_metadata
        reason = next((metadata[name] for name in _REASONS if metadata.get(name)), "")
        return cls(
            text=content_text(message.content),
            tool_calls=[{"name": call["name"], "args": call["args"], "id": call["id"]} for call in message.tool_calls],
            finish_reason=str(reason),
            refusal=str(message.additional_kwargs.get("refusal") or ""),
            cached=cached_tokens(message.usage_metadata),
            **measured,
        )

    def message(self) -> AIMessage:
        """Return it as a message again."""
        return AIMessage(
            self.text,
            tool_calls=[{**call, "type": "tool_call"} for call in self.tool_calls],
            response_metadata={"finish_reason": self.finish_reason} if self.finish_reason else {},
            additional_kwargs={"refusal": self.refusal} if self.refusal else {},
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """Which call it was.

    Attributes:
        prompt: The prompt's name.
        prompt_hash: The hash of the rendered prompt.
        template_hash: The hash of the prompt file.
        sent_hash: The hash of all that was sent; another one for the repair turn.
        repair: Whether it is the repair turn.
        model: What the model calls itself.
    """

    prompt: str
    prompt_hash: str
    template_hash: str
    sent_hash: str
    repair: bool
    model: str


class Journal(Protocol):
    """Where calls are kept; it knows the place they are made from (a role, a step, a section)."""

    def recall(self, asked: Asked) -> Said | None:
        """Return what was said to this very call, at this very place, if it was finished before."""
        ...

    def keep(self, asked: Asked, said: Said) -> None:
        """Keep a reply, durably, before anybody uses it."""
        ...

    def retrying(self, asked: Asked, why: str, wait_s: float) -> None:
        """Hear that a call is tried again after `wait_s` seconds."""
        ...

    def failed(self, asked: Asked, error: Exception, *, seconds: float, retries: int) -> None:
        """Hear that a call failed for good."""
        ...


def cached_tokens(usage: UsageMetadata | Mapping[str, Any] | None) -> int:
    """Return how many of the tokens sent the provider says to have had in its cache."""
    details = (usage or {}).get("input_token_details") or {}
    return int(details.get("cache_read") or 0) if isinstance(details, Mapping) else 0
