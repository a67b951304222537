"""All given outputs measured, over several processes, against the clock."""

import multiprocessing
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from ravelar.benchmark.evals.c3e.items import Item, read_items
from ravelar.benchmark.evals.measures.controls import Output, read_outputs
from ravelar.benchmark.evals.measures.grounding import Sources
from ravelar.benchmark.evals.measures.row import Measures, measure
from ravelar.tools.errors import InputError

_CHUNK = 150
_here: tuple[Mapping[str, Item], Sources] | None = None


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
    """Measure outputs, in order; outputs of one item should stand together, since what is read of it is kept."""
    if jobs == 1:
        sources = Sources(items.values())
        return [measure(items[one.key], one.text, sources) for one in outputs]
    parts = [outputs[at : at + _CHUNK] for at in range(0, len(outputs), _CHUNK)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_prepare, initargs=(items,)) as pool:
        return [one for part in pool.map(_part, parts) for one in part]


def measured_all(items: Mapping[str, Item], outputs: Sequence[Output], *, jobs: int) -> dict[str, float]:
    """Measure all outputs once; return the wall time in seconds, and outputs per second."""
    started = time.perf_counter()
    measured(items, outputs, jobs=jobs)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "per_s": len(outputs) / seconds}


def _prepare(items: Mapping[str, Item]) -> None:
    global _here  # noqa: PLW0603  once per process
    _here = (items, Sources(items.values()))


def _part(outputs: Sequence[Output]) -> list[Measures]:
    assert _here is not None, "the pool prepares each process"
    items, sources = _here
    return [measure(items[one.key], one.text, sources) for one in outputs]
