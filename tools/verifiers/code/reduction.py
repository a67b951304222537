"""Test code, followed statement by statement: asserts become cases, and what can't be followed stays code.

Followed are assignments of plain values, loops over plain values, and a `check(candidate)` or `test_...()`
around them. Helpers, random inputs and calls whose arguments depend on returned values are not.
"""

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ravelar.tools.errors import UnusableReference
from ravelar.tools.verifiers.code.asserts import Scope, Unfollowed, case_of, label_of, plain_value, returned_value
from ravelar.tools.verifiers.code.cases import Case, OpaqueCheck, Step
from ravelar.tools.verifiers.code.evaluation import NotPlain, bound
from ravelar.tools.verifiers.code.syntax import parsed

MAX_CASES = 5_000
MAX_ROUNDS = 1_000  # of one loop; longer ones run as code
CANDIDATE = "ravelar_candidate"
"""The name under which a check's own process knows the program's entry point."""

_SOLUTION_MODULES = frozenset({"solution", "solutions", "your_module", "your_solution", "program"})
_TESTING = (ast.Assert, ast.Raise)


@dataclass(frozen=True, slots=True)
class Reduction:
    """What became of test code.

    Attributes:
        cases: The tests that are data now.
        check: The rest, where a test is left in it.
    """

    cases: tuple[Case, ...]
    check: OpaqueCheck | None


@dataclass(slots=True)
class _Body:
    """A body as far as it is followed: cases so far, and the statements that stay code, in their order."""

    scope: Scope
    cases: list[Case] = field(default_factory=list)
    kept: list[ast.stmt] = field(default_factory=list)
    open: bool = False  # whether a kept statement tests or acts, so that the kept ones must run

    def follow(self, statements: Iterable[ast.stmt]) -> None:
        """Follow statements in order."""
        for statement in statements:
            try:
                self._follow_one(statement)
            except Unfollowed:
                self._keep(statement)
            if len(self.cases) > MAX_CASES:
                raise UnusableReference(f"the test code holds more than {MAX_CASES:,} tests")

    def _follow_one(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assert():
                case = case_of(statement, self.scope)
                self.cases += [case] if case else []
            case ast.Assign(targets=[ast.Name(id=name)]):
                self._assign(name, statement)
            case ast.For(orelse=[]):
                self._unroll(statement)
            case ast.Expr(value=ast.Constant() | ast.Name()) | ast.Pass():
                pass  # `print` without a call stands in HumanEval/129
            case ast.ImportFrom(module=str(module)) if module in _SOLUTION_MODULES:
                pass  # its names are the program's
            case ast.Import() | ast.FunctionDef() | ast.ClassDef() | ast.ImportFrom():
                self._define(statement)
            case _:
                raise Unfollowed("a statement of another kind")

    def _assign(self, name: str, statement: ast.Assign) -> None:
        try:
            value = plain_value(statement.value, self.scope)
        except Unfollowed:
            self.scope.returned[name] = returned_value(statement.value, self.scope)
            self.scope.names.pop(name, None)
        else:
            self.scope.names[name] = value
            self.scope.returned.pop(name, None)
        self.scope.foreign -= {name}
        self.kept.append(statement)

    def _unroll(self, statement: ast.For) -> None:
        """Follow a loop round by round.

        Raises: Unfollowed: if anything in it can't be followed; then all of it stays code.
        """
        rounds = plain_value(ast.Call(ast.Name("list", ast.Load()), [statement.iter], []), self.scope)
        if len(rounds) > MAX_ROUNDS:
            raise Unfollowed("a long loop")
        body = _Body(self.scope.inner())
        for element in rounds:
            try:
                body.scope.names |= bound(statement.target, element)
            except (NotPlain, TypeError, ValueError) as error:
                raise Unfollowed(str(error)) from error
            body.follow(statement.body)
            if body.open or len(body.cases) > MAX_CASES:
                raise Unfollowed("a loop with more than plain tests in it")
        if not body.cases:
            raise Unfollowed("a loop without tests")
        self.cases += body.cases
        self.scope.forget(statement)

    def _define(self, statement: ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef) -> None:
        """Keep a definition, which does nothing by itself."""
        if isinstance(statement, ast.Import | ast.ImportFrom):
            names = {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
            plain = isinstance(statement, ast.Import) and names == {"math"}
            names = set() if plain else names
        else:
            names = {statement.name}
        self.scope.foreign |= names
        for name in names:
            self.scope.names.pop(name, None)
            self.scope.returned.pop(name, None)
        self.kept.append(statement)

    def _keep(self, statement: ast.stmt) -> None:
        self.kept.append(statement)
        self.open = True
        if not isinstance(statement, ast.Assert):
            self.scope.forget(statement)


def reduce_tests(source: str, *, entry: str | None, foreign: frozenset[str] = frozenset()) -> Reduction:
    """Reduce test code to cases as far as it goes.

    Args:
        source: Python source: plain asserts, `def check(candidate)`, or `def test_...()`.
        entry: The entry point, where the record names one.
        foreign: Names that the prompt defines besides the entry point.

    Raises: UnusableReference: if it does not compile, or tests nothing.
    """
    module = _module(source)
    tests = [node for node in module.body if isinstance(node, ast.FunctionDef) and _is_test(node)]
    outer = [node for node in _flattened(module.body) if node not in tests and not _calls_test(node, tests)]
    top = _Body(Scope(entry, foreign=foreign))
    top.follow(outer)
    cases, steps = list(top.cases), _top_steps(top)
    for test in tests:
        body = _Body(top.scope.inner(_parameter(test)))
        body.follow(test.body)
        cases += body.cases
        steps += _function_steps(test, body)
    check = _check(steps, top.scope)
    if not _holds_test(module) or (not cases and check is None):
        raise UnusableReference(f"the test code tests nothing: {source.strip()[:200]!r}")
    return Reduction(tuple(cases), check)


def _module(source: str) -> ast.Module:
    module = parsed(source)
    if module is None:
        raise UnusableReference(f"the test code is no Python: {source.strip()[:200]!r}")
    return module


def _is_test(node: ast.FunctionDef) -> bool:
    if node.name == "check":
        return len(node.args.args) == 1
    return node.name.startswith("test_") and not node.args.args and not node.decorator_list


def _calls_test(node: ast.stmt, tests: Sequence[ast.FunctionDef]) -> bool:
    """Say whether a statement only calls a test: that is our part."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))):
            return name in {test.name for test in tests}
    return False


def _flattened(statements: Iterable[ast.stmt]) -> Iterable[ast.stmt]:
    """Yield statements, those under `if __name__ == "__main__":` as if they stood outside."""
    for statement in statements:
        match statement:
            case ast.If(test=ast.Compare(left=ast.Name(id="__name__")), orelse=[]):
                yield from statement.body
            case _:
                yield statement


def _parameter(test: ast.FunctionDef) -> str | None:
    return test.args.args[0].arg if test.args.args else None


def _top_steps(top: _Body) -> list[Step]:
    """Return top-level code as steps; each statement that may fail for the program's sake is a test."""
    asserting = {node.name for node in top.kept if isinstance(node, ast.FunctionDef) and _holds_test(node)}
    steps = [Step(ast.unparse(node), label_of(node) if _tests(node, asserting) else None) for node in top.kept]
    last = max((i for i, step in enumerate(steps) if step.label), default=len(steps) - 1)
    if last + 1 < len(steps):  # what comes after the last test may fail, too, and belongs to it then
        steps[last:] = [Step("\n".join(step.source for step in steps[last:]), steps[last].label)]
    return steps


def _tests(node: ast.stmt, asserting: set[str]) -> bool:
    """Say whether a statement is a test: it asserts, or calls a helper that does."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Assign):
        return False
    callees = [part.func for part in ast.walk(node) if isinstance(part, ast.Call)]
    return _holds_test(node) or any(isinstance(callee, ast.Name) and callee.id in asserting for callee in callees)


def _holds_test(node: ast.AST) -> bool:
    return any(isinstance(part, _TESTING) for part in ast.walk(node))


def _function_steps(test: ast.FunctionDef, body: _Body) -> list[Step]:
    """Return what is left of a test function: itself with the kept statements, and a call of it."""
    if not body.open:
        return []
    rest = ast.FunctionDef(
        name=test.name, args=test.args, body=body.kept, decorator_list=[], returns=None, type_comment=None
    )
    rest.__dict__["type_params"] = []  # Python 3.12 and later want it
    call = f"{test.name}({CANDIDATE if test.args.args else ''})"
    return [
        Step(
            f"{ast.unparse(ast.fix_missing_locations(rest))}\n{call}",
            f"{call.partition('(')[0]}: what is no plain assert",
        )
    ]


def _check(steps: Sequence[Step], scope: Scope) -> OpaqueCheck | None:
    """Return the steps as a check, or None if there is no test in them."""
    if not any(step.label for step in steps):
        return None
    tree = ast.parse("\n".join(step.source for step in steps))
    called = {name for node in ast.walk(tree) if isinstance(node, ast.Call) if (name := scope.function_of(node.func))}
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    parameters = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    functions = called - stored - defined - imported - parameters - {CANDIDATE}
    acting = {
        node.value.func for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    }
    return OpaqueCheck(
        steps=tuple(steps),
        functions=tuple(sorted(name for name in functions if "(" not in name)),
        in_place=any(_acts(func, functions | parameters) for func in acting),
        needs_objects=any(name[:1].isupper() and "(" not in name for name in functions),
    )


def _acts(func: ast.expr, programs: set[str]) -> bool:
    """Say whether a statement calls the program and drops the value: then it is after changed arguments."""
    return isinstance(func, ast.Name) and func.id in programs
