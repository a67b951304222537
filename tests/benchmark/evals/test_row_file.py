"""Rows by key: whole after any kill, continued only by the same run, one writer at a time."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ravelar.benchmark.evals.row_file import RowFile, manifest_path, read_manifest, read_rows_by_key
from ravelar.tools.errors import InputError

ABOUT = {"benchmark": "b", "seed": 1}


def test_the_last_row_of_a_key_counts_and_the_file_only_grows(tmp_path) -> None:
    path = tmp_path / "r.jsonl"
    with RowFile(path, ABOUT) as rows:
        rows.append({"key": "a", "error": "down"})
        rows.append({"key": "b", "error": None})
    with RowFile(path, ABOUT, resume=True) as rows:
        assert rows.rows["a"]["error"] == "down"
        rows.append({"key": "a", "error": None})
    assert [row["error"] for row in read_rows_by_key(path).values()] == [None, None]
    assert len(path.read_text().splitlines()) == 3
    assert read_manifest(path) == ABOUT


def test_a_line_cut_short_is_cut_off_and_written_anew(tmp_path) -> None:
    path = tmp_path / "r.jsonl"
    with RowFile(path, ABOUT) as rows:
        rows.append({"key": "a"})
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"key": "b", "sco')
    with RowFile(path, ABOUT, resume=True) as rows:
        assert list(rows.rows) == ["a"]
        rows.append({"key": "b"})
    assert path.read_bytes() == whole + b'{"key": "b"}\n'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("nonsense\nmore\n", "r.jsonl:1: not a row of a run"),
        ('{"row": 0}\n', "a row has no key"),
        ("[]\n", "not a row"),
    ],
)
def test_another_file_is_refused_untouched(tmp_path, content, said) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(content)
    manifest_path(path).write_text(json.dumps(ABOUT))
    with pytest.raises(InputError, match=said), RowFile(path, ABOUT, resume=True):
        pass
    assert path.read_text() == content


def test_another_run_is_not_continued(tmp_path) -> None:
    path = tmp_path / "r.jsonl"
    with RowFile(path, ABOUT) as rows:
        rows.append({"key": "a"})
    with pytest.raises(InputError, match="seed is 2 now and was 1"):
        RowFile(path, {**ABOUT, "seed": 2}, resume=True)
    RowFile(path, {**ABOUT, "ravelar": "2.0"}, resume=True)  # another version may go on
    manifest_path(path).unlink()
    with pytest.raises(InputError, match="no readable manifest"):
        RowFile(path, ABOUT, resume=True)


def test_files_that_cannot_be_written_are_refused_before_anything_is_asked(tmp_path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"key": "a"}\n')
    with pytest.raises(InputError, match="--resume continues it, --overwrite replaces it"):
        RowFile(path, ABOUT)
    with pytest.raises(InputError, match="give one of them"):
        RowFile(path, ABOUT, resume=True, overwrite=True)
    with pytest.raises(InputError, match="there is no folder"):
        RowFile(tmp_path / "no" / "r.jsonl", ABOUT)
    with pytest.raises(InputError, match="is a folder"):
        RowFile(tmp_path, ABOUT)
    with pytest.raises(RuntimeError, match="context manager"):
        RowFile(tmp_path / "new", ABOUT).append({"key": "a"})
    with RowFile(path, ABOUT, overwrite=True) as rows:
        assert rows.rows == {}
    assert path.read_text() == ""


def test_two_runs_do_not_write_one_file(tmp_path) -> None:
    path = tmp_path / "r.jsonl"
    with RowFile(path, ABOUT) as rows:
        rows.append({"key": "a"})
        with pytest.raises(InputError, match="another run is writing"), RowFile(path, ABOUT, resume=True):
            pass
    with RowFile(path, ABOUT, resume=True) as rows:
        assert list(rows.rows) == ["a"]


WRITER = """
import sys, itertools
from pathlib import Path
from ravelar.benchmark.evals.row_file import RowFile
with RowFile(Path(sys.argv[1]), {"b": 1}, resume=True) as rows:
    print("open", flush=True)
    for n in itertools.count(len(rows.rows)):
        rows.append({"key": str(n), "text": "x" * 3_000})
"""


def test_whatever_moment_it_is_killed_at_only_whole_rows_stay_and_none_is_lost(tmp_path: Path) -> None:
    path, before = tmp_path / "r.jsonl", 0
    for i in range(5):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout.readline() == "open\n"
            size, deadline = path.stat().st_size, time.monotonic() + 60
            while path.stat().st_size <= size and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(0.007 * i)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.communicate(timeout=30)
        keys = list(read_rows_by_key(path))
        assert keys == [str(n) for n in range(len(keys))]
        assert len(keys) > before
        before = len(keys)
