"""Old names warn with the new one, and the build fails once the version has come in which they are gone."""

import ast
import warnings
from pathlib import Path

import pytest

import ravelar
from ravelar.tools.deprecation import NOTICE, is_due

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("api", "agents", "benchmark", "graphs", "tools", "training")
OLD = """
@deprecated("since 0.1, gone in 0.3: use ravelar.score")
def points(): ...

_RENAMED = {"grade": "since 0.1, gone in 0.4: use ravelar.score"}
"""


def notices(source: str) -> list[str]:
    """Return what a module says of old names: in `@deprecated`, and in its table of renamed names."""
    said: list[ast.expr] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "deprecated":
            said += node.args[:1]
        target = ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else ""
        target = ast.unparse(node.target) if isinstance(node, ast.AnnAssign) else target
        if target == "_RENAMED" and isinstance(node.value, ast.Dict):
            said += node.value.values
    return [str(ast.literal_eval(one)) for one in said]


def overdue(source: str, version: str) -> list[str]:
    return [notice for notice in notices(source) if NOTICE.fullmatch(notice) is None or is_due(notice, version)]


def test_no_old_name_is_there_whose_version_has_come():
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "deprecated" in source or "_RENAMED" in source:
            assert not overdue(source, ravelar.__version__), f"{path}: remove these, or mend their notice"


@pytest.mark.parametrize(
    ("version", "gone"),
    [("0.2.9", 0), ("0.3.0.dev0", 1), ("0.3.0", 1), ("0.4.0rc1", 2), ("0.10.0", 2), ("1.0.0", 2)],
)
def test_an_old_name_is_overdue_from_the_first_pre_release_on(version, gone):
    assert len(overdue(OLD, version)) == gone


def test_a_notice_that_names_no_version_or_no_new_name_fails_at_once():
    assert overdue('@deprecated("do not use")\ndef old(): ...', "0.1.0") == ["do not use"]


def test_a_renamed_name_warns_where_it_is_used_and_still_works(monkeypatch):
    monkeypatch.setitem(ravelar._RENAMED, "points", "since 0.1, gone in 9.0: use ravelar.score")
    with pytest.warns(DeprecationWarning, match=r"ravelar\.points is an old name since 0\.1, gone in 9\.0") as seen:
        assert ravelar.points is ravelar.score
    assert [warning.filename for warning in seen] == [__file__]
    assert "points" not in ravelar.__all__
    assert "points" not in dir(ravelar)


def test_a_name_that_is_there_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ravelar.score is not None
