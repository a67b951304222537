"""Opening the LangGraph store at a place, also when several processes do so at once or one is killed meanwhile."""

import importlib
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ravelar.tools.adopted.place import Place
from ravelar.tools.errors import LibraryUnusable

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore

_BUSY_S = 30.0  # ours: how long a writer waits for the others; a write takes milliseconds
_SETUP_TRIES = 40
_SETUP_PAUSE_S = 0.25
_ADVISORY_LOCK = 0x52415645  # "RAVE"; any constant of ours does
_SCHEMA_RACES = ("already exists", "duplicate column", "UNIQUE constraint", "locked")


@dataclass(frozen=True, slots=True)
class Opened:
    """An open store.

    Attributes:
        store: The store.
        close: Closes it.
        foreign: What it raises when its place fails.
    """

    store: "BaseStore"
    close: Callable[[], None]
    foreign: tuple[type[Exception], ...]


def open_place(place: Place) -> Opened:
    """Open the store at a place; its tables are made if they are not there.

    Raises:
        LibraryUnusable: if it can't be opened; the message names the place and the cause.
    """
    if place.kind == "memory":
        from langgraph.store.memory import InMemoryStore  # noqa: PLC0415  langgraph takes 0.5 s

        return Opened(InMemoryStore(), lambda: None, ())
    try:
        return _open_sqlite(Path(place.where)) if place.kind == "sqlite" else _open_postgres(place)
    except (OSError, sqlite3.Error) as error:
        raise LibraryUnusable(f"the library {place} can't be opened: {error}") from error


def _open_sqlite(path: Path) -> Opened:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _create_whole(path)
    connection = _connect(path)
    try:
        store = _set_up(connection)
    except BaseException:
        connection.close()
        raise
    return Opened(store, connection.close, (sqlite3.Error, OSError))


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_S, check_same_thread=False, isolation_level=None)
    try:
        _patiently(lambda: connection.execute("PRAGMA journal_mode=WAL"))
        connection.execute("PRAGMA synchronous=FULL")  # an adoption survives the power cut after it
    except BaseException:
        connection.close()
        raise
    return connection


def _create_whole(path: Path) -> None:
    """Make a file with all its tables beside its place, and link it there: nobody ever sees half of them.

    LangGraph's set-up is no transaction: two at once trip over one another, and one that is killed in the middle
    leaves a file that can't be set up any more. Where links are not to be had, the file is made in place.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        connection = sqlite3.connect(name, isolation_level=None)
        try:
            _sqlite_store(connection).setup()
        finally:
            connection.close()
        with suppress(OSError):  # FileExistsError: another process was first, and its file is as good
            os.link(name, path)
    finally:
        Path(name).unlink()


def _set_up(connection: sqlite3.Connection) -> Any:
    store = _sqlite_store(connection)
    _patiently(store.setup)
    return store


def _patiently(step: Callable[[], object]) -> None:
    """Take a step of the set-up; try again while another process seems to be at it."""
    for left in reversed(range(_SETUP_TRIES)):
        try:
            step()
        except sqlite3.Error as error:
            if not left or not any(word in str(error) for word in _SCHEMA_RACES):
                raise
            time.sleep(_SETUP_PAUSE_S)
        else:
            return


def _sqlite_store(connection: sqlite3.Connection) -> Any:
    from langgraph.store.sqlite import SqliteStore  # noqa: PLC0415  langgraph takes 0.5 s

    return SqliteStore(connection)


def _open_postgres(place: Place) -> Opened:
    try:
        psycopg = importlib.import_module("psycopg")
        rows = importlib.import_module("psycopg.rows")
        stores = importlib.import_module("langgraph.store.postgres")
    except ImportError as error:
        raise LibraryUnusable(
            f"the library {place} needs the extra 'postgres' (pip install 'ravelar[postgres]'): {error}"
        ) from error
    try:
        connection = psycopg.connect(place.where, autocommit=True, prepare_threshold=0, row_factory=rows.dict_row)
    except psycopg.Error as error:
        raise LibraryUnusable(f"the library {place} can't be opened: {_one_line(error)}") from error
    store = stores.PostgresStore(connection)
    try:
        _set_up_postgres(connection, store)
    except psycopg.Error as error:
        connection.close()
        raise LibraryUnusable(f"the library {place} can't be set up: {_one_line(error)}") from error
    except BaseException:
        connection.close()
        raise
    return Opened(store, connection.close, (psycopg.Error, OSError))


def _set_up_postgres(connection: Any, store: Any) -> None:
    """Make the tables, one process at a time.

    The lock is tried and not waited for: who waits in the server holds a snapshot, and the set-up's
    CREATE INDEX CONCURRENTLY would wait for that snapshot to go, for ever.
    """
    for left in reversed(range(_SETUP_TRIES * 4)):
        if connection.execute("SELECT pg_try_advisory_lock(%s) AS mine", (_ADVISORY_LOCK,)).fetchone()["mine"]:
            try:
                store.setup()
            finally:
                connection.execute("SELECT pg_advisory_unlock(%s)", (_ADVISORY_LOCK,))
            return
        if left:
            time.sleep(_SETUP_PAUSE_S)
    raise LibraryUnusable("another process has been setting the library up for too long")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
