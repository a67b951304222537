"""Runs one article again and again in one folder, each time killed at another place; not a test, but used by some.

Standard input is JSON: `options` of `ravelar.write`, and `kills`: dicts of `node` and `when`: "before" its work;
"after" it, when nothing of it is in a checkpoint yet; or "kept", as soon as a reply to the node's role is in the event
log and before anybody has read it. `nth` counts such places in that run, from 1. Standard output is a list of
{"signal", "said"}. Each run is a fork of this process, which has everything imported; it kills itself by SIGKILL.
"""

import functools
import itertools
import json
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import langchain_openai  # noqa: F401  imported here once, for all forks

import ravelar.writing_run  # noqa: F401  likewise
from ravelar.graphs.ravel_approving import ApproveNodes
from ravelar.graphs.ravel_deciding import DecideNodes
from ravelar.graphs.ravel_run import ROLE_OF
from ravelar.graphs.ravel_sections import SectionNodes
from ravelar.tools.writing.events import EventLog
from ravelar.writing import write

PLACES: tuple[type, ...] = (DecideNodes, SectionNodes, ApproveNodes)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def prepare(kill: dict[str, Any]) -> None:
    """Let this process die where it should."""
    name, count, nth = kill["node"], itertools.count(1), kill.get("nth", 1)
    if kill["when"] == "kept":
        write_event = EventLog.write

        def write_and_die(self: Any, kind: str, **values: Any) -> Any:
            event = write_event(self, kind, **values)
            if kind == "call" and values["role"] == ROLE_OF[name] and next(count) == nth:
                die()
            return event

        EventLog.write = write_and_die
        return
    (place,) = [place for place in PLACES if name in vars(place)]

    def dying(work: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(work)  # the graph reads the signature
        def node(*arguments: Any, **named: Any) -> Any:
            last = next(count) == nth
            if last and kill["when"] == "before":
                die()
            update = work(*arguments, **named)
            if last:
                die()
            return update

        return node

    setattr(place, name, dying(vars(place)[name]))


def begin_or_resume(options: dict[str, Any]) -> dict[str, Any]:
    """Begin the run, or go on with the one in the folder; every question is answered by yes."""
    given = dict(options)
    instruction = given.pop("instruction")
    if (Path(given["out"]) / "run.json").exists():
        return write(out=given["out"], resume=True, answer=lambda _: True)
    return write(instruction, answer=lambda _: True, **given)


def run_once(options: dict[str, Any], kill: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if child == 0:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            prepare(kill)
            try:
                begin_or_resume(options)
            except Exception:  # noqa: BLE001  whoever waits is told
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(4)  # it should not have come to an end
        _, status = os.waitpid(child, 0)
        said.seek(0)
        return {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None, "said": said.read()}


if __name__ == "__main__":
    plan = json.load(sys.stdin)
    print(json.dumps([run_once(plan["options"], kill) for kill in plan["kills"]]))
