"""`ravelar ui`: the local page."""

import os
from typing import Any

import click

from ravelar.cli.studio import run_server, server_options
from ravelar.tools.extras import need

EPILOG = """\b
Examples:
  ravelar ui                       # opens the page in the browser
  ravelar ui --no-open --port 0
  ravelar ui --library ./tools.sqlite

\b
The page comes from this machine, loads nothing from elsewhere, and needs no account.
What runs send to a language model or to the Hub is theirs; docs/ui.md says more.

\b
Exit codes: 0 ended by Ctrl-C or SIGTERM; 2 wrong usage, or it can't start.
"""


@click.command("ui", epilog=EPILOG)
@server_options
@click.option(
    "--library", metavar="URL", help="Where adopted tools are kept (default: RAVELAR_LIBRARY, else your own)."
)
def command(*, host: str, port: int | None, library: str | None, **where: Any) -> None:
    """Open the local page: fill in a form, run both graphs, watch them live, open past runs; Ctrl-C ends it."""
    need("langgraph_api", extra="studio", what="ravelar ui")
    from ravelar.tools.adopted.place import VARIABLE, place_of  # noqa: PLC0415  not for `--help`
    from ravelar.ui.guard import HOSTS, names_of  # noqa: PLC0415

    if library is not None:
        place = place_of(library)  # checked here, and made absolute: the server works in another folder
        os.environ[VARIABLE] = place.where or "memory:"
    os.environ[HOSTS] = " ".join(sorted(names_of(host)))
    run_server(host=host, port=port, pages={"local page": lambda url: f"{url}/ui"}, **where)
