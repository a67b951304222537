"""Connecting to a Ray cluster, or starting one of this machine alone."""

import logging
import math
import os
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

from ravelar.tools.card import ToolCard
from ravelar.tools.errors import InputError
from ravelar.training.service.cluster.planning import needed_cpus, plan
from ravelar.training.service.cluster.settings import ClusterSettings

OBJECT_STORE_BYTES = 128 * 2**20  # ours: for a Ray started here; a call of 1,024 long completions takes some 10 MB
END_LIMIT_S = 20.0  # ours
_REACH_LIMIT_S = 5.0  # ours
_PASSED_ON = ("RAVELAR_LIBRARY", "HF_HOME", "HF_ENDPOINT", "HF_HUB_OFFLINE")  # replicas must see the same


def connect(settings: ClusterSettings, cards: Sequence[ToolCard]) -> Callable[[], None]:
    """Connect to the cluster, or start one of this machine; return what ends that.

    Raises:
        InputError: if the cluster can't be reached.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if on_loopback(settings.address):
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # makes Ray take 127.0.0.1 for its address, on Linux too
    if settings.address is not None:
        check_reachable(settings.address)
    import ray  # noqa: PLC0415  ray takes 1 s, and reads its variables when it is imported

    for name in ("ray", "ray.serve"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        ray.init(**(_start_here(settings, cards) if settings.address is None else _join(settings.address)))
    except (ConnectionError, ValueError, RuntimeError) as error:
        where = settings.address or "this machine"
        raise InputError(f"no Ray cluster at {where}: {' '.join(str(error).split())[:300]}") from error
    return lambda: within(END_LIMIT_S, ray.shutdown)


def on_loopback(address: str | None) -> bool:
    """Say whether a cluster is one of this machine's loopback: one started here, or one with such an address."""
    return address is None or address.startswith("127.")


def check_reachable(address: str) -> None:
    """Make sure that something listens at HOST:PORT; Ray itself would try for a minute, and end the process.

    Raises:
        InputError: if nothing does, or the address is none.
    """
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise InputError(f"{address!r} is no address of a Ray cluster; allowed: HOST:PORT, 'auto'")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_REACH_LIMIT_S).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"nothing listens at {address}: {error}; 'ray start --head' says where it does") from error


def within(limit_s: float, end: Callable[[], object]) -> None:
    """End something, and wait for no longer than so many seconds: where the cluster is gone, Ray waits a minute."""
    thread = threading.Thread(target=end, daemon=True)
    thread.start()
    thread.join(limit_s)


def _join(address: str) -> dict[str, Any]:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        "address": address,
        "runtime_env": {"env_vars": passed_on},
        "log_to_driver": False,
        "logging_level": "ERROR",
    }


def _start_here(settings: ClusterSettings, cards: Sequence[ToolCard]) -> dict[str, Any]:
    """Return how to start Ray on this machine alone; no dashboard, and cores for the fewest replicas at least."""
    least = math.ceil(needed_cpus(plan(cards, settings, gpus=math.inf), settings))
    return {
        "address": "local",
        "num_cpus": settings.local_cpus or max(os.cpu_count() or 1, least),
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
        "log_to_driver": False,
        "logging_level": "ERROR",
    }
