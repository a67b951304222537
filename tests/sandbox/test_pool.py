"""The pool: kept apart, replaced when worn, drained at the end, and gone with its caller however that ends."""

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ravelar.tools.sandbox.errors import SandboxClosed
from ravelar.tools.sandbox.local import LocalSandbox, Upkeep
from ravelar.tools.sandbox.protocol import Call, Limits, Program, Sandbox

COUNTER = "n = 0\ndef verify():\n    global n\n    n += 1\n    return n"
PLAIN = Program("def verify(a, b): return a == b", isolation="per_tool")


def counter(isolation="per_tool", comment=""):
    return Program(f"{COUNTER}  # {comment}", isolation=isolation, returns="json")


def values(outcomes):
    return [outcome.value for outcome in outcomes]


def test_it_is_a_sandbox(sandbox):
    assert isinstance(sandbox, Sandbox)
    assert sandbox.name == "local"


def test_a_tools_worker_is_kept_and_a_programs_is_not(sandbox):
    kept, single = counter(comment="kept"), counter("per_call")
    assert [values(sandbox.run(kept, [Call()])) for _ in range(3)] == [[1], [2], [3]]
    assert [values(sandbox.run(single, [Call()] * 2)) for _ in range(3)] == [[1, 2]] * 3


def test_no_worker_ever_serves_two_tools(sandbox):
    mark = "import builtins\ndef verify(): builtins.seen = {0}; return 1.0"
    look = "import builtins\ndef verify(): return float(hasattr(builtins, 'seen'))"
    assert values(sandbox.run(Program(mark.format(1), isolation="per_tool"), [Call()] * 20)) == [1.0] * 20
    assert values(sandbox.run(Program(look, isolation="per_tool"), [Call()] * 20)) == [0.0] * 20


def test_a_worker_is_replaced_after_its_number_of_calls():
    with LocalSandbox(upkeep=Upkeep(width=1, calls_per_worker=3)) as sandbox:
        assert [values(sandbox.run(counter(), [Call()]))[0] for _ in range(7)] == [1, 2, 3, 1, 2, 3, 1]


@pytest.mark.parametrize(
    "deed",
    [
        "raise SystemExit",
        "import builtins; builtins.sorted = None",
        "import threading, time; threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
        "import sys; sys.setrecursionlimit(12345)",
        "import signal; signal.alarm(50)",
        "import sys; sys.settrace(lambda *_: None)",
    ],
)
def test_a_worker_that_shows_damage_makes_no_more_calls(sandbox, deed):
    program = Program(
        f"n = 0\ndef verify():\n    global n\n    n += 1\n    {deed}\n    return n",
        isolation="per_tool",
        returns="json",
    )
    runs = []
    for _ in range(3):
        runs += sandbox.run(program, [Call()])
        time.sleep(0.01)  # the dearer looks are taken every few milliseconds
    assert [run.value if run.ok else run.reason for run in runs] in ([1, 1, 1], ["raised"] * 3)


def test_order_is_kept_over_many_batches_and_cores(sandbox):
    program = Program("def verify(i): return i", isolation="per_tool", returns="json")
    assert values(sandbox.run(program, [Call((i,)) for i in range(1000)])) == list(range(1000))


def test_no_calls_have_no_outcomes(sandbox):
    assert sandbox.run(PLAIN, []) == []


def test_threads_share_one_sandbox(sandbox):
    wrong = []

    def work(number):
        program = Program(f"def verify(i): return [{number}, i]", isolation="per_tool", returns="json")
        for start in range(0, 300, 30):
            calls = [Call((i,)) for i in range(start, start + 30)]
            if values(sandbox.run(program, calls)) != [[number, i] for i in range(start, start + 30)]:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.slow
def test_a_short_run_is_not_starved_by_long_ones():
    slow = Program("import time\ndef verify(): time.sleep(0.01); return 1.0", isolation="per_tool")
    with LocalSandbox(upkeep=Upkeep(width=1)) as sandbox:
        threads = [threading.Thread(target=lambda: sandbox.run(slow, [Call()] * 100)) for _ in range(2)]
        for thread in threads:
            thread.start()
        time.sleep(0.1)
        assert values(sandbox.run(PLAIN, [Call(("x", "x"))])) == [1.0]
        unfinished = [thread for thread in threads if thread.is_alive()]
        for thread in threads:
            thread.join()
    assert unfinished, "it waited for all of both, instead of a batch of each"


def test_event_loops_are_not_blocked(sandbox):
    async def main():
        program = Program("import time\ndef verify(i): time.sleep(0.2); return i", returns="json")
        runs = [sandbox.arun(program, [Call((i,))]) for i in range(2)]
        ticks = asyncio.create_task(asyncio.sleep(0.05, "ticked"))
        done, _ = await asyncio.wait([ticks], timeout=0.15)
        return done, await asyncio.gather(*runs)

    done, runs = asyncio.run(main())
    assert done or runs
    assert [values(run) for run in runs] == [[0], [1]]


def test_a_forked_child_opens_its_own_and_leaves_the_parents_alone(sandbox):
    assert values(sandbox.run(PLAIN, [Call(("x", "x"))])) == [1.0]
    theirs = [link._process.pid for link in sandbox._pool._parents.values()]
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            fine = values(sandbox.run(PLAIN, [Call(("x", "x"))])) == [1.0]
            code = (
                0 if fine and not set(theirs) & {link._process.pid for link in sandbox._pool._parents.values()} else 2
            )
            sandbox.close()
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    assert values(sandbox.run(PLAIN, [Call(("x", "y"))])) == [0.0]


def test_a_pickled_sandbox_is_its_configuration():
    with LocalSandbox(upkeep=Upkeep(width=1)) as sandbox, pickle.loads(pickle.dumps(sandbox)) as copy:
        assert copy is not sandbox
        assert values(copy.run(PLAIN, [Call(("x", "x"))])) == [1.0]


def test_a_dead_parent_is_replaced(sandbox, descendants):
    sandbox.run(PLAIN, [Call(("x", "x"))])
    for process in descendants(sandbox._pool._parents["core"]._process.pid):
        with suppress(ProcessLookupError):  # the kernel ends those whose parent is gone
            os.kill(process, signal.SIGKILL)
    time.sleep(0.1)
    assert values(sandbox.run(PLAIN, [Call(("x", "x"))] * 100)) == [1.0] * 100


def test_closing_drains_and_then_refuses(descendants):
    sandbox = LocalSandbox()
    program = Program("import time\ndef verify(): time.sleep(0.5); return 1.0")
    sandbox.run(PLAIN, [Call(("x", "x"))])
    ours = descendants(os.getpid()) & descendants(sandbox._pool._parents["core"]._process.pid)
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.extend(sandbox.run(program, [Call()])))
    thread.start()
    time.sleep(0.1)
    sandbox.close()
    thread.join()
    assert values(outcomes) == [1.0]
    assert not ours & descendants(os.getpid())
    with pytest.raises(SandboxClosed):
        sandbox.run(PLAIN, [Call(("x", "x"))])
    sandbox.close()


CALLER = """
import os, sys
from ravelar.tools.sandbox.local import LocalSandbox
from ravelar.tools.sandbox.protocol import Call, Limits, Program
layers = sys.argv[1].split(",")
sandbox = LocalSandbox(layers=layers)
sandbox.run(Program("def verify(): return 1.0", isolation="per_tool"), [Call()])
child = os.fork()  # as a dataloader would: it holds nothing of ours
if child == 0:
    import time; time.sleep(60); os._exit(0)
print(child, flush=True)
sandbox.run(Program("def verify():\\n    while True: pass"), [Call()], Limits(wall_s=60, cpu_s=60))
"""


@pytest.mark.parametrize("layers", ["seccomp", "user,pid,network,mount,ipc,uts,landlock,ids,capabilities,seccomp"])
def test_nothing_outlives_a_caller_that_is_killed(descendants, layers):
    with subprocess.Popen([sys.executable, "-c", CALLER, layers], stdout=subprocess.PIPE) as caller:
        child = int(caller.stdout.readline())
        time.sleep(0.3)
        below = descendants(caller.pid) - {child}
        assert len(below) >= 3
        caller.kill()
    try:
        deadline = time.monotonic() + 5
        while (alive := {pid for pid in below if is_running(pid)}) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not alive
    finally:
        os.kill(child, signal.SIGKILL)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_an_idle_worker_holds_little_memory_of_its_own(sandbox, descendants):
    sandbox.run(PLAIN, [Call(("x", "x"))] * 500)
    workers = [pid for pid in descendants(sandbox._pool._parents["core"]._process.pid) if not descendants(pid)]
    for pid in workers:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        own_kb = sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_"))
        assert own_kb < 15_000


def test_limits_that_are_none_are_refused():
    for bad in ({"wall_s": 0}, {"memory_mb": -1}, {"cpu_s": float("inf")}):
        with pytest.raises(ValueError, match="limit"):
            Limits(**bad)


def test_an_unknown_profile_is_named(sandbox):
    with pytest.raises(ValueError, match="no profile 'maths'; known: core, math, text"):
        sandbox.run(Program("", profile="maths"), [Call()])
