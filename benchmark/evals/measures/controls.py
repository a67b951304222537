"""Texts made wrong on purpose: what the gates must tell from real outputs, and how often they fail to.

real output -> shuffled (written for another item), doubled, blind (written without the source), truncated -> gates
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ravelar.benchmark.evals.c3e.items import Item
from ravelar.benchmark.evals.measures.grounding import Sources
from ravelar.benchmark.evals.measures.row import Measures, Thresholds, measure
from ravelar.tools.errors import InputError
from ravelar.tools.evidence.intervals import Estimate, share
from ravelar.tools.rows import BadRow, read_rows

CONTROLS = ("shuffled", "doubled", "blind", "truncated")
SEED = 21
CLOZE_BLIND = "end2end"  # a blind cloze is a passage of an article on another matter, as long as the output


class Output(NamedTuple):
    """A text that a model wrote for an item."""

    key: str
    model: str
    text: str


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """How often the gates were wrong about one kind of text.

    Attributes:
        kind: "real", or one of the controls.
        task: Which task.
        wrong: Share of texts judged wrongly: real ones refused, controls passed. With its interval, clustered by item.
        by_gate: How many texts each gate refused.
    """

    kind: str
    task: str
    wrong: Estimate
    by_gate: Mapping[str, int]

    def as_row(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        rate = self.wrong.rate().model_dump()
        return {"kind": self.kind, "task": self.task, **rate, "by_gate": dict(self.by_gate)}


def read_outputs(path: str | Path) -> list[Output]:
    """Read outputs: rows with infer_id, model and output.

    Raises:
        InputError: if a row can't be read, or lacks one of them.
    """
    found = []
    for row in read_rows(str(path)):
        if isinstance(row, BadRow):
            raise InputError(f"{row.place}: {row.reason}")
        cells = [row.values.get(name) for name in ("infer_id", "model", "output")]
        if not all(isinstance(cell, str) for cell in cells):
            raise InputError(f"{row.place}: infer_id, model and output must be texts, got {cells!r:.120}")
        found.append(Output(*map(str, cells)))
    return found


def controls(outputs: Sequence[Output], items: Mapping[str, Item], *, seed: int = SEED) -> Iterator[tuple[str, Output]]:
    """Make the controls of each output, as far as there are any; yield each with its kind.

    Shuffled: the same model's output for another item of the task, of another source text. Blind: for cloze, a passage
    of its article on another matter, as long as the output. Truncated: the first 30 to 70 % of the characters.
    """
    rng = random.Random(seed)
    by_task: defaultdict[tuple[str, str], list[Output]] = defaultdict(list)
    for one in outputs:
        by_task[one.model, items[one.key].brief.task].append(one)
    for one in outputs:
        task = items[one.key].brief.task
        yield "doubled", one._replace(text=f"{one.text}\n{one.text}")
        yield "truncated", one._replace(text=one.text[: round(len(one.text) * rng.uniform(0.3, 0.7))])
        other = _of_another_item(by_task[one.model, task], one, items, rng)
        if other is not None:
            yield "shuffled", one._replace(text=other.text)
        blind = _of_another_item(by_task.get((one.model, CLOZE_BLIND), []), one, items, rng)
        if task == "cloze" and blind is not None:
            yield "blind", one._replace(text=_passage(blind.text, len(one.text), rng))


def error_rates(
    outputs: Sequence[Output],
    items: Mapping[str, Item],
    *,
    seed: int = SEED,
    at: Thresholds = Thresholds(),  # noqa: B008  frozen
) -> list[ErrorRates]:
    """Count how often the gates refuse real outputs, and let controls pass, task by task.

    Controls are made of the real outputs that pass alone: one made of a refused output would be refused for its fault.
    """
    sources = Sources(items.values())
    judged: defaultdict[tuple[str, str], list[tuple[str, Measures]]] = defaultdict(list)

    def judge(kind: str, one: Output) -> bool:
        item = items[one.key]
        found = measure(item, one.text, sources, drift=False)
        judged[kind, item.brief.task].append((item.cluster, found))
        return not found.refusals(at)

    passed = [one for one in outputs if one.key in items and judge("real", one)]
    for kind, one in controls(passed, items, seed=seed):
        judge(kind, one)
    return [
        _rates(kind, task, judged[kind, task], at)
        for kind in ("real", *CONTROLS)
        for task in sorted({task for _, task in judged})
        if judged[kind, task]
    ]


def _rates(kind: str, task: str, found: Iterable[tuple[str, Measures]], at: Thresholds) -> ErrorRates:
    refused = [(cluster, one.refusals(at)) for cluster, one in found]
    wrong = share([(cluster, float(bool(names) == (kind == "real"))) for cluster, names in refused])
    assert wrong is not None, "a kind without texts is left out"
    return ErrorRates(kind, task, wrong, Counter(name for _, names in refused for name in names))


def _of_another_item(
    outputs: Sequence[Output], one: Output, items: Mapping[str, Item], rng: random.Random
) -> Output | None:
    """Return an output for an item of another source text, of some length; None if there is none."""
    mine = items[one.key].cluster
    others = [other for other in outputs if items[other.key].cluster != mine]
    return rng.choice(others) if others else None


def _passage(text: str, length: int, rng: random.Random) -> str:
    start = rng.randrange(max(1, len(text) - length + 1))
    return text[start : start + length]
