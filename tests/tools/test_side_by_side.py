import gc
import os
import re
import threading
import time
from contextvars import ContextVar

import pytest

from ravelar.tools.errors import InputError
from ravelar.tools.library import Library
from ravelar.tools.reward import Triple
from ravelar.tools.routing import Route
from ravelar.tools.scoring import Batch, invoke
from ravelar.tools.side_by_side import SideBySide


def batch(tool, *completions):
    return Batch(tool, [Triple("?", completion) for completion in completions])


def values(scored):
    return [[reward.value for reward in rewards] for rewards in scored]


def workers():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("reward ")]


@pytest.fixture
def gate():
    """What a hanging tool waits for; opened at the end, so that no thread outlives its test."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def hanging(fake_tool, gate):
    return fake_tool("hanging", lambda triple: float(gate.wait(30)))


def test_tools_run_at_the_same_time(fake_tool):
    together = threading.Barrier(4, timeout=20)
    tools = [fake_tool(f"tool_{i}", lambda triple: float(together.wait() >= 0)) for i in range(4)]
    assert values(SideBySide(30)([batch(tool, "a") for tool in tools])) == [[1.0]] * 4


def test_rewards_come_back_in_order_also_through_the_score_path(fake_tool):
    one, two = fake_tool("one", lambda triple: 0.25), fake_tool("two", lambda triple: 0.75)
    routes = [Route("two", ""), Route(None, "no tool"), Route("one", ""), Route("two", "")]
    told = []
    rewards = invoke(
        [Triple("?", str(i)) for i in range(4)],
        routes,
        library=Library([one, two]),
        run=SideBySide(30),
        on_batch=lambda *what: told.append(what[:2]),
    )
    assert [reward.value for reward in rewards] == [0.75, None, 0.25, 0.75]
    assert sorted(told) == [("one", 1), ("two", 2)]


def test_a_tool_that_hangs_costs_its_own_rewards_only(fake_tool, hanging):
    run = SideBySide(0.2)
    stuck, fine = run([batch(hanging, "a", "b"), batch(fake_tool("fine"), "c")])
    assert [reward.value for reward in (*stuck, *fine)] == [None, None, 1.0]
    assert stuck[0].reason == "ToolTimeout: no end of its batch after 0.2 s"
    assert stuck[0].tool == "hanging"
    assert run.stuck == ["hanging"]


def test_a_stuck_tool_is_refused_at_once_and_gets_no_second_thread(hanging):
    run = SideBySide(0.2)
    run([batch(hanging, "a")])
    started = time.monotonic()
    for _ in range(20):
        ((reward,),) = run([batch(hanging, "b")])
        assert reward.reason.startswith("ToolTimeout: still at a batch that began ")
    assert time.monotonic() - started < 2
    assert workers().count("reward hanging") == 1
    assert hanging.batches == [[Triple("?", "a")]]


def test_a_tool_that_comes_back_is_used_again(hanging, gate):
    run = SideBySide(0.2)
    run([batch(hanging, "a")])
    gate.set()
    for _ in range(200):
        if not run.stuck:
            break
        time.sleep(0.05)
    assert values(run([batch(hanging, "b")])) == [[1.0]]


def test_a_batch_that_waits_for_an_earlier_one_is_given_up_and_never_run(hanging, gate):
    run = SideBySide(0.4)
    first = threading.Thread(target=run, args=([batch(hanging, "a")],))
    first.start()
    while not hanging.batches:
        time.sleep(0.01)
    ((reward,),) = run([batch(hanging, "b")])
    first.join()
    assert reward.value is None
    gate.set()
    time.sleep(0.1)
    assert hanging.batches == [[Triple("?", "a")]]


@pytest.mark.parametrize("error", [SystemExit(3), ValueError("no"), MemoryError()])
def test_what_a_tool_raises_ends_neither_its_worker_nor_the_others(fake_tool, error):
    def says(triple):
        if triple.completion == "bad":
            raise error
        return 1.0

    run = SideBySide(30)
    tool = fake_tool("raising", says)
    assert values(run([batch(tool, "bad"), batch(fake_tool("fine"), "a")])) == [[None], [1.0]]
    assert values(run([batch(tool, "a")])) == [[1.0]]


def test_a_new_version_of_a_tool_gets_a_worker_of_its_own(fake_tool, hanging):
    run = SideBySide(0.2)
    run([batch(hanging, "a")])
    assert values(run([batch(fake_tool("hanging"), "b")])) == [[1.0]]


@pytest.mark.slow
def test_workers_end_with_what_uses_them(fake_tool):
    run = SideBySide(30)
    run([batch(fake_tool("short_lived"), "a")])
    assert "reward short_lived" in workers()
    del run
    gc.collect()
    for _ in range(100):
        if "reward short_lived" not in workers():
            return
        time.sleep(0.05)
    pytest.fail("the worker is still there")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns of forking with threads
def test_a_forked_process_starts_workers_of_its_own(fake_tool):
    run = SideBySide(20)
    tool = fake_tool("forked")
    run([batch(tool, "a")])
    child = os.fork()
    if child == 0:
        os._exit(0 if values(run([batch(tool, "b")])) == [[1.0]] else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("limit", [0, -1, float("nan"), float("inf"), "5", None])
def test_a_limit_that_is_none_is_refused(limit):
    with pytest.raises(InputError, match=r"time_limit_s is .*; a finite number of seconds above 0"):
        SideBySide(limit)


def test_batches_see_the_context_of_their_caller(fake_tool):
    surrounding = ContextVar("surrounding", default="nothing")
    seen = []
    tool = fake_tool(says=lambda _: seen.append(surrounding.get()) or 1.0)
    side_by_side = SideBySide(10.0)
    for value in ("one", "two"):  # on the same worker
        surrounding.set(value)
        side_by_side([batch(tool, "a")])
    side_by_side.close()
    assert seen == ["one", "two"]


def test_how_long_each_batch_took_is_its_own_time_or_what_was_waited(fake_tool, hanging):
    told = {}
    run = SideBySide(0.3)
    on_batch = lambda name, n, seconds: told.setdefault(name, []).append((n, seconds))  # noqa: E731
    slow = fake_tool("slow", lambda triple: time.sleep(0.05) or 1.0)
    started = time.monotonic()
    run([batch(slow, "a", "b"), batch(hanging, "c")], on_batch)
    run([batch(hanging, "c")], on_batch)
    elapsed = time.monotonic() - started
    ((n, own),), ((_, waited), (_, refused)) = told["slow"], told["hanging"]
    assert n == 2
    assert 0.1 <= own <= elapsed
    assert 0.3 <= waited <= elapsed
    assert refused == 0.0


def test_a_batch_that_ends_after_the_limit_is_too_late(fake_tool):
    run = SideBySide(0.1)
    late = fake_tool("late", lambda triple: time.sleep(0.6) or 1.0)
    assert values(run([batch(late, "a")])) == [[None]]
    while run.stuck:  # so that no thread outlives its test
        time.sleep(0.05)


def test_what_keeps_a_tool_from_a_batch_says_for_how_long(hanging):
    started = time.monotonic()
    run = SideBySide(0.1)
    ((first,),) = run([batch(hanging, "a")])
    assert first.reason == "ToolTimeout: no end of its batch after 0.1 s"
    assert run.stuck == ["hanging"]
    ((second,),) = run([batch(hanging, "b")])
    told = re.fullmatch(r"ToolTimeout: still at a batch that began (\d+) s ago; the limit is 0.1 s", second.reason)
    assert int(told[1]) <= time.monotonic() - started + 0.5  # as it is rounded


def test_a_tool_that_is_not_overdue_takes_a_second_batch_while_at_its_first(hanging, gate):
    run = SideBySide(20.0)
    first = threading.Thread(target=lambda: run([batch(hanging, "a")]))
    first.start()
    until = time.monotonic() + 10
    while not hanging.batches and time.monotonic() < until:
        time.sleep(0.01)
    assert run.stuck == []
    threading.Timer(0.1, gate.set).start()
    assert values(run([batch(hanging, "b")])) == [[1.0]]
    first.join()


def test_a_worker_does_not_keep_the_process_from_ending(fake_tool):
    run = SideBySide(10.0)
    run([batch(fake_tool("idle"), "a")])
    assert [thread.daemon for thread in threading.enumerate() if thread.name == "reward idle"] == [True]
    run.close()


def test_the_longest_limit_is_what_a_thread_can_wait():
    assert SideBySide(threading.TIMEOUT_MAX).time_limit_s == threading.TIMEOUT_MAX
    with pytest.raises(InputError):
        SideBySide(threading.TIMEOUT_MAX * 2)


def test_what_a_tool_raises_is_told_in_five_hundred_characters(fake_tool):
    def leave(triple):
        raise SystemExit("x" * 1_000)

    ((reward,),) = SideBySide(10.0)([batch(fake_tool("leaver", leave), "a")])
    assert reward.reason == "ToolCrashed: SystemExit: " + "x" * 475
