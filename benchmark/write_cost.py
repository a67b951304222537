"""`ravelar bench write`: what a run of RAVEL sends and how long it takes, beside the published loop.

A language model on the loopback answers after 50 ms; the same replies for every run. The published loop's characters
were measured on its code with a fake model and sections of 1,500 characters; they stand here as that source gives
them (docs/ravel-cost.md), and are not measured again.
"""

import os
import sqlite3
import statistics
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langgraph.checkpoint.sqlite import SqliteSaver

from ravelar.benchmark.loopback_writer import LoopbackWriter
from ravelar.graphs.ravel import build_ravel
from ravelar.graphs.ravel_parts import Parts
from ravelar.graphs.ravel_state import RavelContext
from ravelar.tools.chat.opening import open_chat
from ravelar.tools.writing.events import EVENTS, EventLog

PUBLISHED = {6: 162_000, 12: 453_000, 26: 1_490_000}
"""Prompt characters of the published loop by sections; the run of 26 did not finish."""

CHARACTERS, LATENCY_S, THREADS = 1_500, 0.05, 128
BRIEF = {"instruction": "Write the history of a small harbour on the North Sea, for readers who have never seen one."}


def measure(
    *, sections: tuple[int, ...] = (6, 12, 26), timed: int = 12, at_once: int = 8, runs: int = 3
) -> dict[str, Any]:
    """Return the figures.

    Args:
        sections: Sections of the autonomous articles whose prompts are counted.
        timed: Sections of the articles that are timed.
        at_once: How many sections are worked on side by side, where they are.
        runs: Runs of each timed figure; the median is given.
    """
    prompts = {str(count): count_prompts(count) for count in sections}
    return {"prompts": prompts, "side_by_side": _side_by_side(timed, at_once, runs), "overhead": _overhead(timed, runs)}


def count_prompts(count: int, *, latency_s: float = LATENCY_S) -> dict[str, Any]:
    """Run an autonomous article of so many sections; compare its prompts with the published loop's."""
    with LoopbackWriter(count, characters=CHARACTERS, latency_s=latency_s) as model:
        result = _write(model, RavelContext(protocol="autonomous"))
        published = PUBLISHED.get(count)
        return {
            "end": result["end"],
            "steps": result["step"],
            "calls": model.calls,
            "prompt_characters": model.prompt_characters,
            "published_characters": published,
            "share": None if published is None else round(model.prompt_characters / published, 4),
        }


def _side_by_side(count: int, at_once: int, runs: int) -> dict[str, Any]:
    """Time protocol fixed, one section after another and several at once."""
    alone = statistics.median(_timed(count, RavelContext(protocol="fixed", at_once=1)) for _ in range(runs))
    together = statistics.median(_timed(count, RavelContext(protocol="fixed", at_once=at_once)) for _ in range(runs))
    return {
        "sections": count,
        "at_once": at_once,
        "sequential_s": round(alone, 3),
        "parallel_s": round(together, 3),
        "times_faster": round(alone / together, 2),
    }


def _timed(count: int, context: RavelContext) -> float:
    with LoopbackWriter(count, characters=CHARACTERS, latency_s=LATENCY_S) as model:
        chat = _chat(model)
        started = time.perf_counter()
        result = _write(model, context, chat)
        assert result["end"] == "finished", result["because"]
        return time.perf_counter() - started


def _overhead(count: int, runs: int) -> dict[str, float]:
    """Return milliseconds that a step of an autonomous run takes beside its calls, in memory and all kept on disk."""
    in_memory = [_beside_calls(count, None) for _ in range(runs)]
    durable = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            durable.append(_beside_calls(count, Path(folder)))
            disk = _fsync_ms(Path(folder) / "sync")
    figures = {"in_memory_ms_per_step": statistics.median(in_memory), "durable_ms_per_step": statistics.median(durable)}
    return {"sections": count, **{name: round(ms, 2) for name, ms in figures.items()}, "fsync_ms": round(disk, 2)}


def _fsync_ms(path: Path) -> float:
    """Return what the disk takes for one write that is to outlive the machine; a step of a durable run has two."""
    times = []
    with path.open("ab") as file:
        for _ in range(20):
            started = time.perf_counter()
            file.write(b"x" * 2_000)
            file.flush()
            os.fsync(file.fileno())
            times.append(1_000 * (time.perf_counter() - started))
    return statistics.median(times)


def _beside_calls(count: int, folder: Path | None) -> float:
    """Return milliseconds per step that no call of the model took; one of these goes before, uncounted."""
    with LoopbackWriter(count, characters=CHARACTERS, latency_s=0.0) as model, ExitStack() as opened:
        chat, saver = _chat(model), None
        log = opened.enter_context(EventLog(folder / EVENTS if folder else None))
        if folder is not None:
            connection = sqlite3.connect(folder / "checkpoints.sqlite", check_same_thread=False)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")  # as `ravelar.write` opens it
            saver = SqliteSaver(opened.enter_context(closing(connection)))
        _write(model, RavelContext(protocol="no_review"), chat)  # what is loaded once
        model.begin()
        started = time.perf_counter()
        result = _write(model, RavelContext(), chat, log=log, saver=saver)
        wall = time.perf_counter() - started
        return 1_000 * (wall - float(result["spent"]["seconds"])) / int(result["step"])


def _write(
    model: LoopbackWriter,
    context: RavelContext,
    chat: BaseChatModel | None = None,
    *,
    log: EventLog | None = None,
    saver: SqliteSaver | None = None,
) -> dict[str, Any]:
    graph = build_ravel(parts=Parts(chat=chat or _chat(model), log=log), checkpointer=saver)
    config: Any = {"max_concurrency": THREADS, "configurable": {"thread_id": "1"}}
    given: Any = {"brief": BRIEF}
    durability: Any = "sync" if saver else None
    return dict(graph.invoke(given, config, context=context, durability=durability))


def _chat(model: LoopbackWriter) -> BaseChatModel:
    return open_chat("openai:loopback", base_url=model.url, timeout_s=60, max_retries=0)
