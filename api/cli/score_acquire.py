"""`ravelar score --acquire`: before scoring, get a reward tool for each task in the rows that no tool fits."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import click

from ravelar.calls import default_library, default_router, read_library_anew
from ravelar.cli.acquire_show import one_line, show_event
from ravelar.cli.interruption import Terminated, giving_up_soon
from ravelar.graphs.rlar import build_rlar
from ravelar.graphs.rlar_state import RlarContext
from ravelar.task_rows import example_of
from ravelar.tools.columns import Columns
from ravelar.tools.errors import InputError
from ravelar.tools.recognition.grouping import Query, group_alike
from ravelar.tools.reward import Triple
from ravelar.tools.routing import router_for
from ravelar.tools.rows import BadRow, RowFormat, read_rows

MOST_ROWS = 5_000  # ours: rows looked at; a task that has none among these is met at the next run
LEAST_ROWS = 20  # ours: fewer rows than this give no probes to judge a tool by
MOST_GROUPS = 24  # ours
_MOST_GIVEN = 600  # rows of one task that go into its acquisition


@dataclass(frozen=True, slots=True)
class Labelled:
    """A row's triple with its label, if it has one."""

    triple: Triple
    label: bool | None


def acquire_first(
    files: Sequence[str], columns: Columns, row_format: RowFormat | None, context: RlarContext, *, sandbox: str
) -> None:
    """Run the RLAR graph once for each group of like rows that no tool fits; say how each ended.

    A task may be worded in several ways, each of which is a group with too few labels by itself: the rows of groups
    that get the same name are tried together.

    Raises:
        InputError: if a file can only be read once.
        SystemExit: at Ctrl-C and SIGTERM, with their exit codes.
    """
    if "-" in files:
        raise InputError("--acquire reads the rows twice, so that '-' (standard input) can't be among the files")
    rows = list(islice(_rows(files, columns, row_format), MOST_ROWS))
    tried: set[int] = set()
    wanting: defaultdict[str, list[int]] = defaultdict(list)
    settled: set[str] = set()
    try:
        with giving_up_soon("interrupted; tools adopted so far are kept, no row was scored"):
            for _ in range(MOST_GROUPS):
                group = _largest_unfit(rows, tried, sandbox)
                if len(group) < LEAST_ROWS:
                    break
                tried.update(group)
                label, judged = _acquire([rows[i] for i in group], context)
                if judged or label in settled:
                    continue
                wanting[label] += group
                if len(wanting[label]) > len(group):
                    _, judged = _acquire([_of_task(rows[i], label) for i in wanting[label]], context)
                    settled.update([label] if judged else [])
    except (KeyboardInterrupt, Terminated) as error:
        raise SystemExit(143 if isinstance(error, Terminated) else 130) from None
    read_library_anew()


def _of_task(row: Labelled, label: str) -> Labelled:
    return replace(row, triple=replace(row.triple, metadata={**row.triple.metadata, "task": label}))


def _acquire(rows: Sequence[Labelled], context: RlarContext) -> tuple[str, bool]:
    """Run the graph on the rows of a task; return its label, and whether there were labels enough to judge by."""
    first = one_line(rows[0].triple.question, 80)
    click.echo(f"ravelar: no tool fits {len(rows)} rows such as {first!r}; getting one", err=True)
    given: Any = {
        "triples": [],
        "examples": [example_of(row.triple) for row in rows[:_MOST_GIVEN]],
        "probes": [_probe(row) for row in rows[:_MOST_GIVEN] if row.label is not None],
    }
    result: dict[str, Any] = {}
    events: Iterator[Any] = build_rlar().stream(given, context=context, stream_mode=["custom", "values"])
    for mode, event in events:
        if mode == "custom":
            show_event(event)
        else:
            result = event
    click.echo(f"ravelar: {result.get('end')}: {one_line(str(result.get('because')))}", err=True)
    wanting = result.get("end") == "insufficient_probes" or bool(result.get("unverifiable"))
    return str((result.get("task") or {}).get("label")), not wanting


def _largest_unfit(rows: Sequence[Labelled], tried: set[int], sandbox: str) -> list[int]:
    """Return the places of the most rows alike that no tool fits and for which none was sought yet."""
    read_library_anew()
    router = default_router(sandbox) or router_for(default_library(sandbox).names)
    unfit = [
        i
        for i, row in enumerate(rows)
        if i not in tried and router(row.triple.prompt, row.triple.reference, row.triple.metadata).tool is None
    ]
    groups = group_alike([Query(rows[i].triple.prompt, rows[i].triple.reference) for i in unfit])
    return [unfit[i] for i in max(groups, key=len, default=[])]


def _rows(files: Sequence[str], columns: Columns, row_format: RowFormat | None) -> Iterator[Labelled]:
    """Yield what can be read; what can't is named when the rows are scored."""
    for path in files:
        for row in read_rows(path, row_format):
            if isinstance(row, BadRow):
                continue
            try:
                yield Labelled(columns.triple(row.values), columns.truth(row.values))
            except InputError:
                continue


def _probe(row: Labelled) -> dict[str, Any]:
    return {**example_of(row.triple), "completion": row.triple.completion, "label": row.label}
