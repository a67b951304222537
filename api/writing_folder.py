"""A writing run's folder: what it was asked (`run.json`), its event log, its checkpoints, its article.

run.json            brief, outline, settings, where checkpoints are; at the end also how it ended, and its measures
events.jsonl        the event log, see `tools.writing.events`
checkpoints.sqlite  the graph's state after each step, unless a PostgreSQL keeps it
article.md          the article, once the run has finished
"""

import json
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ravelar.graphs.ravel_state import RavelContext
from ravelar.tools.errors import InputError
from ravelar.tools.writing.events import EVENTS, Event, read_events, until

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

RUN, ARTICLE, CHECKPOINTS = "run.json", "article.md", "checkpoints.sqlite"
REPLAY = "> A replay: the replies below were shipped with the program, and no language model was asked.\n\n"


def begin_folder(out: Path, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Make a run's folder, and write down what is asked; return what `run.json` holds.

    Raises: InputError: if the folder holds another run, or can't be written.
    """
    if there := [name for name in (RUN, EVENTS) if (out / name).exists()]:
        raise InputError(f"{out} holds another run ({there[0]}); resume that one, or name another folder")
    kept = {"thread": uuid.uuid4().hex, **asked}
    write_run(out, kept)
    return kept


def read_run(out: Path) -> dict[str, Any]:
    """Return what a run's `run.json` holds.

    Raises: InputError: if there is none, or it is none of ours.
    """
    path = out / RUN
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{out} holds no run to resume: there is no {RUN} in it") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} can't be read: {error}") from None
    if not isinstance(kept, dict) or not {"thread", "brief", "settings"} <= kept.keys():
        raise InputError(f"{path} is no run's: thread, brief and settings are needed")
    return kept


def write_run(out: Path, kept: Mapping[str, Any]) -> None:
    """Write `run.json`, in one step, so that a killed process leaves the old one or the new one.

    Raises: InputError: if it can't be written.
    """
    path = out / RUN
    try:
        out.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        new.replace(path)
    except OSError as error:
        raise InputError(f"{path} can't be written: {error}") from None


def write_article(out: Path, text: str, *, replay: bool) -> None:
    """Write the article; one that was replayed says so."""
    (out / ARTICLE).write_text((REPLAY if replay else "") + text, encoding="utf-8")


def fork_folder(source: Path, step: int, out: Path) -> dict[str, Any]:
    """Make a folder that holds a run as it was after a step; return what its `run.json` holds.

    Raises: InputError: if the source has not come so far, or the folder holds another run.
    """
    kept = read_run(source)
    events = read_events(source / EVENTS)
    last = max((event.get("step") or 0 for event in events), default=0)
    if not 0 <= step <= last:
        raise InputError(f"step {step!r}: the run in {source} has steps 0 to {last}")
    forked: dict[str, Any] = {
        name: kept[name] for name in ("brief", "outline", "settings", "checkpoints") if name in kept
    }
    made = begin_folder(out, {**forked, "forked": {"from": str(source), "run": _run_name(events), "step": step}})
    lines = [json.dumps(event, ensure_ascii=False) for event in until(events, step)]
    (out / EVENTS).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return made


def settings_of(context: RavelContext) -> dict[str, Any]:
    """Return a run's settings as plain JSON, without where its log is: that is the folder itself."""
    return {name: value for name, value in asdict(context).items() if name != "log"}


@contextmanager
def checkpoints_in(out: Path | None, url: str | None) -> "Iterator[BaseCheckpointSaver[Any]]":
    """Open where the graph's state is kept: a PostgreSQL by its URL, else a file of the folder, else memory.

    Raises: InputError: if it can't be opened.
    """
    if url is not None:
        with _postgres(url) as saver:
            yield saver
    elif out is not None:
        from langgraph.checkpoint.sqlite import SqliteSaver  # noqa: PLC0415  langgraph takes 0.5 s

        try:
            connection = sqlite3.connect(out / CHECKPOINTS, check_same_thread=False, timeout=30)
        except sqlite3.Error as error:
            raise InputError(f"checkpoints can't be kept at {out / CHECKPOINTS}: {error}") from None
        try:
            # A commit then survives the process and not a power failure: the event log holds what was paid for.
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            yield SqliteSaver(connection)
        finally:
            connection.close()
    else:
        from langgraph.checkpoint.memory import InMemorySaver  # noqa: PLC0415

        yield InMemorySaver()


def check_checkpoints(url: str | None) -> None:
    """Check where the graph's state is to be kept, without opening it.

    Raises: InputError: if that is no PostgreSQL's URL.
    """
    if url is not None and not url.startswith(("postgresql://", "postgres://")):
        raise InputError(f"checkpoints {url!r}: allowed: postgresql://..., or nothing for a file in the run's folder")


@contextmanager
def _postgres(url: str) -> "Iterator[BaseCheckpointSaver[Any]]":
    check_checkpoints(url)
    try:
        import psycopg  # noqa: PLC0415  an extra
        from langgraph.checkpoint.postgres import PostgresSaver  # noqa: PLC0415
        from psycopg.rows import dict_row  # noqa: PLC0415
    except ImportError as error:
        raise InputError(f"checkpoints in PostgreSQL need: pip install 'ravelar[postgres]' ({error})") from None
    try:
        connection = psycopg.connect(url, autocommit=True, prepare_threshold=0, row_factory=dict_row)
    except psycopg.Error as error:
        raise InputError(f"the PostgreSQL of the checkpoints can't be opened: {' '.join(str(error).split())}") from None
    with connection:
        saver = PostgresSaver(connection)
        saver.setup()
        yield saver


def _run_name(events: list[Event]) -> str:
    return str(next((event["run"] for event in events if event["kind"] == "run"), ""))
