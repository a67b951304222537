"""Two real processes under torch.distributed (gloo, loopback): one library, one router, at every call."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

# 25 s on a quiet machine, most of it torch and TRL being imported twice
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("busy"), pytest.mark.timeout(180)]
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """Run every scenario once, on two ranks; return each rank's outcomes."""
    folder = tmp_path_factory.mktemp("ranks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = [folder / f"{rank}.err" for rank in range(2)]
    processes = [started(rank, port, folder, said[rank]) for rank in range(2)]
    try:
        for process, text in zip(processes, said, strict=True):
            process.wait(timeout=160)
            assert process.returncode == 0, text.read_text()[-3_000:]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


def started(rank, port, folder, said):
    """Start one rank."""
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(HERE),
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "GLOO_SOCKET_IFNAME": "lo",
        "OMP_NUM_THREADS": "1",
    }
    with said.open("w") as errors:
        command = [sys.executable, str(HERE / "rank_script.py"), str(folder)]
        return subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=errors)


def test_both_ranks_route_alike_with_rank_0s_router(ranks):
    (first, own), (second, others_own) = (one["identical_routing"] for one in ranks)
    assert first == second == own
    assert set(first) >= {"sums"}
    assert others_own != own


def test_a_library_that_changes_meanwhile_changes_at_one_call_on_both_ranks(ranks):
    seen = ranks[0]["library_under_change"]
    assert seen == ranks[1]["library_under_change"]
    assert len({versions for versions, _ in seen}) == 11


def test_rank_0_acquires_while_rank_1_waits_and_both_switch_at_one_call(ranks):
    (first, ended), (second, none) = (one["acquired_while_waiting"] for one in ranks)
    assert second == [[0.5, 0.5]] * 12
    assert first == [[0.25, 0.25]] * 9 + [[0.5, 0.5]] * 3
    assert (ended, none) == (["adopted"], [])


def test_without_waiting_training_goes_on_and_the_tool_comes_later(ranks):
    (first, ended), (second, _) = (one["acquired_meanwhile"] for one in ranks)
    switch = second.index([0.5, 0.5])
    assert second == [[None, None]] * switch + [[0.5, 0.5]] * (12 - switch)
    assert 0 < switch < 12
    assert first[9:] == second[9:]
    assert ended == ["adopted"]


def test_a_rank_that_hears_nothing_abstains_for_a_bounded_time_and_goes_on(ranks):
    assert ranks[0]["rank_0_is_late"] == [[[1.0], [1.0]], True]
    assert ranks[1]["rank_0_is_late"] == [[[1.0], [None], [1.0]], True]


def test_in_a_real_trainer_each_prompt_has_one_tool_on_all_ranks(ranks):
    (first, logs, calls), (second, other_logs, other_calls) = (one["trained"] for one in ranks)
    assert calls == other_calls == 4
    assert set(first) & set(second), "no group was split over the ranks"
    tools = {prompt: {*first.get(prompt, []), *second.get(prompt, [])} for prompt in {*first, *second}}
    assert {len(of_prompt) for of_prompt in tools.values()} == {1}
    assert set.union(*tools.values()) >= {"low", "high"}
    assert logs == other_logs
