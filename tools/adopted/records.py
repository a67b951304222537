"""What happened to adopted tools, as records that are only ever added, and what follows from a set of them.

A LangGraph store has no compare-and-set, so that nothing may hang on who writes last. Hence each record has a
key of its own, made of what it says and of the run that says it: written twice, it is one record. Which version
of a tool is active is a pure function of the set of records; in whatever order they are read, and whoever reads
them, the result is the same.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ravelar.tools.adopted.entry import Recipe
from ravelar.tools.evidence.trial import Trial

Action = Literal[
    "adopted",  # this version is in use from here on
    "refused",  # a candidate did not pass; nothing changes
    "unchecked",  # came from elsewhere and is kept, but not in use
    "retired",  # this version is out of use
    "restored",  # back to this version
    "suspended",  # this version is out of use until it is resumed
    "resumed",
]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Author(_Frozen):
    """Who wrote a record.

    Attributes:
        run: The run it belongs to; a run that is resumed keeps its id, and so writes nothing twice.
        process: "host:process id".
        who: The person or program, as far as known.
    """

    run: str = Field(min_length=1)
    process: str
    who: str = ""


class Record(_Frozen):
    """One thing that happened to one tool.

    Attributes:
        action: What happened.
        name: The task's label, which is the tool's name.
        version: Of which version (`Entry.version`); of a refused candidate, the hash of what it is.
        at: When, in seconds since 1970 UTC; later than every record of the tool that its author had seen.
        by: Who wrote it.
        reason: Why, in a sentence.
        why: What the decision rested on, point by point.
    """

    action: Action
    name: str
    version: str
    at: float
    by: Author
    reason: str = ""
    why: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The record's own key: what happened to what, and in which run; neither time nor process."""
        says = [self.action, self.name, self.version, self.by.run]
        return hashlib.sha256(json.dumps(says, ensure_ascii=True).encode()).hexdigest()[:32]


class Refusal(_Frozen):
    """A candidate that was not adopted.

    Attributes:
        record: When, by whom and why.
        candidate: What it was, such as "owner/name@revision" or "written verifier, attempt 2".
        recipe: How it would be built, if it came that far.
        trial: What it did on probes, if it came that far.
    """

    record: Record
    candidate: str
    recipe: Recipe | None = None
    trial: Trial | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What follows for one tool from its records.

    Attributes:
        line: The versions that were in use, the present one last; going back shortens it.
        since: When the present one came into use.
        retired: Versions out of use for good, unless adopted or restored later.
        suspended: Versions out of use until resumed.
        unchecked: Versions that came from elsewhere and were never adopted here.
    """

    line: tuple[str, ...] = ()
    since: float | None = None
    retired: frozenset[str] = field(default_factory=frozenset)
    suspended: frozenset[str] = field(default_factory=frozenset)
    unchecked: frozenset[str] = field(default_factory=frozenset)

    @property
    def present(self) -> str | None:
        """The version that came into use last, in use or not."""
        return self.line[-1] if self.line else None

    @property
    def active(self) -> str | None:
        """The version in use, or None."""
        return None if self.present in self.retired | self.suspended else self.present

    @property
    def previous(self) -> str | None:
        """The version that rolling back would restore, or None."""
        earlier = [v for v in self.line[:-1] if v != self.present and v not in self.retired]
        return earlier[-1] if earlier else None


def standings(records: Iterable[Record]) -> dict[str, Standing]:
    """Fold records, in any order and with repetitions, into each tool's standing, by name."""
    by_name: defaultdict[str, dict[str, Record]] = defaultdict(dict)
    for record in records:
        known = by_name[record.name].get(record.key)
        if known is None or _order(record) < _order(known):
            by_name[record.name][record.key] = record
    return {name: _fold(of_name.values()) for name, of_name in sorted(by_name.items())}


def active(records: Iterable[Record]) -> dict[str, str]:
    """Return the version in use of each tool that has one: a pure function of the set of records."""
    return {name: tool.active for name, tool in standings(records).items() if tool.active is not None}


def in_order(records: Iterable[Record]) -> list[Record]:
    """Sort records by time; ties fall to the keys, the same for everyone."""
    return sorted(records, key=_order)


def _order(record: Record) -> tuple[float, str, str]:
    return (record.at, record.key, record.model_dump_json())


def _fold(records: Iterable[Record]) -> Standing:
    tool = Standing()
    for record in in_order(records):
        tool = _after(tool, record)
    return tool


def _after(tool: Standing, record: Record) -> Standing:
    this = frozenset({record.version})
    match record.action:
        case "adopted" | "restored":
            return replace(
                tool,
                line=_line(tool.line, record),
                since=tool.since if tool.active == record.version else record.at,
                retired=tool.retired - this,
                suspended=tool.suspended - this,
                unchecked=tool.unchecked - this,
            )
        case "retired":
            return replace(tool, retired=tool.retired | this)
        case "suspended":
            return replace(tool, suspended=tool.suspended | this)
        case "resumed":
            return replace(tool, suspended=tool.suspended - this)
        case "unchecked":
            return tool if record.version in tool.line else replace(tool, unchecked=tool.unchecked | this)
        case _:
            return tool


def _line(line: tuple[str, ...], record: Record) -> tuple[str, ...]:
    """Return the line after a version came into use; going back to one that is in it ends the line there."""
    if line and line[-1] == record.version:
        return line
    if record.action == "restored" and record.version in line:
        return line[: len(line) - line[::-1].index(record.version)]
    return (*line, record.version)


def summary(standing: Standing) -> Mapping[str, object]:
    """Return a standing as plain JSON values."""
    return {
        "active": standing.active,
        "line": list(standing.line),
        "since": standing.since,
        "retired": sorted(standing.retired),
        "suspended": sorted(standing.suspended),
        "unchecked": sorted(standing.unchecked),
    }
