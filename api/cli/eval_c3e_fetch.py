"""`ravelar eval c3e fetch`."""

from pathlib import Path

import click


@click.command("fetch")
@click.option("--out", type=click.Path(path_type=Path), default=Path("c3ebench"), show_default=True, help="Folder.")
@click.option("--source", help="A copy of the published repository (folder), or another address of it.")
@click.option("--accept-changed", is_flag=True, help="Write files whose hash is not the published one, too.")
def command(out: Path, source: str | None, accept_changed: bool) -> None:
    """Fetch the published parts of C3EBench, rebuild both sets, and prove them by their git blob ids."""
    from ravelar.benchmark.evals.c3e.published import SOURCE, fetch  # noqa: PLC0415  not for `--help`

    for file in fetch(out, source=source or SOURCE, accept_changed=accept_changed):
        proof = "as published" if file.proved else "NOT the published file"
        click.echo(f"{out / file.name}: {len(file.data):,} bytes, git blob {file.blob}, {proof}")
