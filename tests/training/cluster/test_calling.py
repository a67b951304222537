"""Calls that outlive replicas: asked again while there is time, given up when they may be what kills."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from ravelar.tools.errors import ToolTimeout, ToolUnavailable
from ravelar.training.service.cluster.calling import Busy, Patience, call

pytestmark = pytest.mark.slow

pytest.importorskip("ray.serve")  # here, where its own deprecation warnings are no errors
exceptions = pytest.importorskip("ray.exceptions")


class Replica:
    """Answers or fails as it was told, one item a call, and remembers how often it was asked."""

    def __init__(self, *does: Any) -> None:
        self.does, self.asked = list(does), 0

    async def __call__(self, left_s: float) -> Any:
        self.asked += 1
        what = self.does.pop(0) if len(self.does) > 1 else self.does[0]
        if isinstance(what, Exception):
            raise what
        return what(left_s) if callable(what) else what


def asked(replica: Callable[[float], Any], limit_s: float = 5.0, deaths: int = 3) -> Any:
    return asyncio.run(call(replica, Patience("model", limit_s, deaths)))


def died() -> Exception:
    return exceptions.ActorDiedError()


def unreachable() -> Exception:
    return exceptions.ActorUnavailableError("gone", None)


def test_a_call_whose_replica_died_is_asked_again() -> None:
    replica = Replica(died(), unreachable(), exceptions.NodeDiedError("x"), "answer")
    assert asked(replica) == "answer"
    assert replica.asked == 4


def test_a_replica_that_has_no_room_is_asked_again() -> None:
    assert asked(Replica(Busy("full"), Busy("full"), 1)) == 1


def test_a_call_under_which_replicas_die_is_given_up() -> None:
    replica = Replica(died())
    with pytest.raises(ToolUnavailable, match="3 replicas of model died under the same call"):
        asked(replica)
    assert replica.asked == 3


def test_replicas_out_of_reach_cost_time_alone() -> None:
    replica = Replica(unreachable())
    started = time.monotonic()
    with pytest.raises(ToolTimeout, match=r"model gave no answer within 0\.6 s; the last try met: ActorUnavailable"):
        asked(replica, limit_s=0.6, deaths=1)
    assert 0.5 < time.monotonic() - started < 3
    assert replica.asked >= 3


def test_a_silent_replica_is_given_up_at_the_limit() -> None:
    async def silent(left_s: float) -> None:
        await asyncio.sleep(30)

    with pytest.raises(ToolTimeout, match=r"within 0\.2 s"):
        asked(silent, limit_s=0.2)


def test_what_our_own_code_raises_in_a_replica_is_not_tried_again() -> None:
    replica = Replica(exceptions.RayTaskError("score", "trace", ValueError("broken")))
    with pytest.raises(ToolUnavailable, match="a replica raised"):
        asked(replica)
    assert replica.asked == 1


def test_each_try_is_told_the_time_that_is_left() -> None:
    left: list[float] = []
    asked(Replica(unreachable(), lambda left_s: left.append(left_s) or "answer"), limit_s=5)
    assert 4 < left[0] < 5
