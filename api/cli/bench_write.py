"""`ravelar bench write`: what a run of RAVEL sends and how long it takes, beside the published loop."""

import json
from collections.abc import Mapping
from typing import Any

import click

_GOALS = {6: "≤ 0.333", 12: "≤ 0.200", 26: "finishes"}


@click.command("write")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.option("--runs", type=click.IntRange(1, 20), default=3, show_default=True, help="Runs of each timed figure.")
@click.option("--at-once", type=click.IntRange(2, 64), default=8, show_default=True, help="Sections side by side.")
def write(as_json: bool, runs: int, at_once: int) -> None:
    """Measure what a run of RAVEL sends to a language model, how much faster sections side by side are, and overhead.

    A stand-in on the loopback answers each call after 50 ms with the same replies. It says nothing of how well
    anybody writes. The published loop's figures are those of its code with a fake model; they are not run here.
    """
    from ravelar.benchmark.write_cost import measure  # noqa: PLC0415  not for `--help`

    figures = measure(at_once=at_once, runs=runs)
    click.echo(json.dumps(figures)) if as_json else _show(figures)


def _show(figures: Mapping[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415  60 ms, for people only
    from rich.table import Table  # noqa: PLC0415

    prompts = Table(box=SIMPLE_HEAD, title="prompt characters of an autonomous run, sections of 1,500 characters")
    for name in ("sections", "ended", "steps", "calls", "sent", "published", "share", "goal"):
        prompts.add_column(name, justify="left" if name in {"ended", "goal"} else "right")
    for count, row in figures["prompts"].items():
        sent, published = row["prompt_characters"], row["published_characters"]
        counts = [f"{row[name]:,}" for name in ("steps", "calls")]
        said = [f"{published:,}", f"{row['share']:.3f}"] if published else ["", ""]
        prompts.add_row(count, row["end"], *counts, f"{sent:,}", *said, _GOALS.get(int(count), ""))
    times = Table("figure", box=SIMPLE_HEAD)
    times.add_column("measured", justify="right")
    times.add_column("goal")
    for name, figure, goal in _times(figures):
        times.add_row(name, figure, goal)
    console = Console()
    console.print(prompts, times)


def _times(figures: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    side, over = figures["side_by_side"], figures["overhead"]
    return [
        (f"fixed, {side['sections']} sections one after another, s", f"{side['sequential_s']:.2f}", ""),
        (f"fixed, {side['at_once']} at once, s", f"{side['parallel_s']:.2f}", ""),
        ("times faster", f"{side['times_faster']:.2f}", "at least 3"),
        ("overhead of a step, in memory, ms", f"{over['in_memory_ms_per_step']:.2f}", "under 5"),
        ("overhead of a step, all kept on disk, ms", f"{over['durable_ms_per_step']:.2f}", ""),
        ("one synced write (a step has two), ms", f"{over['fsync_ms']:.2f}", ""),
    ]
