"""`ravelar train demo`: watch a tiny policy learn several tasks with routed rewards; nothing is downloaded."""

import json
from typing import Any

import click

from ravelar.cli.interruption import Terminated, termination

GOAL = 0.05  # the share of a training step that rewards may take


@click.command("demo")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Decides everything that is drawn.")
@click.option("--steps", type=click.IntRange(1, 10_000), default=40, show_default=True, help="Steps of GRPO.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(seed: int, steps: int, as_json: bool) -> int:
    """Watch a tiny policy learn four tasks with routed rewards: about a minute on two cores, nothing is downloaded.

    A policy of 85,000 weights is built from a config and taught by demonstrations, half of them wrong. Then TRL's
    GRPOTrainer goes on with rewards that `RoutedReward` routes: to built-in tools, and to a written
    verifier in the sandbox. It proves that the path works, not that a language model would learn as fast.
    """
    from ravelar.tools.extras import need  # noqa: PLC0415  not for `--help`

    for module, extra in (("trl", "train"), ("sklearn", "acquire")):
        need(module, extra=extra, what="the training demo")
    from ravelar.training.study.demo import demonstrate  # noqa: PLC0415  heavy
    from ravelar.training.study.quiet import quieten  # noqa: PLC0415  heavy

    try:
        with termination():
            quieten()
            figures = demonstrate(seed=seed, steps=steps, tell=lambda line: click.echo(line, err=True))
    except Terminated:
        click.echo("ravelar: terminated", err=True)
        return 143
    click.echo(json.dumps(figures)) if as_json else _show(figures)
    return 0


def _show(figures: dict[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415  60 ms, for people only
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for title in ("task", "routed to"):
        table.add_column(title, no_wrap=True)
    for title in ("accuracy", "after", "reward", "after"):
        table.add_column(title, justify="right")
    for name, task in figures["tasks"].items():
        table.add_row(name, task["tool"], *(_figure(task[key]) for key in _KEYS))
    mean = figures["mean"]
    table.add_row("mean", "", *(_figure(mean[part][when]) for part in ("accuracy", "reward") for when in _WHEN))
    Console().print(table)
    seconds, share = figures["seconds"], figures["reward_share"]
    told = "within" if share <= GOAL else "above"
    click.echo(
        f"Accuracy is true: checked by code that no reward tool shares, on held-out questions.\n"
        f"{figures['unscored']:.1%} of the completions were unscored. Rewards took {share:.1%} of the training time "
        f"({told} the goal of {GOAL:.0%}).\n"
        f"{seconds['all']:.0f} s in all: {seconds['preparing']:.0f} to prepare, {seconds['training']:.0f} of GRPO. "
        f"Policies this small sharpen what they were taught; sizes of effects say nothing of language models."
    )


_WHEN = ("before", "after")
_KEYS = tuple(f"{figure}_{when}" for figure in ("accuracy", "reward") for when in _WHEN)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
