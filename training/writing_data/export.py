"""Runs' folders to one file of JSON lines, run after run; nothing is kept of a run but its counts.

RUN (folder of `ravelar write`, its events.jsonl, or a folder of such folders) -> rows -> FILE, whole or not at all
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ravelar.agents.ravel.languages import ROLES
from ravelar.tools.errors import InputError, UnknownName
from ravelar.tools.writing.events import EVENTS, Event, read_events
from ravelar.tools.writing.replay import run_of
from ravelar.training.writing_data.rows import Left, Row, preference_rows, sft_rows

Kind = Literal["sft", "preference"]
KINDS: tuple[Kind, ...] = ("sft", "preference")


@dataclass(slots=True)
class Exported:
    """What came of an export.

    Attributes:
        rows: Rows written.
        runs: Runs read.
        replays: Runs among them that are replays: no model was asked.
        by_role: Rows by role.
        left: What was left out, and how often, by reason.
    """

    rows: int = 0
    runs: int = 0
    replays: int = 0
    by_role: Counter[str] = field(default_factory=Counter)
    left: Left = field(default_factory=Left)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        counts = {"rows": self.rows, "runs": self.runs, "replays": self.replays}
        return {**counts, "by_role": dict(self.by_role), "left_out": dict(self.left.why)}


def logs_in(places: Iterable[Path]) -> list[Path]:
    """Return the event logs at places, each once, in order: a log, a run's folder, or a folder of runs' folders.

    Raises: InputError: if there is none at one of them; says what is allowed.
    """
    found: dict[Path, None] = {}
    for place in places:
        if place.is_file():
            there = [place]
        elif (place / EVENTS).is_file():
            there = [place / EVENTS]
        else:
            there = sorted(place.glob(f"*/{EVENTS}")) if place.is_dir() else []
        if not there:
            raise InputError(
                f"{place} holds no run: allowed: a run's folder, its {EVENTS}, or a folder of runs' folders"
            )
        found |= dict.fromkeys(there)
    return list(found)


def rows_in(
    events: Sequence[Event],
    kind: Kind,
    *,
    roles: Collection[str] = ROLES,
    left: Left | None = None,
    least_gain: float = 0.0,
) -> Iterator[Row]:
    """Yield the rows of one run.

    Raises:
        UnknownName: if there is no such kind or role.
        InputError: if the log does not say what run it is of.
    """
    if kind not in KINDS:
        raise UnknownName("kind of data", kind, KINDS)
    if unknown := [role for role in roles if role not in ROLES]:
        raise UnknownName("role", unknown[0], ROLES)
    if kind == "preference":
        return preference_rows(events, left, least_gain=least_gain)
    return sft_rows(events, roles, left)


def export(  # noqa: PLR0913  four of six have defaults
    logs: Sequence[Path],
    out: Path,
    kind: Kind,
    *,
    roles: Collection[str] = ROLES,
    least_gain: float = 0.0,
    tell: Callable[[str], object] = lambda _: None,
) -> Exported:
    """Write the rows of runs, one JSON object a line; the file is there whole, or not at all.

    Args:
        logs: The runs' event logs.
        out: The file; it must not be there yet.
        kind: "sft" or "preference".
        roles: Whose decisions, for "sft".
        least_gain: By how much an accepted text must be better, for "preference".
        tell: Told the path of each log before it is read.

    Raises:
        InputError: if a log can't be read, or the file can't be written or is there.
    """
    if out.exists():
        raise InputError(f"{out} is there already; name another file")
    done, making = Exported(), out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with making.open("w", encoding="utf-8") as file:
            for log in logs:
                tell(str(log))
                events = read_events(log)
                done.runs += 1
                done.replays += bool(run_of(events).get("replay"))
                for row in rows_in(events, kind, roles=roles, left=done.left, least_gain=least_gain):
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
                    done.rows += 1
                    done.by_role[row["role"]] += 1
        making.rename(out)
    except OSError as error:
        raise InputError(f"{out} can't be written: {error.strerror or error}") from error
    finally:
        making.unlink(missing_ok=True)
    return done
