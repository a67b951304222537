"""`ravelar train write-demo`: watch tiny policies learn to finish articles in RAVEL's environment."""

from functools import partial
from pathlib import Path

import click

from ravelar.cli.train_rows import check_rows, interrupted_by

_ARMS = ("episode", "shuffled", "step")


@click.command("write-demo")
@click.option("--out", type=click.Path(path_type=Path), default="write-demo", show_default=True, help="Rows, report.")
@click.option("--seeds", type=click.IntRange(1, 100), default=1, show_default=True, help="How many policies.")
@click.option("--arm", "arms", multiple=True, type=click.Choice(_ARMS), help="Reward of what; episode; again.")
@click.option("--steps", type=click.IntRange(1, 10_000), default=40, show_default=True, help="Steps of GRPO.")
@click.option("--resume", is_flag=True, help="Go on after the rows that are there.")
@click.option("--report", "only_report", is_flag=True, help="Run nothing; report from the rows that are there.")
@click.option("--into", type=click.Path(path_type=Path), help="Put the report between this document's marks.")
def command(  # noqa: PLR0913, PLR0917  as many options
    out: Path, seeds: int, arms: tuple[str, ...], steps: int, resume: bool, only_report: bool, into: Path | None
) -> int:
    """Watch a tiny policy learn to finish articles: some minutes on two cores, nothing is downloaded.

    A policy of 85,000 weights is built from a config and taught to call RAVEL's operations by random episodes, of which
    a third of the steps is right. TRL's GRPOTrainer then lets it plan articles that programs draft, review and refine.
    S, the share of finished articles, and refused actions are looked at on briefs that it is not trained on. It proves
    that the path works, not that a language model would learn as fast; docs/writer-training.md says what it shows.
    """
    from ravelar.tools.extras import need  # noqa: PLC0415  not for `--help`

    for module, extra in (("trl", "train"), ("scipy", "eval"), ("matplotlib", "plots")):
        need(module, extra=extra, what="the writer's demo")
    from ravelar.training.study.quiet import quieten  # noqa: PLC0415  heavy
    from ravelar.training.study.schedule import Rows  # noqa: PLC0415
    from ravelar.training.writing_env.proof.report import written_proof  # noqa: PLC0415
    from ravelar.training.writing_env.proof.runs import ProofSpec  # noqa: PLC0415
    from ravelar.training.writing_env.proof.schedule import ProofPlan, prove  # noqa: PLC0415

    size = ProofSpec(seed=1, steps=steps, look_every=min(10, steps))
    plan = ProofPlan(tuple(range(1, seeds + 1)), tuple(dict.fromkeys(arms)) or ("episode",), size)  # type: ignore[arg-type]
    rows = Rows(out / "rows.jsonl")
    check_rows(rows.path, resume=resume, only_report=only_report)
    if not only_report:
        quieten()
        if code := interrupted_by(partial(prove, plan, out, tell=partial(click.echo, err=True))):
            return code
    click.echo(written_proof(rows, plan, out, into))
    return 0
