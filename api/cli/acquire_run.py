"""The work of `ravelar acquire`: run the RLAR graph, show what it does, ask, and say how it ended."""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import click
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from ravelar.cli.acquire_show import show_event, show_result
from ravelar.cli.interruption import Terminated, giving_up_soon
from ravelar.graphs.rlar import RlarGraph, build_rlar
from ravelar.graphs.rlar_state import RemoteModel, RlarContext, RlarOutput
from ravelar.task_rows import graph_row, read_all, read_probe_rows
from ravelar.tools.adopted.entry import RemoteRecipe
from ravelar.tools.adopted.place import place_of
from ravelar.tools.columns import Columns
from ravelar.tools.errors import InputError
from ravelar.tools.hub.remote import open_remote
from ravelar.tools.hub.remote_protocols import RemoteProtocol

_ENDS_WELL = frozenset({"adopted", "known", "scored"})
_INTERRUPTED = "interrupted; what was done is kept, the same command continues"


@dataclass(frozen=True, slots=True)
class AcquireJob:
    """What `ravelar acquire` was asked to do; see its options."""

    examples: Path | None = None
    probes: Path | None = None
    columns: Columns = field(default_factory=Columns)
    context: RlarContext = field(default_factory=RlarContext)
    fresh: bool = False
    as_json: bool = False


def context_of(thresholds: Sequence[str], remote_model: Sequence[str], **settings: Any) -> RlarContext:
    """Return the graph's settings from the command's options.

    Raises: InputError: if a threshold or an address has another form.
    """
    remote = tuple(_remote(one) for one in remote_model)
    return RlarContext(thresholds=_thresholds(thresholds), remote_models=remote, **settings)


def run(job: AcquireJob) -> int:
    """Run it; return the exit code."""
    given, context = _input(job), job.context
    config: Any = {"configurable": {"thread_id": _thread(given, context)}}
    with _checkpoints(context.library) as saver, giving_up_soon(_INTERRUPTED):
        graph = build_rlar(checkpointer=saver)
        try:
            result = _finish(graph, given, config, context, fresh=job.fresh)
        except click.Abort as error:
            if isinstance(error.__context__, KeyboardInterrupt):
                return 130
            click.echo("\nravelar: nobody answered; nothing is adopted yet, the same command asks again", err=True)
            return 1
        except (KeyboardInterrupt, Terminated) as error:
            return 143 if isinstance(error, Terminated) else 130
        saver.delete_thread(config["configurable"]["thread_id"])
    kept = {name: result.get(name) for name in RlarOutput.__annotations__}
    click.echo(json.dumps(kept)) if job.as_json else show_result(result)
    return 0 if result.get("end") in _ENDS_WELL else 1


def _finish(graph: RlarGraph, given: Any, config: Any, context: RlarContext, *, fresh: bool) -> dict[str, Any]:
    """Run the graph to its end, from where an earlier run was interrupted, asking whenever it asks."""
    state = graph.get_state(config)
    begun = bool(state.next) and not fresh
    if begun:
        click.echo(f"ravelar: continuing an interrupted run at {', '.join(state.next)} (--fresh begins anew)", err=True)
    following: Any = None if begun else given
    if begun and state.interrupts:
        following = Command(resume=_ask(state.interrupts[0].value))
    while True:
        for event in graph.stream(following, config, context=context, stream_mode="custom", durability="sync"):
            show_event(event)
        state = graph.get_state(config)
        if not state.interrupts:
            return dict(state.values)
        following = Command(resume=_ask(state.interrupts[0].value))


def _ask(question: dict[str, Any]) -> dict[str, Any]:
    """Put the graph's question to the person at the terminal."""
    click.echo(f"\n{question['question']}", err=True)
    for fact in question["evidence"]:
        click.echo(f"  {fact['measure']}: {fact['value']:.3f} ({fact['low']:.3f} to {fact['high']:.3f})", err=True)
    if source := question["recipe"].get("source"):
        click.echo(f"\n{source}", err=True)
    if click.confirm("Adopt it?", default=False, err=True):
        return {"approve": True}
    return {"approve": False, "reason": click.prompt("Why not?", default="", show_default=False, err=True)}


def _input(job: AcquireJob) -> dict[str, Any]:
    if job.examples is None and job.probes is None:
        raise InputError("nothing to go by: give --task-examples FILE, --probes FILE, or both")
    given: dict[str, Any] = {"triples": []}
    if job.examples is not None:
        given["examples"] = [graph_row(place, row, job.columns) for place, row in read_all(job.examples)]
    if job.probes is not None:
        given["probes"] = read_probe_rows(job.probes, job.columns)
    return given


def _thread(given: dict[str, Any], context: RlarContext) -> str:
    """Name the run by what it was asked, so that the same command finds it again."""
    text = json.dumps([given, repr(context)], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@contextmanager
def _checkpoints(library: str | None) -> Iterator[SqliteSaver]:
    """Open the file in which unfinished runs are kept: beside the library if that is a file."""
    place = place_of(library)
    if place.kind == "sqlite":
        path = Path(place.where).with_suffix(".runs.sqlite")
    else:
        state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
        path = Path(state).expanduser() / "ravelar" / "runs.sqlite"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, check_same_thread=False, timeout=30)
    except (OSError, sqlite3.Error) as error:
        raise InputError(f"unfinished runs can't be kept at {path}: {error}") from error
    try:
        yield SqliteSaver(connection)
    finally:
        connection.close()


def _thresholds(given: Sequence[str]) -> dict[str, float]:
    values = {}
    for pair in given:
        name, _, value = pair.partition("=")
        try:
            values[name] = float(value)
        except ValueError:
            raise InputError(f"--threshold {pair!r}: the form is NAME=NUMBER") from None
    return values


def _remote(given: str) -> RemoteModel:
    protocol, equals, url = given.partition("=")
    if not equals or not url.startswith(("http://", "https://")):
        raise InputError(f"--remote-model {given!r}: the form is PROTOCOL=URL, such as tei=http://127.0.0.1:8080")
    open_remote(RemoteRecipe(protocol=protocol, url=url))  # asks nobody; raises what is wrong with it
    return RemoteModel(url=url, protocol=cast("RemoteProtocol", protocol))
