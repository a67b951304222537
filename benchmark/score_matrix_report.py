"""What the study of score matrices found, and the Markdown tables that docs/calibration.md holds of it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured share, or a difference of two, with its 95 % interval over n prompts."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table: what was tried, how it did, and how far it lies above others on the same prompts."""

    what: str
    share: Figure
    over_best: Figure | None = None
    over_raw: Figure | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """One model's raw scale, and what maps make of it.

    Attributes:
        what: The model.
        low: Its least raw score.
        middle: Its median.
        high: Its greatest.
        deviation: Its standard deviation.
        leads_raw_mean: Share of prompts whose highest raw mean is this model's highest, too.
        chosen: The map that "auto" fits on all prompts.
        ties: Share of (right, wrong) pairs whose raw scores are equal.
        ties_plain: The same after scikit-learn's plain isotonic map.
        ties_ours: The same after the isotonic map of `tools.calibrating`.
    """

    what: str
    low: float
    middle: float
    high: float
    deviation: float
    leads_raw_mean: float
    chosen: str
    ties: float
    ties_plain: float
    ties_ours: float


@dataclass(frozen=True, slots=True)
class FewLabels:
    """How schemes do that learn from few labelled prompts.

    Attributes:
        prompts: How many.
        schemes: Each scheme on held-out prompts, the best single first.
    """

    prompts: int
    schemes: list[Line]


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found on one score matrix by one measure.

    Attributes:
        data: The data set.
        measure: "pairwise accuracy" or "right one of k ranked first".
        models: Each model by itself, over all prompts; nothing is chosen.
        schemes: Each scheme on held-out prompts.
        oracles: Schemes that know the answer, and what they reach by chance.
        categories: For each category, each model by itself.
    """

    data: str
    measure: str
    models: list[Line]
    schemes: list[Line]
    oracles: list[Line]
    categories: dict[str, list[Line]]


def tables(found: Findings) -> str:
    """Write findings as Markdown tables, as docs/calibration.md holds them."""
    name = f"{found.data}, {found.measure}"
    parts = [f"**{name}, {found.schemes[0].share.n} prompts**", ""]
    parts += ["| scheme, held out | share | over best single | over raw mean |", "|---|---|---|---|"]
    parts += [f"| {x.what} | {x.share} | {x.over_best or '-'} | {x.over_raw or '-'} |" for x in found.schemes]
    parts += ["", "| with the answer in sight | share |", "|---|---|"]
    parts += [f"| {x.what} | {x.share} |" for x in found.oracles]
    parts += ["", "| model alone | share | " + " | ".join(f"{c} ({x[0].share.n})" for c, x in found.categories.items())]
    parts[-1] += " |"
    parts += ["|---" * (len(found.categories) + 2) + "|"]
    for i, line in enumerate(found.models):
        shares = " | ".join(f"{lines[i].share.value:.3f}" for lines in found.categories.values())
        parts.append(f"| {line.what} | {line.share} | {shares} |")
    return "\n".join(parts) + "\n"


def scale_table(data: str, found: Sequence[Scale]) -> str:
    """Write scales as a Markdown table."""
    parts = [f"**{data}, raw scales**", ""]
    parts += ["| model | least | median | greatest | deviation | leads the raw mean | auto | ties | plain | ours |"]
    parts += ["|---" * 10 + "|"]
    parts += [
        f"| {x.what} | {x.low:.2f} | {x.middle:.2f} | {x.high:.2f} | {x.deviation:.2f} | {x.leads_raw_mean:.3f} "
        f"| {x.chosen} | {x.ties:.3f} | {x.ties_plain:.3f} | {x.ties_ours:.3f} |"
        for x in found
    ]
    return "\n".join(parts) + "\n"


def few_table(found: Findings, few: Sequence[FewLabels]) -> str:
    """Write what was learnt from few labelled prompts as a Markdown table."""
    others = [line.what for line in few[0].schemes[1:]]
    parts = [f"**{found.data}, {found.measure}, learnt on few prompts**", ""]
    parts.append("| prompts | best single | " + " | ".join(f"{name} | over best single" for name in others) + " |")
    parts.append("|---" * (2 + 2 * len(others)) + "|")
    for one in few:
        best, *rest = one.schemes
        shares = " | ".join(f"{x.share} | {x.over_best}" for x in rest)
        parts.append(f"| {one.prompts} | {best.share} | {shares} |")
    return "\n".join(parts) + "\n"
