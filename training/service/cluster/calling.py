"""Calling a deployment so that nothing is lost: who dies is asked again elsewhere, until time or patience ends.

Scoring has no effects, so that a call may be repeated. A replica that is unreachable costs only time. One that dies
under a call may have died of it: after a few such deaths the call is given up, lest a completion that kills its
judge kill one replica after another for ever.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ravelar.tools.errors import ToolTimeout, ToolUnavailable
from ravelar.tools.scoring import describe

_FIRST_PAUSE_S = 0.05  # ours; doubled at each further try
_LONGEST_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Busy:
    """What a replica answers that has too much waiting to take a call; another may have room."""

    why: str


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call is tried.

    Attributes:
        what: Who is asked, for messages.
        limit_s: How long in all.
        deaths: Deaths of replicas under the call after which it is given up.
    """

    what: str
    limit_s: float
    deaths: int


async def call(ask: Callable[[float], Awaitable[Any]], patience: Patience) -> Any:
    """Ask until there is an answer; return it.

    Args:
        ask: Sends the call to some replica, told how many seconds are left.
        patience: How long it is tried.

    Raises:
        ToolTimeout: if there is no answer in time; says what the last try met.
        ToolUnavailable: if replicas died under the call too often, or our code in one raised.
    """
    deadline = time.monotonic() + patience.limit_s
    pause, deaths, met = _FIRST_PAUSE_S, 0, "no answer"
    while (left := deadline - time.monotonic()) > 0:
        answer, failed = await _attempt(ask, left)
        if failed is None and not isinstance(answer, Busy):
            return answer
        if isinstance(failed, TimeoutError):
            break
        deaths += _is_death(failed)
        if deaths >= patience.deaths:
            raise ToolUnavailable(f"{deaths} replicas of {patience.what} died under the same call") from failed
        met = answer.why if failed is None else describe(failed)
        await asyncio.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        pause = min(2 * pause, _LONGEST_PAUSE_S)
    raise ToolTimeout(f"{patience.what} gave no answer within {patience.limit_s:g} s; the last try met: {met}")


async def _attempt(ask: Callable[[float], Awaitable[Any]], left_s: float) -> tuple[Any, Exception | None]:
    """Ask once; return the answer, or what hindered it and may not hinder it the next time.

    Raises:
        ToolUnavailable: if our own code in a replica raised.
    """
    from ray.exceptions import RayError, RayTaskError  # noqa: PLC0415  ray takes 1 s
    from ray.serve.exceptions import RayServeException  # noqa: PLC0415

    try:
        return await asyncio.wait_for(ask(left_s), left_s), None
    except RayTaskError as error:
        cause = error.cause if isinstance(error.cause, Exception) else error
        raise ToolUnavailable(f"a replica raised {describe(cause)}") from error
    except (TimeoutError, RayError, RayServeException) as error:
        return None, error


def _is_death(failed: Exception | None) -> bool:
    """Say whether a replica died that had the call, of which the call may be the cause."""
    from ray.exceptions import ActorDiedError, OutOfMemoryError, WorkerCrashedError  # noqa: PLC0415

    return isinstance(failed, ActorDiedError | OutOfMemoryError | WorkerCrashedError)
