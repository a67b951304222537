"""`ravelar serve --ray`: the flags, and the backend that they make."""

from collections.abc import Callable
from typing import Any

import click

from ravelar.tools.errors import InputError

HERE = "local"  # what --ray without an address means


def ray_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags of a cluster to a command."""
    for option in reversed(
        [
            click.option(
                "--ray",
                is_flag=False,
                flag_value=HERE,
                metavar="[ADDRESS]",
                help="Serve from a Ray cluster: HOST:PORT, 'auto', or nothing to start Ray here.",
            ),
            click.option("--replicas", default="1-4", show_default=True, help="Ray: replicas that hold the verifiers."),
            click.option("--model-replicas", default="1-4", show_default=True, help="Ray: of each other tool."),
            click.option("--replica-cpus", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True),
            click.option(
                "--gpus", multiple=True, metavar="[TOOL=]N", help="Ray: GPUs of a model's replica; else 1 if there are."
            ),
            click.option("--keep", is_flag=True, help="Ray: leave the deployments in the cluster at the end."),
        ]
    ):
        command = option(command)
    return command


def ray_backend(  # noqa: PLR0913  one a flag
    library: Any,
    router: Any,
    lanes: Any,
    *,
    ray: str,
    workers: int,
    replicas: str,
    model_replicas: str,
    replica_cpus: float,
    gpus: tuple[str, ...],
    keep: bool,
    **_other: Any,
) -> Any:
    """Deploy on the cluster that the flags name; return the backend over it.

    Raises:
        InputError: if flags contradict one another, or the cluster can't be used.
    """
    from ravelar.training.service.cluster.deploying import open_cluster  # noqa: PLC0415
    from ravelar.training.service.cluster.settings import ClusterSettings, Replicas  # noqa: PLC0415

    if workers:
        raise InputError("--workers belongs to a service without --ray; --replicas says how many replicas there are")
    fewest, most = read_range("--replicas", replicas)
    models_fewest, models_most = read_range("--model-replicas", model_replicas)
    whose = read_gpus(gpus)

    def model(wanted: float | None) -> Replicas:
        return Replicas(fewest=models_fewest, most=models_most, cpus=replica_cpus, gpus=wanted, busy=16)

    settings = ClusterSettings(
        address=None if ray == HERE else ray,
        keep=keep,
        verifiers=Replicas(fewest=fewest, most=most, cpus=replica_cpus),
        models=model(whose.pop(None, None)),
        alone={name: model(wanted) for name, wanted in whose.items() if name is not None},
        time_limit_s=lanes.time_limit_s,
        max_rows_waiting=2 * lanes.queue_rows,
    )
    return open_cluster(library, router, settings, lanes)


def read_range(flag: str, text: str) -> tuple[int, int]:
    """Read "2" or "1-4" as the fewest and the most.

    Raises:
        InputError: if it is neither.
    """
    first, dash, second = text.partition("-")
    try:
        fewest, most = int(first), int(second if dash else first)
    except ValueError:
        fewest = most = 0
    if not 1 <= fewest <= most:
        raise InputError(f"{flag} {text!r}; allowed: a number, such as 2, or a range, such as 1-4")
    return fewest, most


def read_gpus(given: tuple[str, ...]) -> dict[str | None, float]:
    """Read "0.5" (of every reward model, under None) and "TOOL=0.5".

    Raises:
        InputError: if one is neither.
    """
    read: dict[str | None, float] = {}
    for text in given:
        name, equals, number = text.rpartition("=")
        try:
            read[name if equals else None] = float(number)
        except ValueError:
            raise InputError(f"--gpus {text!r}; allowed: a number, or TOOL=NUMBER") from None
    return read
