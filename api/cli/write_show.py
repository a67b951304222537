"""What a person sees of a run: a live table where they watch, else a line an event; at the end a summary."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ravelar.cli.acquire_show import one_line
from ravelar.tools.writing.demo import says_replay
from ravelar.tools.writing.detectors import length_of
from ravelar.tools.writing.events import Event
from ravelar.tools.writing.page import cost_of, unit_of
from ravelar.tools.writing.replay import state_of
from ravelar.tools.writing.state import Section, WritingState, in_order

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live
    from rich.table import Table

T = TypeVar("T")

_COLOURS = {"accepted": "green", "budget_exhausted": "red", "pending": "dim"}
_LINES: Mapping[str, Callable[[Event], str]] = {
    "outline": lambda e: f"outline: {e['title']} ({len(e['sections'])} sections)",
    "text": lambda e: f"{e['section']} {e['operation']}: {length_of(e['content'])} words",
    "review": lambda e: f"{e['section']} review: score {e['score']:g}, {e['status']}",
    "reopened": lambda e: f"{e['section']} sent back: {e['feedback']}",
    "retry": lambda e: f"{e['role']}: {e['why']}, again in {e['wait_s']:.1f} s",
    "failed": lambda e: f"{e['role']}: {e['error']}: {e['message']}",
    "gave_up": lambda e: f"{e['section'] or ''} {e['operation']} came to nothing: {e['message']}".strip(),
    "resumed": lambda e: "going on where the run was",
    "end": lambda e: f"{e['end']}: {e['because']}",
}


class View:
    """Hears events, and shows them. Safe between threads.

    Args:
        live: Whether a table is drawn anew, for a person at a terminal; else each event is a line.
    """

    def __init__(self, *, live: bool) -> None:
        self._events: list[Event] = []
        self._lock = threading.Lock()
        self._live: Live | None = _live_table(self._table) if live else None

    def hear(self, event: Event) -> None:
        """Take an event in."""
        with self._lock:
            self._events.append(event)
        if self._live is None and (said := line_of(event)):
            click.echo(one_line(said), err=True)

    def paused(self, work: Callable[[], T]) -> T:
        """Do something that needs the terminal for itself, such as asking."""
        if self._live is None:
            return work()
        self._live.stop()
        try:
            return work()
        finally:
            self._live.start(refresh=True)

    def start(self) -> None:
        """Begin to draw."""
        if self._live is not None:
            self._live.start()

    def stop(self) -> None:
        """Stop drawing; the last state stays where it is."""
        if self._live is not None:
            self._live.stop()

    def _table(self) -> "RenderableType":
        with self._lock:
            events = list(self._events)
        return progress_table(events)


@contextmanager
def open_view(*, as_json: bool) -> Iterator[View]:
    """Show a run on standard error: live at a terminal."""
    view = View(live=sys.stderr.isatty() and not as_json)
    view.start()
    try:
        yield view
    finally:
        view.stop()


def line_of(event: Event) -> str | None:
    """Return what an event says to people, on one line; None where it says nothing to them."""
    if event["kind"] == "run":
        return says_replay(event["brief"]["language"]) if event.get("replay") else None
    if event["kind"] == "step":
        return f"[{event['step']}] refused: {event['refused']}" if event["refused"] else None
    words = _LINES.get(event["kind"])
    if words is None:
        return None
    return f"[{event['step']}] {words(event)}" if "step" in event else words(event)


def progress_table(events: list[Event]) -> "RenderableType":
    """Return where a run stands: its outline with states and scores, what is being done, what it has cost."""
    from rich.console import Group  # noqa: PLC0415  60 ms, for people only
    from rich.text import Text  # noqa: PLC0415

    if not any(event["kind"] == "run" for event in events):
        return Text("beginning ...", style="dim")
    state = state_of(events)
    replay = next(event for event in events if event["kind"] == "run").get("replay")
    banner = [Text("A REPLAY: no language model is asked", style="bold yellow")] if replay else []
    said = [line for event in events[-30:] if (line := line_of(event)) and event["kind"] != "run"][-1:]
    spent = state["spent"]
    tokens = spent["tokens_in"] + spent["tokens_out"]
    footer = f"step {state['step']} · {spent['calls']} calls · {tokens:,} tokens · {_cost(spent)}"
    return Group(*banner, section_table(state), Text(footer, style="dim"), *(Text(one_line(s, 110)) for s in said))


def section_table(state: WritingState) -> "Table":
    """Return the outline as a table: states, scores, lengths."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415  60 ms, for people only
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    sections = in_order(state)
    title = escape(state["title"]) or "no outline yet"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("", "section", "state"):
        table.add_column(name, overflow="fold")
    for name in ("scores", unit_of(sections)):
        table.add_column(name, justify="right")
    for section in sections:
        colour = _COLOURS.get(section["status"], "yellow")
        state_said = f"[{colour}]{section['status']}[/]"
        table.add_row(section["id"], escape(section["title"]), state_said, _scores(section), _length(section))
    return table


def show_result(result: Mapping[str, Any], out: Path) -> None:
    """Print how a run ended, its sections, what it cost, and where everything is."""
    from rich.console import Console  # noqa: PLC0415  60 ms, for people only
    from rich.markup import escape  # noqa: PLC0415

    console = Console(file=sys.stdout, highlight=False)
    run = next(event for event in result["events"] if event["kind"] == "run")
    if result.get("sections"):
        console.print(section_table(state_of(result["events"])))
    console.print(
        f"{result['end'] or 'waiting for an answer'}: {escape(str(result.get('because') or ''))}", soft_wrap=True
    )
    spent, measures = result["measures"]["spent"], result["measures"]
    tokens = spent["tokens_in"] + spent["tokens_out"]
    eta = "" if measures["eta"] is None else f", {measures['eta']:.2f} steps a section"
    retried = f", {spent['retries']} retries" if spent["retries"] else ""
    console.print(f"{measures['steps']} steps{eta}; {spent['calls']} calls{retried}, {tokens:,} tokens, {_cost(spent)}")
    if run.get("replay"):
        console.print(says_replay(run["brief"]["language"]), style="bold yellow", soft_wrap=True)
    names = [name for name in ("article.md", "article.html", "events.jsonl", "run.json") if (out / name).exists()]
    console.print(f"{out}: {', '.join(names)}", soft_wrap=True)


def _cost(spent: Mapping[str, Any]) -> str:
    said = cost_of(spent)
    return "no price is known (--prices)" if said == "-" else said


def _scores(section: Section) -> str:
    return " → ".join(f"{score:g}" for score in section["scores"]) or "-"


def _length(section: Section) -> str:
    there = length_of(section["content"]) if section["content"] else 0
    return f"{there}/{section['words']}" if section["words"] else str(there)


def _live_table(draw: "Callable[[], RenderableType]") -> "Live":
    from rich.console import Console  # noqa: PLC0415  60 ms, for people only
    from rich.live import Live  # noqa: PLC0415

    return Live(get_renderable=draw, console=Console(stderr=True), refresh_per_second=4, transient=True)
