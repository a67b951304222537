"""A bounded evaluator of plain expressions: constants, arithmetic, comparisons, a few builtins. Never `eval`.

It runs outside every jail, on test code that comes with the data and on values that hostile programs returned.
So it knows only what is listed here, counts every step, and estimates before it makes anything large.
"""

import ast
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ravelar.tools.verifiers.code.comparison import TooLarge, TypeConfusion, contains, same

MAX_STEPS = 200_000
MAX_HASHED = 10_000
MAX_SIZE = 2_000_000  # elements, characters or bits of anything that an expression makes

Names = Mapping[str, Any]


class NotPlain(Exception):
    """The expression holds something that this evaluator does not know."""


def _isclose(a: Any, b: Any, *, rel_tol: float = 1e-09, abs_tol: float = 0.0) -> bool:
    if isinstance(a, bool) != isinstance(b, bool):
        raise TypeConfusion("a truth value is no number")
    return math.isclose(a, b, rel_tol=rel_tol, abs_tol=abs_tol)


def _sum(given: Any) -> Any:
    """Add up; lists to start from are not taken, for they would take quadratic time."""
    return sum(given)


def _type(given: Any) -> type:
    """Return a value's type; no classes are made here."""
    return type(given)


def _of_few(kind: type) -> Callable[..., Any]:
    """Return the constructor of a hashed container for so few elements that chosen collisions can't stall it."""

    def construct(given: Any = ()) -> Any:
        if len(given) > MAX_HASHED:
            raise TooLarge(f"a {kind.__name__} of {len(given):,} elements")
        return kind(given)

    return construct


TYPES: Mapping[str, type] = {
    kind.__name__: kind
    for kind in (bool, bytes, complex, dict, float, frozenset, int, list, range, set, str, tuple, type(None))
}
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{kind.__name__: kind for kind in (bool, complex, float, int, list, range, str, tuple)},
    **{kind.__name__: _of_few(kind) for kind in (dict, set, frozenset)},
    **{f.__name__: f for f in (abs, all, any, divmod, len, max, min, round, sorted, isinstance)},
    "sum": _sum,
    "type": _type,
    **{f.__name__: f for f in (ord, chr, bin, hex, oct, repr)},
    "reversed": lambda given: list(reversed(given)),
    "enumerate": lambda given, start=0: list(enumerate(given, start)),
    "zip": lambda *given: list(zip(*given, strict=False)),
}
MATH: Mapping[str, Any] = {
    "isclose": _isclose,
    "pi": math.pi,
    "e": math.e,
    "inf": math.inf,
    "nan": math.nan,
    **{f.__name__: f for f in (math.sqrt, math.floor, math.ceil, math.fabs, math.isnan, math.isinf, math.log)},
    **{f.__name__: f for f in (math.sin, math.cos, math.tan, math.exp, math.gcd)},
}
METHODS: Mapping[type, frozenset[str]] = {
    str: frozenset({"lower", "upper", "strip", "lstrip", "rstrip", "split", "startswith", "endswith", "count", "join"}),
    list: frozenset({"count", "index", "copy"}),
    tuple: frozenset({"count", "index"}),
    dict: frozenset({"get", "keys", "values", "items", "copy"}),
    set: frozenset({"issubset", "issuperset", "union", "intersection", "copy"}),
    frozenset: frozenset({"issubset", "issuperset", "union", "intersection"}),
}
KEYWORDS = frozenset({"rel_tol", "abs_tol", "reverse", "start", "default", "ndigits"})
ITERATING = frozenset({"list", "tuple", "set", "frozenset", "sorted", "dict", "sum", "max", "min", "any", "all"})
"""Builtins that take any iterator: a program's generator may be made a list of where one of them wraps its call."""


class Evaluation:
    """One evaluation with a budget of its own.

    Args:
        names: Values that names stand for, before builtins.
    """

    def __init__(self, names: Names) -> None:
        self._names = dict(names)
        self._steps = 0

    def of(self, node: ast.expr) -> Any:
        """Return the value of an expression.

        Raises: NotPlain: for anything unknown here. TooLarge: beyond the bounds. Exception: what Python itself
            would raise, such as TypeError.
        """
        self._count(1)
        handler = HANDLERS.get(type(node))
        if handler is None:
            raise NotPlain(type(node).__name__)
        return handler(self, node)

    def _count(self, steps: int) -> None:
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise TooLarge(f"more than {MAX_STEPS:,} steps")

    def _constant(self, node: ast.Constant) -> Any:
        if node.value is Ellipsis:
            raise NotPlain("Ellipsis")
        return node.value

    def _name(self, node: ast.Name) -> Any:
        if node.id in self._names:
            return self._names[node.id]
        if node.id in TYPES:
            return TYPES[node.id]
        raise NotPlain(f"the name {node.id}")

    def _list(self, node: ast.List) -> Any:
        return self._elements(node.elts)

    def _tuple(self, node: ast.Tuple) -> Any:
        return tuple(self._elements(node.elts))

    def _set(self, node: ast.Set) -> Any:
        return set(self._elements(node.elts))

    def _elements(self, nodes: Iterable[ast.expr]) -> list[Any]:
        elements: list[Any] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                elements += self.iterated(self.of(node.value))
            else:
                elements.append(self.of(node))
        return elements

    def _dict(self, node: ast.Dict) -> Any:
        if None in node.keys:
            raise NotPlain("** in a dict")
        return {self.of(key): self.of(value) for key, value in zip(node.keys, node.values, strict=True) if key}

    def _unary(self, node: ast.UnaryOp) -> Any:
        return _UNARY[type(node.op)](self.of(node.operand))

    def _binary(self, node: ast.BinOp) -> Any:
        operate = BINARY.get(type(node.op))
        if operate is None:
            raise NotPlain(type(node.op).__name__)
        left, right = self.of(node.left), self.of(node.right)
        _refuse_growth(node.op, left, right)
        self._count(_size(left) + _size(right))
        return operate(left, right)

    def _boolean(self, node: ast.BoolOp) -> Any:
        value: Any = None
        for part in node.values:
            value = self.of(part)
            if bool(value) is isinstance(node.op, ast.Or):
                return value
        return value

    def _compare(self, node: ast.Compare) -> Any:
        left, before = self.of(node.left), node.left
        for op, comparator in zip(node.ops, node.comparators, strict=True):
            right = self.of(comparator)
            self._count(_size(left) + _size(right))
            turned = _is_returned(comparator) and not _is_returned(before)
            if not _compared(op, left, right, turned):
                return False
            left, before = right, comparator
        return True

    def _conditional(self, node: ast.IfExp) -> Any:
        return self.of(node.body if self.of(node.test) else node.orelse)

    def _subscript(self, node: ast.Subscript) -> Any:
        return self.of(node.value)[self.of(node.slice)]

    def _slice(self, node: ast.Slice) -> Any:
        return slice(*(None if part is None else self.of(part) for part in (node.lower, node.upper, node.step)))

    def _call(self, node: ast.Call) -> Any:
        function = self._function(node.func)
        arguments = self._elements(node.args)
        if any(keyword.arg is None for keyword in node.keywords):
            raise NotPlain("** in a call")
        named = {keyword.arg: self.of(keyword.value) for keyword in node.keywords if keyword.arg}
        if not named.keys() <= KEYWORDS:
            raise NotPlain(f"the argument {min(named)}")
        for argument in arguments:
            self._count(_size(argument))
        return function(*arguments, **named)

    def _function(self, node: ast.expr) -> Callable[..., Any]:
        if isinstance(node, ast.Name) and node.id not in self._names and node.id in FUNCTIONS:
            return FUNCTIONS[node.id]
        if not isinstance(node, ast.Attribute):
            raise NotPlain("a call of something unknown")
        if isinstance(node.value, ast.Name) and node.value.id == "math" and "math" not in self._names:
            return self._attribute(node)  # type: ignore[no-any-return]
        owner = self.of(node.value)
        if node.attr not in METHODS.get(type(owner), ()):
            raise NotPlain(f"the method {node.attr}")
        if node.attr == "join":
            return lambda parts: self._joined(owner, parts)
        method: Callable[..., Any] = getattr(owner, node.attr)
        return method

    def _joined(self, owner: str, parts: Any) -> str:
        listed = self.iterated(parts)
        if len(owner) * len(listed) > MAX_SIZE:
            raise TooLarge("a joined text")
        return owner.join(listed)

    def _attribute(self, node: ast.Attribute) -> Any:
        if isinstance(node.value, ast.Name) and node.value.id == "math" and node.attr in MATH:
            return MATH[node.attr]
        raise NotPlain(f"the attribute {node.attr}")

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Any:
        elements: list[Any] = []
        self._generate(node.generators, lambda: elements.append(self.of(node.elt)))
        return set(elements) if isinstance(node, ast.SetComp) else elements

    def _dict_comprehension(self, node: ast.DictComp) -> Any:
        pairs: list[tuple[Any, Any]] = []
        self._generate(node.generators, lambda: pairs.append((self.of(node.key), self.of(node.value))))
        return dict(pairs)

    def _generate(self, generators: list[ast.comprehension], emit: Callable[[], None]) -> None:
        """Run nested comprehension loops; their names end with them."""
        if not generators:
            emit()
            return
        first, *rest = generators
        before = dict(self._names)
        for element in self.iterated(self.of(first.iter)):
            self._names.update(bound(first.target, element))
            if all(self.of(condition) for condition in first.ifs):
                self._generate(rest, emit)
        self._names = before

    def iterated(self, given: Any) -> list[Any]:
        """Return the elements of something iterable.

        Raises: TooLarge: if there are too many. TypeError: if it is not iterable.
        """
        self._count(_size(given))
        return list(given)


def _is_returned(node: ast.expr) -> bool:
    """Say whether the program has a part in an expression: its values are named `%0`, `%1` ..."""
    return any(isinstance(part, ast.Name) and part.id.startswith("%") for part in ast.walk(node))


def _compared(op: ast.cmpop, left: Any, right: Any, turned: bool) -> bool:
    """Compare two values; `turned` if the right one is what was returned."""
    if isinstance(op, ast.Eq | ast.NotEq):
        return (same(right, left) if turned else same(left, right)) is isinstance(op, ast.Eq)
    if isinstance(op, ast.In | ast.NotIn):
        return contains(right, left, returned=turned) is isinstance(op, ast.In)
    return _COMPARE[type(op)](left, right)


def bound(target: ast.expr, value: Any) -> dict[str, Any]:
    """Return what the names of a loop's or an assignment's target stand for.

    Raises: NotPlain: for targets other than names and tuples of them. ValueError: if the value does not fit.
    """
    if isinstance(target, ast.Name):
        return {target.id: value}
    if not isinstance(target, ast.Tuple | ast.List):
        raise NotPlain("a target that is no name")
    values = list(value)
    names: dict[str, Any] = {}
    for part, item in zip(target.elts, values, strict=True):
        names |= bound(part, item)
    return names


def _size(value: Any) -> int:
    """Return roughly what a look at a value costs."""
    if isinstance(value, int):
        return 1 + value.bit_length() // 64
    size = len(value) if hasattr(value, "__len__") and not isinstance(value, type) else 1
    if size > MAX_SIZE:
        raise TooLarge(f"{size:,} elements")
    return size // 8 if isinstance(value, str | bytes) else size


def _refuse_growth(op: ast.operator, left: Any, right: Any) -> None:
    """Refuse powers, shifts and repetitions that would make something large, before they do."""
    grown = 0
    if isinstance(op, ast.Pow) and isinstance(left, int) and isinstance(right, int):
        grown = max(1, left.bit_length()) * abs(right)
    elif isinstance(op, ast.LShift) and isinstance(left, int) and isinstance(right, int):
        grown = left.bit_length() + max(0, right)
    elif isinstance(op, ast.Mult):
        counts = [n for n in (left, right) if isinstance(n, int)]
        sized = [n for n in (left, right) if hasattr(n, "__len__")]
        grown = len(sized[0]) * max(0, counts[0]) if counts and sized else 0
    elif isinstance(op, ast.Mod) and isinstance(left, str | bytes):
        raise NotPlain("formatting")
    if grown > MAX_SIZE // 16:
        raise TooLarge(f"{type(op).__name__} would make something large")


def _difference(left: Any, right: Any) -> Any:
    """Subtract; `abs(value - expected) < eps` must not take True for 1.0."""
    if isinstance(left, bool) != isinstance(right, bool):
        raise TypeConfusion("a truth value is no number")
    return left - right


def _identical(left: Any, right: Any) -> bool:
    if not any(side is single for side in (left, right) for single in (None, True, False)) and not isinstance(
        right, type
    ):
        raise NotPlain("'is' between values that may be equal and not identical")
    return left is right


_UNARY: Mapping[type, Callable[[Any], Any]] = {
    ast.Not: operator.not_,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}
BINARY: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: _difference,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
_COMPARE: Mapping[type, Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: _identical,
    ast.IsNot: lambda left, right: not _identical(left, right),
}
HANDLERS: Mapping[type, Callable[[Evaluation, Any], Any]] = {
    ast.Constant: Evaluation._constant,
    ast.Name: Evaluation._name,
    ast.List: Evaluation._list,
    ast.Tuple: Evaluation._tuple,
    ast.Set: Evaluation._set,
    ast.Dict: Evaluation._dict,
    ast.UnaryOp: Evaluation._unary,
    ast.BinOp: Evaluation._binary,
    ast.BoolOp: Evaluation._boolean,
    ast.Compare: Evaluation._compare,
    ast.IfExp: Evaluation._conditional,
    ast.Subscript: Evaluation._subscript,
    ast.Slice: Evaluation._slice,
    ast.Call: Evaluation._call,
    ast.Attribute: Evaluation._attribute,
    ast.ListComp: Evaluation._comprehension,
    ast.SetComp: Evaluation._comprehension,
    ast.GeneratorExp: Evaluation._comprehension,
    ast.DictComp: Evaluation._dict_comprehension,
}
