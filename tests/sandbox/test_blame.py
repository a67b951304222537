"""The call that did it is blamed, by its name; its neighbours get their values."""

import contextlib
import os
import signal
import threading

import pytest

from ravelar.tools.sandbox.protocol import Call, Limits, Program

LIMITS = Limits(wall_s=0.5, cpu_s=5.0, memory_mb=128)
DOER = """
import ctypes, os, signal, sys, time
def verify(what):
    if what == "loop":
        while True: pass
    if what == "sleep": time.sleep(60)
    if what == "exit": os._exit(3)
    if what == "segv": ctypes.string_at(0)
    if what == "forge": os.write(3, b"x" * 40)
    if what == "raise": raise ValueError("no " + what)
    if what == "fill":
        kept = []
        while True: kept.append(bytes(1 << 20))
    if what == "stop": os.kill(os.getpid(), signal.SIGSTOP); time.sleep(60)
    return 1.0
"""
NAMES = {"loop": "timeout", "sleep": "timeout", "exit": "crash", "segv": "crash", "forge": "protocol",
         "raise": "raised", "fill": "memory", "stop": "timeout", "": None}  # fmt: skip


@pytest.mark.parametrize("isolation", ["per_call", "per_tool"])
@pytest.mark.parametrize("what", NAMES)
@pytest.mark.slow
def test_what_a_call_does_has_its_name_and_its_neighbours_have_values(sandbox, isolation, what):
    calls = [Call((deed,)) for deed in ("", "", what, "", "")]
    outcomes = sandbox.run(Program(DOER, isolation=isolation), calls, LIMITS)
    assert [outcome.reason for outcome in outcomes] == [None, None, NAMES[what], None, None]
    assert [outcome.value for outcome in outcomes if outcome.ok] == [1.0] * (4 if what else 5)


@pytest.mark.slow
def test_many_offenders_in_one_batch_are_each_blamed_alone(sandbox):
    deeds = ["", "exit", "segv", "", "raise", "forge", "exit", "", "loop", ""] * 3
    outcomes = sandbox.run(Program(DOER, isolation="per_tool"), [Call((deed,)) for deed in deeds], LIMITS)
    assert [outcome.reason for outcome in outcomes] == [NAMES[deed] for deed in deeds]


@pytest.mark.slow
def test_the_processor_limit_ends_a_loop_that_ignores_everything(sandbox):
    source = """
import signal
def verify():
    for number in range(1, 64):
        try: signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError): pass
    while True: pass
"""
    outcome = sandbox.run(Program(source), [Call()], Limits(wall_s=1.0, cpu_s=0.2))[0]
    assert outcome.reason == "timeout"


def test_processor_time_and_not_only_the_clock_is_limited(sandbox):
    outcome = sandbox.run(Program("def verify():\n    while True: pass"), [Call()], Limits(wall_s=20, cpu_s=0.2))[0]
    assert outcome.reason == "timeout"
    assert "processor time" in outcome.message


def test_a_delayed_crash_is_not_blamed_on_the_call_it_hits(sandbox):
    source = """
import os, threading, time
def verify(what):
    if what == "later":
        threading.Timer(0.02, os._exit, (1,)).start()
    else:
        time.sleep(0.03)
    return 1.0
"""
    calls = [Call(("later",)), *[Call(("",))] * 5]
    assert [outcome.value for outcome in sandbox.run(Program(source, isolation="per_tool"), calls, LIMITS)] == [1.0] * 6


def test_a_worker_killed_from_outside_costs_no_call_its_value(sandbox, descendants):
    program = Program("import time\ndef verify(i): time.sleep(0.1); return i / 10", isolation="per_tool")
    sandbox.run(program, [Call((0,))], LIMITS)
    before = descendants(os.getpid())

    def kill_all_workers():
        parents = {link._process.pid for link in sandbox._pool._parents.values()}
        parents |= {child for parent in parents for child in descendants(parent) if descendants(child)}
        for worker in before - parents:
            with contextlib.suppress(ProcessLookupError):  # a spare may have gone by itself
                os.kill(worker, signal.SIGKILL)

    timer = threading.Timer(0.15, kill_all_workers)
    timer.start()
    outcomes = sandbox.run(program, [Call((i,)) for i in range(6)], LIMITS)
    timer.join()
    assert [outcome.value for outcome in outcomes] == [i / 10 for i in range(6)]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def verify(:", "SyntaxError"),
        ("x = 1 / 0\ndef verify(): pass", "ZeroDivisionError: division by zero (line 1)"),
        ("def other(): pass", "entry point 'verify' is missing"),
        ("verify = 5", "is a int, not a function"),
        ("import sys; sys.exit(0)", "SystemExit"),
        ("import no_such_module", "ModuleNotFoundError"),
        ("x = '\ud800'", "UnicodeEncodeError"),
        ("x = 1\0", "null bytes"),
        ("(" * 5000, "Error"),
    ],
)
def test_a_program_that_does_not_load_says_why_for_every_call(sandbox, source, words):
    outcomes = sandbox.run(Program(source), [Call()] * 3, LIMITS)
    assert [outcome.reason for outcome in outcomes] == ["load"] * 3
    assert all(words in outcome.message for outcome in outcomes)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("while True: pass", "timeout"),
        ("import os; os._exit(0)", "crash"),
        ("import os; os.write(3, b'x' * 99)", "protocol"),
    ],
)
def test_a_program_that_dies_while_loading_answers_every_call(sandbox, source, reason):
    limits = Limits(wall_s=0.5, cpu_s=1, load_s=0.5)
    outcomes = sandbox.run(Program(source, isolation="per_tool"), [Call()] * 100, limits)
    assert [outcome.reason for outcome in outcomes] == [reason] * 100
    assert "loading" in outcomes[0].message or "load" in outcomes[0].message


def test_an_absurd_request_is_raised_and_exhaustion_is_memory(sandbox):
    absurd, filled = (
        "def verify(): return len('x' * (1 << 40))",
        "def verify():\n x = []\n while 1: x.append(bytes(999_999))",
    )
    assert sandbox.run(Program(absurd), [Call()], LIMITS)[0].reason == "raised"
    assert sandbox.run(Program(filled), [Call()], LIMITS)[0].reason == "memory"


def test_raised_messages_name_the_exception_and_the_programs_line(sandbox):
    outcome = sandbox.run(Program("def verify():\n\n    return {}['a']"), [Call()], LIMITS)[0]
    assert outcome.message == "KeyError: 'a' (line 3)"


@pytest.mark.parametrize(
    "raising",
    [
        "raise type('E', (Exception,), {'__str__': lambda self: 1 / 0})",
        "raise type('E', (Exception,), {'__str__': lambda self: 7})",
        "raise type('M', (type,), {'__name__': property(lambda cls: 1 / 0)})('E', (Exception,), {})",
        "raise ValueError('x' * 10_000_000)",
        "raise ValueError('\\ud800\\0')",
        "raise ExceptionGroup('g', [ValueError()])",
        "yield_ = 1; raise StopIteration",
    ],
)
def test_hostile_exceptions_are_raised_like_others(sandbox, raising):
    outcome = sandbox.run(Program(f"def verify(): {raising}", isolation="per_tool"), [Call()], LIMITS)[0]
    assert outcome.reason == "raised"
    assert len(outcome.message) < 600


def test_output_is_kept_bounded_and_is_never_the_value(sandbox):
    source = "import sys\ndef verify(n):\n    print('1.0' * n); sys.stderr.write('e'); return 0.0"
    quiet, loud = sandbox.run(Program(source), [Call((1,)), Call((99_999,))], Limits(output_bytes=1000))
    assert (quiet.value, quiet.stdout, quiet.stderr, quiet.truncated) == (0.0, "1.0\n", "e", False)
    assert (loud.value, len(loud.stdout), loud.truncated) == (0.0, 1000, True)


def test_output_of_one_call_is_not_the_next_ones(sandbox):
    program = Program("def verify(x):\n    if x: print(x)\n    return 1.0", isolation="per_tool")
    outcomes = sandbox.run(program, [Call((x,)) for x in ("a", "", "\ud800", "")])
    assert [outcome.stdout for outcome in outcomes] == ["a\n", "", "\ud800\n", ""]
