"""Open a chat model by name: any provider that LangChain's `init_chat_model` knows."""

import os
import re
from typing import TYPE_CHECKING, Any

from ravelar.tools.chat.failures import without_secrets
from ravelar.tools.errors import InputError, ModelUnavailable
from ravelar.tools.writing.demo import PREFIX, demo_chat

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

_LOCAL_KEY = "none"  # local servers want no key, but OpenAI's client does not start without one


def open_chat(  # noqa: PLR0913  what every caller wants to set
    model: "str | BaseChatModel",
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    temperature: float | None = 0.0,
    timeout_s: float = 120.0,
    max_retries: int = 2,
    **options: Any,
) -> "BaseChatModel":
    """Open a chat model.

    Args:
        model: "provider:name", such as "openai:gpt-5-mini" or "anthropic:claude-sonnet-5"; "scripted:demo", which
            replays a shipped exchange (`tools.writing.demo`); or a chat model, which is returned as it is.
        base_url: Where an OpenAI-compatible server listens (vLLM, llama.cpp, Ollama, LM Studio); None leaves it to
            the provider and its environment variable (OPENAI_BASE_URL for "openai").
        api_key: A key; None leaves it to the provider's environment variable. A server at `base_url` gets a dummy
            where neither is set.
        temperature: None leaves it to the provider: some models allow no other than their own.
        timeout_s: How long one call may take, in seconds.
        max_retries: How often the provider's client tries again after a connection error, 429 or 5xx.
        options: Passed on to the provider's class.

    Raises:
        InputError: if `model` names no provider that LangChain knows.
        ModelUnavailable: if the provider's package or key is missing; says what to install or set.
    """
    if not isinstance(model, str):
        return model
    if ":" not in model:
        raise InputError(f"model {model!r} names no provider; allowed: provider:name, such as openai:gpt-5-mini")
    if model.startswith(PREFIX):
        return demo_chat(model)
    from langchain.chat_models import init_chat_model  # noqa: PLC0415  heavy

    given = {"base_url": base_url, "api_key": api_key, "temperature": temperature, **options}
    settings: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    settings |= {"timeout": timeout_s, "max_retries": max_retries}
    if base_url is not None and api_key is None and not _has_key(model):
        settings["api_key"] = _LOCAL_KEY
    try:
        chat: BaseChatModel = init_chat_model(model, **settings)
    except ImportError as error:
        raise ModelUnavailable(f"{model} needs a package: {_install(error)}") from error
    except ValueError as error:  # pydantic's ValidationError is one; its message may quote what was given
        if "provider" in str(error).lower() and "api_key" not in str(error).lower():
            raise InputError(without_secrets(f"model {model!r}: {error}")[:500]) from None
        raise ModelUnavailable(_not_opened(model, error)) from None
    except Exception as error:  # noqa: BLE001  each provider's client has its own
        raise ModelUnavailable(_not_opened(model, error)) from None
    return chat


def _not_opened(model: str, error: Exception) -> str:
    said = without_secrets(str(error))[:300]
    if "key" in said.lower():
        named = re.search(r"\b[A-Z][A-Z0-9]*_API_KEY\b", str(error))
        variable = named[0] if named else f"{model.partition(':')[0].upper()}_API_KEY"
        return f"{model} has no key: set {variable} (or base_url, for a server on this machine). It said: {said}"
    return f"{model} can't be opened: {type(error).__name__}: {said}"


def _install(error: ImportError) -> str:
    found = re.search(r"pip install (?:-U )?[`\"']?([\w\[\]-]+)", str(error))
    package = found[1] if found else (error.name or "its provider's package").replace("_", "-")
    extra = " (or: pip install 'ravelar[openai]')" if package == "langchain-openai" else ""
    return f"pip install {package}{extra}"


def _has_key(model: str) -> bool:
    return bool(os.environ.get(f"{model.partition(':')[0].upper()}_API_KEY"))
