"""Language models, LangSmith, the Hub, E2B: which keys are set, never what they are, and who answers."""

import importlib.util
import os
from urllib.parse import urlsplit, urlunsplit

from ravelar.doctor.findings import Finding
from ravelar.tools.chat.failures import without_secrets
from ravelar.tools.errors import HubError, InputError

_WAIT_S = 2.0
_ON = frozenset({"1", "true", "yes", "on"})
PROVIDERS = {
    "openai": ("langchain_openai", "OPENAI_API_KEY", "pip install 'ravelar[openai]'"),
    "anthropic": ("langchain_anthropic", "ANTHROPIC_API_KEY", "pip install langchain-anthropic"),
    "google_genai": ("langchain_google_genai", "GOOGLE_API_KEY", "pip install langchain-google-genai"),
    "mistralai": ("langchain_mistralai", "MISTRAL_API_KEY", "pip install langchain-mistralai"),
    "groq": ("langchain_groq", "GROQ_API_KEY", "pip install langchain-groq"),
    "deepseek": ("langchain_deepseek", "DEEPSEEK_API_KEY", "pip install langchain-deepseek"),
    "openrouter": ("langchain_openrouter", "OPENROUTER_API_KEY", "pip install langchain-openrouter"),
}
"""Providers as `init_chat_model` names them: the module, the variable of the key, how to get the package."""


def look_at_models() -> list[Finding]:
    """Return which providers have a package and a key; openai always, the others where there is a part of them."""
    rows = [_provider(name, *parts) for name, parts in PROVIDERS.items()]
    shown = [row for row in rows if row is not None]
    base_url = os.environ.get("OPENAI_BASE_URL")
    if base_url:
        shown.append(_own_server(base_url))
    return shown


def _own_server(base_url: str) -> Finding:
    name, where = "OPENAI_BASE_URL", _plain(base_url)
    if said := _no_answer(f"{base_url.rstrip('/')}/models"):
        return Finding("models", name, "broken", f"{where} {said}", f"start that server, or unset {name}")
    return Finding("models", name, "works", f"{where} answers")


def _provider(name: str, module: str, variable: str, install: str) -> Finding | None:
    package, key = importlib.util.find_spec(module) is not None, bool(os.environ.get(variable))
    if not (package or key) and name != "openai":
        return None
    said = f"{variable} is {'set' if key else 'not set'}, {module} {'is' if package else 'not'} installed"
    lacks = [] if package else [install]
    lacks += [] if key else [f"set {variable}"]
    if name == "openai" and not key and package:
        lacks = [f"set {variable}, or name a server of your own: --base-url http://127.0.0.1:8000/v1"]
    return Finding("models", name, "missing" if lacks else "works", said, "; ".join(lacks))


def look_at_langsmith() -> list[Finding]:
    """Return whether runs are traced, and whether who is to get them answers."""
    switch = os.environ.get("LANGSMITH_TRACING") or os.environ.get("LANGCHAIN_TRACING_V2") or ""
    endpoint = os.environ.get("LANGSMITH_ENDPOINT") or "https://api.smith.langchain.com"
    key = bool(os.environ.get("LANGSMITH_API_KEY") or os.environ.get("LANGCHAIN_API_KEY"))
    if switch.lower() not in _ON:
        said = f"tracing is off; LANGSMITH_API_KEY is {'set' if key else 'not set'}"
        return [Finding("tracing", "LangSmith", "missing", said, "to trace runs: LANGSMITH_TRACING=true, and a key")]
    if not key:
        said = f"tracing to {_plain(endpoint)} is on, and LANGSMITH_API_KEY is not set"
        return [Finding("tracing", "LangSmith", "broken", said, "set LANGSMITH_API_KEY, or LANGSMITH_TRACING=false")]
    if said := _no_answer(f"{endpoint.rstrip('/')}/info"):
        fix = "mend LANGSMITH_ENDPOINT, or set LANGSMITH_TRACING=false: a dead one slows the end of every run"
        return [Finding("tracing", "LangSmith", "broken", f"{_plain(endpoint)} {said}", fix)]
    return [Finding("tracing", "LangSmith", "works", f"{_plain(endpoint)} answers; LANGSMITH_API_KEY is set")]


def look_at_hub() -> list[Finding]:
    """Return whether the Hub answers, and whether there is a token for gated repositories."""
    from ravelar.tools.hub.client import HUB, HubClient  # noqa: PLC0415

    token = "HF_TOKEN is set" if os.environ.get("HF_TOKEN") else "HF_TOKEN is not set"
    try:
        with HubClient(timeout_s=_WAIT_S, retries=0) as hub:
            where = f"{_plain(hub.endpoint)} ({token})"
            hub.models([("limit", "1")], most=1)
    except InputError as error:
        return [Finding("Hub", "Hub", "broken", str(error), "mend or unset HF_ENDPOINT")]
    except HubError as error:
        said = f"{where}: {without_secrets(str(error))[:200]}"
        if os.environ.get("HF_ENDPOINT", HUB).rstrip("/") != HUB and not _is_offline():
            return [Finding("Hub", "Hub", "broken", said, "mend or unset HF_ENDPOINT")]
        fix = "only searching for reward models needs it: search_hub=False in RLAR's settings does without"
        return [Finding("Hub", "Hub", "missing", said, fix)]
    return [Finding("Hub", "Hub", "works", f"{where} answers")]


def _is_offline() -> bool:
    return any(os.environ.get(name, "").lower() in _ON for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))


def look_at_e2b() -> list[Finding]:
    """Return whether programs could be run on E2B; nothing is asked of it, for its machines cost money."""
    package, key = importlib.util.find_spec("e2b_code_interpreter") is not None, bool(os.environ.get("E2B_API_KEY"))
    said = f"E2B_API_KEY is {'set' if key else 'not set'}, e2b_code_interpreter {'is' if package else 'not'} installed"
    lacks = [*([] if package else ["pip install 'ravelar[e2b]'"]), *([] if key else ["set E2B_API_KEY"])]
    return [Finding("sandbox", "E2B", "missing" if lacks else "works", said, "; ".join(lacks))]


def _no_answer(url: str) -> str:
    """Return why a URL gives no answer at all, or ""; any status is one."""
    import httpx  # noqa: PLC0415  0.1 s

    try:
        httpx.get(url, timeout=_WAIT_S)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return f"does not answer: {type(error).__name__}: {without_secrets(str(error))[:120]}"
    return ""


def _plain(url: str) -> str:
    """Return a URL without user, password, query and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(no URL)"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
