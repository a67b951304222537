"""From a library to deployments that answer: connecting to Ray, or starting it here; deploying; waiting."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from ravelar.tools.card import ToolCard
from ravelar.tools.errors import InputError
from ravelar.tools.extras import need
from ravelar.training.service.cluster.backend import RayBackend, running
from ravelar.training.service.cluster.connecting import END_LIMIT_S, connect, on_loopback, within
from ravelar.training.service.cluster.planning import ROUTING, Deployment, needed_cpus, plan
from ravelar.training.service.cluster.replicas import RoutingReplica, ToolReplica
from ravelar.training.service.cluster.settings import ClusterSettings, Replicas
from ravelar.training.service.lanes import LaneSettings
from ravelar.training.service.open_library import LibrarySource, RouterSource

_POLL_S = 0.2
_UPSCALE_DELAY_S = 5.0  # ours: a burst shorter than this starts no replica
_HEALTH_PERIOD_S = 5.0  # ours; a replica whose process ends is noticed at once
_HEALTH_LIMIT_S = 30.0  # ours: how long a replica that is busy may not answer
_GRACE_S = 10.0  # ours: how long a replica that is no longer needed may go on with what it has


def open_cluster(
    library: LibrarySource,
    router: RouterSource | None = None,
    settings: ClusterSettings | None = None,
    lanes: LaneSettings | None = None,
) -> RayBackend:
    """Deploy a library on a cluster and return a backend over it, ready to score.

    Args:
        library: Opens the library, here and in each replica; picklable.
        router: Gives the router in the routing replicas; picklable; None means the built-in rules.
        settings: How the service is spread.
        lanes: How each replica's lanes work.

    Raises:
        InputError: if Ray is not installed or can't be reached, the cluster is too small, or the deployments are not
            ready in time; says what is missing.
    """
    need("ray", extra="ray", what="a cluster")
    settings = settings or ClusterSettings()
    cards = [tool.card for tool in library()]
    end = connect(settings, cards)
    try:
        joined = _routing_of(settings.app)
        if joined is not None:
            return RayBackend(joined, cards, settings, end)
        deployments = _planned(cards, settings)
        leave = end
        if settings.address is not None:  # a Ray that was started here ends as a whole
            end = _deleting(settings.app, leave)
        lanes = lanes or LaneSettings(time_limit_s=settings.time_limit_s)
        routing = _deploy(_application(library, router, deployments, settings, lanes), settings)
        return RayBackend(routing, cards, settings, leave if settings.keep else end)
    except BaseException:
        end()
        raise


def _planned(cards: Sequence[ToolCard], settings: ClusterSettings) -> list[Deployment]:
    """Return the deployments, if the cluster has room for the fewest replicas.

    Raises:
        InputError: if it has too few cores or GPUs.
    """
    import ray  # noqa: PLC0415

    there: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    deployments = plan(cards, settings, gpus=there.get("GPU", 0.0))
    least, cpus = needed_cpus(deployments, settings), there.get("CPU", 0.0)
    if least > cpus:
        raise InputError(
            f"the fewest replicas of {len(deployments) + 1} deployments reserve {least:g} cores, and the cluster has "
            f"{cpus:g}; let them take less, or add nodes"
        )
    return deployments


def _deploy(application: Any, settings: ClusterSettings) -> Any:
    """Deploy the application and wait until it answers; return the handle of its routing.

    Raises:
        InputError: if the deployments are not ready in time.
    """
    from ray import serve  # noqa: PLC0415

    serve.start(proxy_location="Disabled", logging_config={"log_level": "ERROR"})
    serve.run_many(
        [serve.RunTarget(application, name=settings.app, route_prefix=None)], wait_for_applications_running=False
    )
    return _when_ready(settings)


def _application(
    library: LibrarySource,
    router: RouterSource | None,
    deployments: Sequence[Deployment],
    settings: ClusterSettings,
    lanes: LaneSettings,
) -> Any:
    loopback = on_loopback(settings.address)
    handles = {
        one.name: _as_deployment(ToolReplica, one.name, one.replicas).bind(library, lanes, loopback)
        for one in deployments
    }
    routing = _as_deployment(RoutingReplica, ROUTING, settings.routing)
    return routing.bind(library, router, list(deployments), handles, settings, loopback)


def _as_deployment(kind: type, name: str, replicas: Replicas) -> Any:
    from ray import serve  # noqa: PLC0415

    many = {
        "min_replicas": replicas.fewest,
        "max_replicas": replicas.most,
        "target_ongoing_requests": replicas.busy,
        "upscale_delay_s": _UPSCALE_DELAY_S,
    }
    return serve.deployment(
        kind,
        name=name,
        ray_actor_options={"num_cpus": replicas.cpus, "num_gpus": replicas.gpus or 0},
        max_ongoing_requests=max(4, round(8 * replicas.busy)),
        health_check_period_s=_HEALTH_PERIOD_S,
        health_check_timeout_s=_HEALTH_LIMIT_S,
        graceful_shutdown_timeout_s=_GRACE_S,
        **({"num_replicas": replicas.fewest} if replicas.fewest == replicas.most else {"autoscaling_config": many}),
    )


def _when_ready(settings: ClusterSettings) -> Any:
    """Wait until every deployment has a replica that runs; return the routing's handle.

    Raises:
        InputError: if that takes too long, or Serve gives up.
    """
    from ray import serve  # noqa: PLC0415

    deadline = time.monotonic() + settings.start_limit_s
    while True:
        found = serve.status().applications.get(settings.app)
        there = running(settings.app)
        if found and there and all(one["running"] for one in there.values()):
            return serve.get_deployment_handle(ROUTING, settings.app)
        if found and found.status.value == "DEPLOY_FAILED":
            raise InputError(f"the deployments can't be started: {' '.join(found.message.split())[:600]}")
        if time.monotonic() > deadline:
            missing = ", ".join(name for name, one in there.items() if not one["running"]) or "all"
            raise InputError(f"after {settings.start_limit_s:g} s these deployments have no replica: {missing}")
        time.sleep(_POLL_S)


def _routing_of(app: str) -> Any:
    """Return the routing handle of an application that runs already; None if there is none."""
    from ray import serve  # noqa: PLC0415

    found = serve.status().applications.get(app)
    return serve.get_deployment_handle(ROUTING, app) if found and found.status.value == "RUNNING" else None


def _deleting(app: str, end: Callable[[], None]) -> Callable[[], None]:
    """Return what deletes an application and then ends the connection, whatever comes of the first."""
    from ray import serve  # noqa: PLC0415

    def ending() -> None:
        within(END_LIMIT_S, lambda: serve.delete(app))
        end()

    return ending
