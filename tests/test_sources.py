"""Numbers that decide something say where they come from: a source beside them or on docs/sources.md, or `ours`."""

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = (ROOT / "docs/sources.md").read_text(encoding="utf-8")
AUDITED = sorted(
    path
    for pattern in (
        "tools/evidence/*.py",
        "tools/calibrat*.py",
        "tools/drift.py",
        "tools/recognition/*.py",
        "tools/writing/*.py",
        "training/baseline.py",
        "training/checks.py",
        "training/guards.py",
        "training/rise_test.py",
        "training/watched_tool.py",
        "training/writing_env/*.py",
        "benchmark/evals/**/*.py",
    )
    for path in ROOT.glob(pattern)
)
NEUTRAL = {0, 1, -1}  # a beginning, a whole, a sign
SAYS = re.compile(r"\bours\b|\b(?:1[89]|20)\d\d\b|arXiv|sources\.md", re.IGNORECASE)


@dataclass(frozen=True)
class Number:
    """A constant of a module, or a field's default, that holds a number.

    Attributes:
        path: The file.
        name: What it is called.
        line: Where it begins.
        value: The number, if it is nothing else.
        says: What is written beside it: in its lines, in the comment that heads its block, in the text right below it,
            and, for a field, in the class's docstring.
    """

    path: Path
    name: str
    line: int
    value: float | None
    says: str

    @property
    def file(self) -> str:
        return self.path.relative_to(ROOT).as_posix()


def numbers(path: Path) -> Iterator[Number]:
    """Yield a module's numbers, its own and its classes'."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    yield from _of_body(path, text.splitlines(), tree.body, "")
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from _of_body(path, text.splitlines(), node.body, ast.get_docstring(node) or "")


def _of_body(path: Path, lines: list[str], body: list[ast.stmt], about: str) -> Iterator[Number]:
    for at, node in enumerate(body):
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if not isinstance(node, ast.Assign | ast.AnnAssign) or value is None or not _decides(value):
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        beside = [_head(lines, node.lineno - 1), *lines[node.lineno - 1 : node.end_lineno], _below(body, at), about]
        for name, one in _pairs(target, value):
            yield Number(path, ast.unparse(name), node.lineno, _plain(one), "\n".join(beside))


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    """Take `A, B = 1, 2` apart."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return list(zip(target.elts, value.elts, strict=True))
    return [(target, value)]


def _plain(value: ast.expr) -> float | None:
    """Return the number that an expression is, or that is the default of a pydantic field."""
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "Field":
        value = next((keyword.value for keyword in value.keywords if keyword.arg == "default"), value)
    plain = value.value if isinstance(value, ast.Constant) else None
    return plain if isinstance(plain, int | float) else None


def _head(lines: list[str], at: int) -> str:
    """Return the comments that head the block of lines in which a line stands."""
    above = at
    while above > 0 and lines[above - 1].strip():
        above -= 1
    return "\n".join(itertools.takewhile(lambda line: line.lstrip().startswith("#"), lines[above:at]))


def _below(body: list[ast.stmt], at: int) -> str:
    below = body[at + 1] if at + 1 < len(body) else None
    if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
        return below.value.value
    return ""


def _decides(value: ast.expr) -> bool:
    """Whether an expression holds a number that is not neutral, outside patterns, ranges and places in a sequence."""
    called = ast.unparse(value.func) if isinstance(value, ast.Call) else None
    if called in {"re.compile", "regex.compile", "range"}:
        return False
    places = {id(one) for node in ast.walk(value) if isinstance(node, ast.Subscript) for one in ast.walk(node.slice)}
    return any(
        isinstance(node, ast.Constant)
        and isinstance(node.value, int | float)
        and not isinstance(node.value, bool)
        and node.value not in NEUTRAL
        and id(node) not in places
        for node in ast.walk(value)
    )


FOUND = [number for path in AUDITED for number in numbers(path)]


def row_of(number: Number) -> str | None:
    """Return the row of the sources that names a constant and its file."""
    rows = (row for row in SOURCES.splitlines() if f"`{number.file}`" in row)
    return next((row for row in rows if re.search(rf"`{re.escape(number.name)}[` ]", row)), None)


@pytest.mark.parametrize("number", FOUND, ids=lambda one: f"{one.file}:{one.name}")
def test_a_number_says_where_it_comes_from(number: Number) -> None:
    row = row_of(number)
    assert SAYS.search(number.says) or (row and SAYS.search(row)), (
        f"{number.file}:{number.line}: {number.name} has neither a source nor 'ours' beside it, nor in docs/sources.md"
    )


NUMBER_IN_ROW = re.compile(r"`([\w.]+) = ([\d.,_e+-]+)`")


def test_the_sources_give_constants_as_the_code_has_them() -> None:
    known = {(number.file, number.name): number.value for number in FOUND}
    given = {
        (file, name): float(value.replace(",", ""))
        for row in SOURCES.splitlines()
        for file in re.findall(r"^\| `([\w/.]+)`", row)
        for name, value in NUMBER_IN_ROW.findall(row)
    }
    assert len(given) >= 40
    assert given == {place: known.get(place) for place in given}


def test_the_audit_sees_numbers_and_what_stands_beside_them(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        "A = 3\n\n# ours: above\nB = 0.05\nB2 = 6\n\nC = 7  # Wilson 1927\nD = 1\n\n"
        "class E:\n    'All ours.'\n    f: int = 5\n\nclass G:\n    h: int = 5\n    i = A[:2]\n"
    )
    said = {number.name: bool(SAYS.search(number.says)) for number in numbers(path)}
    assert said == {"A": False, "B": True, "B2": True, "C": True, "f": True, "h": False}


def test_files_that_the_sources_name_exist() -> None:
    named = re.findall(r"`((?:tools|training|benchmark|graphs|agents|api|docs|tests)/[\w/.]+)`", SOURCES)
    assert len(named) >= 40
    assert not [name for name in named if not (ROOT / name).exists()]
