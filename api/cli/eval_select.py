"""`ravelar eval select`: the selection experiment over given scores."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from ravelar.cli.eval_options import need_eval

EPILOG = """\b
Examples:
  ravelar eval select rewardmath scores.jsonl.gz --quick
  ravelar eval select judgebench *__reward_model__*.jsonl.gz
  ravelar eval select rm-bench skywork.jsonl internlm.jsonl armo.jsonl

\b
FILE holds scores as for `ravelar eval rewards --given`: published results, or rows
of earlier runs, of two systems or more. Cases that not all of them scored are left
out, and counted. Exit codes: 0 done; 2 wrong usage or unusable files.
"""


@click.command("select", epilog=EPILOG)
@click.argument("benchmark", metavar="BENCHMARK")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--seed", type=int, default=21, show_default=True, help="Decides folds and bootstrap draws.")
@click.option("--quick", is_flag=True, help="Leave out calibrated means: no scikit-learn, seconds instead of minutes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of Markdown tables.")
def command(benchmark: str, files: tuple[Path, ...], seed: int, quick: bool, as_json: bool) -> None:
    """Try ways to choose among, or join, the reward models whose scores of BENCHMARK's cases FILE holds.

    What is learnt is learnt on nine tenths of the prompts and counted on the last tenth. "Any of n" may look at the
    answer; what it would reach by lot is shown beside it, and how much of the rest it reaches.
    """
    need_eval("ravelar eval select")
    from ravelar.benchmark.evals.rewards.selection import select  # noqa: PLC0415  not for `--help`
    from ravelar.benchmark.score_matrix_report import tables  # noqa: PLC0415

    found = select(benchmark, files, seed=seed, quick=quick)
    if as_json:
        rows = [asdict(one) for one in found.findings]
        click.echo(json.dumps({"cases": found.cases, "left_out": found.left_out, "findings": rows}))
        return
    click.echo("\n".join(map(tables, found.findings)))
    if found.left_out:
        click.echo(f"{found.left_out:,} cases are left out: not scored by every system, or not of one form.")
