"""Language models under evaluation: opened with the fastest transport they have, asked at a bounded rate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ravelar.tools.chat.opening import open_chat
from ravelar.tools.chat.retrying import Retries

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

_BURST = 8  # requests that may go out at once after a pause; ours


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which model, and how it is asked.

    Attributes:
        model: "provider:name", such as "openai:gpt-5-mini".
        base_url: Where an OpenAI-compatible server listens; None leaves it to the provider.
        temperature: None leaves it to the provider.
        timeout_s: How long one call may take, in seconds.
        requests_per_minute: How many calls a minute the provider allows; None means no limit. Calls wait for it.
        options: Passed on to the provider's class.
    """

    model: str
    base_url: str | None = None
    temperature: float | None = 0.0
    timeout_s: float = 300.0
    requests_per_minute: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def as_row(self) -> dict[str, Any]:
        """Return what decides a reply, as plain JSON; where the server listens and how fast it may be asked do not."""
        return {"model": self.model, "temperature": self.temperature, "options": dict(self.options)}


def open_model(settings: ModelSettings) -> "BaseChatModel":
    """Open a model for many calls side by side.

    Retries are left to `Retries`, which honours Retry-After and is counted; the provider's client makes none.

    Raises:
        InputError: if `model` names no provider that LangChain knows.
        ModelUnavailable: if the provider's package or key is missing.
    """
    options = dict(settings.options)
    if settings.model.startswith("openai:"):
        options |= _fast_openai(settings.timeout_s)
    if settings.requests_per_minute is not None:
        from langchain_core.rate_limiters import InMemoryRateLimiter  # noqa: PLC0415

        per_second = settings.requests_per_minute / 60
        limiter = InMemoryRateLimiter(
            requests_per_second=per_second, check_every_n_seconds=0.02, max_bucket_size=max(1, min(_BURST, per_second))
        )
        options["rate_limiter"] = limiter
    return open_chat(
        settings.model,
        base_url=settings.base_url,
        temperature=settings.temperature,
        timeout_s=settings.timeout_s,
        max_retries=0,
        **options,
    )


async def close_model(chat: "BaseChatModel") -> None:
    """Close the connections that `open_model` gave a model; one without such is left as it is."""
    client = getattr(chat, "http_async_client", None)
    if client is not None:
        await client.aclose()


def default_retries() -> Retries:
    """Return how calls of a benchmark are tried again: more patiently than where a person waits."""
    return Retries(most=5, first_wait_s=0.5, longest_wait_s=120.0)


def _fast_openai(timeout_s: float) -> dict[str, Any]:
    """Return OpenAI's aiohttp client where it is installed: half the cost of a call of its default one."""
    try:
        from openai import DefaultAioHttpClient  # noqa: PLC0415
    except ImportError:
        return {}
    return {"http_async_client": DefaultAioHttpClient(timeout=timeout_s)}  # its own limit is 1,000 connections
