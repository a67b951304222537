"""The E2B package: imported when it is needed, its options in one place, its exceptions in our words.

Not everything that the package raises is its own `SandboxException`: a refused key and a busy service are
plain exceptions, and a connection that breaks or a reply that is no JSON comes through as httpx or Python
raise it. All of them are wrapped here, without the key and without the foreign traceback.
"""

import importlib
import os
import re
from dataclasses import dataclass, field
from typing import Any

from ravelar.tools.sandbox.errors import SandboxBroken, SandboxError, SandboxUnavailable

_INSTALL = "the sandbox \"e2b\" needs the package e2b-code-interpreter: pip install 'ravelar[e2b]'"
_STATUS = re.compile(r"^(\d{3})\b")
_MESSAGE_CHARACTERS = 300
_REFUSED = (401, 403)
_RETRIES = 3


@dataclass(frozen=True, slots=True)
class Account:
    """Where to start machines, and in whose name.

    Attributes:
        api_key: The key; it stands in no message and no repr.
        domain: Domain of a self-hosted service; None for E2B's own.
        api_url: Address of the control plane, where it does not follow from the domain.
        sandbox_url: Address of the machines' proxy, where it does not follow from the domain.
        request_timeout_s: How long one request to the control plane may take, retries included.
    """

    api_key: str = field(repr=False)
    domain: str | None = None
    api_url: str | None = None
    sandbox_url: str | None = None
    request_timeout_s: float = 60.0

    def options(self) -> dict[str, Any]:
        """Return the keywords that every request of the package takes.

        `debug` is said outright: the variable E2B_DEBUG would make the package start and kill nothing, silently.
        """
        return {
            "api_key": self.api_key,
            "domain": self.domain,
            "api_url": self.api_url,
            "sandbox_url": self.sandbox_url,
            "request_timeout": self.request_timeout_s,
            "retries": _RETRIES,
            "debug": False,
        }


def open_account(
    *,
    api_key: str | None,
    domain: str | None,
    api_url: str | None,
    sandbox_url: str | None,
    request_timeout_s: float,
) -> Account:
    """Return the account that the arguments, or else the environment, name; the package reads its other variables.

    Raises: SandboxUnavailable: if the package or the key is missing.
    """
    package()
    key = api_key or os.environ.get("E2B_API_KEY")
    if not key:
        raise SandboxUnavailable(
            'the sandbox "e2b" needs an API key: pass api_key= or set E2B_API_KEY (https://e2b.dev/dashboard?tab=keys)'
        )
    return Account(key, domain, api_url, sandbox_url, request_timeout_s)


def package() -> Any:
    """Return the package; importing it takes half a second, so nobody else does.

    Raises: SandboxUnavailable: if it is not installed.
    """
    try:
        return importlib.import_module("e2b_code_interpreter")
    except ImportError as error:
        raise SandboxUnavailable(f"{_INSTALL} ({error})") from error


class MachineGone(Exception):
    """The remote machine does not exist any more."""


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status behind one of the package's exceptions, where it tells."""
    known = getattr(error, "status_code", None)
    if isinstance(known, int):
        return known
    found = _STATUS.match(str(error))
    return int(found.group(1)) if found else None


def is_gone(error: BaseException) -> bool:
    """Say whether an exception means that the machine ended, and not that the way to it is broken."""
    return isinstance(error, package().TimeoutException) and "sandbox" in str(error).lower()


def in_our_words(error: BaseException, doing: str, account: Account) -> SandboxError:
    """Return our exception for one of the package's, of httpx's, or of the JSON parser's.

    Args:
        error: What was raised.
        doing: What we were about, as in "start a machine".
        account: Whose key must not be shown.
    """
    status, shown = status_of(error), _shown(error, account)
    if isinstance(error, package().AuthenticationException) or status in _REFUSED:
        return SandboxUnavailable(f"E2B refused the API key (could not {doing}): {shown}")
    if status == 429:
        return SandboxBroken(f"E2B's rate limit holds on after {_RETRIES} retries (could not {doing}): {shown}")
    if isinstance(error, package().ServiceBusyException):
        return SandboxBroken(f"E2B is busy, still after {_RETRIES} retries (could not {doing}): {shown}")
    if status is not None and 400 <= status < 500:
        return SandboxUnavailable(f"E2B does not take the request (could not {doing}): {shown}")
    if type(error).__name__ in ("ConnectError", "ConnectTimeout"):
        return SandboxUnavailable(f"E2B can't be reached (could not {doing}): {shown}")
    return SandboxBroken(f"could not {doing} on E2B: {shown}")


def _shown(error: BaseException, account: Account) -> str:
    """Return an exception in words, bounded and without the key."""
    text = " ".join(str(error).replace(account.api_key, "[key]").split())[:_MESSAGE_CHARACTERS]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
