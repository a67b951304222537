"""`ravelar serve`: rewards over HTTP."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import click

from ravelar.cli.serve_ray import ray_backend, ray_options
from ravelar.tools.errors import InputError

TOKEN = "RAVELAR_SERVICE_TOKEN"

EPILOG = f"""\b
Examples:
  ravelar serve
  ravelar serve --port 9000 --workers 4
  {TOKEN}=... ravelar serve --host 0.0.0.0
  ravelar serve --ray auto --replicas 2-16

\b
Routes: POST /score, /openrlhf, /slime; GET /tools, /health, /ready, /metrics,
/openapi.json. docs/service.md describes them.

\b
Exit codes: 0 ended by Ctrl-C or SIGTERM, everything under way was answered; 1 some
requests were refused because the drain limit was over; 2 wrong usage, or it can't start.
"""


@click.command("serve", epilog=EPILOG)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address; beyond the loopback a token is needed.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False), help=f"Else from {TOKEN}.")
@click.option("--no-token", is_flag=True, help="Beyond the loopback: let everybody in who reaches the port.")
@click.option("--workers", type=click.IntRange(0, 256), default=0, show_default=True, help="0: threads of one process.")
@click.option("--threads", type=click.IntRange(1, 256), default=4, show_default=True, help="Of each tool and process.")
@click.option("--batch", "batched", multiple=True, metavar="TOOL", help="Join its requests, as for reward models.")
@click.option("--batch-size", type=click.IntRange(1), default=64, show_default=True, help="Completions joined at most.")
@click.option(
    "--batch-wait-ms", type=click.FloatRange(0), default=5.0, show_default=True, help="Wait for more to join."
)
@click.option("--queue", type=click.IntRange(1), default=8192, show_default=True, help="Completions waiting, per tool.")
@click.option("--time-limit", type=click.FloatRange(0.01), default=120.0, show_default=True, help="Seconds, per tool.")
@click.option("--max-body-mb", type=click.FloatRange(0.001), default=32.0, show_default=True, help="Longest request.")
@click.option("--max-rows", type=click.IntRange(1), default=1024, show_default=True, help="Completions in a request.")
@click.option(
    "--unscored", default="error", show_default=True, help="To OpenRLHF and slime: 'error', 'null' or a number."
)
@click.option(
    "--drain-limit", type=click.FloatRange(0), default=30.0, show_default=True, help="Seconds after a signal."
)
@click.option("--drain-wait", type=click.FloatRange(0), default=0.0, show_default=True, help="Refuse at least so long.")
@click.option("--sandbox", type=click.Choice(["local", "e2b", "unsafe"]), default="local", show_default=True)
@ray_options
def command(**options: Any) -> None:
    """Serve rewards over HTTP, with the tools that `ravelar score` has.

    Ctrl-C or SIGTERM ends it: what is under way is answered, what comes is refused.
    """
    from ravelar.tools.extras import need  # noqa: PLC0415  not for `--help`

    for module in ("fastapi", "uvicorn", "prometheus_client"):
        need(module, extra="serve", what="ravelar serve")
    raise SystemExit(_serve(**options))


def _serve(*, host: str, port: int, drain_limit: float, drain_wait: float, **options: Any) -> int:
    from ravelar.tools.listening import address_of, open_port  # noqa: PLC0415
    from ravelar.training.service.app import create_app  # noqa: PLC0415
    from ravelar.training.service.metrics import Metrics  # noqa: PLC0415
    from ravelar.training.service.server import run  # noqa: PLC0415

    settings = _settings(host=host, **options)
    metrics = Metrics()
    backend = _backend(metrics, **options)
    listening = open_port(host, port)

    def started() -> None:
        click.echo(f"ravelar: {len(backend.tools())} tools at {address_of(listening)}; Ctrl-C ends it", err=True)

    app = create_app(backend, settings, metrics=metrics)
    unanswered = run(app, listening, started=started, drain_limit_s=drain_limit, drain_wait_s=drain_wait)
    if unanswered:
        click.echo(f"ravelar: {unanswered} requests were refused: not done within {drain_limit:g} s", err=True)
    return 1 if unanswered else 0


def _settings(  # noqa: PLR0913  one a flag
    *,
    host: str,
    token_file: Path | None,
    no_token: bool,
    max_body_mb: float,
    max_rows: int,
    unscored: str,
    **_other: Any,
) -> Any:
    from ravelar.tools.listening import is_loopback  # noqa: PLC0415
    from ravelar.training.adapters.unscored import unscored_of  # noqa: PLC0415
    from ravelar.training.service.settings import BYTES_IN_FLIGHT, ServiceSettings  # noqa: PLC0415

    token = read_token(token_file)
    if token is None and not is_loopback(host):
        if not no_token:
            raise InputError(
                f"--host {host} reaches beyond this machine: set {TOKEN} or --token-file, or let everybody in who "
                "reaches the port by --no-token"
            )
        click.echo(f"ravelar: no token: whoever reaches {host} can have completions scored", err=True)
    body = int(max_body_mb * 2**20)
    return ServiceSettings(
        token=token,
        max_body_bytes=body,
        max_bytes_in_flight=max(2 * body, BYTES_IN_FLIGHT),
        max_rows=max_rows,
        unscored=unscored_of(unscored),
    )


def _backend(  # noqa: PLR0913  one a flag
    metrics: Any,
    *,
    workers: int,
    threads: int,
    batched: tuple[str, ...],
    batch_size: int,
    batch_wait_ms: float,
    queue: int,
    time_limit: float,
    sandbox: str,
    ray: str | None,
    **other: Any,
) -> Any:
    from ravelar.calls import default_library, default_router  # noqa: PLC0415
    from ravelar.training.service.lanes import LaneSettings  # noqa: PLC0415
    from ravelar.training.service.local import local_backend  # noqa: PLC0415
    from ravelar.training.service.processes import process_backend  # noqa: PLC0415

    library, router = partial(default_library, sandbox), partial(default_router, sandbox)
    for name in batched:
        library()[name]  # an unknown name is told at once
    lanes = LaneSettings(
        threads=threads,
        batch_rows=batch_size,
        batch_wait_s=batch_wait_ms / 1e3,
        batched=frozenset(batched),
        queue_rows=queue,
        time_limit_s=time_limit,
    )
    if ray is not None:
        return ray_backend(library, router, lanes, ray=ray, workers=workers, **other)
    if workers:
        return process_backend(workers, library, router, lanes, on_batch=metrics.part)
    return local_backend(library, router, lanes, on_batch=metrics.batch)


def read_token(file: Path | None) -> str | None:
    """Return the token from a file, else from the environment, else None; it is never printed.

    Raises:
        InputError: if the file can't be read or is empty.
    """
    if file is None:
        return os.environ.get(TOKEN) or None
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--token-file {file} can't be read: {error}") from None
    if not token:
        raise InputError(f"--token-file {file} is empty; it must hold the token")
    return token
