"""What each value in a verifier is made of: which of its three inputs, and whether it may be NaN or infinite.

The source is never run. Functions are followed by name from `verify` on, each call with its own arguments; statements
are read without regard to their order, so that a name holds all that is ever assigned to it. What is not known counts
as made of its parts.
"""

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TypeAlias

from ravelar.tools.evidence.lint_patterns import drops_all_but_digits, only_digits
from ravelar.tools.evidence.lint_tree import (
    aliases_of,
    attribute_of,
    blocks_of,
    calls_any,
    constant_texts,
    dotted,
    head_of,
    leaves_early,
    orders_only,
    own_nodes,
    owner_of,
    pattern_argument,
    resolved,
    words,
)

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_MAX_DEPTH = 6
_PASSES = 4  # assignments that feed one another settle within so many readings


class Kind(IntEnum):
    """What a value may do in a comparison; the greater, the worse."""

    PLAIN = 0  # a truth value, a count, an integer, or nothing of the completion
    DIGITS = 1  # text in which only digits and signs were let through
    TEXT = 2  # any text
    FINITE = 3  # a number read from digits: infinite at worst
    NUMBER = 4  # a number read from any text: NaN and infinity too


@dataclass(frozen=True, slots=True)
class Origin:
    """Which inputs a value is made of, what kind it is, and which inputs decided that it became this one.

    `raw` are the inputs that are in it as they are, for a pattern: not escaped, or escaped and then worked on.
    """

    inputs: frozenset[str] = frozenset()
    kind: Kind = Kind.PLAIN
    under: frozenset[str] = frozenset()
    raw: frozenset[str] = frozenset()

    def __or__(self, other: "Origin") -> "Origin":
        """Join two."""
        kind = max(self.kind, other.kind)
        return Origin(self.inputs | other.inputs, kind, self.under | other.under, self.raw | other.raw)

    def of_kind(self, kind: Kind) -> "Origin":
        """Keep the inputs, take another kind."""
        return replace(self, kind=kind)

    @property
    def worked_on(self) -> "Origin":
        """Take it for raw: what was escaped in it may be so no more."""
        return replace(self, raw=self.inputs)

    @property
    def all_inputs(self) -> frozenset[str]:
        """Return what it is made of and what decided on it."""
        return self.inputs | self.under

    @property
    def risky(self) -> bool:
        """Whether it may be a NaN or infinity that the completion chose."""
        return "completion" in self.inputs and self.kind >= Kind.FINITE


NOTHING = Origin()


@dataclass(frozen=True, slots=True)
class Returned:
    """One return of `verify`: where, what, made of what, and under conditions made of what."""

    node: ast.Return
    value: Origin
    under: frozenset[str]


@dataclass
class Flow:
    """What following a module's `verify` brought to light."""

    functions: Mapping[str, Function]
    patterns: Mapping[str, str]
    aliases: Mapping[str, str] = field(default_factory=dict)
    returns: list[Returned] = field(default_factory=list)
    risky_lines: dict[int, str] = field(default_factory=dict)
    """Lines on which a number of the completion's could win a comparison as NaN or infinity, and how."""
    read: dict[object, Origin | None] = field(default_factory=dict)
    """What functions return, by name and arguments; None while one is being read."""
    pattern_lines: set[int] = field(default_factory=set)
    """Lines on which the completion is used as a pattern or a format."""


_CONVERSIONS = words(
    "float Decimal decimal.Decimal complex numpy.float64 np.float64 mpmath.mpf json.loads ast.literal_eval"
)
_ESCAPES = words("re.escape regex.escape")
_KEEPING_ESCAPES = words("join format list tuple set frozenset sorted reversed")
_PLAIN_CALLS = words(
    "int len bool ord any all isinstance hash id fractions.Fraction math.isclose math.isfinite math.isnan math.isinf "
    "callable enumerate range"
)
_PLAIN_METHODS = words(
    "count index find rfind startswith endswith isdigit isdecimal isnumeric isalpha isalnum isspace isupper islower "
    "is_finite is_nan is_infinite bit_length ratio keys"
)
_PATTERN_CALLS = words("search match fullmatch findall finditer split sub subn compile")
_DROPPING = words("sub subn split")  # what their pattern matches goes, the rest stays
_FILLERS = words("append add extend update insert setdefault")
_GUARDS = words("isfinite is_finite isdigit isdecimal isnumeric")
_TEXT_METHODS = words("strip lstrip rstrip lower upper casefold replace split splitlines")


def follow(tree: ast.Module, verify: Function) -> Flow:
    """Follow `verify` through the module."""
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    flow = Flow(functions, dict(constant_texts(tree)), aliases_of(tree))
    kinds = {"prompt": Kind.PLAIN, "completion": Kind.TEXT, "reference": Kind.PLAIN}
    inputs = {name: Origin(frozenset({name}), kind).worked_on for name, kind in kinds.items()}
    _Body(flow, verify, inputs, depth=0).read()
    return flow


class _Body:
    """One function's body, read with given arguments."""

    def __init__(self, flow: Flow, function: Function, names: Mapping[str, Origin], depth: int) -> None:
        self.flow, self.function, self.depth = flow, function, depth
        self.names = dict(names)
        self.inner = {node.name: node for node in ast.walk(function) if isinstance(node, ast.FunctionDef)}
        self._under: frozenset[str] = frozenset()
        self.guarded = _has_guard(function, self._pattern_of)

    def read(self) -> Origin:
        """Return what the function returns; for `verify`, note each return."""
        for _ in range(_PASSES):
            before = dict(self.names)
            self._assign(self.function.body, frozenset())
            if before == self.names:
                break
        found: list[Returned] = []
        self._returns(self.function.body, frozenset(), found)
        if self.depth == 0:
            self.flow.returns = found
        self._note_comparisons()
        joined = self._yields()
        for returned in found:
            joined |= returned.value | Origin(under=returned.under)
        return joined

    def _yields(self) -> Origin:
        joined = NOTHING
        for node in own_nodes(self.function.body):
            if isinstance(node, ast.Yield | ast.YieldFrom):
                joined |= self.of(node.value)
        return joined

    def _assign(self, body: Sequence[ast.stmt], under: frozenset[str]) -> None:
        """Read all assignments, each with what its conditions are made of, those of earlier ways out included."""
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            self._under = under
            for part in own_nodes(head_of(node)):
                self._assign_part(part)
            if isinstance(node, ast.Match):
                for case in node.cases:
                    self._bind(case.pattern, self.of(node.subject))
            inside = under | self._conditions(node)
            for block in blocks_of(node):
                self._assign(block, inside)
            if leaves_early(node):
                under = inside
        self._under = under

    def _assign_part(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._bind_each(target, node.value)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and node.value:
            self._bind(node.target, self.of(node.value))
        elif isinstance(node, ast.comprehension):
            self._bind(node.target, self.of(node.iter))
        elif isinstance(node, ast.withitem) and node.optional_vars:
            self._bind(node.optional_vars, self.of(node.context_expr))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _FILLERS:
            self._bind(node.func.value, self._joined(node.args))

    def _bind_each(self, target: ast.AST, value: ast.AST) -> None:
        """Bind `a, b = x, y` one by one."""
        parts = (target.elts, value.elts) if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) else None
        if parts is None or len(parts[0]) != len(parts[1]):
            self._bind(target, self.of(value))
            return
        for name, part in zip(*parts, strict=True):
            self._bind(name, self.of(part))

    def _bind(self, target: ast.AST, origin: Origin) -> None:
        for node in ast.walk(target):
            match node:
                case (
                    ast.Name(id=name)
                    | ast.MatchAs(name=str(name))
                    | ast.MatchStar(name=str(name))
                    | ast.MatchMapping(rest=str(name))
                ):
                    self.names[name] = self.names.get(name, NOTHING) | origin | Origin(under=self._under)

    def _returns(self, body: Sequence[ast.stmt], under: frozenset[str], found: list[Returned]) -> None:
        """Note each return that can be reached, with what its conditions are made of, earlier ways out included."""
        for node in body:
            if isinstance(node, ast.Return):
                found.append(Returned(node, self.of(node.value), under))
                return
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            condition = self._conditions(node)
            for block in blocks_of(node):
                self._returns(block, under | condition, found)
            if leaves_early(node):
                under |= condition

    def _conditions(self, node: ast.stmt) -> frozenset[str]:
        """Return what its condition is made of, and those of ways out of it: they decide on a loop's `else`, say."""
        found = self._condition(node)
        for inner in ast.walk(node):
            if isinstance(inner, ast.stmt) and inner is not node and leaves_early(inner):
                found |= self._condition(inner)
        return found

    def _condition(self, node: ast.stmt) -> frozenset[str]:
        if isinstance(node, ast.If | ast.While):
            return self.of(node.test).all_inputs
        if isinstance(node, ast.For | ast.AsyncFor):
            return self.of(node.iter).all_inputs
        if isinstance(node, ast.Match):
            return self.of(node.subject).all_inputs
        if isinstance(node, ast.Try):
            read = NOTHING
            for inner in node.body:
                for part in ast.walk(inner):
                    if isinstance(part, ast.Name):
                        read |= self.names.get(part.id, NOTHING)
            return read.all_inputs
        return frozenset()

    def of(self, node: ast.AST | None) -> Origin:
        """Return what an expression is made of."""
        if node is None or isinstance(node, ast.Constant):
            return NOTHING
        if isinstance(node, ast.Name):
            return self.names.get(node.id, NOTHING)
        if isinstance(node, ast.Call):
            return self._of_call(node)
        if isinstance(node, ast.Compare) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)):
            return self._joined(ast.iter_child_nodes(node)).of_kind(Kind.PLAIN)
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            return self._of_comprehension(node)
        joined = self._joined(ast.iter_child_nodes(node))
        return joined.worked_on if isinstance(node, ast.Subscript | ast.Attribute) else joined

    def _joined(self, nodes: Iterable[ast.AST]) -> Origin:
        joined = NOTHING
        for node in nodes:
            joined |= self.of(node)
        return joined

    def _of_comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Origin:
        for generator in node.generators:
            self._bind(generator.target, self.of(generator.iter))
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        joined = self._joined(parts)
        tests = [test for generator in node.generators for test in generator.ifs]
        if joined.kind is Kind.TEXT and any(calls_any(test, _GUARDS) for test in tests):
            joined = joined.of_kind(Kind.DIGITS)
        return joined | Origin(under=self._joined(tests).all_inputs)

    def _of_call(self, node: ast.Call) -> Origin:
        name = resolved(node.func, self.flow.aliases)
        arguments = self._joined([*node.args, *(keyword.value for keyword in node.keywords)])
        base = self.of(node.func.value) if isinstance(node.func, ast.Attribute) else NOTHING
        last = name.rpartition(".")[2] or (node.func.attr if isinstance(node.func, ast.Attribute) else "")
        if name == "map" and node.args:
            name = resolved(node.args[0], self.flow.aliases)
            if name not in _CONVERSIONS | _ESCAPES:
                return self._mapped(node, arguments)
        if name in _CONVERSIONS:
            return _converted(arguments)
        if name in _ESCAPES:
            return replace(arguments, raw=frozenset())
        if name in _PLAIN_CALLS or last in _PLAIN_METHODS:
            return (base | arguments).of_kind(Kind.PLAIN)
        if name in self.flow.functions or name in self.inner:
            return self._called(self.inner.get(name) or self.flow.functions[name], node)
        if last in _PATTERN_CALLS and self._is_pattern_call(node):
            return self._of_pattern_call(node, last, (base | arguments).worked_on)
        joined = base | arguments if last in _KEEPING_ESCAPES else (base | arguments).worked_on
        return joined.of_kind(min(joined.kind, Kind.TEXT)) if last in _TEXT_METHODS else joined

    def _mapped(self, node: ast.Call, arguments: Origin) -> Origin:
        function = self.flow.functions.get(dotted(node.args[0]))
        if function is None or not function.args.args:
            return arguments.worked_on
        return self._entered(function, {function.args.args[0].arg: arguments})

    def _called(self, function: Function, node: ast.Call) -> Origin:
        names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
        given = {name: self.of(value) for name, value in zip(names, node.args, strict=False)}
        given |= {keyword.arg: self.of(keyword.value) for keyword in node.keywords if keyword.arg}
        return self._entered(function, given)

    def _entered(self, function: Function, given: Mapping[str, Origin]) -> Origin:
        names = {**(self.names if function.name in self.inner else {}), **given}
        key = (id(function), frozenset(names.items()))
        known = self.flow.read.get(key)
        if known is not None:
            return known
        if key in self.flow.read or self.depth >= _MAX_DEPTH:
            joined = NOTHING
            for origin in given.values():
                joined |= origin
            return joined.worked_on
        self.flow.read[key] = None
        self.flow.read[key] = found = _Body(self.flow, function, names, self.depth + 1).read()
        return found

    def _is_pattern_call(self, node: ast.Call) -> bool:
        """Say whether it is a call of `re` or of a pattern of the module's, not of a text's own `split`."""
        return self._is_of_module(node) or owner_of(node) in self.flow.patterns

    def _is_of_module(self, node: ast.Call) -> bool:
        return resolved(node.func, self.flow.aliases).startswith(("re.", "regex."))

    def _of_pattern_call(self, node: ast.Call, last: str, joined: Origin) -> Origin:
        pattern = self._pattern_of(node)
        if self._is_of_module(node) and "completion" in self.of(pattern_argument(node)).raw:
            self.flow.pattern_lines.add(node.lineno)
        if joined.kind is not Kind.TEXT or pattern is None:
            return joined
        keeps_digits = drops_all_but_digits(pattern) if last in _DROPPING else only_digits(pattern)
        return joined.of_kind(Kind.DIGITS) if keeps_digits else joined

    def _pattern_of(self, node: ast.Call) -> str | None:
        """Return the pattern of a call of `re` or of a compiled pattern of the module's, where it is a literal."""
        if (owner := owner_of(node)) in self.flow.patterns:
            return self.flow.patterns[owner]
        first = pattern_argument(node)
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            return first.value
        return self.flow.patterns.get(dotted(first))

    def _note_comparisons(self) -> None:
        """Note comparisons, minima and maxima that a NaN or an infinity of the completion's could decide."""
        if self.guarded:
            return
        for node in own_nodes(self.function.body):
            if isinstance(node, ast.Compare) and (how := self._risk_of(node)):
                self.flow.risky_lines.setdefault(node.lineno, how)
            elif isinstance(node, ast.Call) and dotted(node.func) in {"min", "max", "sorted"}:
                given = self._joined(node.args)
                if given.risky and given.kind is Kind.NUMBER:
                    self.flow.risky_lines.setdefault(node.lineno, f"{dotted(node.func)}() of it")

    def _risk_of(self, node: ast.Compare) -> str | None:
        if not orders_only(node):
            return None
        left, right = (self.of(side) for side in (node.left, *node.comparators))
        if Kind.NUMBER in {origin.kind for origin in (left, right) if origin.risky}:
            return "an order comparison of it"
        return "a tolerance that grows with it" if left.risky and right.risky else None


def _converted(argument: Origin) -> Origin:
    if argument.kind is Kind.TEXT:
        return argument.of_kind(Kind.NUMBER)
    return argument.of_kind(Kind.FINITE) if argument.kind is Kind.DIGITS else argument


def _has_guard(function: Function, pattern_of: Callable[[ast.Call], str | None]) -> bool:
    """Say whether a function asks if a number is finite or within two bounds, or lets only digits pass."""
    if calls_any(function, _GUARDS) or (
        calls_any(function, frozenset({"isnan"})) and calls_any(function, frozenset({"isinf"}))
    ):
        return True
    for node in ast.walk(function):
        if isinstance(node, ast.Compare) and len(node.ops) > 1 and orders_only(node):
            return True
        if isinstance(node, ast.Call) and attribute_of(node.func) == "fullmatch":
            pattern = pattern_of(node)
            if pattern is not None and only_digits(pattern, whole=True):
                return True
    return False
