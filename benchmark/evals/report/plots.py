"""Plots of a report, as SVG text that stands in the page: readable in grey, and in light and dark."""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ravelar.benchmark.evals.leaderboard import Leaderboard
from ravelar.benchmark.evals.ratings import Rating
from ravelar.tools.writing.measures import TrajectoryMeasures

_WIDTH, _ROW, _MARGIN = 6.4, 0.34, 0.9  # inches
_INK = "#808080"  # stands out on white and on black
_SIZES = re.compile(r'(<svg[^>]*?)\swidth="[^"]+"\sheight="[^"]+"')


def board_plot(board: Leaderboard, name: str) -> str:
    """Return means with their 95 % intervals, the highest on top."""
    found = [one.mean for one in board.standings]
    return _dots([one.system for one in found], [(one.value, one.low, one.high) for one in found], name)


def ratings_plot(found: Sequence[Rating], name: str) -> str:
    """Return strengths with their 95 % intervals, the strongest on top."""
    return _dots([one.system for one in found], [(one.strength, one.low, one.high) for one in found], name)


def trajectories_plot(found: Mapping[str, TrajectoryMeasures]) -> str:
    """Return the share of runs that finished (S) with its Wilson interval, the greatest on top."""
    ordered = sorted(found.items(), key=lambda pair: -pair[1].success)
    values = [(one.success, *one.success_interval) for _, one in ordered]
    return _dots([system for system, _ in ordered], values, "share of runs that finished (S)")


def scatter_plot(points: Sequence[tuple[str, float, float]], across: str, up: str) -> str:
    """Return named points: (name, x, y), x on a scale of powers of ten."""
    figure, axes = _figure(3.6)
    markers = "osD^vP*X<>hpd8"
    for i, (name, x, y) in enumerate(points):
        axes.plot(x, y, linestyle="none", marker=markers[i % len(markers)], color=_INK, markersize=7, label=name)
    axes.set_xscale("log")
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.legend(fontsize=7, frameon=False, labelcolor=_INK, loc="center left", bbox_to_anchor=(1, 0.5))
    return _svg(figure, f"{up} by {across}")


def _dots(names: Sequence[str], values: Sequence[tuple[float | None, float | None, float | None]], name: str) -> str:
    figure, axes = _figure(_MARGIN + _ROW * len(names))
    for place, (value, low, high) in enumerate(reversed(values)):
        if value is None:
            continue
        if low is not None and high is not None:
            axes.plot([low, high], [place, place], color=_INK, linewidth=2)
        axes.plot([value], [place], marker="o", color=_INK, markersize=6)
    axes.set_yticks(range(len(names)), list(reversed(names)))
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlabel(name)
    axes.grid(axis="x", color=_INK, alpha=0.3, linewidth=0.6)
    return _svg(figure, name)


def _figure(height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure  # noqa: PLC0415  half a second; an extra

    figure = Figure(figsize=(_WIDTH, height))
    axes = figure.add_subplot()
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_INK)
    axes.tick_params(colors=_INK, length=0)
    axes.xaxis.label.set_color(_INK)
    axes.yaxis.label.set_color(_INK)
    return figure, axes


def _svg(figure: Any, name: str) -> str:
    from matplotlib import rc_context  # noqa: PLC0415

    out = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "ravelar", "font.family": ["sans-serif"]}):
        figure.savefig(out, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None})
    text = out.getvalue()
    text = _SIZES.sub(r"\1", text[text.index("<svg") :], count=1)
    label = name.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
