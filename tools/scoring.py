"""The score path: triples -> one tool per (prompt, reference) -> one batch per tool -> rewards.

No graph, no language model. `score_or_abstain` is the one place where a tool's failure becomes `None`; a batch that was
never brought to an end is left to `abstain`. How batches are run (one after another here, side by side within a time
limit in `tools.side_by_side`) is a value.
"""

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple, SupportsFloat

from ravelar.tools.errors import RewardToolError, ToolCrashed, Uncalibrated
from ravelar.tools.library import Library
from ravelar.tools.reward import RawScore, Reward, RewardTool, Scored, Triple
from ravelar.tools.routing import Route, Router, router_for
from ravelar.tools.tracing.batches import traced_batch

MAX_COMPLETION_CHARS = 1_000_000  # ours: ten times the longest context in common use; see docs/sources.md

OnBatch = Callable[[str, int, float], None]
"""Told after each batch: the tool's name, how many triples it scored, and the wall time in seconds."""


class Batch(NamedTuple):
    """One tool and the triples that it scores at once."""

    tool: RewardTool
    triples: Sequence[Triple]


RunBatches = Callable[[Sequence[Batch], OnBatch | None], Sequence[Sequence[Reward]]]
"""Runs batches of different tools; returns each batch's rewards, in order."""


def score_or_abstain(tool: RewardTool, triples: Sequence[Triple]) -> list[Reward]:
    """Score n triples with one tool; return n rewards in order, unscored where the tool failed.

    The single place where a failure becomes `None`. A `RewardToolError` that the tool raises speaks
    for the whole batch; anything else it raises is its own bug, so that its triples are scored one by
    one and only the guilty are left out. A completion longer than `MAX_COMPLETION_CHARS` earns the
    lowest value unread. Where traces are on, the batch is one run of them.
    """
    return traced_batch(tool, triples, _scored)


def _scored(tool: RewardTool, triples: Sequence[Triple]) -> list[Reward]:
    readable = [triple for triple in triples if _length(triple) <= MAX_COMPLETION_CHARS]
    raws = iter(_raw_scores(tool, readable))
    if len(readable) == len(triples):
        return [_reward(tool, raw) for raw in raws]
    return [
        _reward(tool, next(raws)) if _length(triple) <= MAX_COMPLETION_CHARS else _too_long(tool, triple)
        for triple in triples
    ]


def abstain(tool: RewardTool, triples: Sequence[Triple], error: RewardToolError) -> list[Reward]:
    """Leave n triples unscored for an error that keeps the tool from ending their batch."""
    return [_reward(tool, error)] * len(triples)


def one_after_another(batches: Sequence[Batch], on_batch: OnBatch | None = None) -> list[list[Reward]]:
    """Run batches in order, in this thread."""
    return [_timed_batch(batch, on_batch) for batch in batches]


def choose(
    triples: Sequence[Triple], *, library: Library, router: Router | None = None, tool: str | None = None
) -> list[Route]:
    """Choose a tool for each of n triples by prompt, reference and metadata, never by completion.

    Args:
        triples: What is to be scored.
        library: The tools there are.
        router: Who chooses; None means the rules of `tools.routing`.
        tool: Choose this one for all instead.

    Raises:
        UnknownName: if `tool` is not in the library.
    """
    if tool is not None:
        return [Route(library[tool].card.name, "named by the caller")] * len(triples)
    rules = router or router_for(library.names)
    return [rules(triple.prompt, triple.reference, triple.metadata) for triple in triples]


def score(
    triples: Sequence[Triple],
    *,
    library: Library,
    router: Router | None = None,
    tool: str | None = None,
    on_batch: OnBatch | None = None,
) -> list[Reward]:
    """Score n triples, each with the tool that fits its prompt and reference; return n rewards in order.

    Arguments and errors are those of `choose`; `on_batch` is told of each tool's batch.
    """
    return invoke(
        triples, choose(triples, library=library, router=router, tool=tool), library=library, on_batch=on_batch
    )


def invoke(
    triples: Sequence[Triple],
    routes: Sequence[Route],
    *,
    library: Library,
    on_batch: OnBatch | None = None,
    run: RunBatches = one_after_another,
) -> list[Reward]:
    """Score n triples by the n routes chosen for them, one batch per tool; return n rewards in order.

    `run` says how the batches are run, and `on_batch` is told of each.
    """
    rows = rows_by_tool(routes)
    return in_order(routes, rows, run(batches_of(triples, rows, library), on_batch))


async def ascore(
    triples: Sequence[Triple],
    *,
    library: Library,
    router: Router | None = None,
    tool: str | None = None,
    on_batch: OnBatch | None = None,
) -> list[Reward]:
    """Score as `score` does, the tools side by side, each in a thread of its own."""
    routes = choose(triples, library=library, router=router, tool=tool)
    rows = rows_by_tool(routes)
    scored = await asyncio.gather(
        *(asyncio.to_thread(_timed_batch, batch, on_batch) for batch in batches_of(triples, rows, library))
    )
    return in_order(routes, rows, scored)


def score_stream(  # noqa: PLR0913  as `score`
    triples: Iterable[Triple],
    *,
    library: Library,
    router: Router | None = None,
    tool: str | None = None,
    on_batch: OnBatch | None = None,
    batch_size: int = 1024,
) -> Iterator[Reward]:
    """Score any number of triples in order, holding no more than `batch_size` of them at once."""
    source = iter(triples)
    while batch := list(islice(source, batch_size)):
        yield from score(batch, library=library, router=router, tool=tool, on_batch=on_batch)


def describe(error: Exception) -> str:
    """Name an error and what it says, on one line of at most 500 characters."""
    try:
        said = str(error)
    except Exception:  # noqa: BLE001  a hostile __str__; the type's name is all there is to tell
        said = "(its message can't be read)"
    return f"{type(error).__name__}: {' '.join(said.split())}"[:500]


def rows_by_tool(routes: Sequence[Route]) -> Mapping[str, list[int]]:
    """Return, for each tool that n routes name, which of them name it."""
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for i, route in enumerate(routes):
        if route.tool is not None:
            rows[route.tool].append(i)
    return rows


def batches_of(triples: Sequence[Triple], rows: Mapping[str, list[int]], library: Library) -> list[Batch]:
    """Return one batch for each tool that rows were grouped by."""
    return [Batch(library[name], [triples[i] for i in places]) for name, places in rows.items()]


def in_order(
    routes: Sequence[Route], rows: Mapping[str, list[int]], scored: Sequence[Sequence[Reward]]
) -> list[Reward]:
    """Put each batch's rewards where its triples stand; what no tool fits is unscored for its route's reason."""
    rewards = [Reward(None, None, route.reason) for route in routes]
    for places, batch in zip(rows.values(), scored, strict=True):
        for i, reward in zip(places, batch, strict=True):
            rewards[i] = reward
    return rewards


def _timed_batch(batch: Batch, on_batch: OnBatch | None) -> list[Reward]:
    started = time.perf_counter()
    rewards = score_or_abstain(batch.tool, batch.triples)
    if on_batch:
        on_batch(batch.tool.card.name, len(batch.triples), time.perf_counter() - started)
    return rewards


def _raw_scores(tool: RewardTool, triples: Sequence[Triple]) -> Sequence[RawScore]:
    if not triples:
        return []
    try:
        raws = tool.score(triples)
        if len(raws) != len(triples):
            raise ToolCrashed(f"{len(raws)} scores for {len(triples)} triples")
    except RewardToolError as error:
        return [error] * len(triples)
    except Exception as error:  # noqa: BLE001  whatever a foreign tool raises must not end a training run
        if len(triples) == 1:
            return [ToolCrashed(describe(error))]
        return [raw for triple in triples for raw in _raw_scores(tool, [triple])]
    return raws


def _reward(tool: RewardTool, raw: RawScore) -> Reward:
    card = tool.card
    if isinstance(raw, RewardToolError):
        return Reward(None, card.name, describe(raw))
    note, detail, given = (raw.note, raw.detail, raw.raw) if isinstance(raw, Scored) else (None, None, raw)
    number = _as_float(given)
    if not card.low <= number <= card.high or math.isinf(number):
        crash = ToolCrashed(f"{given!r:.100} is no finite number in [{card.low}, {card.high}]")
        return Reward(None, card.name, describe(crash), None, detail)
    try:
        return Reward(card.to_unit(number), card.name, note, number, detail)
    except Uncalibrated as error:
        return Reward(None, card.name, describe(error), number, detail)


def _as_float(given: object) -> float:
    """Return a number (of Python, numpy or torch) as a float, and anything else as NaN, which no range holds."""
    if type(given) is float:
        return given
    try:
        return float(given) if isinstance(given, SupportsFloat) else math.nan
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return math.nan


def _length(triple: Triple) -> int:
    return len(triple.completion) if isinstance(triple.completion, str) else len(triple.text)


def _too_long(tool: RewardTool, triple: Triple) -> Reward:
    reason = f"TooLong: {_length(triple):,} characters, at most {MAX_COMPLETION_CHARS:,} are read; lowest value"
    return Reward(0.0, tool.card.name, reason, tool.card.worst if tool.card.bounded else None)
