"""Whether a value is the expected one, told from plain literals that came out of a jail.

Python's equality, with one exception: a truth value does not pass for a number, at any depth. `5.0 == 5` holds
and `(1, 2) == [1, 2]` does not, as in Python. A returned True where 1 is expected does neither hold nor fail but
raises `TypeConfusion`, so that no negation, membership test or branch turns the refusal into a pass. A returned 0
where False is expected holds, as in Python: MBPP has a reference solution that needs it.
"""

from collections.abc import Iterable, Mapping, Set
from typing import Any

MAX_DEPTH = 100
_SCALARS = frozenset({int, str, float, bool, type(None), bytes, complex})


class TypeConfusion(TypeError):
    """A truth value was returned where a number is expected."""


class TooLarge(ValueError):
    """A value is too deep or too large to be judged within bounds."""


def same(value: Any, expected: Any, depth: int = 0) -> bool:
    """Say whether a returned value equals the expected one as Python has it, truth values being no numbers.

    Raises: TypeConfusion: if they are equal only because True is 1 and False is 0. TooLarge: if they are nested
        more than `MAX_DEPTH` deep, as a value is that holds itself.
    """
    kind, other = type(value), type(expected)
    if kind in _SCALARS or other in _SCALARS:
        return _same_scalar(value, expected, kind, other)
    if depth >= MAX_DEPTH:
        raise TooLarge(f"nested more than {MAX_DEPTH} deep")
    if kind is other and kind in (list, tuple):
        return len(value) == len(expected) and _all_same(zip(value, expected, strict=True), depth + 1)
    if isinstance(value, Mapping) and isinstance(expected, Mapping):
        return _same_mapping(value, expected, depth + 1)
    if isinstance(value, Set) and isinstance(expected, Set):
        return bool(value == expected) and _same_elements(value, expected, depth + 1)
    return bool(value == expected)


def _same_scalar(value: Any, expected: Any, kind: type, other: type) -> bool:
    equal = bool(value == expected)
    if equal and kind is bool and other is not bool:
        raise TypeConfusion(f"{value!r} is no {expected!r}: a truth value is no number")
    return equal


def _all_same(pairs: Iterable[tuple[Any, Any]], depth: int) -> bool:
    """Compare all pairs; a difference anywhere outweighs a confusion elsewhere."""
    confusion: TypeConfusion | None = None
    for value, expected in pairs:
        try:
            if not same(value, expected, depth):
                return False
        except TypeConfusion as error:
            confusion = error
    if confusion is not None:
        raise confusion
    return True


def _same_mapping(value: Mapping[Any, Any], expected: Mapping[Any, Any], depth: int) -> bool:
    if len(value) != len(expected) or any(key not in expected for key in value):
        return False
    return _same_elements(value.keys(), expected.keys(), depth) and _all_same(
        ((item, expected[key]) for key, item in value.items()), depth
    )


def _same_elements(value: Set[Any], expected: Set[Any], depth: int) -> bool:
    """Compare equal sets element by element: what Python finds equal may be a truth value and a number."""
    found = {element: element for element in expected}
    return _all_same(((element, found[element]) for element in value), depth)


def lists_for_tuples(value: Any, depth: int = 0) -> Any:
    """Return the value with every tuple as a list: JSON has no tuples, so a JSON reference can't ask for one.

    Raises: TooLarge: if it is nested more than `MAX_DEPTH` deep.
    """
    if depth >= MAX_DEPTH:
        raise TooLarge(f"nested more than {MAX_DEPTH} deep")
    if type(value) in (list, tuple):
        return [lists_for_tuples(item, depth + 1) for item in value]
    if type(value) is dict:
        return {key: lists_for_tuples(item, depth + 1) for key, item in value.items()}
    return value


def contains(container: Any, value: Any, *, returned: bool = False) -> bool:
    """Say whether `value in container`, elements compared by `same`.

    Args:
        container: What may hold the value.
        value: What may be in it.
        returned: Whether the container is what was returned, and not the value.

    Raises: TypeConfusion: if only a confusion would make it so. TypeError: if the container is none.
    """
    if type(container) in (str, bytes, range):
        return value in container
    confusion: TypeConfusion | None = None
    for element in container:
        try:
            if same(element, value) if returned else same(value, element):
                return True
        except TypeConfusion as error:
            confusion = error
    if confusion is not None:
        raise confusion
    return False


def same_output(printed: str, expected: str) -> bool:
    """Say whether a program printed what was expected.

    Lines are compared as their tokens: whitespace within a line counts as one space, and at its ends as none.
    Empty lines at the end of either text don't count, those between do; no number is taken for another's spelling.
    """
    return _lines(printed) == _lines(expected)


def _lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.rstrip().splitlines()]
