"""The public names and their signatures as text, read from the source without importing it.

    python tests/api/public_names.py     # writes public_names.txt again; each difference is a promise changed

`make public-names` does the same. docs/versioning.md says what a change of these names costs.
"""

import ast
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import TypeGuard

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOT = Path(__file__).with_suffix(".txt")
MODULES = ("ravelar", "ravelar.rlar", "ravelar.ravel", "ravelar.chat", "ravelar.rewards", "ravelar.trainers")
"""What is public, with its `__all__`; all other modules are inside."""

FIELDS = ("Parts",)
"""Classes whose fields alone are public: their methods are for the graph's own nodes."""

_SPECIAL = ("__init__", "__call__", "__iter__", "__len__", "__contains__", "__getitem__", "__enter__", "__exit__")


def snapshot() -> str:
    """Return every public name with its signature, module by module, in the order of `__all__`."""
    blocks = []
    for module in MODULES:
        lines = [line for name in names_of(module) if name != "__version__" for line in described(module, name)]
        blocks.append("\n".join([f"# {module}", "", *lines, ""]))
    return "\n".join(blocks)


def names_of(module: str) -> list[str]:
    """Return a public module's `__all__`."""
    for node in tree_of(module).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    raise AssertionError(f"{module} has no __all__")


def described(module: str, name: str) -> Iterator[str]:
    """Yield a name's lines: what it is, and for a class what it has."""
    node = found(module, name)
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield signature(node)
        case ast.ClassDef():
            yield f"class {name}({', '.join(ast.unparse(base) for base in node.bases)})".removesuffix("()")
            yield from (f"    {line}" for line in members(node))
        case ast.Assign():
            yield f"{name} = {ast.unparse(node.value)}"
        case ast.AnnAssign():
            yield f"{name}: {annotation(node.annotation)}"


def members(node: ast.ClassDef) -> Iterator[str]:
    """Yield the public fields and methods that a class has itself."""
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and not ast.unparse(part.target).startswith("_"):
            default = f" = {ast.unparse(part.value)}" if part.value is not None else ""
            yield f"{ast.unparse(part.target)}: {annotation(part.annotation)}{default}"
        elif isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and is_public(part) and node.name not in FIELDS:
            yield "".join(f"@{ast.unparse(one)} " for one in part.decorator_list) + signature(part)


def is_public(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a method is a part of the promise."""
    return not node.name.startswith("_") or node.name in _SPECIAL


def signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return a function's name, parameters and result."""
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {annotation(node.returns)}" if node.returns is not None else ""
    return f"{word} {node.name}({ast.unparse(_Plain().visit(deepcopy(node.args)))}){returns}"


def annotation(node: ast.expr) -> str:
    """Return a type without what only documents it: descriptions in `Annotated`, and quotes around it."""
    unquoted = ast.parse(node.value, mode="eval").body if _is_quoted(node) else deepcopy(node)
    return ast.unparse(_Plain().visit(unquoted))


def _is_quoted(node: ast.expr | None) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


class _Plain(ast.NodeTransformer):
    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        if ast.unparse(node.value) == "Annotated" and isinstance(node.slice, ast.Tuple):
            return self.visit(node.slice.elts[0])
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        if _is_quoted(node.annotation):
            node.annotation = ast.parse(node.annotation.value, mode="eval").body
        return self.generic_visit(node)


def found(module: str, name: str) -> ast.stmt:
    """Return where a name is defined, following imports."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.ImportFrom) and name in {alias.asname or alias.name for alias in node.names}:
            original = next(alias.name for alias in node.names if (alias.asname or alias.name) == name)
            return found(str(node.module), original)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return node
        if isinstance(node, ast.Assign) and [ast.unparse(one) for one in node.targets] == [name]:
            return node
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name:
            return node
    raise AssertionError(f"{module} defines no {name}")


@cache
def tree_of(module: str) -> ast.Module:
    """Return a module's syntax tree; the folders at the top are the packages of `ravelar`."""
    parts = module.split(".")[1:]
    tops = {path.name for path in ROOT.iterdir() if (path / "__init__.py").is_file()} - {"api"}
    start = ROOT if parts and parts[0] in tops else ROOT / "api"
    path = start.joinpath(*parts)
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


if __name__ == "__main__":
    SNAPSHOT.write_text(snapshot(), encoding="utf-8")
    print(f"{SNAPSHOT.relative_to(ROOT)}: {sum(len(names_of(module)) for module in MODULES)} names")
