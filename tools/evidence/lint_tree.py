"""Walking a syntax tree: names, statements and their blocks."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


def dotted(node: ast.AST | None) -> str:
    """Return a name such as "re.compile"; "" for what is none."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := dotted(node.value)):
        return f"{base}.{node.attr}"
    return ""


def aliases_of(tree: ast.Module) -> dict[str, str]:
    """Return what imported names stand for: {"D": "decimal.Decimal", "rx": "re"}."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def resolved(node: ast.AST, aliases: Mapping[str, str]) -> str:
    """Return a dotted name with its imported first part written out; "" for what is no name."""
    first, dot, rest = dotted(node).partition(".")
    return f"{aliases.get(first, first)}{dot}{rest}"


def constant_texts(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Return the module's names for texts and compiled patterns."""
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=value)
            ):
                if isinstance(value, ast.Call) and dotted(value.func).endswith("compile") and value.args:
                    value = value.args[0]
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield name, value.value


def orders_only(node: ast.Compare) -> bool:
    """Say whether a comparison asks for less or greater alone."""
    return all(isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for op in node.ops)


def blocks_of(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """Give the blocks of statements within a statement."""
    for name in ("body", "orelse", "finalbody"):
        if block := getattr(node, name, None):
            yield block
    for handler in getattr(node, "handlers", ()):
        yield handler.body
    for case in getattr(node, "cases", ()):
        yield case.body


def head_of(node: ast.stmt) -> list[ast.AST]:
    """Return a statement without the blocks in it: itself where it has none, else the head of what it is."""
    if not list(blocks_of(node)):
        return [node]
    if isinstance(node, ast.For | ast.AsyncFor):
        loop = ast.comprehension(target=node.target, iter=node.iter, ifs=[], is_async=0)
        return [loop]
    if isinstance(node, ast.With | ast.AsyncWith):
        return list(node.items)
    if isinstance(node, ast.Match):
        return [node.subject]
    return [node.test] if isinstance(node, ast.If | ast.While) else []


def leaves_early(node: ast.stmt) -> bool:
    """Say whether a statement may end its function, or its loop, before what follows it."""
    return any(isinstance(inner, ast.Return | ast.Raise | ast.Continue | ast.Break) for inner in ast.walk(node))


def own_nodes(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Walk statements without entering functions defined among them."""
    for node in body:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from own_nodes(ast.iter_child_nodes(node))


def calls_any(node: ast.AST, names: frozenset[str]) -> bool:
    """Say whether a function or method of one of these names is called somewhere within."""
    return any(
        isinstance(part, ast.Call) and (attribute_of(part.func) or dotted(part.func)) in names
        for part in ast.walk(node)
    )


def attribute_of(node: ast.AST) -> str:
    """Return the attribute that is asked for; "" for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else ""


def owner_of(node: ast.Call) -> str:
    """Return the name of what a method is called of; "" where there is none."""
    return dotted(node.func.value) if isinstance(node.func, ast.Attribute) else ""


def pattern_argument(node: ast.Call) -> ast.expr | None:
    """Return what a call of `re` is given as its pattern, by place or by name."""
    named = (keyword.value for keyword in node.keywords if keyword.arg == "pattern")
    return next(chain(node.args, named), None)
