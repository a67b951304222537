"""Worker processes that die, hang or are frozen: no request is lost, and none is answered wrong."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from service_world import Service, row, side_by_side, until

LANES = {"time_limit_s": 4.0}


@pytest.fixture(scope="module")
def workers() -> Iterator[Service]:
    with Service.of_fakes(workers=2, lanes=LANES) as service:
        until(lambda: len(pids(service)) == 2)
        yield service


def pids(service: Service) -> list[int]:
    return [worker["pid"] for worker in service.health()["workers"]]


@pytest.mark.slow
def test_work_is_spread_over_the_workers(workers: Service) -> None:
    rewards = side_by_side(8, lambda i: workers.score(row("sleep 0.1", i / 10))[0])
    assert [one["value"] for one in rewards] == [i / 10 for i in range(8)]
    assert {one["detail"]["pid"] for one in rewards} == set(pids(workers))


@pytest.mark.slow
def test_a_reward_model_lives_in_one_worker_and_its_requests_meet_there(workers: Service) -> None:
    rewards = side_by_side(12, lambda i: workers.score(row("c", i / 100, tool="model"))[0])
    assert len({one["detail"]["pid"] for one in rewards}) == 1
    assert max(one["detail"]["batch"] for one in rewards) > 1


@pytest.mark.slow
@pytest.mark.xdist_group("busy")
def test_workers_killed_under_load_lose_no_request() -> None:
    with Service.of_fakes(workers=2, lanes={"time_limit_s": 30.0}) as service:
        until(lambda: len(pids(service)) == 2)
        asked: list[tuple[float, httpx.Response]] = []
        ended = threading.Event()

        def ask(i: int) -> None:
            k = 0
            while not ended.is_set():
                k += 1
                value = (i * 37 + k) % 100 / 100
                body = {"triples": [row("sleep 0.01", value), row("c", value, tool="model")]}
                asked.append((value, service.client.post("/score", json=body)))

        clients = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
        for client in clients:
            client.start()
        killed = 0
        deadline = time.monotonic() + 6
        while time.monotonic() < deadline:
            if len(there := pids(service)) == 2:  # the other one lives
                os.kill(there[killed % 2], signal.SIGKILL)
                killed += 1
            time.sleep(0.5)
        ended.set()
        for client in clients:
            client.join()
        assert killed >= 2
        assert len(asked) > 100
        answered = [(value, reply.json()["rewards"]) for value, reply in asked if reply.status_code == 200]
        refused = [reply for _, reply in asked if reply.status_code not in {200, 429, 503}]
        assert not refused
        wrong = [rewards for value, rewards in answered if any(one["value"] not in {value, None} for one in rewards)]
        unscored = [one["reason"] for _, rewards in answered for one in rewards if one["value"] is None]
        assert not wrong
        assert all(reason.startswith("ToolCrashed: 3 worker processes ended") for reason in unscored)
        assert len(unscored) <= 0.02 * len(answered)
        until(lambda: len(pids(service)) == 2)
        assert service.health()["restarts"] == killed


@pytest.mark.slow
def test_what_kills_its_worker_costs_its_own_reward_only(workers: Service) -> None:
    rewards = side_by_side(
        6, lambda i: workers.score(row("die" if i == 2 else "sleep 0.2", i / 10), row("c", 0.5, tool="other"))
    )
    assert rewards[2][0]["value"] is None
    assert "ToolCrashed: 3 worker processes ended" in rewards[2][0]["reason"]
    assert all(batch[0]["value"] == i / 10 for i, batch in enumerate(rewards) if i != 2)
    assert all(batch[1]["value"] == 0.5 for batch in rewards)


@pytest.mark.slow
def test_a_worker_in_which_a_call_hangs_is_replaced(workers: Service) -> None:
    until(lambda: len(pids(workers)) == 2)
    before = set(pids(workers))
    [reward] = workers.score(row("hang"))
    assert reward["value"] is None
    assert "ToolTimeout" in reward["reason"]
    until(lambda: len(pids(workers)) == 2 and set(pids(workers)) != before)
    [gone] = before - set(pids(workers))
    until(lambda: not os.path.exists(f"/proc/{gone}"))  # noqa: PTH110
    assert workers.score(row("c", 0.5))[0]["value"] == 0.5


@pytest.mark.slow
def test_a_frozen_worker_costs_its_calls_no_more_than_the_time_limit() -> None:
    with Service.of_fakes(workers=1, lanes={"time_limit_s": 0.5}) as service:
        [pid] = pids(service)
        os.kill(pid, signal.SIGSTOP)
        [reward] = service.score(row("c"))
        assert (reward["value"], reward["reason"][:11]) == (None, "ToolTimeout")
        until(lambda: pids(service) not in ([], [pid]))
        assert service.score(row("c", 0.5))[0]["value"] == 0.5


@pytest.mark.slow
@pytest.mark.xdist_group("busy")
def test_the_workers_end_with_the_service_however_it_ends() -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with Service.of_fakes(workers=2) as service:
            until(lambda service=service: len(pids(service)) == 2)
            theirs = pids(service)
            service.stop(number)
            until(lambda theirs=theirs: not any(os.path.exists(f"/proc/{pid}") for pid in theirs))  # noqa: PTH110
