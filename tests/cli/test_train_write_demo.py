"""`ravelar train write-demo` as a person meets it: wrong flags, no rows, rows that are there, Ctrl-C."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from ctrl_c import interrupted

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--arm", "episodes"], "'episodes' is not one of 'episode', 'shuffled', 'step'"),
        (["--seeds", "0"], "0 is not in the range"),
        (["--report"], "there are no rows to report"),
    ],
)
@pytest.mark.slow
def test_wrong_flags_are_told_before_anything_runs(ravelar: Run, tmp_path: Path, flags: list[str], said: str) -> None:
    done = ravelar("train", "write-demo", "--out", str(tmp_path / "out"), *flags)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_kept_rows_are_reported_by_one_command_and_not_touched_unasked(ravelar: Run, tmp_path: Path) -> None:
    shutil.copy(ROOT / "docs" / "writer-training" / "rows.jsonl", tmp_path)
    arms = ["--arm", "episode", "--arm", "shuffled", "--arm", "step", "--seeds", "3"]
    done = ravelar("train", "write-demo", "--report", "--out", str(tmp_path), *arms)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in (ROOT / "docs" / "writer-training.md").read_text()
    again = ravelar("train", "write-demo", "--out", str(tmp_path))
    assert again.returncode == 2
    assert "is there already; --resume goes on after its rows" in again.stderr


@pytest.mark.slow
def test_ctrl_c_ends_it_with_130_and_leaves_no_traceback(tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    rest = interrupted("train", "write-demo", "--out", out, first="seed 1: teaching a policy")
    assert rest.strip() == "ravelar: interrupted; --resume goes on"
