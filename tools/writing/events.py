"""The event log of one run: what happened, in order, on disk before anybody acts on it.

A run's folder holds `events.jsonl`, one JSON object a line, only ever added to:

    run       once, first: run, brief, protocol, limits, models {role: name}, replay, version
    call      an answered call: role, step, section, prompt, prompt_hash, template_hash, sent_hash, repair, model,
              said {text, tool_calls, ...}, tokens_in, tokens_out, cached, cost (null: unknown), seconds, retries
    retry     a call is tried again: role, step, section, prompt, why, wait_s
    failed    a call failed for good: role, step, section, prompt, error, message, seconds, retries
    step      what was decided: step, operation, section, thought, refused (null, or why), first (the first step that
              was decided together with it)
    gave_up   a step came to nothing: step, operation, section, error, message
    outline   step, title, sections
    text      a section's new text: step, section, operation (draft, refine, edit), content, summary, changes, findings
    review    step, section, verdicts, score, feedback, findings, status
    reopened  a closed section must be refined after all: step, section, feedback
    approved  a person agreed: step, what ("outline" or a section's id)
    end       end, because
    resumed   a run that had ended, or was killed, goes on: limits

Every event has `n` (its number) and `at` (UTC). State, metrics and cost derive from it (`tools.writing.replay`), and a
resumed run finds in it what was said already. The last line of a killed process may be broken: it is dropped.
"""

import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from ravelar.tools.chat.journal import Asked, Said
from ravelar.tools.errors import InputError
from ravelar.tools.writing.prices import Prices
from ravelar.tools.writing.state import Spent, add_spent, nothing_spent

Event = dict[str, Any]

EVENTS = "events.jsonl"
KINDS = frozenset(
    {
        "run",
        "call",
        "retry",
        "failed",
        "step",
        "outline",
        "text",
        "review",
        "reopened",
        "approved",
        "end",
        "resumed",
        "gave_up",
    }
)
_ONCE = frozenset({"step", "outline", "text", "review", "reopened", "approved"})
_PAID = frozenset({"run", "call", "failed"})
_LONGEST_KEPT = 500_000  # characters of a reply; a longer one is refused anyway, and stays too long when cut to this


class EventLog:
    """An append-only log; safe between threads, closed to other processes while it is open.

    Args:
        path: The file; None keeps the events in memory only.
        prices: What calls cost.
        heard: Is told each new event once it is written.

    Raises:
        InputError: if the file can't be opened, is no event log, or another process writes it.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        prices: Prices | None = None,
        heard: Callable[[Event], None] | None = None,
    ) -> None:
        self.path, self.prices, self.heard = path, prices or Prices(), heard
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self._owner: FileLock | None = None
        self.events: list[Event] = []
        if path is not None:
            self._open(path)
        self._calls = {_call_key(event): event for event in self.events if event["kind"] == "call"}
        self._once = {key for event in self.events if (key := _once_key(event)) is not None}

    def __enter__(self) -> "EventLog":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, kind: str, **values: Any) -> Event | None:
        """Write an event. It outlives the process when this returns; what was paid for outlives the machine as well.

        An answered call is on the disk itself by then. Other events follow from those, and are written there with the
        next one: what a power failure takes of them is done again from the calls, without asking anybody.

        An event of one step and section that was written before is not written again, and None is returned: a step
        that was killed after its event, and runs again, changes nothing.

        Raises:
            ValueError: if there is no such kind.
        """
        if kind not in KINDS:
            raise ValueError(f"no kind of event {kind!r}; known: {', '.join(sorted(KINDS))}")
        with self._lock:
            event: Event = {"n": len(self.events) + 1, "at": _now(), "kind": kind, **values}
            key = _once_key(event)
            if key is not None and key in self._once:
                return None
            if self._file is not None:
                self._file.write(json.dumps(event, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
                self._file.flush()
                if kind in _PAID:
                    os.fsync(self._file.fileno())
            self.events.append(event)
            if key is not None:
                self._once.add(key)
            if kind == "call":
                self._calls[_call_key(event)] = event
        if self.heard is not None:
            self.heard(event)
        return event

    def at(self, role: str, step: int, section: str | None = None) -> "Place":
        """Return the journal of calls that are made at a place."""
        return Place(self, role, step, section)

    def call_at(self, key: tuple[Any, ...]) -> Event | None:
        """Return the answered call of a place and of what was sent, if there is one."""
        with self._lock:
            return self._calls.get(key)

    def spent(self) -> Spent:
        """Return what the run has spent, by its events."""
        with self._lock:
            return spent_of(self.events)

    def close(self) -> None:
        """Close the file, and let others open it."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._owner is not None:
            self._owner.release()
            self._owner = None

    def _open(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._owner = FileLock(path.with_name(f".{path.stem}.lock"), timeout=0)
            self._owner.acquire()
            self.events, whole = _read(path)
            self._file = path.open("ab")
            if whole < path.stat().st_size:
                self._file.truncate(whole)
        except Timeout:
            self._owner = None
            raise InputError(f"another process is writing the run in {path.parent}") from None
        except OSError as error:
            self.close()
            raise InputError(f"the event log {path} can't be written: {error}") from None
        except InputError:
            self.close()
            raise


@dataclass(frozen=True, slots=True)
class Place:
    """Where calls are made from: a journal (`tools.chat.journal`) that writes them into the log.

    Attributes:
        log: The log.
        role: The agent, such as "drafter".
        step: The step it works for.
        section: The section it works on; None for the planner and the outliner.
    """

    log: EventLog
    role: str
    step: int
    section: str | None = None

    def recall(self, asked: Asked) -> Said | None:
        """Return what was said to this very call at this place before."""
        event = self.log.call_at((self.role, self.step, self.section, asked.sent_hash, asked.model))
        return None if event is None else Said(**event["said"])

    def keep(self, asked: Asked, said: Said) -> None:
        """Write an answered call."""
        cost = self.log.prices.cost(asked.model, said.tokens_in, said.tokens_out, said.cached)
        measured = asdict(said)
        measured["text"] = said.text[:_LONGEST_KEPT]
        figures = {name: measured[name] for name in ("tokens_in", "tokens_out", "cached", "seconds", "retries")}
        self.log.write("call", **self._where(), **asdict(asked), said=measured, cost=cost, **figures)

    def retrying(self, asked: Asked, why: str, wait_s: float) -> None:
        """Write that a call is tried again."""
        self.log.write(
            "retry", **self._where(), prompt=asked.prompt, model=asked.model, why=why, wait_s=round(wait_s, 3)
        )

    def failed(self, asked: Asked, error: Exception, *, seconds: float, retries: int) -> None:
        """Write that a call failed for good."""
        self.log.write(
            "failed",
            **self._where(),
            prompt=asked.prompt,
            model=asked.model,
            error=type(error).__name__,
            message=str(error),
            seconds=round(seconds, 3),
            retries=retries,
        )

    def _where(self) -> dict[str, Any]:
        return {"role": self.role, "step": self.step, "section": self.section}


def read_events(path: Path) -> list[Event]:
    """Read a log; a broken last line is dropped, since its process was killed.

    Raises:
        InputError: if the file is missing, or a line of it is no event; says which.
    """
    if not path.is_file():
        raise InputError(f"no event log {path}")
    return _read(path)[0]


def spent_of(events: Iterable[Mapping[str, Any]]) -> Spent:
    """Return what the calls among events took: answered ones, and those that failed for good."""
    total = nothing_spent()
    for event in events:
        if event["kind"] in {"call", "failed"}:
            total = add_spent(total, _spent_on(event))
    return total


def failure_name(error: Exception) -> str:
    """Return an error's name as a run's end bears it: BrokenReply is "broken_reply"."""
    name = type(error).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() and i else letter.lower() for i, letter in enumerate(name))


def until(events: Sequence[Event], step: int) -> list[Event]:
    """Return the events of a run up to and with a step, for a run that forks there; its end is left out."""
    return [event for event in events if event["kind"] != "end" and event.get("step", 0) <= step]


def _spent_on(event: Mapping[str, Any]) -> Spent:
    cost = event.get("cost")
    answered = event["kind"] == "call"
    return Spent(
        calls=1,
        tokens_in=event.get("tokens_in", 0),
        tokens_out=event.get("tokens_out", 0),
        cached=event.get("cached", 0),
        cost=cost or 0.0,
        unpriced=int(answered and cost is None),
        retries=event.get("retries", 0),
        seconds=event.get("seconds", 0.0),
    )


def _read(path: Path) -> tuple[list[Event], int]:
    """Return the events of a file, and how many bytes of it are whole lines; none for a file that is not there."""
    events: list[Event] = []
    whole = 0
    data = b""
    with suppress(FileNotFoundError):
        data = path.read_bytes()
    lines = data.splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        event = _parsed(line)
        if event is None:
            if number == len(lines):
                break
            raise InputError(f"{path}, line {number}: no event: {line[:80].decode('utf-8', 'replace')!r}")
        events.append(event)
        whole += len(line)
    return events, whole


def _parsed(line: bytes) -> Event | None:
    """Return a line's event; None if it is broken, or lacks its end."""
    if not line.endswith(b"\n"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and event.get("kind") in KINDS else None


def _call_key(event: Mapping[str, Any]) -> tuple[Any, ...]:
    return (event["role"], event["step"], event["section"], event["sent_hash"], event["model"])


def _once_key(event: Mapping[str, Any]) -> tuple[Any, ...] | None:
    if event["kind"] not in _ONCE:
        return None
    return (event["kind"], event.get("step"), event.get("section"), event.get("operation"), event.get("what"))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
