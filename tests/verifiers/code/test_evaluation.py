import ast
import time
from typing import Any

import pytest

from ravelar.tools.verifiers.code.comparison import TooLarge, TypeConfusion
from ravelar.tools.verifiers.code.evaluation import Evaluation, NotPlain
from ravelar.tools.verifiers.code.plainness import is_plain


def expression(source: str) -> ast.expr:
    return ast.parse(source, mode="eval").body


def value_of(source: str, **names: Any) -> Any:
    return Evaluation(names).of(expression(source))


@pytest.mark.parametrize(
    "source",
    [
        "[1, (2, 3), {4}, {5: 6}, -7, 8.5, 'a' 'b', b'c', None, True]",
        "2.0 / 3.0 + 7 // 2 % 3 - 1 ** 0",
        "sorted(set([3, 1, 2]))[::-1][0]",
        "sum([i ** 2 for i in list(range(-9, 10, 2)) if i % 2 != 0 and i > 0])",
        "{k: v for k, v in zip('ab', [1, 2])} == {'a': 1, 'b': 2}",
        "1 < 2 <= 2 != 3 and not (4 in [5]) or False",
        "'a b'.upper().split()",
        "', '.join(['x', 'y'])",
        "[*range(3)] + list('ab') * 2",
        "max(1, 2) if all([True]) else min([3])",
        "isinstance(1, int) and type('a') is str",
        "round(2.567, 2) == 2.57",
        "abs(-3) << 2 | 1",
        "len({'a': 1}.items())",
        "[x for row in [[1, 2], [3]] for x in row]",
        "None is None",
    ],
)
def test_plain_expressions_have_python_s_values(source: str) -> None:
    assert is_plain(expression(source), ())
    assert value_of(source) == eval(source)


@pytest.mark.parametrize(
    "source",
    [
        "__import__('os').system('true')",
        "open('/etc/passwd')",
        "().__class__.__base__",
        "(lambda: 1)()",
        "f(1)",
        "x.y",
        "'{}'.format(1)",
        "f'{1}'",
        "[1].append(2)",
        "(x := 5)",
        "eval('1')",
        "getattr(1, 'real')",
        "sorted([1], key=len)",
        "1 is 1",
        "...",
        "{**{}}",
        "math.factorial(10)",
        "object()",
        "A @ B",
    ],
)
def test_everything_else_is_refused_before_and_while_it_is_evaluated(source: str) -> None:
    assert not is_plain(expression(source), {"x", "A", "B"})
    with pytest.raises((NotPlain, TypeError, AttributeError)):
        value_of(source, x=1, A=1, B=1)


@pytest.mark.parametrize(
    "source",
    [
        "9 ** 9 ** 9",
        "1 << 10 ** 9",
        "'a' * 10 ** 9",
        "[0] * 10 ** 9",
        "list(range(10 ** 8))",
        "sum(range(10 ** 12))",
        "[x for x in range(10 ** 9)]",
        "[[y for y in range(1000)] for x in range(1000)]",
        "('a' * 100000).join(list('b' * 100000))",
        "max(range(10 ** 8))",
        "-1 in range(10 ** 40) or [x for x in range(10 ** 40)]",
    ],
)
def test_nothing_large_is_made(source: str) -> None:
    started = time.perf_counter()
    with pytest.raises((TooLarge, OverflowError)):
        value_of(source)
    assert time.perf_counter() - started < 1.0


def test_colliding_integers_do_not_stall_a_set() -> None:
    colliding = [i * (2**61 - 1) for i in range(20_000)]
    started = time.perf_counter()
    with pytest.raises(TooLarge):
        value_of("set(given)", given=colliding)
    assert time.perf_counter() - started < 0.5


def test_a_tolerance_takes_no_truth_value_for_a_number() -> None:
    assert value_of("abs(given - 0.33) < 1e-6", given=0.33)
    with pytest.raises(TypeConfusion):
        value_of("abs(given - 1.0) < 1e-6", given=True)
    with pytest.raises(TypeConfusion):
        value_of("math.isclose(given, 1)", given=True)


@pytest.mark.parametrize("source", ["given == 1", "1 == given", "given != 2 and given == 1", "not given == 1"])
def test_no_side_and_no_negation_turns_a_confusion_into_a_pass(source: str) -> None:
    with pytest.raises(TypeConfusion):
        Evaluation({"%0": True}).of(_renamed(source))


def test_python_s_equality_holds_for_a_number_where_a_truth_value_is_expected() -> None:
    assert Evaluation({"%0": 1}).of(_renamed("True == given"))


def _renamed(source: str) -> ast.expr:
    tree = expression(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "given":
            node.id = "%0"
    return tree
