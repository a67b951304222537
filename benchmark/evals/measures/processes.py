"""Texts measured side by side, over several processes; what is prepared of the items is prepared once in each."""

import multiprocessing
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from ravelar.benchmark.evals.c3e.items import Item
from ravelar.benchmark.evals.measures.controls import Output
from ravelar.benchmark.evals.measures.grounding import Sources
from ravelar.benchmark.evals.measures.row import Measures, measure
from ravelar.tools.errors import ToolUnavailable
from ravelar.tools.scoring import describe

PART = 150  # texts that are handed out at once, and then are rows; ours
_here: tuple[Mapping[str, Item], Sources] | None = None


def measured_in_parts(
    items: Mapping[str, Item], outputs: Sequence[Output], *, jobs: int = 1
) -> Iterator[list[Measures | str]]:
    """Measure texts, in order; yield each part as soon as it is there.

    A text that can't be measured is an error message in its place, and harms no other. Texts of one item should stand
    together, since what is read of it is kept.

    Args:
        items: All items of the benchmark, by key: a text is compared with the sources of the others too.
        outputs: The texts; each of an item among `items`.
        jobs: How many processes; 1 means this one.

    Raises:
        ToolUnavailable: if a process is killed; the parts before it have been yielded.
    """
    parts = [outputs[at : at + PART] for at in range(0, len(outputs), PART)]
    if jobs == 1 or len(parts) < 2:
        sources = Sources(items.values())
        for part in parts:
            yield [_tried(items, sources, one) for one in part]
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(parts)), mp_context=context, initializer=_prepare, initargs=(items,))
    try:
        yield from pool.map(_part, parts)
    except BrokenProcessPool as error:
        raise ToolUnavailable(f"a process that measures texts has died (out of memory?): {error}") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare(items: Mapping[str, Item]) -> None:
    global _here  # noqa: PLW0603  once per process
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends the pool
    _here = (items, Sources(items.values()))


def _part(outputs: Sequence[Output]) -> list[Measures | str]:
    assert _here is not None, "the pool prepares each process"
    items, sources = _here
    return [_tried(items, sources, one) for one in outputs]


def _tried(items: Mapping[str, Item], sources: Sources, one: Output) -> Measures | str:
    try:
        return measure(items[one.key], one.text, sources)
    except Exception as error:  # noqa: BLE001  one text's bug must not take the others' rows with it
        return f"Bug: {describe(error)}"
