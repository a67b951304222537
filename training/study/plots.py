"""The study's two plots, as SVG: every arm's true accuracy with its interval; reward and truth while training."""

from pathlib import Path
from typing import Any

from ravelar.training.study.arms import BY_ARM
from ravelar.training.study.figures import Figures
from ravelar.training.study.on_cpu import plain_plots

ACCURACY, CURVES = "accuracy.svg", "curves.svg"
WORDS = {
    ACCURACY: "True accuracy of each arm on held-out questions, mean over families with 95 % intervals over seeds",
    CURVES: "True accuracy over steps, and reward beside truth where the two come apart",
}
"""What each plot shows, for those who don't see it."""
_LINES = ("-", "--", ":", "-.")  # told apart in grey as well
_SHOWN = ("routed", "longer is better", "oracle")


def draw(figures: Figures, folder: Path) -> list[Path]:
    """Draw what the figures have runs for; return the files."""
    with plain_plots("drawing the study's plots"):
        return [_accuracies(figures, folder / ACCURACY), _curves(figures, folder / CURVES)] if figures.arms else []


def _accuracies(figures: Figures, path: Path) -> Path:
    from matplotlib import pyplot as plt  # noqa: PLC0415  heavy

    known = [(arm, mean) for arm in figures.arms if (mean := figures.accuracy(arm)) is not None]
    known.sort(key=lambda pair: pair[1].value)
    figure, axes = plt.subplots(figsize=(6.4, 0.3 * len(known) + 1), layout="constrained")
    for at, (arm, mean) in enumerate(known):
        own = BY_ARM[arm].kind in ("routed", "oracle")
        axes.errorbar(
            mean.value,
            at,
            xerr=mean.half,
            fmt="o" if own else "s",
            markerfacecolor="black" if own else "white",
            color="black" if own else "0.35",
            capsize=3,
        )
    warm = figures.accuracy(known[0][0], when="before")
    if warm is not None:
        axes.axvline(warm.value, color="0.6", linestyle=":", linewidth=1)
        axes.annotate("before training", (warm.value, len(known) - 0.6), fontsize=8, color="0.4")
    axes.set_yticks(range(len(known)), [arm for arm, _ in known])
    axes.set_xlabel("true accuracy on held-out questions, mean over families (95 % over seeds)")
    axes.set_xlim(0, 1)
    return _saved(figure, path)


def _curves(figures: Figures, path: Path) -> Path:
    from matplotlib import pyplot as plt  # noqa: PLC0415  heavy

    best = figures.best("static")
    shown = [arm for arm in (_SHOWN[0], best, *_SHOWN[1:]) if arm in figures.arms]
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
    for arm, line in zip(shown, _LINES, strict=False):
        left.plot(*zip(*figures.curve(str(arm)), strict=True), line, color="black", label=arm, linewidth=1.3)
    left.set_title("true accuracy, held-out questions", fontsize=9)
    for arm, line in zip((_SHOWN[0], _SHOWN[1]), ("-", "--"), strict=True):
        if arm in figures.arms and (points := figures.while_training(arm)):
            steps, rewards, truths = zip(*points, strict=True)
            right.plot(steps, rewards, line, color="0.55", label=f"{arm}: reward", linewidth=1.3)
            right.plot(steps, truths, line, color="black", label=f"{arm}: truth", linewidth=1.3)
    right.set_title("reward and truth of training batches", fontsize=9)
    for axes in (left, right):
        axes.set_xlabel("step")
        axes.set_ylim(0, 1)
        axes.legend(frameon=False, fontsize=7)
    return _saved(figure, path)


def _saved(figure: Any, path: Path) -> Path:
    from matplotlib import pyplot as plt  # noqa: PLC0415  heavy

    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path
