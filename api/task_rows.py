"""Rows of one task, as the RLAR graph takes its examples and probes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ravelar.tools.columns import Columns
from ravelar.tools.errors import InputError
from ravelar.tools.evidence.labelled import CHOSEN, REJECTED, read_probes, with_prompt
from ravelar.tools.reward import Triple
from ravelar.tools.rows import BadRow, Row, read_rows


def read_all(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Read a whole file; return each row's place and values.

    Raises:
        InputError: if it holds no rows, or one that can't be read: the caller's mistake, told before anything is spent.
    """
    rows: list[tuple[str, dict[str, Any]]] = []
    for row in read_rows(str(path)):
        if isinstance(row, BadRow):
            raise InputError(f"{row.place}: {row.reason}")
        rows.append((row.place, dict(row.values)))
    if not rows:
        raise InputError(f"{path} holds no rows")
    return rows


def read_probe_rows(path: Path, columns: Columns) -> list[dict[str, Any]]:
    """Read a file of labelled completions or preference pairs; return its rows as the graph takes them.

    Raises:
        InputError: if a row has no prompt, or a label that is none; the message names its place.
    """
    placed = read_all(path)
    rows = [graph_row(place, values, columns) for place, values in placed]
    read_probes([Row(place, row, 0) for (place, _), row in zip(placed, rows, strict=True)])
    return rows


def graph_row(place: str, values: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """Return a row under the graph's own column names, further columns as metadata.

    Raises:
        InputError: if it has no prompt.
    """
    row = columns.row(values)
    further = row.pop("metadata", {})
    row |= {side: further.pop(side) for side in (CHOSEN, REJECTED) if side in further}
    if "prompt" not in row:
        row = with_prompt(row)
    if "prompt" not in row:
        there = ", ".join(map(repr, list(values)[:12])) or "none"
        raise InputError(f"{place}: no column {columns.prompt!r}; columns: {there}; --column prompt=NAME")
    return {**row, **({"metadata": further} if further else {})}


def example_of(triple: Triple) -> dict[str, Any]:
    """Return what a triple shows of its task: prompt, reference and the column `task`, as far as they are there."""
    task = triple.metadata.get("task")
    return {
        "prompt": triple.prompt,
        **({} if triple.reference is None else {"reference": triple.reference}),
        **({"task": task} if isinstance(task, str) else {}),
    }
