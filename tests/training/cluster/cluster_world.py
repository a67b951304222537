"""Kills replicas, and a whole node, of a Ray cluster on the loopback under load; prints what became of the requests.

    python cluster_world.py [--nodes 2] [--kill verifiers,model,routing,node] [--seconds 12]

The service is the real application on a real port; the load comes by HTTP. It prints one JSON object, and ends every
process that it started.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # Ray on the loopback; read when ray is imported
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
HERE = str(Path(__file__).resolve().parent)
os.environ["PYTHONPATH"] = HERE  # replicas import cluster_tools by name
sys.path.insert(0, HERE)

import cluster_tools  # noqa: E402
import httpx  # noqa: E402
import psutil  # noqa: E402
import uvicorn  # noqa: E402

from ravelar.training.service.app import create_app  # noqa: E402
from ravelar.training.service.cluster.backend import RayBackend  # noqa: E402
from ravelar.training.service.cluster.deploying import open_cluster  # noqa: E402
from ravelar.training.service.cluster.settings import ClusterSettings, Replicas  # noqa: E402

TOOLS = ("echo", "echo_too", "model")
STORE_BYTES = 80 * 2**20
LIMIT_S = 100.0  # a machine that is busy with other things takes a minute to start a replica


def start_nodes(count: int) -> Any:
    """Start a Ray cluster of several nodes on the loopback; return it.

    A node has room for five replicas of a fifth of a core: of six, one at least is on the other node, and when that
    dies, one at least of each deployment finds room on the first.
    """
    from ray.cluster_utils import Cluster  # noqa: PLC0415  the environment above must be set first

    node = {"num_cpus": 1, "object_store_memory": STORE_BYTES}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    for _ in range(count - 1):
        cluster.add_node(**node)
    return cluster


def replicas_of(name: str) -> list[psutil.Process]:
    """Return the replica processes of a deployment, on whichever node."""
    return [one for one in psutil.Process().children(recursive=True) if f":{name}" in _title(one)]


def kill_replica(name: str) -> list[str]:
    """Kill one replica of a deployment by SIGKILL; return what was killed."""
    one = replicas_of(name)[0]
    title = _title(one)
    one.kill()
    return [title]


def kill_node(node: Any) -> list[str]:
    """Kill all processes of a node at one blow, as a machine dies that loses its power; return its replicas."""
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    processes = [raylet, *raylet.children(recursive=True)]
    replicas = [_title(one) for one in processes if "ServeReplica" in _title(one)]
    processes += [psutil.Process(one.process.pid) for kind in node.all_processes.values() for one in kind]
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    return replicas


async def send(client: httpx.AsyncClient, tally: dict[str, Any], stop: asyncio.Event, seed: int) -> None:
    """Send one request after another; count what became of them, and check every reward."""
    choice = random.Random(seed)
    while not stop.is_set():
        numbers = [round(choice.random(), 6) for _ in range(4)]
        rows = [{"prompt": "p", "completion": str(x), "tool": choice.choice(TOOLS)} for x in numbers]
        started = time.monotonic()
        tally["asked"] += 1
        try:
            reply = await client.post("/score", json={"triples": rows})
        except httpx.HTTPError:
            tally["lost"] += 1
            continue
        tally["slowest_s"] = max(tally["slowest_s"], round(time.monotonic() - started, 2))
        if reply.status_code in (429, 503):
            tally["refused"] += 1
            continue
        tally["answered"] += reply.status_code == 200
        for row, number, reward in zip(rows, numbers, reply.json()["rewards"], strict=True):
            tally["completions"] += 1
            if reward["value"] is None:
                tally["unscored"] += 1
                tally["reasons"].append(reward["reason"])
            else:
                tally["wrong"] += reward["value"] != number or reward["tool"] != row["tool"]
                tally["batched"] = max(tally["batched"], reward["detail"]["batch"] * (row["tool"] == "model"))


async def under_load(base: str, backend: RayBackend, kills: list[Any], seconds: float) -> dict[str, Any]:
    """Load the service with eight clients, and kill one thing after another; return the tally.

    The next is killed when all that was killed before has been replaced: two losses at once of the two replicas of a
    deployment are not what is shown here.
    """
    tally: dict[str, Any] = dict.fromkeys(
        ("asked", "answered", "refused", "lost", "wrong", "unscored", "completions", "batched"), 0
    )
    tally |= {"slowest_s": 0.0, "reasons": [], "killed": []}
    stop = asyncio.Event()
    async with httpx.AsyncClient(base_url=base, timeout=2 * LIMIT_S) as client:
        senders = [asyncio.create_task(send(client, tally, stop, seed)) for seed in range(8)]
        for kill in kills:
            await asyncio.sleep(seconds / (len(kills) + 2))
            await whole(backend)
            tally["killed"].append(await asyncio.to_thread(kill))
        await asyncio.sleep(2 * seconds / (len(kills) + 2))
        stop.set()
        await asyncio.gather(*senders)
    return tally


async def main(options: argparse.Namespace) -> dict[str, Any]:
    """Start cluster and service, load and kill, end all; return the tally and times."""
    started = time.monotonic()
    cluster = start_nodes(options.nodes) if options.nodes > 1 else None
    two = Replicas(fewest=2, most=2, cpus=0.2)
    settings = ClusterSettings(
        address=cluster.address if cluster else None, routing=two, verifiers=two, models=two, time_limit_s=LIMIT_S
    )
    backend: RayBackend = await asyncio.to_thread(open_cluster, cluster_tools.library, None, settings)
    await whole(backend)
    ready_s = time.monotonic() - started
    server = uvicorn.Server(uvicorn.Config(create_app(backend), host="127.0.0.1", port=0, log_level="error"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    workers = list(cluster.worker_nodes) if cluster else []
    kills = [
        (lambda: kill_node(workers[0])) if name == "node" else (lambda name=name: kill_replica(name))
        for name in options.kill.split(",")
        if name
    ]
    listening = beyond_loopback()
    tally = await under_load(f"http://127.0.0.1:{port}", backend, kills, options.seconds)
    tools = [card.name for card in backend.tools()]
    health = await backend.health()
    server.should_exit = True
    await serving  # ends the backend too
    if cluster:
        await asyncio.to_thread(cluster.shutdown)
    return tally | {"ready_s": round(ready_s, 1), "tools": tools, "health": health, "beyond_loopback": listening}


async def whole(backend: RayBackend) -> None:
    """Wait until both replicas of each deployment run."""
    until = time.monotonic() + LIMIT_S
    while not all(one["running"] >= 2 for one in (await backend.health())["deployments"].values()):
        assert time.monotonic() < until, await backend.health()
        await asyncio.sleep(0.5)


def beyond_loopback() -> list[str]:
    """Return which of the processes started here listen on an address that others may reach."""
    found = []
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            for one in process.net_connections():
                if one.status == psutil.CONN_LISTEN and one.laddr.ip not in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
                    found.append(f"{_title(process)} {one.laddr.ip}:{one.laddr.port}")
    return found


def end_all() -> int:
    """End what is left of the processes started here; return how many were left."""
    left = psutil.Process().children(recursive=True)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=10)
    return len(left)


def _title(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--kill", default="verifiers,model,routing")
    parser.add_argument("--seconds", type=float, default=12)
    try:
        result = asyncio.run(main(parser.parse_args()))
    finally:
        left = end_all()
    print(json.dumps(result | {"left": left}))
