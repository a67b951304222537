"""Runs one command again and again, each time killed within a node of the graph; not a test, but used by some.

Standard input is JSON: `argv` of the command line, what is typed to each run (`typed`), and `kills`: dicts of
`node`; `when`, "before" its work or "after" it, when nothing of it has been written down yet; `hold`, nodes beside
it that get nowhere in that run; and `saved`, a channel whose value must have been written down first. A node
"store.NAME" is that method of the store of adopted tools. With `graph` instead of `argv` the graph itself is run, with
its checkpoints at `graph["checkpoints"]`. Standard output is a list of {"signal", "said"}.

Each run is a fork of this process, which has everything imported: that spares three seconds a run. The kill is
SIGKILL by the process itself, in the node's own thread.
"""

import functools
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

import langchain_openai  # noqa: F401  imported here once, for all forks
from langgraph.checkpoint.sqlite import SqliteSaver

import ravelar.cli.acquire_run  # noqa: F401  likewise
import ravelar.graphs.rlar as rlar
from ravelar.cli.main import main
from ravelar.graphs.rlar_acquire import AcquireNodes
from ravelar.graphs.rlar_adopting import AdoptNodes
from ravelar.graphs.rlar_naming import NamingNodes
from ravelar.graphs.rlar_state import RlarContext
from ravelar.tools.adopted.store import AdoptedStore

PLACES: tuple[type, ...] = (NamingNodes, AcquireNodes, AdoptNodes, rlar._ScoreNodes)


def patch_node(name: str, made: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    if name.startswith("store."):
        place, name = AdoptedStore, name.removeprefix("store.")
    else:
        (place,) = [place for place in PLACES if name in vars(place)]
    setattr(place, name, made(vars(place)[name]))


def prepare(kill: dict[str, Any]) -> None:
    """Let this process die where it should."""
    saved = threading.Event()
    put_writes = SqliteSaver.put_writes

    def put_and_tell(self: Any, config: Any, writes: Any, *rest: Any) -> None:
        put_writes(self, config, writes, *rest)
        if kill.get("saved") in [channel for channel, _ in writes]:
            saved.set()

    def dying(work: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(work)  # the graph reads the signature
        def node(*arguments: Any, **named: Any) -> Any:
            if kill["when"] == "after":
                work(*arguments, **named)
            if kill.get("saved") and not saved.wait(60):
                os._exit(3)
            os.kill(os.getpid(), signal.SIGKILL)

        return node

    def held(work: Callable[..., Any]) -> Callable[..., Any]:
        return functools.wraps(work)(lambda *_, **_named: time.sleep(100))

    SqliteSaver.put_writes = put_and_tell
    patch_node(kill["node"], dying)
    for name in kill.get("hold", ()):
        patch_node(name, held)


def run_graph(plan: dict[str, Any]) -> dict[str, Any]:
    """Begin or continue the graph's only thread, as a library's user does."""
    with SqliteSaver.from_conn_string(plan["checkpoints"]) as saver:
        graph, config = rlar.build_rlar(checkpointer=saver), {"configurable": {"thread_id": "1"}}
        given = None if graph.get_state(config).next else plan["given"]
        return dict(graph.invoke(given, config, context=RlarContext(**plan["context"]), durability="sync"))


def run_once(plan: dict[str, Any], kill: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryFile("w+") as keys, tempfile.TemporaryFile("w+") as said:
        keys.write(plan.get("typed", ""))
        keys.flush()
        keys.seek(0)
        child = os.fork()
        if child == 0:
            for file, number in ((keys, 0), (said, 1), (said, 2)):
                os.dup2(file.fileno(), number)
            prepare(kill)
            try:
                run_graph(plan["graph"]) if "graph" in plan else main(plan["argv"])
            finally:
                os._exit(4)  # it should not have come to an end
        _, status = os.waitpid(child, 0)
        said.seek(0)
        died = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        return {"signal": died, "said": said.read()}


if __name__ == "__main__":
    plan = json.load(sys.stdin)
    print(json.dumps([run_once(plan, kill) for kill in plan["kills"]]))
