"""Slow, hanging and failing tools, too much at once, and the end of the service."""

import signal
import threading
import time

import httpx
import pytest
from service_world import Service, row, side_by_side, until


@pytest.mark.slow
def test_a_slow_tool_holds_no_other_back(fakes: Service) -> None:
    slow = threading.Thread(target=lambda: side_by_side(4, lambda i: fakes.score(row("sleep 1.5"))))
    slow.start()
    until(lambda: fakes.health()["waiting"].get("told", 0) >= 4)
    started = time.perf_counter()
    assert fakes.score(row("quick", 0.5, tool="other"))[0]["value"] == 0.5
    assert time.perf_counter() - started < 1.0
    slow.join()


@pytest.mark.slow
def test_verifiers_run_side_by_side(fakes: Service) -> None:
    started = time.perf_counter()
    rewards = side_by_side(4, lambda i: fakes.score(row("sleep 0.5", i / 10))[0]["value"])
    assert rewards == [0.0, 0.1, 0.2, 0.3]
    assert time.perf_counter() - started < 1.5


@pytest.mark.slow
def test_a_tool_that_hangs_costs_its_own_rewards_only(fakes: Service) -> None:
    rewards = fakes.score(row("hang"), row("quick", 0.5, tool="other"))
    assert rewards[0]["value"] is None
    assert "ToolTimeout: told gave no score in time: ran 2 s" in rewards[0]["reason"]
    assert rewards[1]["value"] == 0.5
    assert fakes.health()["stuck"] == {"told": 1}
    assert fakes.score(row("quick", 0.25))[0]["value"] == 0.25  # its thread was replaced


def test_a_tool_that_calls_exit_costs_its_own_rewards_only(fakes: Service) -> None:
    [reward] = fakes.score(row("exit", tool="other"))
    assert reward["value"] is None
    assert "ToolCrashed: SystemExit(3)" in reward["reason"]
    assert fakes.score(row("c", 0.5, tool="other"))[0]["value"] == 0.5


def test_a_bad_request_is_answered_at_once_on_a_connection_that_stays(fakes: Service) -> None:
    started = time.perf_counter()
    for _ in range(3):
        assert fakes.post(b"{").status_code == 400
        assert fakes.client.post("/score", json={"triples": [row()] * 257}).status_code == 413
    assert fakes.health()["open_requests"] == 0
    assert time.perf_counter() - started < 1.5


def test_requests_for_a_reward_model_share_batches(fakes: Service) -> None:
    rewards = side_by_side(16, lambda i: fakes.score(row("c", i / 100, tool="model"))[0])
    assert [one["value"] for one in rewards] == [i / 100 for i in range(16)]
    assert max(one["detail"]["batch"] for one in rewards) >= 4


def test_what_one_request_sends_costs_no_other_its_rewards(fakes: Service) -> None:
    def ask(i: int) -> float | None:
        return fakes.score(row("poison" if i == 3 else "c", i / 100, tool="model"))[0]["value"]

    values = side_by_side(12, ask)
    assert values[3] is None
    assert all(value == i / 100 for i, value in enumerate(values) if i != 3)


def test_what_waits_beyond_the_queue_is_refused_and_told_when_to_return(fakes: Service) -> None:
    def ask(i: int) -> httpx.Response:
        rows = [row("sleep 0.5", tool="other"), *[row("c", tool="other")] * 29]
        return fakes.client.post("/score", json={"triples": rows})

    replies = side_by_side(8, ask)
    refused = [reply for reply in replies if reply.status_code == 429]
    assert {reply.status_code for reply in replies} == {200, 429}
    assert all(1 <= int(reply.headers["retry-after"]) <= 60 for reply in refused)
    assert "completions wait for other" in refused[0].json()["detail"]
    assert fakes.score(row("c", 0.5))[0]["value"] == 0.5  # another tool's queue is another


@pytest.mark.slow
def test_bodies_held_together_are_limited() -> None:
    with Service.of_fakes(settings={"max_bytes_in_flight": 100_000, "max_body_bytes": 100_000}) as service:
        replies = side_by_side(
            4, lambda i: service.client.post("/score", json={"triples": [row("sleep 0.7"), row("x" * 60_000)]})
        )
        assert sorted(reply.status_code for reply in replies)[:2] == [200, 429]
        assert service.score(row("c", 0.5))[0]["value"] == 0.5  # what was held was given back


@pytest.mark.slow
def test_a_body_that_does_not_arrive_is_given_up() -> None:
    with Service.of_fakes(settings={"read_limit_s": 0.5}) as service:

        def slow() -> object:
            yield b'{"triples": ['
            time.sleep(1.0)
            yield b"]}"

        assert service.client.post("/score", content=slow()).status_code == 408


@pytest.mark.slow
def test_at_sigterm_what_is_under_way_is_answered_and_what_comes_is_refused() -> None:
    with Service.of_fakes(drain={"drain_wait_s": 1.0}) as service:
        answered: list[float] = []
        slow = threading.Thread(target=lambda: answered.append(service.score(row("sleep 2", 0.5))[0]["value"]))
        slow.start()
        until(lambda: service.health()["open_requests"] == 1)
        service.process.send_signal(signal.SIGTERM)
        until(lambda: service.health()["draining"])
        refused = service.client.post("/score", json={"triples": [row()]})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert service.client.get("/ready").status_code == 503
        slow.join()
        assert answered == [0.5]
        assert service.process.wait(10) == 0


@pytest.mark.slow
def test_what_is_not_done_within_the_drain_limit_is_refused() -> None:
    with Service.of_fakes(drain={"drain_limit_s": 0.5}) as service:
        statuses: list[int] = []
        ask = lambda: statuses.append(service.client.post("/score", json={"triples": [row("hang")]}).status_code)  # noqa: E731
        slow = threading.Thread(target=ask)
        slow.start()
        until(lambda: service.health()["open_requests"] == 1)
        assert service.stop(signal.SIGINT) == 1
        slow.join()
        assert statuses == [503]


def test_a_second_signal_ends_at_once() -> None:
    with Service.of_fakes(drain={"drain_wait_s": 30.0}) as service:
        service.process.send_signal(signal.SIGTERM)
        until(lambda: service.health()["draining"])
        assert service.stop(signal.SIGTERM) == 128 + signal.SIGTERM
