"""`ravelar train export`: RAVEL's runs as data for SFT and preference training, in TRL's formats."""

import json
from pathlib import Path

import click

_ROLES = ("planner", "outliner", "drafter", "reviewer", "refiner")

EPILOG = """\b
Examples:
  ravelar train export runs/ --as sft --role drafter --role refiner --out sft.jsonl
  ravelar train export ravel-20261128-110648 --as preference --out pairs.jsonl

\b
Exit codes: 0 written; 1 there was nothing to write, the file is empty; 2 a run
or the file can't be used, nothing was written.
"""


@click.command("export", epilog=EPILOG)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option("--as", "kind", type=click.Choice(("sft", "preference")), default="sft", show_default=True, help="What.")
@click.option("--role", "roles", multiple=True, type=click.Choice(_ROLES), help="Only this role's; for sft; again.")
@click.option("--least-gain", type=click.FloatRange(0, 10), help="Only pairs whose scores differ by that; preference.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file; not there yet.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def command(  # noqa: PLR0913, PLR0917  as many options
    runs: tuple[Path, ...], kind: str, roles: tuple[str, ...], least_gain: float | None, out: Path, as_json: bool
) -> int:
    """Export runs of `ravelar write` as training data: JSON lines that TRL's trainers read.

    A RUN is a run's folder, its events.jsonl, or a folder of such folders. As sft: prompt and completion of each step
    that stood. As preference: prompt, chosen and rejected, an accepted text beside an earlier one that its review did
    not accept. Prompts are those that were sent, proven by their hashes; see docs/writer-training.md.
    """
    if roles and kind != "sft":
        raise click.UsageError("--role is for --as sft: a pair is of texts, whoever wrote them")
    if least_gain is not None and kind != "preference":
        raise click.UsageError("--least-gain is for --as preference")
    from ravelar.training.writing_data.export import export, logs_in  # noqa: PLC0415  langchain takes 0.5 s

    done = export(logs_in(runs), out, kind, roles=roles or _ROLES, least_gain=least_gain or 0.0)  # type: ignore[arg-type]
    if as_json:
        click.echo(json.dumps({**done.to_json(), "out": str(out)}))
    else:
        _show(done.to_json(), out)
    return 0 if done.rows else 1


def _show(done: dict[str, object], out: Path) -> None:
    roles, left = done["by_role"], done["left_out"]
    assert isinstance(roles, dict)
    assert isinstance(left, dict)
    by_role = ", ".join(f"{role} {n}" for role, n in roles.items())
    click.echo(f"{done['rows']:,} rows of {done['runs']:,} runs in {out}{f' ({by_role})' if by_role else ''}")
    for why, times in left.items():
        click.echo(f"  left out: {times:,} times {why}")
    if done["replays"]:
        click.echo(f"  {done['replays']:,} of the runs are replays: no language model wrote what they hold", err=True)
    click.echo(CONTAMINATION.format(runs=done["runs"]), err=True)


CONTAMINATION = (
    "keep apart: what is trained on these rows can't be evaluated on the briefs of these {runs} runs, such as items of "
    "C3EBench (docs/writer-training.md)"
)
