"""One assert, reduced to data: `assert f(2, 3) == 5` is a call with literal arguments and a condition on its value."""

import ast
import builtins
import copy
import sys
from dataclasses import dataclass, field
from typing import Any

from ravelar.tools.sandbox.values import BadValue, encode
from ravelar.tools.verifiers.code.cases import Case, Condition, Equals, Holds, Invocation
from ravelar.tools.verifiers.code.evaluation import ITERATING, Evaluation, NotPlain
from ravelar.tools.verifiers.code.plainness import is_plain

_LABEL_CHARACTERS = 160


class Unfollowed(Exception):
    """This piece of test code can't be reduced to data."""


@dataclass(frozen=True, slots=True)
class Returned:
    """An expression over what the program returns: `%0`, `%1` ... stand for the values of the calls."""

    expression: ast.expr
    calls: tuple[Invocation, ...]


@dataclass(slots=True)
class Scope:
    """What is known where a statement stands.

    Attributes:
        entry: The entry point, where the record names one.
        names: Names with plain values.
        returned: Names that stand for what the program returned.
        aliases: Names that stand for the entry point, such as `candidate`.
        foreign: Names that the prompt or the test code defines: no functions of the program.
    """

    entry: str | None
    names: dict[str, Any] = field(default_factory=dict)
    returned: dict[str, Returned] = field(default_factory=dict)
    aliases: frozenset[str] = frozenset()
    foreign: frozenset[str] = frozenset()

    def inner(self, alias: str | None = None) -> "Scope":
        """Return a copy for a body that is followed by itself, with one more alias of the entry point."""
        aliases = self.aliases | {alias} if alias else self.aliases
        return Scope(self.entry, dict(self.names), dict(self.returned), aliases, self.foreign)

    def function_of(self, node: ast.expr) -> str | None:
        """Return which function of the program a callee names ('' for a nameless entry point), or None."""
        if isinstance(node, ast.Name):
            if node.id in self.aliases:
                return self.entry or ""
            return node.id if self.is_programs(node.id) else None
        match node:
            case ast.Attribute(value=ast.Call(func=ast.Name(id=owner), args=[], keywords=[])) if self.is_programs(
                owner
            ):
                return f"{owner}().{node.attr}"
        return None

    def is_programs(self, name: str) -> bool:
        """Say whether a name that nobody here defines must be the program's."""
        if name == self.entry:
            return True
        known = name in self.names or name in self.returned or name in self.foreign
        return not known and not hasattr(builtins, name) and name not in sys.stdlib_module_names

    def forget(self, node: ast.AST) -> None:
        """Drop every name that code which is not followed may rebind or change."""
        for name in (part for part in ast.walk(node) if isinstance(part, ast.Name)):
            self.names.pop(name.id, None)
            self.returned.pop(name.id, None)
            if isinstance(name.ctx, ast.Store):
                self.foreign |= {name.id}


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Name(self._names.get(node.id, node.id), node.ctx)


class _Calls(ast.NodeTransformer):
    """Replaces calls of the program by the names of their values."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._iterated: set[int] = set()
        self.found: list[Invocation] = []

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = self._scope.function_of(node.func)
        if name is not None:
            return self._value(self._invocation(name, node))
        if isinstance(node.func, ast.Name) and node.func.id in ITERATING and node.args:
            self._iterated.add(id(node.args[0]))
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        known = self._scope.returned.get(node.id)
        if known is None:
            return node
        names = {f"%{i}": self._value(call).id for i, call in enumerate(known.calls)}
        return _Renamed(names).visit(copy.deepcopy(known.expression))  # type: ignore[no-any-return]

    def _value(self, call: Invocation) -> ast.Name:
        self.found.append(call)
        return ast.Name(f"%{len(self.found) - 1}", ast.Load())

    def _invocation(self, name: str, node: ast.Call) -> Invocation:
        """Evaluate the arguments of a call.

        Raises: Unfollowed: if they are no plain values, or can't enter a jail.
        """
        if any(keyword.arg is None for keyword in node.keywords):
            raise Unfollowed("** in a call of the program")
        args = plain_value(ast.Tuple(node.args, ast.Load()), self._scope)
        kwargs = {str(keyword.arg): plain_value(keyword.value, self._scope) for keyword in node.keywords}
        try:
            encode([args, kwargs])
        except BadValue as error:
            raise Unfollowed(str(error)) from error
        return Invocation(name or None, args, kwargs, listed=id(node) in self._iterated)


def plain_value(expression: ast.expr, scope: Scope) -> Any:
    """Return the value of an expression in which the program has no part.

    Raises: Unfollowed: if it has one, or if the expression is not plain.
    """
    if not is_plain(expression, scope.names) or _shadowed(expression, scope):
        raise Unfollowed("not a plain value")
    try:
        return Evaluation(scope.names).of(expression)
    except (NotPlain, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise Unfollowed(f"{type(error).__name__}: {error}") from error


def _shadowed(expression: ast.expr, scope: Scope) -> bool:
    """Say whether a builtin's name stands for something else here."""
    return any(isinstance(node, ast.Name) and node.id in scope.foreign for node in ast.walk(expression))


def returned_value(expression: ast.expr, scope: Scope) -> Returned:
    """Return an expression over the program's values, its calls taken out of it.

    Raises: Unfollowed: if there is no call, or if something in it is not plain.
    """
    if _calls_in_loops(expression, scope):
        raise Unfollowed("the program is called in a comprehension")
    calls = _Calls(scope)
    rest = calls.visit(copy.deepcopy(expression))
    values = {f"%{i}" for i in range(len(calls.found))}
    if not values or not is_plain(rest, {*scope.names, *values}) or _shadowed(rest, scope):
        raise Unfollowed("not a plain condition")
    return Returned(rest, tuple(calls.found))


def _calls_in_loops(expression: ast.expr, scope: Scope) -> bool:
    loops = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda)
    return any(
        isinstance(inner, ast.Call) and scope.function_of(inner.func) is not None
        for node in ast.walk(expression)
        if isinstance(node, loops)
        for part in _repeated(node)
        for inner in ast.walk(part)
    )


def _repeated(loop: ast.expr) -> list[ast.AST]:
    """Return the parts of a comprehension that are evaluated again and again: all but what the first loop runs over."""
    if isinstance(loop, ast.Lambda):
        return [loop.body]
    first, *rest = getattr(loop, "generators", [])
    outputs = [getattr(loop, name) for name in ("elt", "key", "value") if hasattr(loop, name)]
    return [*outputs, *first.ifs, *rest]


def case_of(statement: ast.Assert, scope: Scope) -> Case | None:
    """Return the case that an assert is; None if it holds of any program, as `assert True` does.

    Raises: Unfollowed: if it can't be judged as data.
    """
    if isinstance(statement.test, ast.Constant) and statement.test.value:
        return None
    returned = returned_value(statement.test, scope)
    return Case(label_of(statement), returned.calls, _condition(returned, scope))


def _condition(returned: Returned, scope: Scope) -> Condition:
    """Return the condition, in its fast form where a value is simply compared."""
    match returned.expression:
        case ast.Compare(left=ast.Name(id="%0"), ops=[ast.Eq()], comparators=[right]) if len(returned.calls) == 1:
            if not any(isinstance(node, ast.Name) and node.id == "%0" for node in ast.walk(right)):
                return Equals((plain_value(right, scope),), nan_is_nan=False)
    used = {node.id for node in ast.walk(returned.expression) if isinstance(node, ast.Name)}
    return Holds(returned.expression, {name: copy.deepcopy(scope.names[name]) for name in used & scope.names.keys()})


def label_of(statement: ast.AST) -> str:
    """Return what reports call a statement: its text, on one line, bounded."""
    return " ".join(ast.unparse(statement).split())[:_LABEL_CHARACTERS]
