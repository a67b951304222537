"""`ravelar doctor`: what works on this machine, what is missing, what is broken, and what to do about each."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ravelar.doctor.findings import Check, Finding

EPILOG = """\b
Examples:
  ravelar doctor
  ravelar doctor --json

\b
Exit codes: 0 the base works, and so does what is installed and configured;
1 something of it is broken. What is optional and not there breaks nothing.
"""

_MARKS = {"works": "ok", "missing": "-", "broken": "!!"}


@click.command("doctor", epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
def command(as_json: bool) -> int:
    """Say what works on this machine, what is missing, what is broken, and the fix for each.

    It takes a few seconds, writes nothing, and never shows a key. Beyond this machine it asks the Hub one small
    question, and the endpoints that LANGSMITH_ENDPOINT (if tracing is on) and OPENAI_BASE_URL name.
    """
    from ravelar.doctor.findings import examine  # noqa: PLC0415  not for `--help`

    found = examine(all_checks())
    broken = [one for one in found if one.state == "broken"]
    if as_json:
        click.echo(json.dumps({"works": not broken, "findings": [asdict(one) for one in found]}))
    else:
        _show(found, len(broken))
    return 1 if broken else 0


def all_checks() -> "list[Check]":
    """Return what is looked at, in the order in which it is told."""
    from ravelar.doctor import packages, places, services  # noqa: PLC0415  not for `--help`
    from ravelar.doctor.findings import Check  # noqa: PLC0415

    return [
        Check("Python", packages.look_at_python),
        Check("extras", packages.look_at_extras),
        Check("torch", packages.look_at_torch, within_s=40.0),
        Check("sandbox", places.look_at_sandbox, within_s=15.0),
        Check("sandbox", services.look_at_e2b),
        Check("library", places.look_at_library, within_s=10.0),
        Check("disk", places.look_at_disk),
        Check("models", services.look_at_models),
        Check("tracing", services.look_at_langsmith),
        Check("Hub", services.look_at_hub, late="missing"),
        Check("Studio", places.look_at_port),
    ]


def _show(found: "Sequence[Finding]", broken: int) -> None:
    for area, rows in groupby(found, key=lambda one: one.area):
        click.secho(area, bold=True)
        for one in rows:
            click.echo(f"  {_MARKS[one.state]:3}{one.name:16} {one.found}")
            if one.fix:
                click.echo(f"  {'':19} -> {one.fix}")
    total = {state: sum(one.state == state for one in found) for state in _MARKS}
    optional, work = total["missing"], total["works"]
    click.echo(f"\n{work} work (ok), {optional} are optional and not to be had (-), {broken} are broken (!!).")
