"""What the measures without a model say of a report's texts: which gates refuse how many, and drift."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ravelar.benchmark.evals.c3e.items import Item
from ravelar.benchmark.evals.rows import Row
from ravelar.tools.evidence.intervals import share

GATES = ("empty", "grounding", "repetition", "script", "length", "format", "unfinished")
"""The names under which `Measures.refusals` refuses a text, in its order."""

DRIFT = ("coverage", "chrf", "rouge_l", "distinct")
"""Figures that are only ever compared with those of another day: they tell good texts from bad ones hardly at all."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One system's texts for one task, measured.

    Attributes:
        language: "en" or "zh".
        task: One of the four.
        system: Who wrote the texts.
        texts: Texts that were measured.
        unmeasured: Texts that have no row yet, or whose row is an error.
        refused: Share of the measured texts that a gate refuses, any of them; None without any.
        low: Lower end of its 95 % interval, clustered by source text.
        high: Upper end.
        by_gate: Share of the measured texts that each gate refuses; a text may be refused by several.
        drift: Means over the texts that have the figure; None where none has it.
        verbatim: Texts that hold a long run of the reference which the brief does not hold.
    """

    language: str
    task: str
    system: str
    texts: int
    unmeasured: int
    refused: float | None
    low: float | None
    high: float | None
    by_gate: Mapping[str, float]
    drift: Mapping[str, float | None]
    verbatim: int


def measured_systems(
    rows: Mapping[str, Row], outputs: Mapping[str, Row], items: Mapping[str, Item]
) -> Sequence[Measured]:
    """Return what was measured, by language, task and system; nothing if no text was measured.

    Args:
        rows: The rows of measures, by the key of their text.
        outputs: The rows of texts; those without a text are left out, they are unscored.
        items: The items, by key.
    """
    grouped: defaultdict[tuple[str, str, str], list[Row | None]] = defaultdict(list)
    for key, output in outputs.items():
        if output.get("error") is None:
            brief = items[output["item"]].brief
            row = rows.get(key)
            kept = None if row is None or row.get("error") is not None else row
            grouped[brief.language, brief.task, str(output["system"])].append(kept)
    return [_one(*names, of, items) for names, of in sorted(grouped.items())] if rows else []


def refused_rows(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return the texts that a gate refuses: key, system, item, and each gate with its figure."""
    return [
        {name: row[name] for name in ("key", "system", "item", "task", "language", "refused")}
        for row in rows
        if row.get("refused")
    ]


def _one(language: str, task: str, system: str, found: Sequence[Row | None], items: Mapping[str, Item]) -> Measured:
    rows = [row for row in found if row is not None]
    refused = share([(items[row["item"]].cluster, float(bool(row["refused"]))) for row in rows])
    counts = Counter(name for row in rows for name in row["refused"])
    return Measured(
        language=language,
        task=task,
        system=system,
        texts=len(rows),
        unmeasured=len(found) - len(rows),
        refused=None if refused is None else refused.value,
        low=None if refused is None else refused.low,
        high=None if refused is None else refused.high,
        by_gate={name: counts[name] / len(rows) for name in GATES} if rows else {},
        drift={name: _mean([row[name] for row in rows]) for name in DRIFT},
        verbatim=sum(bool(row["verbatim"]) for row in rows),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
