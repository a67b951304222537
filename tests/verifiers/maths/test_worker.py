"""The worker process: lazy, killable, shared by threads, left alone by forks, never orphaned."""

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ravelar.tools.errors import ToolUnavailable
from ravelar.tools.reward import Triple
from ravelar.tools.scoring import score_or_abstain
from ravelar.tools.verifiers.math_answer import MathAnswer
from ravelar.tools.verifiers.maths import worker_process
from ravelar.tools.verifiers.maths.worker_process import Question, WorkerProcess

HALF = Triple("q", r"\boxed{\frac{\sqrt{4}}{4}}", r"\frac{\sqrt{9}}{6}")
THIRD = Triple("q", r"\boxed{\frac{\sqrt{4}}{6}}", r"\frac{\sqrt{9}}{6}")


def run_script(source: str) -> "subprocess.CompletedProcess[str]":
    """Run Python in a process of its own: forking pytest itself would fork its threads' locks."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)], capture_output=True, text=True, timeout=100, check=False
    )


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def gone_within(pid: int, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if not alive(pid):
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def worker() -> WorkerProcess:
    return WorkerProcess(cpu_s=2.0, memory_mb=1024)


def pid_of(worker: WorkerProcess) -> int:
    assert worker._process is not None
    return worker._process.pid


def test_plain_numbers_start_no_worker() -> None:
    tool = MathAnswer()
    assert tool.score([Triple("q", "The answer is $18.", 18), Triple("q", "it is 5", "x")]) is not None
    tool = MathAnswer()
    tool.score([Triple("q", "The answer is $18.", 18)] * 100)
    assert tool._worker._process is None


@pytest.mark.slow
def test_one_round_trip_answers_many_questions_in_order(worker: WorkerProcess) -> None:
    questions = [Question(f"{i}x", (f"{i % 7}x",)) for i in range(150)]
    outcomes = [verdict.outcome for verdict in worker.ask(questions)]
    worker.close()
    assert outcomes == ["right" if i == i % 7 else "wrong" for i in range(150)]


@pytest.mark.slow
def test_question_that_hangs_is_blamed_and_the_rest_are_asked_again() -> None:
    worker = WorkerProcess(cpu_s=0.5, memory_mb=1024)
    hanging = Question("5", ("10^{10^{10}}",))
    questions = [Question("x", ("x",)), hanging, Question("z", ("z",)), Question("w", ("v",))]
    outcomes = [verdict.outcome for verdict in worker.ask(questions)]
    worker.close()
    assert outcomes == ["right", "hung", "right", "wrong"]


@pytest.mark.slow
def test_worker_killed_from_outside_midway_costs_no_answer(worker: WorkerProcess) -> None:
    worker.ask([Question("x", ("x",))])
    killer = threading.Timer(0.05, os.kill, (pid_of(worker), signal.SIGKILL))
    killer.start()
    verdicts = worker.ask([Question(f"x+{i}", (f"{i}+x",)) for i in range(60)])
    killer.join()
    worker.close()
    assert [verdict.outcome for verdict in verdicts] == ["right"] * 60


SLOW_WORKERS = pytest.mark.slow  # each death costs another start


@pytest.mark.parametrize(
    ("signals", "outcome"),
    [
        ("K", "right"),
        ("S", "right"),
        pytest.param("KSK", "right", marks=SLOW_WORKERS),
        pytest.param("KKKS", "killed", marks=SLOW_WORKERS),
        pytest.param("SKS", "crashed", marks=SLOW_WORKERS),
    ],
)
def test_a_question_is_blamed_for_two_crashes_and_for_no_kill(
    worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch, signals: str, outcome: str
) -> None:
    die_of(worker, monkeypatch, signals)
    verdicts = worker.ask([Question("x", ("x",)), Question("y", ("x",))])
    assert [verdict.outcome for verdict in verdicts] == [outcome, "wrong"]
    worker.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signals", "first", "second"),
    [
        ("SS", 0.0, 1.0),
        ("SSKKKK", "ToolUnavailable", 1.0),  # nobody could tell whether it is the reference's fault
        ("SSSS", "UnusableReference", "UnusableReference"),  # it seems to be the reference's fault, and stays so
    ],
)
def test_a_completion_earns_nothing_for_crashes_and_is_unscored_for_kills(
    monkeypatch: pytest.MonkeyPatch, signals: str, first: float | str, second: float | str
) -> None:
    tool = MathAnswer()
    die_of(tool._worker, monkeypatch, signals)
    for expected in (first, second):
        [reward] = score_or_abstain(tool, [HALF])
        assert (reward.reason.partition(":")[0] if reward.value is None else reward.value) == expected
    tool.close()


def die_of(worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch, signals: str) -> None:
    """End the worker each time that it has been asked: K kills it, S lets it crash; after the last it lives."""
    write, left = worker_process._write_all, list(signals)

    def write_and_end(descriptor: int, data: bytes) -> None:
        if left:  # a frozen one answers nothing before it ends
            os.kill(pid_of(worker), signal.SIGSTOP)
            os.kill(pid_of(worker), signal.SIGKILL if left.pop(0) == "K" else signal.SIGSEGV)
            os.kill(pid_of(worker), signal.SIGCONT)
        write(descriptor, data)

    monkeypatch.setattr(worker_process, "_write_all", write_and_end)


def test_worker_killed_while_idle_is_replaced(worker: WorkerProcess) -> None:
    worker.ask([Question("x", ("x",))])
    os.kill(pid_of(worker), signal.SIGKILL)
    assert worker.ask([Question("x", ("x",))])[0].outcome == "right"
    worker.close()


def test_memory_is_limited() -> None:
    worker = WorkerProcess(cpu_s=20.0, memory_mb=64)
    verdict = worker.ask([Question("x", (r"\begin{pmatrix}" + "1&" * 5 + r"1\end{pmatrix}^{1000000000000}",))])[0]
    assert verdict.outcome in {"wrong", "crashed"}
    assert worker.ask([Question("x", ("x",))])[0].outcome == "right"
    worker.close()


def test_worker_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch, worker: WorkerProcess) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ToolUnavailable, match="did not start"):
        worker.ask([Question("x", ("x",))])


def test_plain_numbers_are_scored_while_the_worker_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    right, unscored = MathAnswer().score([Triple("q", "The answer is 18.", 18), HALF])
    assert right == 1.0
    assert isinstance(unscored, ToolUnavailable)


@pytest.mark.slow
def test_closing_ends_the_worker_and_the_next_question_starts_another(worker: WorkerProcess) -> None:
    worker.ask([Question("x", ("x",))])
    first = pid_of(worker)
    worker.close()
    assert not alive(first)
    assert worker.ask([Question("x", ("x",))])[0].outcome == "right"
    assert pid_of(worker) != first
    worker.close()


@pytest.mark.slow
def test_tool_survives_pickling_without_its_worker() -> None:
    tool = MathAnswer()
    tool.score([HALF])
    copy = pickle.loads(pickle.dumps(tool))
    assert copy.score([HALF, THIRD]) == [1.0, 0.0]
    tool.close()
    copy.close()


@pytest.mark.slow
def test_many_threads_share_one_tool(tool: MathAnswer) -> None:
    def score_some(i: int) -> bool:
        triples = [
            Triple("q", rf"\boxed{{{i}\sqrt{{2}}+{j}}}", rf"{j}+{i if j % 2 else i + 1}\sqrt{{2}}") for j in range(10)
        ]
        return tool.score(triples) == [float(j % 2) for j in range(10)]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(score_some, range(24)))


@pytest.mark.slow
def test_forked_children_use_their_own_worker_and_leave_the_parents_alone() -> None:
    done = run_script(r"""
        import os, threading
        from ravelar.tools.reward import Triple
        from ravelar.tools.verifiers.math_answer import MathAnswer
        pair = [Triple("q", r"\boxed{\frac{\sqrt{4}}{4}}", r"\frac{\sqrt{9}}{6}"), Triple("q", r"\boxed{x}", "x+1")]
        tool = MathAnswer()
        assert tool.score(pair) == [1.0, 0.0]
        parents = tool._worker._process.pid
        with tool._worker._lock:  # as if another thread were asking while we fork
            children = []
            for _ in range(3):
                pid = os.fork()
                if pid == 0:
                    good = tool.score(pair) == [1.0, 0.0] and tool._worker._process.pid != parents
                    tool.close()
                    os._exit(0 if good else 1)
                children.append(pid)
            codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
        assert codes == [0, 0, 0], codes
        assert tool.score(pair) == [1.0, 0.0] and tool._worker._process.pid == parents
        tool.close()
    """)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "hanging"])
def test_no_orphan_when_the_parent_is_killed(busy: bool) -> None:
    source = r"""
        import sys, threading, time
        from ravelar.tools.verifiers.maths.worker_process import Question, WorkerProcess
        worker = WorkerProcess(cpu_s=3.0, memory_mb=1024)
        worker.ask([Question("x", ("x",))])
        print(worker._process.pid, flush=True)
        if BUSY:
            worker.ask([Question("5", ("10^{10^{10}}",))])
        time.sleep(60)
    """.replace("BUSY", str(busy))
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(source)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        time.sleep(0.3)
        parent.kill()
    assert gone_within(pid, 30.0)


@pytest.mark.slow
def test_worker_ends_when_a_forked_child_outlives_the_killed_parent() -> None:
    source = r"""
        import os, time
        from ravelar.tools.verifiers.maths.worker_process import Question, WorkerProcess
        worker = WorkerProcess(cpu_s=3.0, memory_mb=1024)
        worker.ask([Question("x", ("x",))])
        child = os.fork()
        if child == 0:
            time.sleep(20)
            os._exit(0)
        print(worker._process.pid, child, flush=True)
        time.sleep(60)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(source)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, child = map(int, parent.stdout.readline().split())
        parent.kill()
        try:
            assert gone_within(pid, 10.0)
        finally:
            os.kill(child, signal.SIGKILL)


def test_worker_ignores_modules_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sympy.py").write_text("raise SystemExit('imported from the current folder')")
    monkeypatch.chdir(tmp_path)
    tool = MathAnswer()
    assert tool.score([HALF]) == [1.0]
    tool.close()
