"""Whether an expression can be judged by our own evaluator, told before any value is there."""

import ast
from collections.abc import Collection

from ravelar.tools.verifiers.code import evaluation

_PARTS = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.comprehension, ast.keyword)
_ALL_METHODS = frozenset().union(*evaluation.METHODS.values())


def is_plain(expression: ast.expr, names: Collection[str]) -> bool:
    """Say whether the evaluator knows everything in an expression.

    Args:
        expression: What is to be evaluated; calls of the program are names by now.
        names: The names that will have values.
    """
    known = {*names, *evaluation.TYPES} | {
        node.id for node in ast.walk(expression) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    callees = {id(node.func) for node in ast.walk(expression) if isinstance(node, ast.Call)}
    attributes = [node for node in ast.walk(expression) if isinstance(node, ast.Attribute)]
    modules = {id(node.value) for node in attributes if _of_math(node, known)}
    return all(
        id(node) in modules or (_callable(node, known) if id(node) in callees else _plain(node, known))
        for node in ast.walk(expression)
    )


def _plain(node: ast.AST, known: Collection[str]) -> bool:
    match node:
        case ast.Name():
            return node.id in known
        case ast.Attribute():
            return _of_math(node, known)
        case ast.Constant():
            return node.value is not Ellipsis
        case ast.BinOp():
            return type(node.op) in evaluation.BINARY
        case ast.Compare():
            return _identities_are_plain(node)
        case ast.keyword():
            return node.arg in evaluation.KEYWORDS
        case ast.comprehension():
            return not node.is_async
        case ast.Dict():
            return None not in node.keys
    return type(node) in evaluation.HANDLERS or isinstance(node, (*_PARTS, ast.Starred))


def _callable(node: ast.AST, known: Collection[str]) -> bool:
    """Say whether what is called is a known builtin, a function of math, or a method that changes nothing."""
    if isinstance(node, ast.Name):
        return node.id in evaluation.FUNCTIONS
    return isinstance(node, ast.Attribute) and (_of_math(node, known) or node.attr in _ALL_METHODS)


def _of_math(node: ast.AST, known: Collection[str]) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "math"
        and "math" not in known
        and node.attr in evaluation.MATH
    )


def _identities_are_plain(node: ast.Compare) -> bool:
    """Take `is` for None, True, False and types alone: other values lose their identity on the way out of a jail."""
    sides = [node.left, *node.comparators]
    for op, left, right in zip(node.ops, sides, sides[1:], strict=False):
        if isinstance(op, ast.Is | ast.IsNot) and not (_single(left) or _single(right)):
            return False
    return True


def _single(node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return node.id in evaluation.TYPES
    return isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool))
