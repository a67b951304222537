"""From cases to rows on disk: what is there is not asked again; a failed case is, where that is wished."""

import platform
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ravelar.benchmark.evals.rewards.cases import Case
from ravelar.benchmark.evals.rewards.records import digest
from ravelar.benchmark.evals.rewards.scorers import Judged, JudgeScorer, Scorer
from ravelar.benchmark.evals.row_file import RowFile

REPLY_TOKENS = 250  # ours: reasons and a verdict
TEMPLATE_TOKENS = 700  # ours: the judge's prompt with the default rubric


@dataclass(frozen=True, slots=True)
class Prices:
    """What a language model costs, in US dollars for a million tokens; None where it is not known.

    Attributes:
        tokens_in: For what is sent.
        tokens_out: For what is received.
    """

    tokens_in: float | None = None
    tokens_out: float | None = None

    def of(self, tokens_in: float, tokens_out: float) -> float | None:
        """Return the price of so many tokens; None where one is not known."""
        if self.tokens_in is None or self.tokens_out is None:
            return None
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / 1e6


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run ended.

    Attributes:
        asked: Cases that were asked this time.
        kept: Cases that an earlier run had already.
        failed: Cases whose row is an error, of this run or an earlier one.
        missing: Cases without a row: a limit was reached before.
        because: Which limit; None if none was.
    """

    asked: int
    kept: int
    failed: int
    missing: int
    because: str | None = None


def run(  # noqa: PLR0913  who, what, where, and what is told
    cases: Sequence[Case],
    scorer: Scorer,
    rows: RowFile,
    *,
    retry_failed: bool = False,
    limit_reached: Callable[[], str | None] = lambda: None,
    on_row: Callable[[Judged], None] = lambda _: None,
) -> Finished:
    """Score the cases that have no row yet, and write each row as soon as it is there.

    Args:
        cases: All cases of the run.
        scorer: Who scores them.
        rows: Where rows go; already open.
        retry_failed: Whether cases whose row is an error are asked again.
        limit_reached: Says which limit is reached, or None. A case that fails after that is left for another run.
        on_row: Told of each row.
    """
    by_key = {case.key: case for case in cases}
    open_cases = [case for case in cases if not _done(rows, case.key, retry_failed)]
    asked, because = 0, None
    for judged in scorer.judge(open_cases):
        if judged.error is not None and (because := limit_reached()) is not None:
            break
        rows.append(judged.as_row(by_key[judged.key]))
        asked += 1
        on_row(judged)
    failed = sum(rows.rows[key]["error"] is not None for key in by_key if key in rows.rows)
    missing = sum(key not in rows.rows for key in by_key)
    return Finished(asked, len(cases) - len(open_cases), failed, missing, because)


def said_of(cases: Sequence[Case], rows: Mapping[str, Mapping[str, Any]]) -> list[tuple[Case, Judged | None]]:
    """Return each case with what its row says; None where it has none."""
    return [(case, Judged.of_row(rows[case.key]) if case.key in rows else None) for case in cases]


def chosen(cases: Sequence[Case], limit: int | None, seed: int) -> list[Case]:
    """Return at most so many cases, drawn by the seed, in the order of the file."""
    if limit is None or limit >= len(cases):
        return list(cases)
    return [cases[i] for i in sorted(random.Random(seed).sample(range(len(cases)), limit))]


def manifest(  # noqa: PLR0913  all that rows depend on
    benchmark: str,
    files: Sequence[Path],
    scorer: Scorer,
    *,
    name: str,
    limit: int | None,
    seed: int,
    references: bool,
) -> dict[str, Any]:
    """Say what rows are made from, so that only the same run goes on with them."""
    return {
        "benchmark": benchmark,
        "name": name,
        "data": [{"file": path.name, "sha256": digest(path)} for path in files],
        "scorer": dict(scorer.about),
        "limit": limit,
        "seed": seed,
        "references": references,
        "ravelar": version("ravelar"),
        "python": platform.python_version(),
    }


def estimate(cases: Sequence[Case], scorer: Scorer, prices: Prices) -> dict[str, Any]:
    """Estimate calls, tokens and price of a run before it; tokens as a quarter of the UTF-8 bytes."""
    completions = sum(len(case.completions) for case in cases)
    found: dict[str, Any] = {"cases": len(cases), "completions": completions}
    if not isinstance(scorer, JudgeScorer):
        return found
    calls = sum((2 if case.pair else len(case.completions)) * scorer.repeats for case in cases)
    sent = sum(_tokens_sent(case) for case in cases) * scorer.repeats + calls * TEMPLATE_TOKENS
    received = calls * REPLY_TOKENS
    return {**found, "calls": calls, "tokens_in": sent, "tokens_out": received, "cost_usd": prices.of(sent, received)}


def spent(rows: Iterable[Mapping[str, Any]], prices: Prices) -> dict[str, Any] | None:
    """Add up what rows cost, those that failed and were asked again included; None where no model was asked."""
    total = {"calls": 0, "tokens_in": 0, "tokens_out": 0}
    counted = False
    for row in rows:
        if "calls" in row:
            counted = True
            total = {name: so_far + row[name] for name, so_far in total.items()}
    if not counted:
        return None
    return {**total, "cost_usd": prices.of(total["tokens_in"], total["tokens_out"])}


def _tokens_sent(case: Case) -> int:
    sizes = [len(text.encode("utf-8", "replace")) // 4 for text in (case.prompt, *case.completions)]
    if case.pair:
        return 2 * sum(sizes)
    return sizes[0] * len(case.completions) + sum(sizes[1:])


def _done(rows: RowFile, key: str, retry_failed: bool) -> bool:
    row = rows.rows.get(key)
    return row is not None and not (retry_failed and row["error"] is not None)
