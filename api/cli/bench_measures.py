"""`ravelar bench measures`: how fast the measures without a model are, and how often their gates are wrong."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ravelar.cli.eval_options import need_eval

if TYPE_CHECKING:
    from ravelar.benchmark.evals.measures.controls import ErrorRates

_GOAL_S = 30


@click.command("measures")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Folder with chinese.jsonl.gz ...")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes.")
@click.option("--controls", is_flag=True, help="Also count the gates' errors on real outputs and on controls.")
@click.option("--seed", type=int, default=21, show_default=True, help="Decides the controls.")
def measures(as_json: bool, data: Path | None, jobs: int, controls: bool, seed: int) -> None:
    """Measure all given Chinese outputs of C3EBench without a model, and count the gates' errors.

    The data is not part of Ravelar: a folder `c3ebench` beside the checkout, RAVELAR_SHARED, or --data.
    """
    need_eval("ravelar bench measures")
    from ravelar.benchmark.evals.measures.speed import given, measured_all  # noqa: PLC0415  not for `--help`

    items, outputs = given(data)
    timed = measured_all(items, outputs, jobs=jobs)
    found: dict[str, Any] = {"rows": len(outputs), "jobs": jobs, **timed}
    rates = None
    if controls:
        from ravelar.benchmark.evals.measures.controls import error_rates  # noqa: PLC0415

        rates = error_rates(outputs, items, seed=seed)
        found["controls"] = [rate.as_row() for rate in rates]
    if as_json:
        click.echo(json.dumps(found))
        return
    click.echo(f"{len(outputs):,} outputs, {jobs} processes: {timed['seconds']:.1f} s (goal: under {_GOAL_S})")
    if rates is not None:
        click.echo(table(rates))


def table(rates: "list[ErrorRates]") -> str:
    """Write error rates as the Markdown table that docs/measures.md holds."""
    lines = ["| texts | task | n | wrong | refused by |", "|---|---|---|---|---|"]
    for one in rates:
        gates = ", ".join(
            f"{name} {n}" for name, n in sorted(one.by_gate.items(), key=lambda pair: (-pair[1], pair[0]))
        )
        wrong = f"{one.wrong.value:.3f} ({one.wrong.low:.3f} to {one.wrong.high:.3f})"
        lines.append(f"| {one.kind} | {one.task} | {one.wrong.n} | {wrong} | {gates} |")
    return "\n".join(lines)
