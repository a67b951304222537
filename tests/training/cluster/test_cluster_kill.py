"""A cluster of two nodes on the loopback, under load by HTTP, while its parts are killed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("busy")]

pytest.importorskip("ray.serve")
pytest.importorskip("psutil")
WORLD = Path(__file__).with_name("cluster_world.py")


@pytest.mark.timeout(600)  # 40 s where two cores are free: Ray starts some twenty processes
def test_kill_9_of_replicas_and_of_a_node_under_load_loses_no_request() -> None:
    done = subprocess.run(
        [sys.executable, str(WORLD), "--nodes", "2", "--kill", "verifiers,model,routing,node", "--seconds", "9"],
        capture_output=True,
        text=True,
        timeout=560,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    became = json.loads(done.stdout.splitlines()[-1])
    assert became["asked"] > 50
    assert became["answered"] + became["refused"] == became["asked"], became
    assert became["lost"] == became["wrong"] == 0, became
    assert became["unscored"] == 0, became["reasons"]  # the limit of a call outlasts each of these losses
    assert [len(one) > 0 for one in became["killed"]] == [True] * 4, became["killed"]
    assert became["batched"] > 4, "calls of different requests for the reward model were never joined"
    assert became["beyond_loopback"] == []
    assert became["left"] == 0, "processes were left behind"
