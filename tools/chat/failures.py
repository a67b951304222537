"""What a provider's failure means, told on one line and without secrets."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from pydantic import SecretStr

from ravelar.tools.errors import ContextOverflow, ModelUnavailable

FailureKind = Literal[
    "rate_limited", "out_of_quota", "server_error", "timeout", "disconnected", "context_overflow", "refused_request"
]
"""What failed; of these, quota, overflow and a refused request fail again however often they are tried."""

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
_SECRET_SHAPES = (
    re.compile(r"\b(?:sk|pk|rk|hf|gsk|xai|lsv2|ghp|AIza)[-_][\w\-*.]{4,}"),
    re.compile(r"(?i)\b(bearer|basic)\s+[\w\-.~+/=*]{4,}"),
    re.compile(r"(?<=://)[^/\s@]+@"),
    re.compile(r"(?i)(?<=[?&])[\w-]*(?:key|token|secret|signature|sig)=[^&\s\"']+"),
)
_ADVICE = {
    400: "the server refuses the request; does it know this model and method?",
    401: "is the key right?",
    403: "is the key allowed to use this model?",
    404: "is the model's name right, and does base_url end in /v1?",
    429: "rate-limited or out of quota, also after retries",
}
_OVERFLOW = re.compile(
    r"context[ _-]?(?:length|window|size)|maximum context|prompt is too long|too many (?:input )?tokens|"
    r"exceeds? the (?:model'?s )?(?:maximum|max)[^.]{0,40}tokens|input is too long",
    re.IGNORECASE,
)
_QUOTA = re.compile(r"insufficient_quota|exceeded your current quota|billing|credit balance", re.IGNORECASE)
_TIMEOUT = re.compile(r"timeout|timed ?out", re.IGNORECASE)
_DISCONNECTED = re.compile(r"Connect|RemoteProtocol|ReadError|WriteError|IncompleteRead|ChunkedEncoding|BrokenPipe")
_SERVER = frozenset({408, 409, 425, 500, 502, 503, 504, 520, 522, 524, 529})
_LONGEST = 300
_SHORTEST_SECRET = 6


def as_unavailable(error: Exception, chat: object, *, retries: int = 0) -> ModelUnavailable:
    """Turn whatever a provider's client raised into one error that names the failure and no secret.

    Args:
        error: What was raised.
        chat: The chat model.
        retries: How often it was tried again.
    """
    status = _status(error)
    parts = [type(error).__name__, *([f"HTTP {status}"] if status is not None else [])]
    if status is not None and (advice := _ADVICE.get(status)):
        parts.append(advice)
    if retries:
        parts.append(f"after {retries} {'retry' if retries == 1 else 'retries'}")
    said = without_secrets(str(error), chat)[:_LONGEST]
    if failure_kind(error) == "context_overflow":
        return ContextOverflow(f"what was sent is too long for the language model {model_name(chat)}: {said}")
    return ModelUnavailable(f"the language model {model_name(chat)} can't be asked: {'; '.join(parts)}: {said}")


def failure_kind(error: Exception) -> FailureKind:
    """Say what kind of failure a provider's client raised, by its status and its class; no client is imported."""
    status, name, said = _status(error), type(error).__name__, str(error)[:5_000]
    if status in {400, 413, 422} and _OVERFLOW.search(said):
        return "context_overflow"
    if status in {402, 429} and _QUOTA.search(said):
        return "out_of_quota"
    if status == 429:
        return "rate_limited"
    if status in _SERVER:
        return "server_error"
    if status is not None:
        return "refused_request"
    if isinstance(error, TimeoutError) or _TIMEOUT.search(name):
        return "timeout"
    if isinstance(error, ConnectionError) or _DISCONNECTED.search(name):
        return "disconnected"
    return "refused_request"


def _status(error: Exception) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def model_name(chat: object) -> str:
    """Return what a chat model calls itself, for messages and rows."""
    for attribute in ("model_name", "model", "model_id"):
        if isinstance(name := getattr(chat, attribute, None), str) and name:
            return name
    return type(chat).__name__


def without_secrets(text: str, chat: object = None) -> str:
    """Blot out keys: those of the chat model, those of the environment, and what looks like one; on one line."""
    return " ".join(blot_out({*_secrets_of(chat), *environment_secrets()})(text).split())


def blot_out(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return what puts "[secret]" in the place of these secrets, and of whatever looks like one, in a text."""
    longest_first = sorted(secrets, key=len, reverse=True)

    def blotted(text: str) -> str:
        for secret in longest_first:
            text = text.replace(secret, "[secret]")
        for shape in _SECRET_SHAPES:
            text = shape.sub("[secret]", text)
        return text

    return blotted


def environment_secrets() -> frozenset[str]:
    """Return the values of all variables that are named like keys, tokens or passwords; very short ones are none."""
    return frozenset(
        value for name, value in os.environ.items() if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET
    )


def _secrets_of(chat: object) -> Iterator[str]:
    fields: Mapping[str, Any] = getattr(chat, "__dict__", {})
    for value in fields.values():
        if isinstance(value, SecretStr) and len(value.get_secret_value()) >= _SHORTEST_SECRET:
            yield value.get_secret_value()
