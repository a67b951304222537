from typing import Any

import pytest

from ravelar.tools.errors import UnusableReference
from ravelar.tools.verifiers.code.comparison import TypeConfusion
from ravelar.tools.verifiers.code.reduction import Reduction, reduce_tests


def reduced(source: str, entry: str | None = "f") -> Reduction:
    return reduce_tests(source, entry=entry)


def holds(source: str, *values: Any) -> bool:
    """Reduce one assert and judge values, one per call."""
    reduction = reduced(source)
    assert reduction.check is None
    (case,) = reduction.cases
    return case.holds(values)


@pytest.mark.parametrize(
    ("source", "right", "wrong"),
    [
        ("assert f(2, 3) == 5", (5,), (6,)),
        ("assert f(2, 3) == 5, 'message'", (5.0,), ("5",)),
        ("assert 5 == f(2, 3)", (5,), (None,)),
        ("assert f(1) is True", (True,), (1,)),
        ("assert f(1) is None", (None,), (0,)),
        ("assert f(1) is not None", (0,), (None,)),
        ("assert f(1)", (1,), (0,)),
        ("assert not f(1)", ([],), ([0],)),
        ("assert f(1) != 3", (4,), (3,)),
        ("assert f(1) in [1, 2]", (2,), (3,)),
        ("assert 1 in f(1)", ([1],), ([2],)),
        ("assert f(1) not in (1, 2)", (3,), (1,)),
        ("assert abs(f(1.5) - 0.5) < 1e-6", (0.5000001,), (0.6,)),
        ("import math\nassert math.isclose(f(1), 2.0, rel_tol=1e-3)", (2.001,), (2.1,)),
        ("assert set(f([1])) == {1, 2}", ([2, 1, 1],), ([1],)),
        ("assert sorted(f([1])) == [1, 2]", ((2, 1),), ((2, 3),)),
        ("assert tuple(f([1])) == tuple([1, 2])", ([1, 2],), ([2, 1],)),
        ("assert f(1) == f(2)", (3, 3), (3, 4)),
        ("assert f(1) == 1 and f(2) == 4", (1, 4), (1, 5)),
        ("assert f('a' + 'b') == (1 + 2, 'x' * 2)", ((3, "xx"),), ([3, "xx"],)),
        ("assert len(f(1)) == 2", ("ab",), ("abc",)),
        ("assert f(1)[0] == 1", ([1],), ([2],)),
        ("assert isinstance(f(1), str)", ("",), (1,)),
        ("assert type(f(1)) == int", (1,), (True,)),
        ("assert f(x=1, y=[2]) == 3", (3,), (4,)),
        ("assert 0 < f(1) < 10", (5,), (10,)),
        ("assert all(x > 0 for x in f(3))", ([1, 2],), ([1, -2],)),
        ("r = f(3)\nassert r == 9", (9,), (8,)),
        ("xs = [1, 2]\nassert f(xs) == xs", ([1, 2],), ([2, 1],)),
        ("assert f((1, 2)) == (1, 2)", ((1, 2),), ([1, 2],)),
        ("assert int(f(1)) == 3", (3.5,), (4.5,)),
    ],
)
def test_plain_asserts_become_conditions(source: str, right: tuple[Any, ...], wrong: tuple[Any, ...]) -> None:
    assert holds(source, *right)
    assert not holds(source, *wrong)


def test_a_truth_value_is_no_number_in_an_assert_either() -> None:
    with pytest.raises(TypeConfusion):
        holds("assert f(1) == 1", True)
    assert holds("assert f(1) == True", 1)


def test_arguments_are_taken_with_their_python_types() -> None:
    (case,) = reduced("assert f((1, [2]), {3}, b'4', x={5: 6.0}) == 1").cases
    (call,) = case.calls
    assert call.args == ((1, [2]), {3}, b"4")
    assert call.kwargs == {"x": {5: 6.0}}


def test_check_functions_and_test_functions_are_followed() -> None:
    source = "METADATA = {}\ndef check(candidate):\n    assert True\n    assert candidate(1) == 1\n    print\ncheck(f)"
    assert [case.calls[0].name for case in reduced(source).cases] == ["f"]
    source = (
        "from solution import f\n\ndef test_one():\n    assert f(1) == 1\n\ndef test_two():\n    assert f(2) == 4\n"
    )
    assert len(reduced(source).cases) == 2
    assert reduced(source).check is None


def test_loops_over_plain_values_are_unrolled() -> None:
    reduction = reduced("for x in range(2, 8):\n    assert f(x, x + 1) == str(x)")
    assert [case.calls[0].args for case in reduction.cases] == [(x, x + 1) for x in range(2, 8)]
    assert [case.holds([str(x)]) for x, case in enumerate(reduction.cases, 2)] == [True] * 6
    assert len(reduced("for x, y in zip([1, 2], [3, 4]):\n    assert f(x) == y").cases) == 2


@pytest.mark.parametrize(
    "source",
    [
        "import random\nfor _ in range(9):\n    x = random.randint(1, 9)\n    assert f(x) == x",
        "def same(a, b):\n    assert a == b\nsame(f(1), 2)",
        "assert f(f(1)) == 1",
        "x = [3, 1]\nf(x)\nassert x == [1, 3]",
        "try:\n    f(-1)\n    assert False\nexcept ValueError:\n    pass",
        "assert f(lambda x: x) == 1",
        "assert [f(x) for x in (1, 2)] == [1, 4]",
        "assert f(1) is 5000",
        "while f(1) < 3:\n    raise ValueError",
        "assert f(int) == 1",
    ],
)
def test_what_can_not_be_followed_stays_code(source: str) -> None:
    reduction = reduced(source)
    assert reduction.check is not None
    assert not reduction.cases


def test_names_that_code_may_have_changed_are_not_trusted() -> None:
    reduction = reduced("x = [1]\nx.append(2)\nassert f(x) == 3\nassert f([9]) == 1")
    assert [case.calls[0].args for case in reduction.cases] == [([9],)]
    assert reduction.check is not None


def test_a_builtin_that_the_test_redefines_is_not_ours() -> None:
    assert reduced("def sorted(x):\n    return x\nassert sorted(f(1)) == [1]").check is not None


def test_a_function_that_bears_a_builtin_s_name_is_the_program_s() -> None:
    (case,) = reduce_tests("assert sum(10, 15) == 6", entry="sum").cases
    assert case.calls[0].name == "sum"


@pytest.mark.parametrize("source", ["assert f(", "x = 1", "", "def check(candidate):\n    pass", "assert True"])
def test_test_code_that_does_not_compile_or_tests_nothing_is_an_unusable_reference(source: str) -> None:
    with pytest.raises(UnusableReference):
        reduced(source)


def test_objects_and_in_place_effects_are_noticed() -> None:
    check = reduced("root = Node(1)\nassert f(root) == 2").check
    assert check is not None
    assert check.needs_objects
    check = reduced("x = [3, 1]\nf(x)\nassert x == [1, 3]").check
    assert check is not None
    assert check.in_place
    assert not check.needs_objects
