"""Test code in a jail of its own, and the weaker level where program and test must share one."""

from collections.abc import Callable
from typing import Any

import pytest

from ravelar.tools.errors import UnusableReference
from ravelar.tools.reward import Scored, Triple
from ravelar.tools.sandbox.protocol import Limits
from ravelar.tools.verifiers.code.jailed_check import rehearse
from ravelar.tools.verifiers.code.tool import UnitTests
from ravelar.tools.verifiers.code.verdicts import from_check, from_words

Judge = Callable[..., Scored]
RANDOM = "import random\nfor _ in range(50):\n    x = random.randint(0, 99)\n    assert f(x) == x * 2"


def fenced(code: str) -> str:
    return f"```python\n{code}\n```"


def level(scored: Scored) -> str:
    return str((scored.detail or {})["level"])


def told(scored: Scored) -> list[tuple[str, str]]:
    return [(test["outcome"], test.get("message", "")) for test in (scored.detail or {})["tests"]]


@pytest.mark.parametrize(
    ("test", "right", "wrong"),
    [
        (RANDOM, "def f(x): return x * 2", "def f(x): return x * 2 if x < 90 else 0"),
        ("assert f(f(3)) == 12", "def f(x): return x * 2", "def f(x): return x"),
        ("x = f(1)\nwhile x < 40:\n    x = f(x)\nassert x == 64", "def f(x): return x * 2", "def f(x): return x + 1"),
        (
            "try:\n    f(-1)\nexcept ValueError as error:\n    assert 'no' in str(error)\nelse:\n    assert False",
            "def f(x):\n    raise ValueError('no')",
            "def f(x):\n    raise KeyError('no')",
        ),
        (
            "class Custom(Exception): pass\ndef close(a, b):\n    assert abs(a - b) < 1e-6\nclose(f(0.1), 0.2)",
            "def f(x): return x * 2",
            "def f(x): return x * 3",
        ),
        ("x = [3, 1, 2]\nf(x)\nassert x == [1, 2, 3]", "def f(x): x.sort()", "def f(x): return sorted(x)"),
        ("assert all(f(x) == x * 2 for x in [1, 2, 3])", "def f(x): return 2 * x", "def f(x): return 2"),
        ("import sys\nassert f(1) == len(sys.argv * 0)", "def f(x): return 0", "def f(x): return 9"),
    ],
)
def test_opaque_test_code_is_answered_from_another_jail(test: str, right: str, wrong: str, judged: Judge) -> None:
    for code, reward in ((right, 1.0), (wrong, 0.0)):
        scored = judged(fenced(code), {"entry_point": "f", "test": test})
        assert level(scored) == "two_jails"
        assert scored.raw == reward, told(scored)


FORGERIES = {
    "stop iteration": "def f(x): raise StopIteration",
    "base exception": "def f(x): raise SystemExit(0)",
    "exit": "import os\ndef f(x): os._exit(0)",
    "exit on import": "import os\nos._exit(0)\ndef f(x): return 2 * x",
    "always equal": "class Y(int):\n def __eq__(s, o): return True\ndef f(x): return Y(0)",
    "object": "class Y:\n def __eq__(s, o): return True\ndef f(x): return Y()",
    "hang": "def f(x):\n while True: pass",
    "patched random": "import random\nrandom.randint = lambda a, b: 0\ndef f(x): return 0",
    "helper of its own": "def check(candidate): pass\ndef f(x): return 0",
    "forged words": (
        "import threading\n"
        "def patch():\n"
        "    while 'ravelar_call' not in globals(): pass\n"
        "    globals()['ravelar_call'] = lambda *a: ('raised', 'pass: ', None)\n"
        "threading.Thread(target=patch).start()\n"
        "def f(x):\n    globals()['ravelar_call'] = lambda *a: ('raised', 'pass: ', None)\n    return 0"
    ),
    "fake names": "class Unanswered(BaseException): pass\ndef f(x): raise Unanswered",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FORGERIES)
@pytest.mark.parametrize("test", [RANDOM, "assert all(map(lambda y: y == 4, map(f, [2])))"])
def test_forgeries_earn_nothing_from_opaque_test_code(name: str, test: str, judged: Judge) -> None:
    scored = judged(fenced(FORGERIES[name]), {"entry_point": "f", "test": test})
    assert scored.raw == 0.0
    assert level(scored) == "two_jails"


@pytest.mark.parametrize("words", ["pass: ", "pass", "ended: pass: ", "", ": ", "StopIteration: ended: pass: "])
def test_no_words_of_a_program_name_a_pass(words: str) -> None:
    spec = {"steps": [("assert f(1) == 2", "test")], "functions": ["f"], "entry": "f", "candidate": "c"}
    spec |= {"helpers": "", "in_place": False}
    said = rehearse(spec, [("f", (1,), {}, False)], [("raised", words, None)], over=False)
    assert said["done"]
    ((label, verdict),) = said["verdicts"]
    assert not from_check(label, verdict).passed
    for kind in ("raised", "ended", "uncrossable"):
        assert not from_words("test", kind, words).passed


def test_a_value_that_can_not_cross_never_weakens_the_level(judged: Judge) -> None:
    scored = judged(fenced(FORGERIES["object"]), {"entry_point": "f", "test": RANDOM})
    assert level(scored) == "two_jails"
    assert told(scored)[0][0] == "uncrossable"


@pytest.mark.parametrize(
    "code", ["import os\ndef f(x): os._exit(0)", "def f(x): raise SystemExit", FORGERIES["object"]]
)
def test_catching_everything_does_not_forgive_the_end_of_the_program(code: str, judged: Judge) -> None:
    test = "try:\n    assert f(f(1)) == 4\nexcept BaseException as e:\n    assert type(e) != AssertionError"
    assert judged(fenced(code), {"entry_point": "f", "test": test}).raw == 0.0


def test_helpers_of_the_prompt_are_the_prompt_s_and_not_the_program_s(judged: Judge) -> None:
    prompt = "def twin(x):\n    return 2 * x\n\ndef f(x):\n    '''Halve.'''\n"
    test = "def check(candidate):\n    for x in range(5):\n        assert candidate(twin(x)) == x"
    record = {"prompt": prompt, "entry_point": "f", "test": test}
    assert judged("    return x // 2\n", record, prompt=prompt).raw == 1.0
    cheat = "    return x\n\ndef twin(x):\n    return x\n"
    assert judged(cheat, record, prompt=prompt).raw == 0.0


def test_plain_asserts_of_a_check_stay_data_beside_the_rest(judged: Judge) -> None:
    test = "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(candidate(1)) == 4"
    scored = judged(fenced("def f(x): return 2"), {"entry_point": "f", "test": test})
    assert [outcome for outcome, _ in told(scored)] == ["pass", "fail"]
    assert scored.raw == 0.5


def unscored(jail: Any, test: str, code: str = "def f(x): return x") -> UnusableReference:
    tool = UnitTests(jail, limits=Limits(wall_s=3.0, cpu_s=1.0))
    (error,) = tool.score([Triple("", fenced(code), {"entry_point": "f", "test": test})])
    assert isinstance(error, UnusableReference)
    return error


def test_a_check_that_never_repeats_itself_is_unusable(jail: Any) -> None:
    test = "import time\nx = time.perf_counter_ns()\nassert f(x) == x"
    assert "repeat itself" in str(unscored(jail, test))


@pytest.mark.slow
def test_a_check_that_fails_or_hangs_by_itself_is_unusable(jail: Any) -> None:
    assert "never calls the program" in str(unscored(jail, "import nothing_at_all\nassert f(lambda: 1) == 1"))
    assert "by itself" in str(unscored(jail, "while True:\n    pass\nassert f(f(1)) == 1"))


def test_a_program_that_answers_differently_each_time_earns_nothing(judged: Judge) -> None:
    code = "import os\ndef f(x): return int.from_bytes(os.urandom(4), 'big')"
    scored = judged(fenced(code), {"entry_point": "f", "test": "x = f(1)\nassert f(x) == f(f(x))"})
    assert scored.raw == 0.0


NODES = "class Node:\n    def __init__(self, x): self.x = x\ndef f(node): return node.x"


def test_tests_that_need_the_program_s_objects_share_its_jail_and_say_so(judged: Judge) -> None:
    test = "root = Node(3)\nassert f(root) == 3"
    scored = judged(fenced(NODES), {"entry_point": "f", "test": test})
    assert scored.raw == 1.0
    assert level(scored) == "shared_jail"
    assert scored.note
    assert "shared_jail" in scored.note
    assert judged(fenced(NODES.replace("node.x", "0")), {"entry_point": "f", "test": test}).raw == 0.0


@pytest.mark.parametrize(
    "code",
    [
        f"import os\n{NODES}\nos._exit(0)",
        "import builtins\nclass Node:\n    def __init__(self, x): pass\nbuiltins.print = None\ndef f(n): return 0",
        "class Node:\n    def __init__(self, x): raise SystemExit(0)\ndef f(n): return 3",
        'import sys\nclass Node:\n    def __init__(self, x): pass\ndef f(n): print(\'["", [["", ""]]]\'); sys.exit(0)',
    ],
)
def test_simple_forgeries_earn_nothing_in_a_shared_jail_either(code: str, judged: Judge) -> None:
    assert judged(fenced(code), {"entry_point": "f", "test": "root = Node(3)\nassert f(root) == 3"}).raw == 0.0


def test_the_known_solution_decides_that_values_can_not_cross(judged: Judge) -> None:
    record = {
        "code": "def f(n): yield from range(n)",
        "test_list": ["x = f(3)\nfor a, b in zip(x, [0, 1, 2]):\n    assert a == b"],
    }
    scored = judged(fenced("def f(n):\n    return (i for i in range(n))"), record)
    assert level(scored) == "shared_jail"
    assert scored.raw == 1.0
