"""The score path: triples -> one tool per (prompt, reference) -> one batch per tool -> rewards.

No graph, no language model. `score_or_abstain` is the one place where a failure becomes `None`.
"""

import asyncio
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from numbers import Real

from ravelar.tools.errors import RewardToolError, ToolCrashed, Uncalibrated
from ravelar.tools.library import Library
from ravelar.tools.reward import RawScore, Reward, RewardTool, Scored, Triple
from ravelar.tools.routing import Route, Router

MAX_COMPLETION_CHARS = 1_000_000  # ours: ten times the longest context in common use; see docs/sources.md


def score_or_abstain(tool: RewardTool, triples: Sequence[Triple]) -> list[Reward]:
    """Score n triples with one tool; return n rewards in order, unscored where the tool failed.

    The single place where a failure becomes `None`. A `RewardToolError` that the tool raises speaks
    for the whole batch; anything else it raises is its own bug, so that its triples are scored one by
    one and only the guilty are left out. A completion longer than `MAX_COMPLETION_CHARS` earns the
    lowest value unread.
    """
    short = [i for i, triple in enumerate(triples) if _length(triple) <= MAX_COMPLETION_CHARS]
    if len(short) == len(triples):
        return [_reward(tool, raw) for raw in _raw_scores(tool, triples)]
    rewards = [_too_long(tool, triple) for triple in triples]
    for i, raw in zip(short, _raw_scores(tool, [triples[i] for i in short]), strict=True):
        rewards[i] = _reward(tool, raw)
    return rewards


def score(triples: Sequence[Triple], *, library: Library, router: Router, tool: str | None = None) -> list[Reward]:
    """Score n triples, each with the tool that fits its prompt and reference; return n rewards in order.

    Args:
        triples: What to score.
        library: The tools there are.
        router: Chooses a tool by prompt, reference and metadata, never by completion.
        tool: Score everything with this one instead.

    Raises:
        UnknownName: if `tool` is not in the library.
    """
    rewards, batches = _routed(triples, library=library, router=router, tool=tool)
    for name, rows in batches.items():
        _place(rewards, rows, score_or_abstain(library[name], [triples[i] for i in rows]))
    return rewards


async def ascore(
    triples: Sequence[Triple], *, library: Library, router: Router, tool: str | None = None
) -> list[Reward]:
    """Score as `score` does, the tools side by side, each in a thread of its own."""
    rewards, batches = _routed(triples, library=library, router=router, tool=tool)
    scored = await asyncio.gather(
        *(
            asyncio.to_thread(score_or_abstain, library[name], [triples[i] for i in rows])
            for name, rows in batches.items()
        )
    )
    for rows, batch in zip(batches.values(), scored, strict=True):
        _place(rewards, rows, batch)
    return rewards


def score_stream(
    triples: Iterable[Triple], *, library: Library, router: Router, tool: str | None = None, batch_size: int = 1024
) -> Iterator[Reward]:
    """Score any number of triples in order, holding no more than `batch_size` of them."""
    source = iter(triples)
    while batch := list(islice(source, batch_size)):
        yield from score(batch, library=library, router=router, tool=tool)


def _routed(
    triples: Sequence[Triple], *, library: Library, router: Router, tool: str | None
) -> tuple[list[Reward], dict[str, list[int]]]:
    """Return rewards with a reason for whatever no tool fits, and the rows of each tool's batch."""
    if tool is not None:
        library[tool]
        return [_PENDING] * len(triples), {tool: list(range(len(triples)))}
    rewards = [_PENDING] * len(triples)
    batches: defaultdict[str, list[int]] = defaultdict(list)
    for i, triple in enumerate(triples):
        route: Route = router(triple.prompt, triple.reference, triple.metadata)
        if route.tool is None:
            rewards[i] = Reward(None, None, route.reason)
        else:
            batches[route.tool].append(i)
    return rewards, batches


_PENDING = Reward(None, None, "not scored yet")


def _place(rewards: list[Reward], rows: Sequence[int], batch: Sequence[Reward]) -> None:
    for i, reward in zip(rows, batch, strict=True):
        rewards[i] = reward


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
    note, detail, number = (raw.note, raw.detail, raw.raw) if isinstance(raw, Scored) else (None, None, raw)
    if not isinstance(number, Real) or not card.low <= number <= card.high or not math.isfinite(number):
        crash = ToolCrashed(f"{number!r:.100} is no finite number in [{card.low}, {card.high}]")
        return Reward(None, card.name, describe(crash), None, detail)
    try:
        return Reward(card.to_unit(float(number)), card.name, note, float(number), detail)
    except Uncalibrated as error:
        return Reward(None, card.name, describe(error), float(number), detail)


def describe(error: Exception) -> str:
    """Name an error and what it says, on one line of at most 500 characters."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]


def _length(triple: Triple) -> int:
    return len(triple.completion) if isinstance(triple.completion, str) else len(triple.text)


def _too_long(tool: RewardTool, triple: Triple) -> Reward:
    reason = f"completion of {_length(triple):,} characters; at most {MAX_COMPLETION_CHARS:,} are read: lowest value"
    return Reward(0.0, tool.card.name, reason, tool.card.worst if tool.card.bounded else None)
