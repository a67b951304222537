"""The proof's figures as Markdown and as a plot, between a document's marks or in a folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ravelar.training.study.figures import Mean
from ravelar.training.study.on_cpu import plain_plots
from ravelar.training.study.report import published
from ravelar.training.study.schedule import Rows
from ravelar.training.writing_env.proof.figures import ProofFigures
from ravelar.training.writing_env.proof.schedule import ProofPlan

CURVES = "curves.svg"
_FIGURES = {"S": "S", "refused_share": "refused actions", "accepted": "accepted sections", "reward": "reward"}
_LINES = {"episode": "-", "shuffled": ":", "step": "--"}


def proof_report(figures: ProofFigures, plan: ProofPlan) -> str:
    """Return the report as Markdown, made from whatever rows there are; it says what is missing."""
    missing = [(arm, seed) for seed in plan.seeds for arm in plan.arms if (arm, seed) not in figures.runs]
    said = ", ".join(f"{arm} of seed {seed}" for arm, seed in missing)
    parts = [
        "## Results",
        f"**Not complete.** Missing: {said}." if missing else "",
        *map(_verdict_of(figures), figures.arms),
    ]
    return "\n\n".join(part for part in [*parts, _table(figures), _setting(figures)] if part) + "\n"


def written_proof(rows: Rows, plan: ProofPlan, folder: Path, document: Path | None = None) -> str:
    """Write the plot into the rows' folder, the report beside it or into a document if one is named; return it.

    Raises:
        InputError: if rows or document can't be read, or something can't be written.
    """
    figures = ProofFigures(rows)
    words = {CURVES: "S, refused actions"}
    return published(proof_report(figures, plan), lambda: draw_proof(figures, folder), folder, document, words)


def draw_proof(figures: ProofFigures, folder: Path) -> list[Path]:
    """Draw S and refused actions, held-out and while training; return the file, none without runs."""
    with plain_plots("drawing the proof's plot"):
        from matplotlib import pyplot as plt  # noqa: PLC0415  heavy

        if not figures.arms:
            return []
        figure, axes = plt.subplots(2, 2, figsize=(8, 5.6), sharex=True, layout="constrained")
        for row, name in enumerate(("S", "refused_share")):
            _drawn(axes[row][0], figures, name, held_out=True)
            _drawn(axes[row][1], figures, name, held_out=False)
        axes[0][0].legend(frameon=False, fontsize=8)
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / CURVES, metadata={"Date": None})
        plt.close(figure)
    return [folder / CURVES]


def _drawn(axes: Any, figures: ProofFigures, name: str, *, held_out: bool) -> None:
    for arm in figures.arms:
        points = figures.curve(arm, name) if held_out else figures.while_training(arm, name)
        steps = [step for step, _ in points]
        values = [mean.value for _, mean in points]
        halves = [mean.half or 0.0 for _, mean in points]
        axes.plot(steps, values, _LINES[arm], color="black", linewidth=1.3, label=f"reward of: {arm}")
        low = [max(0.0, value - half) for value, half in zip(values, halves, strict=True)]
        high = [min(1.0, value + half) for value, half in zip(values, halves, strict=True)]
        axes.fill_between(steps, low, high, color="0.5", alpha=0.2, linewidth=0)
    of = "held-out briefs" if held_out else "training batches, by tenths"
    axes.set_title(f"{'S' if name == 'S' else 'share of refused actions'}, {of}", fontsize=9)
    axes.set_ylim(0, 1)
    axes.set_xlabel("step of GRPO")


def _verdict_of(figures: ProofFigures) -> Any:
    def verdict(arm: str) -> str:
        rise, fall = figures.change(arm, "S"), figures.change(arm, "refused_share")
        if rise is None or fall is None:
            return ""
        said = [f"S changes by {_signed(rise)}", f"the share of refused actions by {_signed(fall)}"]
        shown = [_shown(rise, above=True), _shown(fall, above=False)]
        known = f", of refused actions {fall.n}: the others called nothing more" if fall.n != rise.n else ""
        return f"Reward of: *{arm}*. {said[0]} ({shown[0]}), {said[1]} ({shown[1]}); seeds: {rise.n}{known}."

    return verdict


def _shown(change: Mean, *, above: bool) -> str:
    if change.half is None:
        return "one seed, no interval"
    if not change.excludes_zero:
        return "the interval does not exclude zero"
    side = "better" if (change.value > 0) == above else "worse"
    return f"{side}, and the interval excludes zero"


def _table(figures: ProofFigures) -> str:
    rows = [
        [arm, said, *(_with_interval(figures.at(arm, name, which)) for name in _FIGURES)]
        for arm in figures.arms
        for said, which in (("before", 0), ("after", -1))
    ]
    return _markdown(["reward of", "GRPO", *_FIGURES.values()], rows)


def _setting(figures: ProofFigures) -> str:
    runs = list(figures.runs.values())
    if not runs:
        return ""
    looks, batches = runs[0]["held_out"], runs[0]["training"]
    unscored = [point["unscored"] for run in runs for point in (*run["held_out"], *run["training"])]
    return (
        f"{len(figures.seeds)} seeds; {runs[0]['warm_steps']} batches of demonstrations, then {runs[0]['steps']} steps "
        f"of {batches[0]['episodes']} episodes; {looks[0]['episodes']} held-out episodes at each look. Unscored: "
        f"{sum(unscored) / len(unscored):.1%}. A run's GRPO took {_mean([run['grpo_s'] for run in runs]):.0f} s on the "
        f"mean, on two cores that others were using."
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _signed(mean: Mean) -> str:
    return f"{mean.value:+.3f}" if mean.half is None else f"{mean.value:+.3f} ± {mean.half:.3f}"


def _with_interval(mean: Mean | None) -> str:
    if mean is None:
        return "-"
    return f"{mean.value:.3f}" if mean.half is None else f"{mean.value:.3f} ± {mean.half:.3f}"


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *rows])
