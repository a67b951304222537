"""`ravelar train study`: routed rewards beside single ones, on tiny policies; hours of one core, resumable."""

from functools import partial
from pathlib import Path

import click

from ravelar.cli.train_rows import check_rows, interrupted_by


@click.command("study")
@click.option("--out", type=click.Path(path_type=Path), default="study", show_default=True, help="Rows, kits, report.")
@click.option("--seeds", type=click.IntRange(1, 100), default=5, show_default=True, help="Seeds that are reported.")
@click.option("--arm", "arms", multiple=True, metavar="NAME", help="Only this arm; may be given again.")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Runs side by side.")
@click.option("--resume", is_flag=True, help="Go on after the rows that are there.")
@click.option("--guard", "only_guard", is_flag=True, help="Only the runs beside the guard; minutes.")
@click.option("--report", "only_report", is_flag=True, help="Run nothing; report from the rows that are there.")
@click.option("--into", type=click.Path(path_type=Path), help="Put the report between this document's marks.")
def command(  # noqa: PLR0913, PLR0917  as many options
    out: Path,
    seeds: int,
    arms: tuple[str, ...],
    jobs: int,
    resume: bool,
    only_guard: bool,
    only_report: bool,
    into: Path | None,
) -> int:
    """Compare routed rewards with single ones on tiny policies.

    For each seed a policy and two reward models are taught, then the policy is trained once with each reward: routed,
    each tool everywhere, means of all, length, and the truth. docs/study.md has the protocol and what came of it.

    OUT gets rows.jsonl (one row a run, only ever appended), report.md and two plots. Killed at any moment, --resume
    goes on. --seeds 5 takes about fifteen minutes of two idle cores.
    """
    from ravelar.tools.extras import need  # noqa: PLC0415  not for `--help`

    for module, extra in (("trl", "train"), ("sklearn", "acquire"), ("matplotlib", "plots")):
        need(module, extra=extra, what="the study")
    from ravelar.training.study.report import written_report  # noqa: PLC0415  heavy
    from ravelar.training.study.schedule import Plan, Rows, guards, study  # noqa: PLC0415

    chosen = _chosen(arms)
    plan = Plan(seeds=tuple(range(1, seeds + 1)), arms=chosen or Plan().arms)
    rows = Rows(out / "rows.jsonl")
    check_rows(rows.path, resume=resume, only_report=only_report)
    if not only_report:
        work = partial(guards if only_guard else study, plan, out, jobs=jobs, tell=partial(click.echo, err=True))
        if code := interrupted_by(work):
            return code
    click.echo(written_report(rows, plan, out, into))
    return 0


def _chosen(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return arms by name.

    Raises:
        UnknownName: if there is no arm of a name.
    """
    from ravelar.training.study.arms import arm_named  # noqa: PLC0415  heavy

    return tuple(arm_named(name).name for name in names)
