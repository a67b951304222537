"""Batches in traces: one run for all that a tool scores, or a sandbox runs, at once; never one for each completion."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from ravelar.tools.reward import Reward, RewardTool, Triple
from ravelar.tools.sandbox.protocol import Call, Limits, Outcome, Program, Sandbox
from ravelar.tools.tracing.runs import traced
from ravelar.tools.tracing.settings import tracing_is_on

_HASH_CHARACTERS = 16


def traced_batch(
    tool: RewardTool, triples: Sequence[Triple], score: Callable[[RewardTool, Sequence[Triple]], list[Reward]]
) -> list[Reward]:
    """Score a batch, as a run that says by which tool, how many, what came of them, and how long it took."""
    if not tracing_is_on():
        return score(tool, triples)
    name, given = f"reward {tool.card.name}", {"n": len(triples)}
    with traced(name, kind="tool", tags=(tool.card.kind,), given=given, **facts_of(tool)) as run:
        started = time.perf_counter()
        rewards = score(tool, triples)
        wall_s = _since(started)
        run.ended_with(lambda: {**figures_of(rewards), "wall_s": wall_s})
    return rewards


def run_traced(sandbox: Sandbox, program: Program, calls: Sequence[Call], limits: Limits) -> list[Outcome]:
    """Run one program's calls, as a run; see `Sandbox.run`.

    Raises: SandboxError: when the sandbox itself is unavailable, closed or broken.
    """
    return traced_programs(sandbox.name, [(program, calls)], lambda: [sandbox.run(program, calls, limits)])[0]


def traced_programs(
    sandbox: str, jobs: Sequence[tuple[Program, Sequence[Call]]], run_all: Callable[[], list[list[Outcome]]]
) -> list[list[Outcome]]:
    """Run programs, as one run that says where, how many, how their calls ended, and how long it took."""
    if not tracing_is_on():
        return run_all()
    profiles = ", ".join(sorted({program.profile for program, _ in jobs}))
    given = {"programs": len(jobs), "calls": sum(len(calls) for _, calls in jobs)}
    with traced("sandbox", kind="tool", given=given, sandbox=sandbox, profile=profiles) as run:
        started = time.perf_counter()
        outcomes = run_all()
        ended = Counter(outcome.reason or "value" for of_one in outcomes for outcome in of_one)
        wall_s = _since(started)
        run.ended_with(lambda: {**given, "ended": dict(ended), "wall_s": wall_s})
    return outcomes


def facts_of(tool: RewardTool) -> dict[str, Any]:
    """Return which tool it is: its name and kind, its version, and hashes of its card and its evidence."""
    card = tool.card
    return {
        "tool": card.name,
        "tool_kind": card.kind,
        "tool_version": getattr(getattr(tool, "entry", None), "version", None) or card.provenance.revision,
        "card_version": _hash_of(card),
        "evidence_hash": _hash_of(*card.evidence) if card.evidence else None,
    }


def figures_of(rewards: Sequence[Reward]) -> dict[str, Any]:
    """Return how many rewards there are, their mean, and how many are unscored for which class of reason."""
    values = [reward.value for reward in rewards if reward.value is not None]
    reasons = Counter((reward.reason or "").partition(":")[0] for reward in rewards if reward.value is None)
    return {
        "n": len(rewards),
        "scored": len(values),
        "mean": sum(values) / len(values) if values else None,
        "unscored": {_class_of(name): count for name, count in reasons.items()},
    }


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 6)


def _class_of(reason: str) -> str:
    """Return the class that a reason begins with; routers give reasons in words, which are not for traces."""
    return reason if reason.isidentifier() else "no tool fits"


def _hash_of(*parts: Any) -> str:
    text = "".join(part.model_dump_json() for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_CHARACTERS]
