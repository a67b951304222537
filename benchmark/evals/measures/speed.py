"""All given outputs measured, over several processes, against the clock."""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ravelar.benchmark.evals.c3e.items import Item, read_items
from ravelar.benchmark.evals.measures.controls import Output, read_outputs
from ravelar.benchmark.evals.measures.processes import measured_in_parts
from ravelar.benchmark.evals.measures.row import Measures
from ravelar.tools.errors import InputError, ToolCrashed


def given(folder: Path | None = None) -> tuple[dict[str, Item], list[Output]]:
    """Read the Chinese items and the given outputs for them.

    Args:
        folder: Where they are; None means `c3ebench` in RAVELAR_SHARED, or beside the checkout.

    Raises:
        InputError: if they are not there; names the file.
    """
    shared = Path(os.environ.get("RAVELAR_SHARED", Path(__file__).resolve().parents[4] / "shared" / "data"))
    data = folder or shared / "c3ebench"
    for name in ("chinese.jsonl.gz", "chinese_clusters.tsv", "outputs_chinese.jsonl.gz"):
        if not (data / name).is_file():
            raise InputError(f"{data / name} is not here; name the folder of C3EBench's files with --data")
    items = {one.brief.key: one for one in read_items(data / "chinese.jsonl.gz", data / "chinese_clusters.tsv")}
    outputs = [one for one in read_outputs(data / "outputs_chinese.jsonl.gz") if one.key in items]
    return items, sorted(outputs, key=lambda one: one.key)


def measured(items: Mapping[str, Item], outputs: Sequence[Output], *, jobs: int = 1) -> list[Measures]:
    """Measure outputs, in order; outputs of one item should stand together, since what is read of it is kept.

    Raises:
        ToolCrashed: if an output can't be measured.
        ToolUnavailable: if a process is killed.
    """
    found = []
    for one in (one for part in measured_in_parts(items, outputs, jobs=jobs) for one in part):
        if isinstance(one, str):
            raise ToolCrashed(one)
        found.append(one)
    return found


def measured_all(items: Mapping[str, Item], outputs: Sequence[Output], *, jobs: int) -> dict[str, float]:
    """Measure all outputs once; return the wall time in seconds, and outputs per second."""
    started = time.perf_counter()
    measured(items, outputs, jobs=jobs)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "per_s": len(outputs) / seconds}
