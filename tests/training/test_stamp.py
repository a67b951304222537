"""Stamps of checkpoints: what changed is named, what is not finished is not gone on from."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ravelar.tools.errors import CheckpointFailed, InputError
from ravelar.tools.library import Library
from ravelar.training.checkpoints import checkpoints, finished, saving_may_fail, where_to_begin
from ravelar.training.stamp import STAMP, LibraryStamp, read_stamp, version_of, write_stamp

QUERIES = [("a", "math"), ("b", None)]


@pytest.fixture
def stamp(fake_tool: Any) -> LibraryStamp:
    return LibraryStamp.of(Library([fake_tool("math"), fake_tool("code")]), QUERIES)


def checkpoint(folder: Path, step: int, stamp: LibraryStamp | None) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    if stamp is not None:
        write_stamp(path, stamp, {})
    return path


def test_the_same_library_and_routes_have_the_same_stamp(fake_tool: Any, stamp: LibraryStamp) -> None:
    again = LibraryStamp.of(Library([fake_tool("code"), fake_tool("math")]), reversed(QUERIES))
    assert stamp.differences(again) == []


def test_every_difference_is_named(fake_tool: Any, stamp: LibraryStamp) -> None:
    other = LibraryStamp.of(Library([fake_tool("math", high=2.0), fake_tool("judge")]), QUERIES)
    assert stamp.differences(other) == [
        "'code' is gone",
        "'judge' is new",
        f"'math' was {stamp.tools['math']}, is {other.tools['math']}",
    ]
    assert stamp.differences(stamp.model_copy(update={"ravelar": "9"})) == [f"Ravelar was {stamp.ravelar}, is 9"]
    rerouted = LibraryStamp.of(Library([fake_tool("math"), fake_tool("code")]), [("a", "code"), ("b", None)])
    assert stamp.differences(rerouted) == ["the 2 rows, or the tools that they are routed to, are not the 2 of now"]


def test_an_adopted_tool_has_the_version_of_its_entry_and_evidence_changes_none(fake_tool: Any) -> None:
    class Entry:
        version = "abc"

    adopted, plain = fake_tool("a"), fake_tool("a")
    adopted.entry = Entry()
    assert version_of(adopted) == "abc"
    summary = plain.card.model_copy(update={"summary": "Another."})
    before, plain.card = version_of(plain), summary
    assert version_of(plain) != before


def test_a_stamp_is_read_as_it_was_written(tmp_path: Path, stamp: LibraryStamp) -> None:
    write_stamp(tmp_path, stamp, {"guards": [None]})
    assert read_stamp(tmp_path) == (stamp, {**stamp.model_dump(mode="json"), "guards": [None]})
    assert [path.name for path in tmp_path.iterdir()] == [STAMP]
    (tmp_path / STAMP).write_text("{")
    with pytest.raises(InputError, match="can't be read"):
        read_stamp(tmp_path)


def test_a_run_begins_only_where_no_other_left_checkpoints(tmp_path: Path, stamp: LibraryStamp) -> None:
    def begin() -> Path | None:
        return where_to_begin(tmp_path / "out", resume=False, now=stamp, accept_changes=False)

    assert begin() is None
    checkpoint(tmp_path / "out", 5, stamp)
    with pytest.raises(InputError, match="holds checkpoint-5 of an earlier run; --resume continues it"):
        begin()


def test_the_last_finished_checkpoint_is_gone_on_from(tmp_path: Path, stamp: LibraryStamp) -> None:
    def resume(which: bool | str = True) -> Path | None:
        return where_to_begin(tmp_path, resume=which, now=stamp, accept_changes=False)

    with pytest.raises(InputError, match="no finished checkpoint to resume from; unfinished: none"):
        resume()
    unfinished = checkpoint(tmp_path, 30, None)
    with pytest.raises(InputError, match="unfinished: checkpoint-30"):
        resume()
    for step in (9, 20):
        checkpoint(tmp_path, step, stamp)
    assert resume() == tmp_path / "checkpoint-20"
    assert resume(str(tmp_path / "checkpoint-9")) == tmp_path / "checkpoint-9"
    with pytest.raises(InputError, match=r"checkpoint-30 has no ravelar.json: it was never finished"):
        resume(str(unfinished))
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-9", "checkpoint-20", "checkpoint-30"]
    assert len(finished(tmp_path)) == 2


def test_a_changed_library_is_gone_on_with_only_if_it_is_accepted(tmp_path: Path, stamp: LibraryStamp) -> None:
    checkpoint(tmp_path, 1, stamp)
    now = stamp.model_copy(update={"tools": {**stamp.tools, "new": "1"}})
    with pytest.raises(InputError, match=r"trained with: 'new' is new; --accept_changed_library"):
        where_to_begin(tmp_path, resume=True, now=now, accept_changes=False)
    assert where_to_begin(tmp_path, resume=True, now=now, accept_changes=True) == tmp_path / "checkpoint-1"


def test_a_save_that_fails_is_told_and_leaves_only_what_is_whole(tmp_path: Path, stamp: LibraryStamp) -> None:
    with (
        pytest.raises(CheckpointFailed, match=r"checkpoint-4 could not be written \(OSError: .*checkpoint-2 is intact"),
        saving_may_fail(tmp_path),
    ):
        checkpoint(tmp_path, 2, stamp)
        checkpoint(tmp_path, 4, None)
        raise OSError(28, "No space left on device")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-2"]


def test_what_an_earlier_run_left_unfinished_counts_once_it_is_written_to_again(tmp_path: Path) -> None:
    left = checkpoint(tmp_path, 4, None)
    (left / "model.safetensors").write_text("half")
    for path in (left, left / "model.safetensors"):
        os.utime(path, (0, 0))
    with pytest.raises(CheckpointFailed, match="there is no earlier one"), saving_may_fail(tmp_path):
        (left / "model.safetensors").write_text("half again")
        raise OSError(28, "No space left on device")
    assert not left.exists()


def test_what_fails_elsewhere_stays_what_it_is(tmp_path: Path, stamp: LibraryStamp) -> None:
    old = checkpoint(tmp_path, 1, None)
    os.utime(old, (0, 0))
    with pytest.raises(RuntimeError, match="no save"), saving_may_fail(tmp_path):
        checkpoint(tmp_path, 2, stamp)
        raise RuntimeError("no save")
    assert old.exists()
    assert json.loads((tmp_path / "checkpoint-2" / STAMP).read_text())["rows"] == 2
