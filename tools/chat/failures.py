"""What a provider's failure means, told on one line and without secrets."""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretStr

from ravelar.tools.errors import ModelUnavailable

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
_LONGEST = 300
_SHORTEST_SECRET = 6


def as_unavailable(error: Exception, chat: object) -> ModelUnavailable:
    """Turn whatever a provider's client raised into one error that names the failure and no secret."""
    status = getattr(error, "status_code", None)
    parts = [type(error).__name__, *([f"HTTP {status}"] if isinstance(status, int) else [])]
    if isinstance(status, int) and (advice := _ADVICE.get(status)):
        parts.append(advice)
    said = without_secrets(str(error), chat)[:_LONGEST]
    return ModelUnavailable(f"the language model {model_name(chat)} can't be asked: {'; '.join(parts)}: {said}")


def model_name(chat: object) -> str:
    """Return what a chat model calls itself, for messages and rows."""
    for attribute in ("model_name", "model", "model_id"):
        if isinstance(name := getattr(chat, attribute, None), str) and name:
            return name
    return type(chat).__name__


def without_secrets(text: str, chat: object = None) -> str:
    """Blot out keys: those of the chat model, those of the environment, and what looks like one; on one line."""
    for secret in sorted({*_secrets_of(chat), *_environment_secrets()}, key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    for shape in _SECRET_SHAPES:
        text = shape.sub("[secret]", text)
    return " ".join(text.split())


def _secrets_of(chat: object) -> Iterator[str]:
    fields: Mapping[str, Any] = getattr(chat, "__dict__", {})
    for value in fields.values():
        if isinstance(value, SecretStr) and len(value.get_secret_value()) >= _SHORTEST_SECRET:
            yield value.get_secret_value()


def _environment_secrets() -> Iterator[str]:
    for name, value in os.environ.items():
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET:
            yield value
