"""The house itself: who imports whom, what is packaged, what is public, what is light."""

import ast
import importlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import ravelar
from ravelar.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("agents", "benchmark", "graphs", "tools", "training")
MAY_IMPORT = {
    "tools": {"tools"},
    "agents": {"agents", "tools"},
    "graphs": {"graphs", "agents", "tools"},
    "benchmark": {"benchmark", "graphs", "agents", "tools"},
    "training": {"training", "agents", "tools"},
}
SOURCES = [path for package in (*PACKAGES, "api") for path in (ROOT / package).rglob("*.py")]


def imported(path: Path) -> set[str]:
    """Return the names of all modules that a file imports, wherever in the file it does."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_downwards_only(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        ours = {name.split(".")[1] for name in imported(path) if name.startswith("ravelar.")}
        assert ours <= MAY_IMPORT[package], f"{path} imports {ours - MAY_IMPORT[package]}"


def test_every_package_is_in_the_wheel_and_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    there = {"ravelar"}
    for package in PACKAGES:
        there |= {
            f"ravelar.{'.'.join(p.parent.relative_to(ROOT).parts)}" for p in (ROOT / package).rglob("__init__.py")
        }
    there |= {
        f"ravelar.{'.'.join(p.parent.relative_to(ROOT / 'api').parts)}" for p in (ROOT / "api").rglob("*/__init__.py")
    }
    assert set(project["tool"]["setuptools"]["packages"]) == there


def test_no_module_bears_the_name_of_a_standard_one() -> None:
    names = {path.stem for path in SOURCES} - {"__init__", "__main__"}
    assert not names & set(sys.stdlib_module_names)


def test_public_names_are_those_that_are_listed() -> None:
    for name in ravelar.__all__:
        assert getattr(ravelar, name) is not None
    assert set(ravelar.__all__) == {*ravelar._HOME_OF, "__version__"}
    assert set(ravelar.__all__) <= set(dir(ravelar))
    with pytest.raises(AttributeError, match="no attribute 'scores'"):
        ravelar.scores  # noqa: B018


@pytest.mark.parametrize("name", [name for name in ravelar.__all__ if name not in {"__version__", "RawScore"}])
def test_public_names_are_documented(name: str) -> None:
    doc = getattr(ravelar, name).__doc__
    assert doc
    assert not doc.startswith(f"{name}(")


@pytest.mark.parametrize("module", ["torch", "transformers", "trl", "langgraph", "sympy", "pydantic", "rich"])
def test_importing_the_package_is_light(module: str) -> None:
    code = f"import sys, ravelar; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("module", ["torch", "transformers", "trl", "langgraph", "sympy", "sacrebleu", "nltk"])
def test_scoring_numbers_loads_nothing_heavy(module: str) -> None:
    code = (
        "import sys, ravelar; r = ravelar.score([{'prompt': '', 'completion': '42', 'reference': 42}]); "
        f"sys.exit(r[0].value != 1.0 or {module!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_command_exists_and_has_help_with_examples_or_goals() -> None:
    for name in COMMANDS:
        command = importlib.import_module(f"ravelar.cli.{name}").command
        assert command.help
    assert all(f"`ravelar {name}" in (ROOT / "docs/cli.md").read_text() for name in COMMANDS)


def test_every_tool_is_documented_and_has_an_honest_card() -> None:
    documented = "".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))
    for tool in ravelar.default_library():
        assert f"`{tool.card.name}`" in documented, f"{tool.card.name} is in no page of docs/"
        assert len(tool.card.summary) > 60
        assert tool.card.bounded


def test_the_versions_agree() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == ravelar.__version__


def test_the_graphs_that_langgraph_is_told_of_exist() -> None:
    for entry in json.loads((ROOT / "langgraph.json").read_text())["graphs"].values():
        module, name = entry["path"].split(":")
        assert getattr(importlib.import_module(module), name)
        assert entry["description"]


def test_files_named_in_the_readme_exist() -> None:
    readme = (ROOT / "README.md").read_text()
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", readme)
    assert linked
    for name in linked:
        assert (ROOT / name).exists(), name
