"""`ravelar train study` and `ravelar train demo` as a person meets them: wrong flags, no rows, Ctrl-C."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from ctrl_c import interrupted
from needs import skip_without

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]
skip_without("trl", "the extra `train` is not installed")


@pytest.mark.slow
def test_there_is_nothing_to_report_without_rows(ravelar: Run, tmp_path: Path) -> None:
    done = ravelar("train", "study", "--report", "--out", str(tmp_path))
    assert done.returncode == 2
    assert "there are no rows to report" in done.stderr


def test_rows_that_are_there_are_not_touched_unasked(ravelar: Run, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"kind": "kit", "seed": 1}\n')
    done = ravelar("train", "study", "--out", str(tmp_path))
    assert done.returncode == 2
    assert "is there already; --resume goes on after its rows" in done.stderr
    assert (tmp_path / "rows.jsonl").read_text() == '{"kind": "kit", "seed": 1}\n'


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--arm", "route"], "no arm 'route'; did you mean 'routed'?"),
        (["--seeds", "0"], "0 is not in the range"),
        (["--jobs", "many"], "'many' is not a valid integer"),
    ],
)
def test_wrong_flags_are_told_before_anything_runs(ravelar: Run, tmp_path: Path, flags: list[str], said: str) -> None:
    done = ravelar("train", "study", "--out", str(tmp_path / "out"), *flags)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_broken_row_is_named(ravelar: Run, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("nonsense\n{}\n")
    done = ravelar("train", "study", "--report", "--out", str(tmp_path))
    assert done.returncode == 2
    assert "rows.jsonl, line 1: no row of a study" in done.stderr


@pytest.mark.slow
def test_the_kept_rows_are_reported_into_a_page_by_one_command(ravelar: Run, tmp_path: Path) -> None:
    shutil.copy(ROOT / "docs" / "study" / "rows.jsonl", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("# Page\n<!-- figures: -->\n<!-- end of figures -->\n")
    done = ravelar("train", "study", "--report", "--out", str(tmp_path), "--into", str(page))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in page.read_text()
    assert "(accuracy.svg)" in page.read_text()
    assert {path.name for path in tmp_path.iterdir()} >= {"accuracy.svg", "curves.svg"}


@pytest.mark.slow
@pytest.mark.xdist_group("busy")
def test_ctrl_c_ends_the_demo_with_130_and_leaves_no_traceback() -> None:
    rest = interrupted("train", "demo", first="teaching a policy")
    assert rest.strip() == "ravelar: interrupted"


def test_the_demo_refuses_no_steps(ravelar: Run) -> None:
    done = ravelar("train", "demo", "--steps", "0")
    assert done.returncode == 2
    assert "0 is not in the range" in done.stderr
