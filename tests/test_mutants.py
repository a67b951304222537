"""What `make mutants` changes and whom it asks: its lists are not stale, and it leaves alone what tests can't tell."""

import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / ".ci" / "mutants"
MODULES = {
    module: tests
    for group in tomllib.loads((HERE / "modules.toml").read_text(encoding="utf-8")).values()
    for module, tests in group.items()
}
ACCEPTED = tomllib.loads((HERE / "accepted.toml").read_text(encoding="utf-8"))["accepted"]
SOURCE = """
LIMIT = 5


class Kept:
    size: int | None = 3


def total(first: int | None, *, second: int = 2) -> int | None:
    return first + second if first < LIMIT else None
"""


def test_modules_and_tests_that_are_listed_exist() -> None:
    for module, tests in MODULES.items():
        assert (ROOT / module).exists(), module
        assert all((ROOT / test).exists() for test in tests), tests


def test_each_reason_is_about_a_line_that_is_still_there() -> None:
    for entry in ACCEPTED:
        modules = [entry["module"]] if "module" in entry else list(MODULES)
        assert set(modules) <= set(MODULES), entry
        assert any(entry["line"] in (ROOT / module).read_text(encoding="utf-8") for module in modules), entry
        assert entry["reason"]


@pytest.mark.slow
def test_both_programs_start_as_the_makefile_starts_them() -> None:
    pytest.importorskip("cosmic_ray", reason="the extra 'mutants' is not installed")
    lines = re.findall(r"\$\(BIN\)/python (.*?\.ci/mutants/\w+\.py)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert len(lines) == 2
    for line in lines:
        done = subprocess.run([sys.executable, *line.split(), "--help"], cwd=ROOT, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    pytest.importorskip("cosmic_ray", reason="the extra 'mutants' is not installed")
    monkeypatch.syspath_prepend(str(HERE))
    sys.modules.pop("run", None)
    return importlib.import_module("run")


@pytest.mark.slow
def test_types_constants_and_bare_stars_are_left_alone(run: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(SOURCE)
    found, there = run.mutants(path)
    assert len(found) == there
    changes = [(item.mutations[0].start_pos[0], item.mutations[0].operator_name.split("/")[1]) for item in found]
    assert {line for line, _ in changes} == {9, 10}
    assert sorted(change for _, change in changes) == [
        "AddNot",
        "NumberReplacer",
        "NumberReplacer",
        "ReplaceBinaryOperator_Add_Sub",
        "ReplaceComparisonOperator_Lt_GtE",
        "ReplaceComparisonOperator_Lt_LtE",
    ]


def test_a_sample_is_the_same_each_time(run: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(SOURCE)
    one, other = ([item.mutations[0] for item in run.mutants(path, run.Draw(3))[0]] for _ in range(2))
    assert len(one) == 3
    assert one == other


def test_a_groups_share_weighs_each_module_by_its_mutants(run: ModuleType) -> None:
    report = importlib.import_module("report")
    counts = [report.Counted("a", 100, 10, 10), report.Counted("b", 300, 10, 5)]
    share, low, high = report.estimate(counts)
    assert share == pytest.approx(0.625)
    assert low < share < high
    assert report.estimate([report.Counted("a", 10, 10, 9)]) == pytest.approx((0.9, 0.9, 0.9))
