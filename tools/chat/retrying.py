"""Try again where that can help: rate limits, servers in trouble, lost connections; bounded in number and in time."""

import asyncio
import email.utils
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ravelar.tools.chat.failures import failure_kind
from ravelar.tools.errors import RavelarError

T = TypeVar("T")

_HELPS = frozenset({"rate_limited", "server_error", "timeout", "disconnected"})


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a call is tried again, and how long is waited.

    Without a word from the server, the wait doubles from `first_wait_s`, give or take a quarter, so that calls side by
    side do not come back together. What it says by Retry-After is kept to, unless it is longer than `longest_wait_s`:
    then the call fails at once, since nobody knows better than the server.

    Attributes:
        most: Retries of one call; 0 for none.
        first_wait_s: Seconds before the first one.
        longest_wait_s: Seconds before any one.
        sleep: What waits.
    """

    most: int = 4
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    sleep: Callable[[float], None] = time.sleep

    def run(self, call: Callable[[], T], heard: Callable[[str, float], None]) -> T:
        """Make a call, and again where that can help.

        Args:
            call: What is tried.
            heard: Hears before each retry what failed, as `failure_kind` names it, and for how long is waited.

        Raises:
            Exception: what the last try raised.
        """
        for tried in range(self.most + 1):
            try:
                return call()
            except Exception as error:
                wait_s = self._heard(error, tried, heard)
                if wait_s is None:
                    raise
            self.sleep(wait_s)
        raise AssertionError("the last try returns or raises")

    async def arun(self, call: Callable[[], Awaitable[T]], heard: Callable[[str, float], None]) -> T:
        """Make a call as `run` does, without blocking the event loop; it is asyncio that waits."""
        for tried in range(self.most + 1):
            try:
                return await call()
            except Exception as error:
                wait_s = self._heard(error, tried, heard)
                if wait_s is None:
                    raise
            await asyncio.sleep(wait_s)
        raise AssertionError("the last try returns or raises")

    def _heard(self, error: Exception, tried: int, heard: Callable[[str, float], None]) -> float | None:
        """Say so if a call is tried again, and return how long to wait; None if it is not."""
        wait_s = None if isinstance(error, RavelarError) else self._wait_s(error, tried)
        if wait_s is not None:
            heard(failure_kind(error), wait_s)
        return wait_s

    def _wait_s(self, error: Exception, tried: int) -> float | None:
        """Return how long to wait, or None if trying again can't help, or was done often enough."""
        if tried >= self.most or failure_kind(error) not in _HELPS:
            return None
        asked = retry_after_s(error)
        if asked is not None:
            return asked if asked <= self.longest_wait_s else None
        wait_s: float = self.first_wait_s * 2**tried * random.uniform(0.75, 1.25)
        return min(wait_s, self.longest_wait_s)


NO_RETRIES = Retries(most=0)


def retry_after_s(error: Exception) -> float | None:
    """Return how many seconds the server asks to wait (Retry-After, retry-after-ms), or None if it says nothing."""
    headers: Any = getattr(getattr(error, "response", None), "headers", None)
    if not hasattr(headers, "get"):  # httpx's are no Mapping by inheritance
        return None
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    said = headers.get("retry-after")
    seconds = _number(said)
    return seconds if seconds is not None else _until(said)


def _number(said: Any) -> float | None:
    try:
        value = float(said)
    except (TypeError, ValueError):
        return None
    return value if value >= 0 else None  # NaN is not


def _until(said: Any) -> float | None:
    """Return how far away an HTTP date is, in seconds."""
    try:
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
    except (TypeError, ValueError, IndexError):
        return None
