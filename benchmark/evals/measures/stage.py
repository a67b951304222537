"""The measures of a run's texts, as a stage: outputs.jsonl -> measures.jsonl, a row per text, no model asked.

A row has the text's key, what was counted in it, and under `refused` the gates that refuse it, each with its figure.
Texts that were never written have no row here: they are unscored, and counted as such.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ravelar.benchmark.evals.c3e.items import Item
from ravelar.benchmark.evals.manifest import open_manifest
from ravelar.benchmark.evals.measures.controls import Output
from ravelar.benchmark.evals.measures.processes import measured_in_parts
from ravelar.benchmark.evals.measures.row import Measures, Thresholds
from ravelar.benchmark.evals.rows import Row, StageRows
from ravelar.benchmark.evals.running import Tally
from ravelar.tools.errors import InputError

MEASURES = "measures.jsonl"
MOST_JOBS = 2  # ours: a leaderboard of 14 systems takes minutes, and machines have other work


def texts_in(outputs: Iterable[Row], items: Sequence[Item]) -> dict[str, Row]:
    """Return the rows that hold a text, by key, those of one item together.

    Raises:
        InputError: if a text is of an item that is not given.
    """
    there = {item.key for item in items}
    texts = sorted((row for row in outputs if row.get("error") is None), key=lambda row: (str(row["item"]), row["key"]))
    for row in texts:
        if row["item"] not in there:
            raise InputError(f"the text {row['key']!r} is of no item among the {len(there)} given")
    return {row["key"]: row for row in texts}


def measure_rows(  # noqa: PLR0913  what a stage stands on
    folder: Path,
    items: Sequence[Item],
    outputs: Iterable[Row],
    *,
    jobs: int = MOST_JOBS,
    retry_failed: bool = False,
    on_row: Callable[[Row], None] = lambda _: None,
) -> Tally:
    """Measure the texts of a run that have no row yet; write each part's rows as soon as it is there.

    Args:
        folder: The run's folder.
        items: The run's items; what a text owes to its own source shows only beside those of the others.
        outputs: The rows of texts.
        jobs: How many processes.
        retry_failed: Whether texts whose row is an error are measured again.
        on_row: Told of each row as it is written.

    Raises:
        InputError: if a text is of none of the items, a row can't be written, or the rows that are there were made with
            other thresholds.
        ToolUnavailable: if a process is killed; the rows before it are written.
    """
    started, at = time.monotonic(), Thresholds()
    texts = texts_in(outputs, items)
    open_manifest(folder, "measure", {"thresholds": asdict(at)})
    with StageRows(folder / MEASURES) as rows:
        wanted = [texts[key] for key in rows.wanted(texts, retry_failed=retry_failed)]
        tally = Tally(kept=len(texts) - len(wanted))
        given = [Output(row["item"], str(row["system"]), str(row["text"])) for row in wanted]
        left = iter(wanted)
        for part in measured_in_parts({item.key: item for item in items}, given, jobs=jobs):
            for found in part:
                row = _row(next(left), found, at)
                rows.append(row)
                _count(tally, row)
                on_row(row)
    tally.seconds = time.monotonic() - started
    return tally


def _row(output: Row, found: Measures | str, at: Thresholds) -> dict[str, Any]:
    of = {name: output[name] for name in ("key", "item", "task", "language", "system", "sample")}
    if isinstance(found, str):
        return {**of, "error": found}
    return {**of, **found.as_row(), "refused": found.refusals(at)}


def _count(tally: Tally, row: Row) -> None:
    if row.get("error") is None:
        tally.made += 1
    else:
        tally.failed[str(row["error"]).partition(":")[0]] += 1
