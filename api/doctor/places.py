"""The sandbox, the library of adopted tools, disk space, and the port that Studio looks for."""

import os
import shutil
import socket
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from ravelar.doctor.findings import Finding
from ravelar.tools.adopted.place import VARIABLE, Place, place_of
from ravelar.tools.chat.failures import without_secrets
from ravelar.tools.errors import InputError

STUDIO_PORT = 2024
_LEAST_FREE_GB = 1.0  # ours: room for one small reward model
_WAIT_S = 2.0
_VERSION = "SELECT max(v) FROM store_migrations"
_CHOOSE = f"set {VARIABLE} to a path that can be written"


def look_at_sandbox() -> list[Finding]:
    """Attack the local sandbox as its first use does; return which layers hold."""
    from ravelar.tools.sandbox.errors import SandboxError  # noqa: PLC0415  only where it is looked at
    from ravelar.tools.sandbox.local import LocalSandbox  # noqa: PLC0415

    fix = (
        "see `ravelar sandbox check` and docs/threat-model.md, or use E2B: pip install 'ravelar[e2b]', set E2B_API_KEY"
    )
    try:
        with LocalSandbox() as sandbox:
            test = sandbox.self_test()
    except SandboxError as error:
        return [Finding("sandbox", "local", "broken", str(error)[:300], fix)]
    on = [name for name, why_not in test.layers.items() if not why_not]
    off = [f"{name}: {why_not}" for name, why_not in test.layers.items() if why_not]
    said = f"untrusted code can be run; {len(on)} layers hold ({', '.join(on)})"
    return [Finding("sandbox", "local", "works", "; not needed or not to be had: ".join([said, *off[:1]]))]


def look_at_library() -> list[Finding]:
    """Return whether adopted tools can be read and written, and the version of their store's tables."""
    try:
        place = place_of()
    except InputError as error:
        return [Finding("library", "library", "broken", str(error), f"set {VARIABLE} to a place, or unset it")]
    match place.kind:
        case "memory":
            return [Finding("library", "library", "works", "in memory: what is adopted is gone with each process")]
        case "postgres":
            return [_postgres(place)]
        case "sqlite":
            return [_sqlite_file(place) if place.exists else _no_file_yet(Path(place.where))]


def _no_file_yet(path: Path) -> Finding:
    """Return whether the file could be made, by writing another one where it would be."""
    parent = next(folder for folder in path.parents if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=parent):
            pass
    except OSError as error:
        said = f"{path} can't be made: {error.strerror or error}"
        return Finding("library", "library", "broken", said, _CHOOSE)
    return Finding("library", "library", "works", f"{path} (nothing adopted yet; it can be made)")


def _sqlite_file(place: Place) -> Finding:
    from langgraph.store.sqlite.base import MIGRATIONS  # noqa: PLC0415  langgraph takes 0.5 s

    uri = f"{Path(place.where).as_uri()}?mode=rw"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=_WAIT_S, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")  # a lock that only a file which can be written gives
            connection.execute("ROLLBACK")
            there = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'store_migrations'").fetchone()
            version = connection.execute(_VERSION).fetchone()[0] if there[0] else None
    except sqlite3.Error as error:
        said = f"{place} can't be used: {error}"
        return Finding("library", "library", "broken", said, f"{_CHOOSE}, or put a copy of the file in its place")
    return _tables(place, version, len(MIGRATIONS) - 1, "langgraph-checkpoint-sqlite")


def _postgres(place: Place) -> Finding:
    try:
        import psycopg  # noqa: PLC0415  an extra
        from langgraph.store.postgres.base import MIGRATIONS  # noqa: PLC0415
    except ImportError as error:
        said = f"{place} needs an extra: {error}"
        return Finding("library", "library", "broken", said, "pip install 'ravelar[postgres]'")
    try:
        with psycopg.connect(place.where, connect_timeout=int(_WAIT_S), autocommit=True) as connection:
            there = connection.execute("SELECT to_regclass('store_migrations')").fetchone()
            row = connection.execute(_VERSION).fetchone() if there and there[0] else None
    except psycopg.Error as error:
        said = without_secrets(" ".join(str(error).split()))[:200]
        return Finding("library", "library", "broken", f"{place}: {said}", f"mend {VARIABLE}, or start the server")
    return _tables(place, row[0] if row else None, len(MIGRATIONS) - 1, "langgraph-checkpoint-postgres")


def _tables(place: Place, version: int | None, known: int, package: str) -> Finding:
    """Return what the version of a store's tables means for who is to read them; nothing is brought up to date here."""
    if version is None:
        return Finding("library", "library", "works", f"{place} (no tables yet; they are made at first use)")
    if version > known:
        said = f"{place} has tables of version {version}; the installed {package} knows {known}"
        return Finding("library", "library", "broken", said, f"pip install --upgrade {package}")
    if version < known:
        said = f"{place}, tables of version {version}; the first use brings them to {known}"
        return Finding("library", "library", "works", said)
    return _tools_in(place, version)


def _tools_in(place: Place, version: int) -> Finding:
    from ravelar.tools.adopted.store import AdoptedStore, Unreadable  # noqa: PLC0415

    with closing(AdoptedStore(place)) as store:
        found = store.readable()
    unread = [one.name for one in found if isinstance(one, Unreadable)]
    said = f"{place}, tables of version {version}, tools in use: {len(found)}"
    if unread:
        fix = "upgrade ravelar, or retire them: ravelar library retire NAME"
        return Finding("library", "library", "broken", f"{said}; can't be read: {', '.join(unread)}", fix)
    return Finding("library", "library", "works", said)


def look_at_disk() -> list[Finding]:
    """Return the room that is left where models are kept."""
    folder = Path(os.environ.get("RAVELAR_CACHE", "~/.cache/ravelar")).expanduser()
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    free_gb = shutil.disk_usage(there).free / 1e9
    enough = free_gb >= _LEAST_FREE_GB
    fix = "" if enough else "free some, or set RAVELAR_CACHE to a larger disk"
    return [Finding("disk", "cache", "works" if enough else "broken", f"{free_gb:,.1f} GB free at {there}", fix)]


def look_at_port(port: int = STUDIO_PORT) -> list[Finding]:
    """Return whether `langgraph dev` could listen where it does by default."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError as error:
            said = f"port {port} can't be had: {error.strerror or error}"
            fix = (
                "nothing, if that is your server; `ravelar studio` takes a free one, `langgraph dev` the one of --port"
            )
            return [Finding("Studio", f"port {port}", "missing", said, fix)]
    return [Finding("Studio", f"port {port}", "works", "free for `ravelar studio` and `langgraph dev`")]
