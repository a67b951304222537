"""Connecting to a Ray cluster, or starting one of this machine alone."""

import math
import os
from collections.abc import Callable, Sequence

from ravelar.tools.card import ToolCard
from ravelar.tools.errors import InputError
from ravelar.training.service.cluster.planning import needed_cpus, plan
from ravelar.training.service.cluster.settings import ClusterSettings

OBJECT_STORE_BYTES = 128 * 2**20  # ours: for a Ray started here; a call of 1,024 long completions takes some 10 MB
_PASSED_ON = ("RAVELAR_LIBRARY", "HF_HOME", "HF_ENDPOINT", "HF_HUB_OFFLINE")  # replicas must see the same


def connect(settings: ClusterSettings, cards: Sequence[ToolCard]) -> Callable[[], None]:
    """Connect to the cluster, or start one of this machine; return what ends that.

    Raises:
        InputError: if the cluster can't be reached.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if on_loopback(settings.address):
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # makes Ray take 127.0.0.1 for its address, on Linux too
    if settings.address is None:
        return _start_here(settings, cards)
    import ray  # noqa: PLC0415  ray takes 1 s, and reads its variables when it is imported

    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    try:
        ray.init(
            address=settings.address, runtime_env={"env_vars": passed_on}, log_to_driver=False, logging_level="ERROR"
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(f"no Ray cluster at {settings.address!r}: {' '.join(str(error).split())[:300]}") from error
    return ray.shutdown


def on_loopback(address: str | None) -> bool:
    """Say whether a cluster is one of this machine's loopback: one started here, or one with such an address."""
    return address is None or address.startswith("127.")


def _start_here(settings: ClusterSettings, cards: Sequence[ToolCard]) -> Callable[[], None]:
    """Start Ray on this machine alone; its processes listen on the loopback, and no dashboard is started."""
    import ray  # noqa: PLC0415  ray takes 1 s

    least = math.ceil(needed_cpus(plan(cards, settings, gpus=math.inf), settings))
    ray.init(
        address="local",
        num_cpus=settings.local_cpus or max(os.cpu_count() or 1, least),
        include_dashboard=False,
        object_store_memory=OBJECT_STORE_BYTES,
        log_to_driver=False,
        logging_level="ERROR",
    )
    return ray.shutdown
