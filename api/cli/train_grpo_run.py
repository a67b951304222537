"""The work of `ravelar train grpo`: check, show, train, and say how it ended."""

import os
from collections.abc import Sequence

import click

from ravelar.calls import default_library, default_router
from ravelar.cli.interruption import Terminated, termination
from ravelar.tools.errors import CheckpointFailed
from ravelar.training.acquisition import AcquisitionLimits
from ravelar.training.checkpoints import finished
from ravelar.training.grpo import Outcome, Plan, Tools, plan, train
from ravelar.training.grpo_options import Settings, read_settings


def run(arguments: Sequence[str]) -> int:
    """Train as the arguments say; return the exit code.

    Raises:
        InputError: before anything is trained or written, if it can't be done as asked.
    """
    settings = read_settings(arguments)
    tools = _tools(settings)
    planned = plan(settings, tools)
    main_rank = os.environ.get("RANK", "0") == "0"
    if main_rank:
        _show(planned)
    if settings.run.dry_run:
        return 0
    try:
        with termination():
            outcome = train(planned, tools)
    except CheckpointFailed as error:
        click.echo(f"ravelar: {error}", err=True)
        return 1
    except (KeyboardInterrupt, Terminated) as error:
        return _interrupted(error, planned)
    if not main_rank:
        return 0  # a launcher ends all ranks when one fails, and the main one may still be saving the model
    _tell(outcome)
    return 1 if outcome.stopped else 0


def _tools(settings: Settings) -> Tools:
    if settings.run.on_unknown != "acquire":
        return Tools(default_library, default_router)
    from ravelar.acquirer import RlarAcquirer  # noqa: PLC0415  langgraph takes 0.5 s

    run = settings.run
    limits = AcquisitionLimits(least_prompts=1) if run.acquire_probes else AcquisitionLimits()
    return Tools(default_library, default_router, RlarAcquirer(run.acquire_probes, settings.acquire_settings), limits)


def _show(planned: Plan) -> None:
    from rich import box  # noqa: PLC0415  60 ms
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    total = sum(one.rows for one in planned.routed)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("task", overflow="fold")
    table.add_column("rows", justify="right")
    table.add_column("share", justify="right")
    table.add_column("tool", overflow="fold")
    table.add_column("why", overflow="fold")
    for one in planned.routed:
        tool = Text(one.tool) if one.tool else Text("none", style="bold red")
        table.add_row(Text(one.task or "-"), f"{one.rows:,}", f"{one.rows / total:.1%}", tool, Text(one.why))
    Console().print(table)
    for line in _lines(planned, total):
        click.echo(line)


def _lines(planned: Plan, total: int) -> list[str]:
    unrouted = sum(one.rows for one in planned.routed if one.tool is None)
    run, room, model = planned.settings.run, planned.room, planned.model
    lines = [f"{total:,} rows; unrouted: {unrouted:,} ({unrouted / total:.1%}), on_unknown: {run.on_unknown}"]
    size = f"{model.parameters:,} parameters" if model.parameters is not None else "parameters not counted"
    trained = f", {model.trained:,} trained" if model.trained not in (None, model.parameters) else ""
    lines.append(f"model {model.name}: {size}{trained}, prompts as {model.form}")
    took = "an unknown amount" if room.checkpoint is None else f"about {room.checkpoint / 1e6:,.1f} MB"
    lines.append(f"a checkpoint takes {took}; free: {room.free / 1e9:,.1f} GB")
    checks = ", ".join(f"{tool} by {check}" for tool, check in planned.settings.checks.items()) or "none"
    lines.append(f"independent checks: {checks}; on_hacking: {run.on_hacking}")
    if planned.checkpoint is not None:
        lines.append(f"going on from {planned.checkpoint}")
    return lines


def _interrupted(error: BaseException, planned: Plan) -> int:
    said, code = ("terminated", 143) if isinstance(error, Terminated) else ("interrupted", 130)
    done = finished(planned.settings.output)
    kept = f"{done[-1]} is finished, --resume continues from it" if done else "no checkpoint was finished yet"
    click.echo(f"\nravelar: {said}; {kept}", err=True)
    return code


def _tell(outcome: Outcome) -> None:
    for alert in outcome.alerts:
        click.echo(f"ravelar: step {alert.step}, {alert.tool}, {alert.name}: {alert.message}", err=True)
    ended = "stopped by a sign of reward hacking" if outcome.stopped else "trained"
    click.echo(f"{ended} at step {outcome.steps}; the model is in {outcome.folder}")
