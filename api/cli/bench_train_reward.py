"""`ravelar bench train-reward`: what a routed reward costs a training step beside its tools' own work."""

import json
from typing import Any

import click

from ravelar.tools.library import Library
from ravelar.tools.routing import Router

_GOALS = {
    "overhead_us_per_completion_64": "at most 20",
    "overhead_us_per_completion_512": "at most 20",
    "overhead_us_per_completion_4096": "at most 20",
    "slow_tools_wall_s": "about one tool's time",
    "hanging_first_batch_s": "about the limit",
    "hanging_next_batch_s": "about 0",
}


@click.command("train-reward")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--seconds", type=click.FloatRange(0.1, 60), default=1.0, show_default=True, help="Each slow tool takes.")
def train_reward(as_json: bool, seconds: float) -> None:
    """Measure RoutedReward: overhead per completion, sixteen slow tools at once, a tool that hangs.

    `bare` is the tool called directly on the same triples; `routed` what a trainer calls, log functions included;
    both in processor time. `new_prompts` are queries that were not met before and must be routed.
    """
    from ravelar.benchmark.reward_cost import measure  # noqa: PLC0415  not for `--help`
    from ravelar.cli.figures import show_figures  # noqa: PLC0415

    figures = measure(_make, seconds=seconds)
    click.echo(json.dumps(figures)) if as_json else show_figures(figures, _GOALS)


def _make(library: Library, router: Router | None, time_limit_s: float) -> Any:
    from ravelar.training.routed_reward import RoutedReward  # noqa: PLC0415

    return RoutedReward(library=library, router=router, time_limit_s=time_limit_s)
