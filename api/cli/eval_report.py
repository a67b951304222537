"""`ravelar eval report`."""

from pathlib import Path

import click

from ravelar.cli.eval_options import need_eval


@click.command("report")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option("--out", type=click.Path(path_type=Path), help="Folder; the first run's if not given.")
@click.option("--human", type=click.Path(path_type=Path), help="People's scores: infer_id, model, score.")
def command(runs: tuple[Path, ...], out: Path | None, human: Path | None) -> None:
    """Write report.md, report.json and report.html from one or more runs."""
    need_eval("ravelar eval report")
    from ravelar.benchmark.evals.report.gathering import gather  # noqa: PLC0415  not for `--help`
    from ravelar.benchmark.evals.report.humans import read_human_scores  # noqa: PLC0415
    from ravelar.benchmark.evals.report.writing import write_report  # noqa: PLC0415

    found = gather(runs, human=None if human is None else read_human_scores(human))
    for board in found.boards:
        click.echo(f"{board.language} {board.task}, {board.judge}: {board.found.summary()}")
    for path in write_report(found, out or runs[0]):
        click.echo(path)
