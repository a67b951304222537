"""`ravelar studio`: the graphs in LangGraph Studio."""

import os
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from ravelar.tools.extras import need

EPILOG = """\b
Examples:
  ravelar studio                       # opens Studio in the browser
  ravelar studio --no-open --port 0
  ravelar studio --folder . --reload   # in a clone: starts again when its code changes

\b
Studio's page comes from smith.langchain.com and needs an account there; it talks to
this server from your browser. docs/studio.md says what leaves the machine.

\b
Exit codes: 0 ended by Ctrl-C or SIGTERM; 2 wrong usage, or it can't start.
"""
_STUDIO = "https://smith.langchain.com"
_REGIONS = "https://*.smith.langchain.com"


def server_options(command: Any) -> Any:
    """Add the options of every command that starts the server."""
    for option in (
        click.option(
            "--folder",
            type=click.Path(path_type=Path, file_okay=False),
            help="Where its state is kept (default: a folder of your own, which is named).",
        ),
        click.option("--reload", is_flag=True, help="Start again when a Python file below --folder changes."),
        click.option("--no-open", is_flag=True, help="Don't open the browser."),
        click.option("--port", type=click.IntRange(0, 65535), help="Default: 2024, or a free one if that is taken."),
        click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on."),
    ):
        command = option(command)
    return command


@click.command("studio", epilog=EPILOG)
@server_options
@click.option("--studio-url", default=_STUDIO, show_default=True, help="Where Studio's page is, if you host LangSmith.")
def command(*, studio_url: str, host: str, **where: Any) -> None:
    """Serve both graphs to LangGraph Studio, with an assistant for each protocol; Ctrl-C ends it."""
    need("langgraph_api", extra="studio", what="ravelar studio")
    from ravelar.ui.guard import HOSTS, ORIGINS, names_of  # noqa: PLC0415  an extra

    studio = studio_url.rstrip("/")
    regions = [_REGIONS] if studio == _STUDIO else []
    os.environ |= {HOSTS: " ".join(sorted(names_of(host))), ORIGINS: " ".join([studio, *regions])}
    pages = {"LangGraph Studio": lambda url: f"{studio}/studio/?baseUrl={url}", "local page": lambda url: f"{url}/ui"}
    run_server(pages=pages, host=host, **where)


def run_server(*, no_open: bool, pages: dict[str, Any], **where: Any) -> None:
    """Serve until a signal ends it, and say where; the first of the pages is opened.

    Args:
        no_open: Whether no browser is opened.
        pages: What there is to look at: a function from the server's address to the page's, by its name.
        where: As `Launch` takes it.

    Raises:
        InputError: if the server can't start.
    """
    from ravelar.cli.interruption import Terminated, termination  # noqa: PLC0415  not for `--help`
    from ravelar.studio.launching import Launch, serve  # noqa: PLC0415
    from ravelar.tools.listening import is_loopback  # noqa: PLC0415

    launch = Launch(**where)
    if not is_loopback(launch.host):
        click.echo(f"ravelar: whoever reaches {launch.host} can run the graphs, with this machine's keys", err=True)

    def started(url: str) -> None:
        click.echo(f"ravelar: serving at {url}, its state in {launch.place}; Ctrl-C ends it", err=True)
        for name, page in pages.items():
            click.echo(f"  {name}: {page(url)}", err=True)
        if not no_open:
            webbrowser.open(next(iter(pages.values()))(url))

    with suppress(KeyboardInterrupt, Terminated), termination():
        serve(launch, started)
