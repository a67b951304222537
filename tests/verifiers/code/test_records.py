import json
from typing import Any

import pytest

from ravelar.tools.errors import UnusableReference
from ravelar.tools.verifiers.code.cases import Equals
from ravelar.tools.verifiers.code.plans import Plan, make_plan
from ravelar.tools.verifiers.code.records import read_record


def plan(reference: Any, **columns: Any) -> Plan:
    return make_plan("Write it.", reference, columns)


def calls(given: Plan) -> list[tuple[Any, ...]]:
    return [(call.name, call.args, dict(call.kwargs)) for call in given.calls]


HUMANEVAL = {
    "task_id": "T/1",
    "prompt": "def f(x):\n",
    "entry_point": "f",
    "test": "def check(candidate):\n    assert candidate(1) == 2\n",
    "canonical_solution": "    return x + 1\n",
}


def test_humaneval_records_are_read_from_the_reference_or_the_columns() -> None:
    for given in (plan(HUMANEVAL), plan(json.dumps(HUMANEVAL)), plan(None, **HUMANEVAL)):
        assert given.entry == "f"
        assert calls(given) == [("f", (1,), {})]
        assert given.solution == "    return x + 1\n"
    assert plan(HUMANEVAL).prefix.source == "def f(x):\n"


def test_mbpp_records_name_their_function_by_their_tests() -> None:
    record = {
        "text": "Add.",
        "code": "def helper(): 0\ndef sum(a, b): return a + b",
        "test_list": ["assert sum(1, 2) == 3"],
        "test_setup_code": "",
        "challenge_test_list": ["assert sum(0, 0) == 0"],
    }
    given = plan(record)
    assert given.entry == "sum"
    assert calls(given) == [("sum", (1, 2), {}), ("sum", (0, 0), {})]


@pytest.mark.parametrize("form", [list, json.dumps])
def test_lists_of_arguments_and_expected_values(form: Any) -> None:
    tests = [{"args": [2, 3], "expected": 5}, {"args": [], "kwargs": {"x": 1}, "expected": [1]}]
    given = plan({"entry_point": "solve", "tests": form(tests)})
    assert calls(given) == [("solve", (2, 3), {}), ("solve", (), {"x": 1})]
    assert calls(plan(form(tests)))[0] == (None, (2, 3), {})
    assert calls(plan(None, tests=form(tests), entry_point="solve"))[0] == ("solve", (2, 3), {})


def test_leetcode_inputs_are_read_as_named_arguments() -> None:
    tests = [{"input": "nums = [3, 3], target = 2 * 3", "output": "[0, 1]"}]
    given = plan({"entry_point": "twoSum", "input_output": tests})
    assert calls(given) == [("twoSum", (), {"nums": [3, 3], "target": 6})]
    assert given.cases[0].holds([(0, 1)])  # JSON can't say which of both it means


def test_livecodebench_tests_are_told_apart_by_their_type() -> None:
    tests = [{"input": "[1, 2]\n3", "output": "6", "testtype": "functional"}]
    given = plan({"public_test_cases": json.dumps(tests), "metadata": json.dumps({"func_name": "total"})})
    assert calls(given) == [("total", ([1, 2], 3), {})]
    given = plan({"public_test_cases": json.dumps([{"input": "1\n", "output": "2\n", "testtype": "stdin"}])})
    assert [(case.stdin, case.stdout) for case in given.scripts] == [("1\n", "2\n")]


def test_apps_records_are_scripts_or_calls() -> None:
    given = plan({"input_output": json.dumps({"inputs": ["1\n", ["2", "3"]], "outputs": ["1\n", "5"]})})
    assert [(case.stdin, case.stdout) for case in given.scripts] == [("1\n", "1\n"), ("2\n3", "5")]
    given = plan({"inputs": [[1, 2]], "outputs": [[3]], "fn_name": "add"})
    assert calls(given) == [("add", (1, 2), {})]
    assert given.cases[0].holds([3])
    assert given.cases[0].holds([[3]])
    assert not given.cases[0].holds([4])


def test_asserts_are_read_from_a_text_or_a_list_of_texts() -> None:
    assert calls(plan("assert f(1) == 2\nassert f(2) == 3")) == [("f", (1,), {}), ("f", (2,), {})]
    assert calls(plan(["assert f(1) == 2"])) == [("f", (1,), {})]


@pytest.mark.parametrize(
    "reference",
    [
        None,
        42,
        "",
        {},
        {"entry_point": "f"},
        [{"args": [1]}],
        [{"expected": 1}],
        [{"args": 1, "expected": 1}],
        {"inputs": ["1"], "outputs": []},
        {"inputs": "1", "outputs": None},
        ["assert f(1) =="],
        "not python at all",
        {"tests": [{"args": [1], "expected": 1}, 5]},
        {"input_output": "garbage"},
        [{"args": [object()], "expected": 1}],
        {"inputs": [{}], "outputs": [{}]},
    ],
)
def test_a_reference_that_can_not_be_read_is_unusable(reference: Any) -> None:
    with pytest.raises(UnusableReference):
        plan(reference)


def test_data_that_expects_nan_means_it() -> None:
    assert Equals((float("nan"),))([float("nan")])
    assert not Equals((float("nan"),), nan_is_nan=False)([float("nan")])


def test_a_tested_function_may_bear_a_builtins_name() -> None:
    assert read_record(["assert sum(10, 15) == 6"], {}).entry == "sum"
    assert read_record(["assert set(f(1)) == {1}"], {}).entry is None
