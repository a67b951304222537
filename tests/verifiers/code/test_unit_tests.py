"""Each promise of `unit_tests`, attacked through the real jail."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ravelar.tools.errors import ToolUnavailable, UnusableReference
from ravelar.tools.reward import Scored, Triple
from ravelar.tools.sandbox.errors import SandboxBroken
from ravelar.tools.sandbox.protocol import Call, Limits, Outcome, Program
from ravelar.tools.scoring import score_or_abstain
from ravelar.tools.verifiers.code.tool import UnitTests

Judge = Callable[..., Scored]
ADD = [{"args": [2, 3], "expected": 5}, {"args": [10, -4], "expected": 6}]


def fenced(code: str) -> str:
    return f"```python\n{code}\n```"


def outcomes(scored: Scored) -> list[str]:
    return [test["outcome"] for test in (scored.detail or {})["tests"]]


def test_given_attacks_end_as_expected(shared: Callable[[str], Path], judged: Judge) -> None:
    lines = shared("attacks/attacks.jsonl").read_text(encoding="utf-8").splitlines()
    attacks = [attack for attack in map(json.loads, lines) if attack["kind"] == "code"]
    assert attacks
    for attack in attacks:
        reference = {"entry_point": "solve", "tests": attack["tests"]}
        scored = judged(fenced(attack["code"]), reference)
        expected = {"fail": 0.0, "all-pass": 1.0, "policy": 1.0}[attack["expected_outcome"]]
        assert scored.raw == expected, attack["id"]
        assert (scored.detail or {})["level"] == "outside"


FORGERIES = {
    "always equal": "class Y:\n def __eq__(s, o): return True\n __hash__ = None\ndef solve(a, b): return Y()",
    "always equal float": "class Y(float):\n def __eq__(s, o): return True\ndef solve(a, b): return Y(0)",
    "always equal string": "class Y(str):\n def __eq__(s, o): return True\ndef solve(a, b): return Y('5')",
    "always equal list": "class Y(list):\n def __eq__(s, o): return True\ndef solve(a, b): return Y()",
    "truth value": "def solve(a, b): return True",
    "sys.exit": "import sys\ndef solve(a, b): sys.exit(0)",
    "os._exit": "import os\ndef solve(a, b): os._exit(0)",
    "exit on import": "import sys\nsys.exit(0)\ndef solve(a, b): return 5",
    "_exit on import": "import os\ndef solve(a, b): return 5\nos._exit(0)",
    "SystemExit": "def solve(a, b): raise SystemExit(0)",
    "KeyboardInterrupt": "def solve(a, b): raise KeyboardInterrupt",
    "printed verdict": 'def solve(a, b): print(\'PASSED\\n[["value", 5, null], ["value", 6, null]]\')',
    "forged answers": "def solve(a, b): return [('value', 5, None), ('value', 6, None)]",
    "replaced caller": "def solve(a, b):\n globals()['ravelar_call'] = lambda *a: ('value', 7, None)\n",
    "patched builtins": "import builtins\nbuiltins.all = builtins.any = lambda x: True\ndef solve(a, b): return None",
    "reduce": "class Y:\n def __reduce__(s): return (eval, ('5',))\ndef solve(a, b): return Y()",
    "atexit": "import atexit\natexit.register(print, 'ok')\ndef solve(a, b): return 0",
    "name": "__name__ = '__main__'\nif __name__ == '__main__': raise SystemExit(0)\ndef solve(a, b): return 5",
    "recursion": "def solve(a, b): return solve(a, b)",
    "loop": "def solve(a, b):\n while True: pass",
    "loop on import": "while True: pass\ndef solve(a, b): return 5",
    "sleep": "import time\ndef solve(a, b): time.sleep(60)",
    "memory": "def solve(a, b): return [0] * 10 ** 10",
    "huge text": "def solve(a, b): return 'x' * 50_000_000",
    "huge integer": "def solve(a, b): return 10 ** 100_000",
    "cyclic": "def solve(a, b):\n x = []\n x.append(x)\n return x",
    "deep": "def solve(a, b):\n x = 5\n for _ in range(5000): x = [x]\n return x",
    "huge output": "def solve(a, b): print('x' * 50_000_000)",
    "generator": "def solve(a, b): yield a + b",
    "coroutine": "async def solve(a, b): return a + b",
    "nan": "def solve(a, b): return float('nan')",
    "not a function": "solve = 5",
    "missing": "def other(a, b): return a + b",
    "syntax error": "def solve(a, b) return a + b",
    "thread that forges": (
        "import threading, os\n"
        "def forge():\n"
        " while True:\n"
        "  try: os.write(3, b'\\0\\0\\0\\x05[1,2]')\n"
        "  except Exception: return\n"
        "threading.Thread(target=forge, daemon=True).start()\n"
        "import time\ndef solve(a, b):\n time.sleep(0.1)\n return 0"
    ),
    "frame peek": (
        "import sys, gc\ndef solve(a, b):\n"
        " f = sys._getframe()\n"
        " while f:\n"
        "  if 'expected' in f.f_locals: return f.f_locals['expected']\n"
        "  f = f.f_back\n"
        " seen = [o for o in gc.get_objects() if isinstance(o, dict) and 'expected' in o]\n"
        " return seen[0]['expected'] if seen else None"
    ),
    "source peek": (
        "import sys\ndef solve(a, b):\n"
        " text = open('/proc/self/cmdline').read() + open('/proc/self/environ').read()\n"
        " return 5 if 'expected' in text else None"
    ),
    "changed __class__": "class Y: pass\ndef solve(a, b):\n Y.__class__ = property(lambda s: int)\n return Y()",
    "int that lies": "class Y(int):\n def __pos__(s): return 5\n __int__ = __pos__\ndef solve(a, b): return Y(0)",
}


ENDLESS = {"loop", "loop on import", "sleep"}  # each costs the time limit


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in ENDLESS else name for name in FORGERIES]
)
def test_forgeries_earn_nothing(name: str, judged: Judge) -> None:
    scored = judged(fenced(FORGERIES[name]), {"entry_point": "solve", "tests": ADD})
    assert scored.raw == 0.0
    assert len(outcomes(scored)) == 2


def test_a_subclass_counts_as_what_it_extends(judged: Judge) -> None:
    code = "class Y(int): pass\ndef solve(a, b): return Y(a + b)"
    assert judged(fenced(code), {"entry_point": "solve", "tests": ADD}).raw == 1.0
    lies = "class Y(int):\n def __add__(s, o): return 5\ndef solve(a, b): return Y(0)"
    assert judged(fenced(lies), {"entry_point": "solve", "tests": ADD}).raw == 0.0


def test_changed_arguments_change_no_expected_value(judged: Judge) -> None:
    code = "def solve(a):\n    a.clear()\n    return a"
    assert judged(fenced(code), "x = [1, 2]\nassert solve(x) == x").raw == 0.0
    assert judged(fenced(code), [{"args": [[1, 2]], "expected": [2, 1]}]).raw == 0.0


def test_a_returned_list_is_noted_before_the_next_call_changes_it(judged: Judge) -> None:
    code = "def f(x, seen=[]):\n    seen.append(x)\n    return seen"
    assert outcomes(judged(fenced(code), "assert f(1) == [1]\nassert f(2) == [2]")) == ["pass", "fail"]


def test_each_test_has_its_outcome_and_reason(judged: Judge) -> None:
    code = (
        "import os\ndef f(x):\n"
        "    if x == 1: return 1\n    if x == 2: return 3\n    if x == 3: return 1 / 0\n"
        "    if x == 4: return object()\n    if x == 5: return True\n"
    )
    scored = judged(fenced(code), "\n".join(f"assert f({i}) == {max(1, i % 5)}" for i in range(1, 6)))
    assert outcomes(scored) == ["pass", "fail", "raised", "uncrossable", "confused"]
    assert scored.raw == 0.2
    messages = [test.get("message", "") for test in (scored.detail or {})["tests"]]
    assert messages[1] == "returned 3"
    assert messages[2] == "ZeroDivisionError: division by zero"


@pytest.mark.slow
def test_the_call_that_hangs_is_told_from_those_that_do_not(judged: Judge) -> None:
    code = "def f(x):\n    while x == 2: pass\n    return x"
    scored = judged(fenced(code), "\n".join(f"assert f({i}) == {i}" for i in (1, 2, 3)))
    assert outcomes(scored) == ["pass", "timeout", "pass"]


@pytest.mark.slow
def test_a_program_that_hangs_everywhere_is_given_up(judged: Judge) -> None:
    code = "def f(x):\n    while True: pass"
    scored = judged(fenced(code), "\n".join(f"assert f({i}) == {i}" for i in range(20)))
    assert outcomes(scored) == ["timeout", "timeout", *["not_run"] * 18]


def test_all_or_nothing_gives_no_share(judged: Judge) -> None:
    code, tests = fenced("def f(x): return 1"), "assert f(1) == 1\nassert f(2) == 2"
    assert judged(code, tests).raw == 0.5
    assert judged(code, tests, score="all").raw == 0.0


@pytest.mark.slow
def test_scripts_are_judged_by_what_they_print(judged: Judge) -> None:
    reference = {"inputs": ["1 2\n", "3 4\n"], "outputs": ["3\n", "7\n"]}
    assert judged(fenced("print(sum(map(int, input().split())))"), reference).raw == 1.0
    assert judged(fenced("import sys\nprint(3)\nsys.exit(0)"), reference).raw == 0.5
    code = "if __name__ == '__main__':\n    a, b = map(int, input().split())\n    print(a + b, end='  \\n\\n')"
    assert judged(fenced(code), reference).raw == 1.0
    assert outcomes(judged(fenced("while True: pass"), reference)) == ["timeout", "timeout"]
    assert judged(fenced("print('x' * 10_000_000)"), reference).raw == 0.0


def test_solution_classes_and_nameless_entry_points_are_found(judged: Judge) -> None:
    code = fenced("class Solution:\n    def add(self, a, b):\n        return a + b")
    assert judged(code, {"entry_point": "add", "tests": ADD}).raw == 1.0
    assert judged(code, {"entry_point": "Solution().add", "tests": ADD}).raw == 1.0
    assert judged(code, "assert Solution().add(1, 2) == 3").raw == 1.0
    assert judged(fenced("def anything(a, b): return a + b"), ADD).raw == 1.0


def test_generators_pass_where_the_assert_iterates_over_them(judged: Judge) -> None:
    code = fenced("def f(n): yield from range(n)")
    assert judged(code, "assert list(f(3)) == [0, 1, 2]").raw == 1.0
    assert judged(code, "assert f(3) == [0, 1, 2]").raw == 0.0


def test_no_code_earns_the_lowest_value(judged: Judge) -> None:
    scored = judged("I can't do that.", "assert f(1) == 1")
    assert scored.raw == 0.0
    assert scored.note == "no code in the completion"


class FakeSandbox:
    """Answers as it is told, and remembers what entered it."""

    name = "fake"

    def __init__(self, says: Callable[[Program, Call], Outcome]) -> None:
        self.says = says
        self.seen: list[tuple[Program, Call]] = []

    def run(self, program: Program, calls: list[Call], limits: Limits | None = None) -> list[Outcome]:
        self.seen += [(program, call) for call in calls]
        return [self.says(program, call) for call in calls]


def test_expected_values_never_enter_the_program_s_process() -> None:
    sandbox = FakeSandbox(lambda program, call: Outcome([("value", 1, None)] * len(call.args[0])))
    reference = {"entry_point": "f", "test": "def check(candidate):\n    assert candidate(7) == 'SECRET'"}
    UnitTests(sandbox).score([Triple("", fenced("def f(x): return x"), reference)])
    assert sandbox.seen
    for program, call in sandbox.seen:
        assert "SECRET" not in program.source + repr(call)
        assert program.isolation == "per_call"


def test_identical_programs_run_once_and_every_triple_is_answered() -> None:
    sandbox = FakeSandbox(lambda program, call: Outcome([("value", 1, None)] * len(call.args[0])))
    triples = [Triple("", fenced("def f(x): return 1"), "assert f(1) == 1")] * 5
    assert [score.raw for score in UnitTests(sandbox).score(triples)] == [1.0] * 5  # type: ignore[union-attr]
    assert len(sandbox.seen) == 1


def test_an_unreadable_test_is_unscored_and_its_neighbours_are_not(judged: Judge, jail: Any) -> None:
    good = Triple("", fenced("def f(x): return x"), "assert f(1) == 1")
    bad = Triple("", fenced("def f(x): return x"), "assert f(1 ==")
    first, second = UnitTests(jail).score([bad, good])
    assert isinstance(first, UnusableReference)
    assert isinstance(second, Scored)
    assert second.raw == 1.0


def test_trouble_of_the_sandbox_is_unscored_not_zero() -> None:
    def broken(program: Program, call: Call) -> Outcome:
        raise SandboxBroken("no worker")

    triple = Triple("", fenced("def f(x): return x"), "assert f(1) == 1")
    for tool in (UnitTests(FakeSandbox(broken)), UnitTests()):
        with pytest.raises(ToolUnavailable):
            tool.score([triple])
        (reward,) = score_or_abstain(tool, [triple])
        assert reward.value is None


def test_the_sandbox_is_opened_when_it_is_first_needed() -> None:
    opened: list[FakeSandbox] = []

    def factory() -> FakeSandbox:
        opened.append(FakeSandbox(lambda program, call: Outcome([("value", 1, None)] * len(call.args[0]))))
        return opened[-1]

    tool = UnitTests(open_sandbox=factory)
    assert tool.score([Triple("", "no code", "assert f(1) == 1")])
    assert not opened
    for _ in range(2):
        assert tool.score([Triple("", fenced("def f(x): return 1"), "assert f(1) == 1")])
    assert len(opened) == 1


@pytest.mark.parametrize(
    "value",
    [None, [], [("value",)] * 2, "x", [["value", 5, None]] * 2, [("passed", 5, None)] * 2, {}],
)
def test_malformed_answers_of_a_program_are_its_own_fault(value: Any) -> None:
    sandbox = FakeSandbox(lambda program, call: Outcome(value))
    (scored,) = UnitTests(sandbox).score([Triple("", fenced("def solve(a, b): return 5"), ADD)])
    assert isinstance(scored, Scored)
    assert scored.raw == 0.0
