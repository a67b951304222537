"""The sandbox that is none: the outcomes of one, for programs that are trusted."""

import pytest

from ravelar.tools.sandbox.protocol import Call, Limits, Program, Sandbox
from ravelar.tools.sandbox.unsafe import UnsafeSandbox

LIMITS = Limits(wall_s=2.0, cpu_s=0.5)


def reasons(source: str, *args: object) -> list[str | None]:
    program = Program(source, entry="f", returns="literal")
    return [outcome.reason for outcome in UnsafeSandbox().run(program, [Call((arg,)) for arg in args], LIMITS)]


def test_it_speaks_the_protocol_and_says_what_it_is() -> None:
    sandbox = UnsafeSandbox()
    assert isinstance(sandbox, Sandbox)
    assert sandbox.name == "unsafe"
    program = Program("def f(x): return (x, {1})", entry="f", returns="literal")
    assert [outcome.value for outcome in sandbox.run(program, [Call((1,)), Call(("a",))])] == [(1, {1}), ("a", {1})]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(x):\n    while x: pass", ["timeout", None]),
        ("import time\ndef f(x): time.sleep(9 * x)", ["timeout", None]),
        ("import os\ndef f(x):\n    if x: os._exit(3)", ["crash", None]),
        ("def f(x): return 1 / (x - 1)", ["raised", None]),
        ("def g(x): return x", ["load", "load"]),
        ("def f(x): return object() if x else None", ["bad_type", None]),
    ],
)
def test_failures_are_named_and_later_calls_still_run(source: str, expected: list[str | None]) -> None:
    assert reasons(source, 1, 0) == expected


def test_scripts_read_their_input_and_print() -> None:
    program = Program("print(input()[::-1])", kind="script")
    first, second = UnsafeSandbox().run(program, [Call(stdin="abc\n"), Call(stdin="")])
    assert first.stdout == "cba\n"
    assert second.reason == "raised"
