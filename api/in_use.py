"""The adopted tools in use, beside the built-in ones: read again when the store has changed, built once."""

import os
import threading
from pathlib import Path

from ravelar.tools.adopted.build import Adopted, tools_in_use
from ravelar.tools.adopted.entry import Entry
from ravelar.tools.adopted.place import Place
from ravelar.tools.adopted.recognised import router_of
from ravelar.tools.adopted.store import AdoptedStore
from ravelar.tools.library import Library
from ravelar.tools.recognition.router import TaskRouter
from ravelar.tools.reward import RewardTool
from ravelar.workshop import default_workshop

Stamp = tuple[object, ...] | None


class InUse:
    """The library of one place and sandbox.

    Args:
        place: Where the adopted tools are.
        builtin: The tools that are always there.
        sandbox: Where written verifiers run.
    """

    def __init__(self, place: Place, builtin: Library, sandbox: str) -> None:
        self._store = AdoptedStore(place)
        self._place, self._builtin, self._workshop = place, builtin, default_workshop(sandbox)
        self._stamp: Stamp = None
        self._versions: dict[str, str] = {}
        self._library: Library | None = None
        self._router: tuple[Library, TaskRouter] | None = None
        self._lock = threading.Lock()

    def library(self) -> Library:
        """Return built-in and adopted tools; the same value, with what it has loaded, until another version is in use.

        Raises:
            LibraryUnusable: if the store can't be read.
        """
        with self._lock:
            stamp = _stamp(self._place)
            if self._library is None or stamp is None or stamp != self._stamp:
                self._read()
                self._stamp = stamp
            assert self._library is not None
            return self._library

    def router(self) -> TaskRouter:
        """Return the router over what `library` returns: a task's name first, then the built-in rules."""
        library = self.library()
        with self._lock:
            if self._router is None or self._router[0] is not library:
                self._router = (library, router_of(self._store, library.names))
            return self._router[1]

    def _read(self) -> None:
        found = self._store.readable()
        versions = {one.task.label if isinstance(one, Entry) else one.name: _version(one) for one in found}
        if self._library is None or versions != self._versions:
            fresh = tools_in_use(found, self._workshop, parts=self._whole)
            self._library = self._builtin.plus(*(self._kept(tool) for tool in fresh))
            self._versions = versions

    def _whole(self) -> Library:
        assert self._library is not None, "a composite is built when it scores, after the library was read"
        return self._library

    def _kept(self, tool: RewardTool) -> RewardTool:
        """Return the tool of the same version that is there already, and may hold a loaded model."""
        name = tool.card.name
        known = self._library[name] if self._library is not None and name in self._library else None
        same = isinstance(tool, Adopted) and isinstance(known, Adopted) and known.entry.version == tool.entry.version
        composite = isinstance(tool, Adopted) and tool.entry.recipe.form == "composite"  # its parts may have changed
        return known if same and known is not None and not composite else tool


def _version(one: object) -> str:
    return str(getattr(one, "version", ""))


def _stamp(place: Place) -> Stamp:
    """Return what changes when a SQLite file is written; None where only asking tells."""
    if place.kind != "sqlite":
        return None
    stamps: list[object] = [os.getpid()]
    for name in (place.where, f"{place.where}-wal"):
        try:
            status = Path(name).stat()
        except OSError:
            stamps.append(None)
        else:
            stamps.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(stamps)
