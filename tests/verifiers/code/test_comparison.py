import pytest

from ravelar.tools.verifiers.code.comparison import (
    TooLarge,
    TypeConfusion,
    contains,
    lists_for_tuples,
    same,
    same_output,
)

NAN = float("nan")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5.0, 5),
        (5, 5.0),
        ("a", "a"),
        ([1, (2, {3: {4}})], [1.0, (2, {3: {4}})]),
        (0, False),  # MBPP/414
        ([0, 1], [False, True]),
        (None, None),
        (b"a", b"a"),
        (-0.0, 0),
        ({"a": [1]}, {"a": [1.0]}),
        (float("inf"), float("inf")),
    ],
)
def test_equal_values_are_the_same(value: object, expected: object) -> None:
    assert same(value, expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, 6),
        ((1, 2), [1, 2]),
        ([1, 2], (1, 2)),
        ("5", 5),
        (NAN, NAN),
        ({1, 2}, {1, 3}),
        ({"a": 1}, {"b": 1}),
        ([1], [1, 1]),
        (None, 0),
        ("", None),
        ([True, 2], [1, 3]),  # a difference outweighs a confusion
        ({1}, [1]),
        (5.0000001, 5),
    ],
)
def test_different_values_are_not_the_same(value: object, expected: object) -> None:
    assert not same(value, expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, 1),
        (False, 0),
        (True, 1.0),
        ([True], [1]),
        ({"a": (True,)}, {"a": (1,)}),
        ({True: 2}, {1: 2}),
        ({True}, {1}),
        (frozenset({(True, 2)}), frozenset({(1, 2)})),
    ],
)
def test_a_truth_value_for_a_number_is_refused_at_any_depth(value: object, expected: object) -> None:
    with pytest.raises(TypeConfusion):
        same(value, expected)


def test_values_that_hold_themselves_are_refused_and_do_not_recurse_for_ever() -> None:
    value: list[object] = []
    value.append(value)
    other: list[object] = []
    other.append(other)
    with pytest.raises(TooLarge):
        same(value, other)
    with pytest.raises(TooLarge):
        lists_for_tuples(value)


def test_membership_uses_the_same_equality() -> None:
    assert contains([1, 2], 2.0)
    assert not contains([1, 2], 3)
    assert contains("abc", "b")
    with pytest.raises(TypeConfusion):
        contains([1, 2], True)
    with pytest.raises(TypeConfusion):
        contains([True], 1, returned=True)
    assert contains([True, 1], 1, returned=True)


@pytest.mark.parametrize(
    ("printed", "expected", "right"),
    [
        ("1 2\n3\n", "1 2\n3", True),
        ("1  2 \r\n3\n\n\n", "1 2\n3\n", True),
        ("1\n2\n", "1 2\n", False),
        ("\n1", "1", False),
        ("1.0", "1", False),
        ("", "\n", True),
        ("Yes", "yes", False),
        ("1\n\n2", "1\n2", False),
    ],
)
def test_output_is_compared_by_the_tokens_of_its_lines(printed: str, expected: str, right: bool) -> None:
    assert same_output(printed, expected) is right
