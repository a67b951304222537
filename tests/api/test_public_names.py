"""The public names are a promise: their list, their signatures and their documentation."""

import ast
import importlib
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from public_names import FIELDS, MODULES, SNAPSHOT, described, found, is_public, names_of, snapshot

NAMES = [(module, name) for module in MODULES for name in names_of(module) if name != "__version__"]
ROOT = Path(__file__).resolve().parents[2]


def test_no_public_name_or_signature_changes_by_accident():
    changed = "a public name or signature changed: if you mean it, `make public-names`, and say it in CHANGELOG.md"
    assert snapshot() == SNAPSHOT.read_text(encoding="utf-8"), changed


def test_the_snapshot_holds_every_name_and_what_matters_of_it():
    text = SNAPSHOT.read_text(encoding="utf-8")
    assert len(NAMES) > 50
    for line in (
        "def fork(source: str | Path, step: int, out: str | Path) -> Path",
        "class UnknownName(InputError)",
        "    value: float | None",
        "    @property def names(self) -> list[str]",
        "RawScore = float | Scored | RewardToolError",
    ):
        assert f"\n{line}\n" in text


def test_descriptions_are_no_part_of_a_signature():
    assert "Annotated" not in SNAPSHOT.read_text(encoding="utf-8")
    assert "    brief: GivenBrief" in list(described("ravelar.ravel", "RavelInput"))


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_public_name_can_be_imported(module, name):
    assert getattr(importlib.import_module(module), name) is not None


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_public_name_is_documented_with_what_it_has_and_takes(module, name):
    node = found(module, name)
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return
    doc = ast.get_docstring(node)
    assert doc, f"{module}.{name} has no docstring"
    assert re.match(r"[A-Z].*?[.:!?](\n|$)", doc.split("\n\n")[0].replace("\n", " ")), "it begins with a sentence"
    for undocumented in not_told(node, doc):
        pytest.fail(f"{module}.{name}: {undocumented} is not documented")


def not_told(node, doc):
    """Yield the fields, parameters and methods of which a docstring says nothing."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield from untold_parameters(node, doc)
        return
    for part, after in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(part, ast.AnnAssign):
            said_below = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            yield from () if said_below else untold_field(node, part, doc)
        elif isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and is_public(part) and node.name not in FIELDS:
            if part.name == "__init__":
                yield from untold_parameters(part, doc)
            elif not part.name.startswith("__") and not ast.get_docstring(part):
                yield f"the method {part.name}"


def untold_field(node, part, doc):
    """A field of plain JSON may be told in its class's first sentence; all others have a line of their own."""
    name, is_json = ast.unparse(part.target), "TypedDict" in map(ast.unparse, node.bases)
    told = f"{name}:" in doc or f"`{name}`" in doc or "Annotated" in ast.unparse(part.annotation) or is_json
    if not name.startswith("_") and not told:
        yield f"the field {name}"


def untold_parameters(node, doc):
    given = [one.arg for one in (*node.args.args, *node.args.kwonlyargs) if one.arg != "self"]
    if len(given) > 2:
        yield from (f"the parameter {name}" for name in given if f"{name}:" not in doc and f"`{name}`" not in doc)


def test_the_versioning_page_lists_the_public_modules():
    page = (ROOT / "docs/versioning.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(ravelar[\w.]*)` \|", page, re.MULTILINE) == list(MODULES)


def test_a_type_checker_is_told_of_names_that_are_not_there():
    """A module-level `__getattr__` that a checker can see would make every misspelt name an `Any`."""
    for module in MODULES:
        source = Path(importlib.import_module(module).__file__).read_text(encoding="utf-8")
        assert not re.search(r"^def __getattr__", source, re.MULTILINE), module
