"""The store of adopted tools: entries under their version, records of what happened, and what follows from them.

    adopt, refuse, retire, rollback, suspend, resume  ->  records  ->  active() -> {name: version} -> entries()

Nothing is overwritten. Any number of processes may write at once; see `tools.adopted.records` for why they agree.
"""

import hashlib
import os
import re
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from ravelar.tools.adopted import records as fold
from ravelar.tools.adopted.entry import Entry, Recipe
from ravelar.tools.adopted.place import Place, place_of
from ravelar.tools.adopted.records import Action, Author, Record, Refusal, Standing
from ravelar.tools.adopted.shelf import Shelf, to_text
from ravelar.tools.errors import InputError, LibraryUnusable, UnknownName
from ravelar.tools.evidence.trial import Trial
from ravelar.tools.routing import TASKS

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore

M = TypeVar("M", bound=BaseModel)

_ROOT = ("ravelar", "library")
_ENTRIES = (*_ROOT, "entries")
_UNCHECKED = (*_ROOT, "unchecked")  # apart: an entry that is adopted carries evidence of our own
_RECORDS = (*_ROOT, "records")
_REFUSED = (*_ROOT, "refused")
_DOCUMENTS = (*_ROOT, "documents")
_KIND = re.compile(r"[a-z][a-z0-9_]*")
_TICK_S = 1e-6
"""How much later than the records it has seen a record is at least, whatever its author's clock says."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An active version whose entry can't be read by this Ravelar."""

    name: str
    version: str
    reason: str


class AdoptedStore:
    """Adopted tools on a LangGraph store.

    It is opened at first use, and anew in each process: it may be pickled and carried across a fork.

    Args:
        place: Where it is; see `tools.adopted.place`.
        store: A LangGraph store that is open already (a graph's `runtime.store`), used instead.
        who: Who is to stand in the records as their author.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        place: Place,
        *,
        store: "BaseStore | None" = None,
        who: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.place = place
        self._shelf = Shelf(place, store=store)
        self._who, self._clock = who, clock
        self._read: dict[str, Entry] = {}

    @classmethod
    def over(cls, store: "BaseStore", *, who: str = "") -> "AdoptedStore":
        """Return the adopted tools on a LangGraph store that is open already."""
        return cls(Place("memory"), store=store, who=who)

    # What happens to tools

    def adopt(self, entry: Entry, *, run: str = "", reason: str = "", why: Sequence[str] = ()) -> Record:
        """Bring a version into use; the entry first, then the record, so that being killed between leaves no hole.

        Args:
            entry: The version.
            run: The run that decided; a run that is resumed and decides again adds nothing. "" makes one up.
            reason: Why, in a sentence.
            why: What the decision rested on, point by point.

        Raises:
            InputError: if the entry's names differ, or a built-in tool has the name.
        """
        self._keep(entry, _ENTRIES)
        return self._write("adopted", entry.task.label, entry.version, run=run, reason=reason, why=why)

    def keep_unchecked(self, entry: Entry, *, run: str = "", reason: str = "", why: Sequence[str] = ()) -> Record:
        """Keep a version that came from elsewhere without bringing it into use. Arguments are those of `adopt`."""
        self._keep(entry, _UNCHECKED)
        return self._write("unchecked", entry.task.label, entry.version, run=run, reason=reason, why=why)

    def refuse(  # noqa: PLR0913  a refusal in pieces
        self,
        name: str,
        candidate: str,
        *,
        reason: str,
        run: str = "",
        why: Sequence[str] = (),
        recipe: Recipe | None = None,
        trial: Trial | None = None,
    ) -> Refusal:
        """Keep that a candidate was not adopted, and why.

        Args:
            name: The task's label.
            candidate: What it was, such as "owner/name@revision".
            reason: Why it was refused, in a sentence.
            run: The run that decided.
            why: What the decision rested on, point by point.
            recipe: How it would be built, if it came that far.
            trial: What it did on probes, if it came that far.
        """
        what = to_text([candidate, None if recipe is None else recipe.model_dump(mode="json")])
        digest = hashlib.sha256(what.encode()).hexdigest()[:16]
        record = self._record("refused", name, digest, at=self._clock(), run=run, reason=reason, why=why)
        refusal = Refusal(record=record, candidate=candidate, recipe=recipe, trial=trial)
        if not self._shelf.add(_REFUSED, record.key, refusal.model_dump(mode="json")):
            return self._parsed(Refusal, self._shelf.get(_REFUSED, record.key), record.key)
        return refusal

    def retire(self, name: str, reason: str, *, run: str = "", version: str | None = None) -> Record:
        """Take a version out of use for good: the one in use, or another by its hash.

        Raises: UnknownName: if there is no such tool or version. InputError: if none is in use.
        """
        return self._mark("retired", name, reason, run=run, version=version)

    def suspend(self, name: str, reason: str, *, run: str = "") -> Record:
        """Take the version in use out of use until it is resumed. Errors are those of `retire`."""
        return self._mark("suspended", name, reason, run=run, version=None)

    def resume(self, name: str, reason: str = "", *, run: str = "") -> Record:
        """Bring a suspended tool back into use.

        Raises: UnknownName: if there is no such tool. InputError: if it is not suspended.
        """
        if done := self._done("resumed", name, run):
            return done
        tool = self._standing(name)
        if tool.present is None or tool.present not in tool.suspended:
            raise InputError(f"the adopted tool {name!r} is not suspended")
        return self._write("resumed", name, tool.present, run=run, reason=reason)

    def rollback(self, name: str, reason: str = "", *, run: str = "", to: str | None = None) -> Record:
        """Go back to the version that was in use before, or to the one named, even if it is retired.

        Raises: UnknownName: if there is no such tool or version. InputError: if there is none to go back to.
        """
        if done := self._done("restored", name, run):
            return done
        version = self._standing(name).previous if to is None else self._version(name, to)
        if version is None:
            raise InputError(f"the adopted tool {name!r} has no earlier version to go back to")
        return self._write("restored", name, version, run=run, reason=reason)

    # What follows

    def active(self) -> dict[str, str]:
        """Return the version in use of each tool that has one, by name."""
        return fold.active(self._records())

    def standings(self) -> dict[str, Standing]:
        """Return the standing of every tool there ever was, by name."""
        return fold.standings(self._records())

    def entries(self) -> list[Entry]:
        """Return the entries in use, by name; those that can't be read are left out, see `readable`."""
        return [entry for entry in self.readable() if isinstance(entry, Entry)]

    def readable(self) -> list[Entry | Unreadable]:
        """Return what is in use, by name: entries, and what is wrong with those that can't be read."""
        in_use = self.active()
        self._fetch(list(in_use.values()))
        return [self._or_unreadable(name, version) for name, version in in_use.items()]

    def entry(self, name: str, version: str | None = None) -> Entry:
        """Return the entry in use under a name, or one of its versions (a hash's beginning does).

        Raises:
            UnknownName: if there is no such tool or version, or none in use.
            LibraryUnusable: if this Ravelar can't read the entry.
        """
        tool = self._standing(name)
        chosen = tool.active if version is None else self._version(name, version)
        if chosen is None:
            raise InputError(f"the adopted tool {name!r} has no version in use; its last one is {tool.present}")
        self._fetch([chosen])
        return self._entry(name, chosen)

    def present(self, name: str) -> str:
        """Return the version of a tool to be shown: the one in use, else the last that was, else an unchecked one.

        Raises: UnknownName: if there is no such tool.
        """
        tool = self._standing(name)
        return tool.present or max(tool.unchecked)

    def history(self, name: str) -> list[Record]:
        """Return everything that happened under a name in order, refusals included; [] if nothing did."""
        refused = [refusal.record for refusal in self.refused(name)]
        return fold.in_order([*self._records(name), *refused])

    def refused(self, name: str | None = None) -> list[Refusal]:
        """Return the candidates that were not adopted, of one task or of all, in order."""
        found = [self._parsed(Refusal, value, key) for key, value in self._shelf.all(_REFUSED).items()]
        of_name = [refusal for refusal in found if name in (None, refusal.record.name)]
        return sorted(of_name, key=lambda refusal: (refusal.record.at, refusal.record.key))

    # Side documents

    def append(self, kind: str, key: str, value: object) -> bool:
        """Add a small JSON document; what is there under the key already stays. Return whether it was added.

        Args:
            kind: What kind of document: lower-case letters, digits and underscores.
            key: Its own name, best made from its content, so that adding it twice adds it once.
            value: Any JSON value but null.
        """
        return self._shelf.add((*_DOCUMENTS, _checked_kind(kind)), key, value)

    def read(self, kind: str, key: str) -> Any:
        """Return a document, or None."""
        return self._shelf.get((*_DOCUMENTS, _checked_kind(kind)), key)

    def read_all(self, kind: str) -> dict[str, Any]:
        """Return every document of a kind by its key, in the keys' order."""
        return dict(sorted(self._shelf.all((*_DOCUMENTS, _checked_kind(kind))).items()))

    # Opening and closing

    def close(self) -> None:
        """Close the store; a later use opens it again."""
        self._shelf.close()

    def __enter__(self) -> "AdoptedStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Inside

    def _keep(self, entry: Entry, where: tuple[str, ...]) -> None:
        name = entry.task.label
        if entry.card.name != name:
            raise InputError(
                f"the task is {name!r} but the card says {entry.card.name!r}; a tool bears its task's name"
            )
        if name in _reserved():
            raise InputError(f"{name!r} is a built-in tool's name, or a label that leads to one; choose another label")
        self._shelf.add(where, entry.version, entry.model_dump(mode="json"))

    def _mark(self, action: Action, name: str, reason: str, *, run: str, version: str | None) -> Record:
        if done := self._done(action, name, run):
            return done
        chosen = self._standing(name).active if version is None else self._version(name, version)
        if chosen is None:
            raise InputError(f"the adopted tool {name!r} has no version in use")
        return self._write(action, name, chosen, run=run, reason=reason)

    def _done(self, action: Action, name: str, run: str) -> Record | None:
        """Return what a run did already before it was killed and resumed."""
        mine = [r for r in self._records(name) if run and r.action == action and r.by.run == run]
        return mine[0] if mine else None

    def _write(  # noqa: PLR0913  a record in pieces
        self, action: Action, name: str, version: str, *, run: str, reason: str, why: Sequence[str] = ()
    ) -> Record:
        seen = self._records(name)
        at = max([self._clock(), *(record.at + _TICK_S for record in seen)])
        record = self._record(action, name, version, at=at, run=run, reason=reason, why=why)
        if not self._shelf.add((*_RECORDS, name), record.key, record.model_dump(mode="json")):
            return next(known for known in self._records(name) if known.key == record.key)
        return record

    def _record(  # noqa: PLR0913  a record in pieces
        self, action: Action, name: str, version: str, *, at: float, run: str, reason: str, why: Sequence[str]
    ) -> Record:
        author = Author(run=run or uuid.uuid4().hex, process=f"{socket.gethostname()}:{os.getpid()}", who=self._who)
        return Record(action=action, name=name, version=version, at=at, by=author, reason=reason, why=tuple(why))

    def _records(self, name: str | None = None) -> list[Record]:
        if name is not None:
            found = self._shelf.all((*_RECORDS, name)) if _KIND.fullmatch(name) else {}
        else:
            found = self._shelf.below(_RECORDS)
        return fold.in_order(self._parsed(Record, value, key) for key, value in found.items())

    def _standing(self, name: str) -> Standing:
        known = self.standings()
        if name not in known:
            raise UnknownName("adopted tool", name, known)
        return known[name]

    def _version(self, name: str, start: str) -> str:
        """Return the version of a tool that begins so."""
        versions = dict.fromkeys(record.version for record in self._records(name))
        fitting = [version for version in versions if start and version.startswith(start)]
        if len(fitting) != 1:
            raise UnknownName(f"version of {name}", start, versions)
        return fitting[0]

    def _fetch(self, versions: Sequence[str]) -> None:
        """Read the entries that were not read before; they never change."""
        missing = [version for version in versions if version not in self._read]
        for version, value in zip(missing, self._shelf.get_many(_ENTRIES, missing), strict=True):
            if value is not None:
                with _unread_stays_unread():
                    self._read[version] = Entry.model_validate(value)

    def _entry(self, name: str, version: str) -> Entry:
        if version in self._read:
            return self._read[version]
        value = self._shelf.get(_ENTRIES, version) or self._shelf.get(_UNCHECKED, version)
        if value is None:
            raise LibraryUnusable(f"the library {self.place} has no entry {version} of {name!r}")
        return self._parsed(Entry, value, version)

    def _or_unreadable(self, name: str, version: str) -> Entry | Unreadable:
        try:
            return self._entry(name, version)
        except LibraryUnusable as error:
            return Unreadable(name, version, str(error))

    def _parsed(self, model: type[M], value: object, key: str) -> M:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise LibraryUnusable(
                f"the library {self.place} holds a {model.__name__.lower()} {key} that this version of Ravelar "
                f"can't read: {where}: {first['msg']}"
            ) from error


def open_store(url: str | Path | None = None, *, who: str = "") -> AdoptedStore:
    """Return the adopted tools at a URL or path; nothing is opened before the first use.

    Args:
        url: None means RAVELAR_LIBRARY, else the user's own library; see `tools.adopted.place`.
        who: Who is to stand in the records as their author.

    Raises:
        InputError: if the URL names no place that can hold a library.
    """
    return AdoptedStore(place_of(url), who=who)


@contextmanager
def _unread_stays_unread() -> Iterator[None]:
    try:
        yield
    except ValidationError:
        return


@cache
def _reserved() -> Mapping[str, str]:
    from ravelar.tools.builtin import builtin_library  # noqa: PLC0415  every verifier's module, for adopting only

    return {**dict.fromkeys(builtin_library().names, "built in"), **TASKS}


def _checked_kind(kind: str) -> str:
    if not _KIND.fullmatch(kind):
        raise InputError(f"{kind!r} is no kind of document; a kind is lower-case letters, digits and underscores")
    return kind
