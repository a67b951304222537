"""What `ravelar library list` and `show` print."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ravelar.cli.tools import described as card_described
from ravelar.tools.adopted.entry import Entry, WrittenRecipe
from ravelar.tools.adopted.model_card import measured, printable
from ravelar.tools.adopted.records import Record, Refusal, Standing
from ravelar.tools.adopted.shelf import to_text
from ravelar.tools.adopted.store import AdoptedStore
from ravelar.tools.errors import LibraryUnusable
from ravelar.tools.evidence.trial import Rate, Trial

_SHORT = 8  # characters of a version: enough to tell a tool's versions apart


def rows_of(store: AdoptedStore, *, everything: bool) -> list[dict[str, Any]]:
    """Return a row for each tool in use, and on request for the others too."""
    return [
        row
        for name, tool in store.standings().items()
        for version, state in _versions(tool).items()
        if (row := _row(store, name, version, state, tool)) and (everything or state == "in use")
    ]


def _versions(tool: Standing) -> dict[str, str]:
    """Return the versions worth a row, and the state of each."""
    found = dict.fromkeys(sorted(tool.unchecked), "unchecked")
    if tool.present is not None:
        out = "retired" if tool.present in tool.retired else "suspended"
        found[tool.present] = "in use" if tool.active else out
    return found


def _row(store: AdoptedStore, name: str, version: str, state: str, tool: Standing) -> dict[str, Any]:
    since = tool.since if version == tool.present else None
    row: dict[str, Any] = {"name": name, "version": version, "state": state, "since": since}
    try:
        entry = store.entry(name, version)
    except LibraryUnusable as error:
        return {**row, "kind": "?", "form": "?", "n": None, "reason": str(error)}
    trial = entry.trial
    lows = {f"{what}_low": _low(rate) for what, rate in _rates(trial).items()}
    return {**row, "kind": entry.card.kind, "form": entry.recipe.form, "n": trial.n, **lows}


def _rates(trial: Trial) -> dict[str, Rate | None]:
    return {"good": trial.good, "bad": trial.bad, "auc": trial.auc, "pairwise": trial.pairwise}


def _low(rate: Rate | None) -> float | None:
    return None if rate is None else rate.low


def show_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows as a table; the rates are lower ends of 95 % intervals."""
    from rich import box  # noqa: PLC0415  60 ms, for people only
    from rich.console import Console  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0)
    table.add_column("tool", overflow="fold")
    for heading in ("how", "version", "state"):
        table.add_column(heading, no_wrap=True)
    for heading in ("n", "good ≥", "bad ≥", "pairs ≥"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("since", no_wrap=True)
    for row in rows:
        lows = [_figure(row.get(f"{what}_low")) for what in ("good", "bad", "pairwise")]
        n = "-" if row["n"] is None else f"{row['n']:,}"
        cells = [row["name"], row["form"], row["version"][:_SHORT], row["state"], n, *lows, _day(row["since"])]
        table.add_row(*(escape(str(cell)) for cell in cells))
    Console().print(table)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _day(at: float | None) -> str:
    return "-" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def described(entry: Entry) -> str:
    """Return an entry's card, what its task is, and what it did on probes, as text."""
    task, recipe = entry.task, entry.recipe.model_dump(mode="json")
    recipe.pop("source", None)
    lines = [
        card_described(entry.card),
        "",
        f"task        {task.summary}",
        f"right is    {task.correct}",
        f"version     {entry.version}",
        f"built from  {json.dumps(recipe)}",
        "trial",
        *(f"  {line.removeprefix('- ')}" for line in measured(entry.trial)),
    ]
    return printable("\n".join(lines))


def source_of(entry: Entry) -> str:
    """Return a written verifier's source, and any other tool's recipe."""
    recipe = entry.recipe
    return printable(recipe.source if isinstance(recipe, WrittenRecipe) else recipe.model_dump_json(indent=2))


def told(history: Sequence[Record], refusals: Sequence[Refusal]) -> str:
    """Return what happened to a tool, one line a record."""
    candidates = {refusal.record.key: refusal.candidate for refusal in refusals}
    lines = []
    for record in history:
        when = f"{datetime.fromtimestamp(record.at, UTC):%Y-%m-%d %H:%M:%S}"
        what = candidates.get(record.key, record.version[:_SHORT])
        lines.append(f"{when}  {record.action:<9}  {what}  {record.reason}".rstrip())
        lines += [f"{'':21}{point}" for point in record.why]
    return printable("\n".join(lines))


def as_json(entry: Entry, history: Sequence[Record] | None) -> str:
    """Return an entry, and on request what happened to it, as JSON."""
    shown = entry.model_dump(mode="json") | {"version": entry.version}
    if history is not None:
        shown["history"] = [record.model_dump(mode="json") for record in history]
    return to_text(shown)
