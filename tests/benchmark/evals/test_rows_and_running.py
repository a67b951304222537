"""Rows survive whatever ends a run; one failed job fails its row and nothing else."""

import asyncio
import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ravelar.benchmark.evals.manifest import digest_of, open_manifest, read_manifest
from ravelar.benchmark.evals.rows import StageRows, read_rows_by_key
from ravelar.benchmark.evals.running import Stage, Tally, run_stage
from ravelar.tools.errors import BrokenReply, BudgetExhausted, InputError, ModelUnavailable


def run(path: Path, work: Any, jobs: Mapping[str, int], *, at_once: int = 2, retry_failed: bool = False) -> Tally:
    stage = Stage(jobs, lambda job: {"job": job}, work, at_once)
    with StageRows(path) as rows:
        return asyncio.run(run_stage(stage, rows, retry_failed=retry_failed))


async def double(job: int) -> dict[str, int]:
    return {"twice": 2 * job}


def test_what_has_a_row_is_not_done_again(tmp_path: Path) -> None:
    done: list[int] = []

    async def work(job: int) -> dict[str, int]:
        done.append(job)
        return await double(job)

    path = tmp_path / "rows.jsonl"
    run(path, work, {"a": 1, "b": 2})
    tally = run(path, work, {"a": 1, "b": 2, "c": 3})
    assert (done, tally.made, tally.kept) == ([1, 2, 3], 1, 2)
    assert read_rows_by_key(path)["c"] == {"key": "c", "job": 3, "twice": 6}


@pytest.mark.parametrize("error", [BrokenReply("no"), RuntimeError("our own bug"), ValueError("\udcff")])
def test_a_failed_job_fails_its_row_and_no_other(tmp_path: Path, error: Exception) -> None:
    async def work(job: int) -> dict[str, int]:
        if job == 2:
            raise error
        return await double(job)

    path = tmp_path / "rows.jsonl"
    tally = run(path, work, {"a": 1, "b": 2, "c": 3})
    rows = read_rows_by_key(path)
    assert (tally.made, sum(tally.failed.values())) == (2, 1)
    assert type(error).__name__ in rows["b"]["error"]
    assert rows["b"]["job"] == 2
    assert run(path, double, {"a": 1, "b": 2, "c": 3}).made == 0
    assert run(path, double, {"a": 1, "b": 2, "c": 3}, retry_failed=True).made == 1
    assert "error" not in read_rows_by_key(path)["b"]


def test_a_spent_budget_ends_the_stage_without_a_row_for_the_job_that_met_it(tmp_path: Path) -> None:
    async def work(job: int) -> dict[str, int]:
        if job >= 3:
            raise BudgetExhausted("tokens", 10)
        return await double(job)

    path = tmp_path / "rows.jsonl"
    tally = run(path, work, {str(i): i for i in range(100)}, at_once=1)
    assert tally.stopped == "the budget of tokens is used up: 10"
    assert list(read_rows_by_key(path)) == ["0", "1", "2"]


def test_a_stage_that_finds_no_model_ends_early(tmp_path: Path) -> None:
    async def work(job: int) -> dict[str, int]:
        raise ModelUnavailable("nobody there")

    tally = run(tmp_path / "rows.jsonl", work, {str(i): i for i in range(1_000)}, at_once=4)
    assert "nobody there" in tally.stopped
    assert sum(tally.failed.values()) < 20


def test_no_more_than_asked_for_run_at_once(tmp_path: Path) -> None:
    running, most = 0, 0

    async def work(job: int) -> dict[str, int]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return {}

    run(tmp_path / "rows.jsonl", work, {str(i): i for i in range(50)}, at_once=7)
    assert most == 7


def test_a_line_that_a_kill_cut_off_is_passed_over_and_made_again(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    run(path, double, {"a": 1, "b": 2})
    whole = path.read_bytes()
    for cut in range(1, len(whole.splitlines()[-1]) + 1):
        path.write_bytes(whole[:-cut])
        run(path, double, {"a": 1, "b": 2})
        assert {key: row["twice"] for key, row in read_rows_by_key(path).items()} == {"a": 2, "b": 4}


def test_a_broken_line_within_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"key": "a"}\nnonsense\n{"key": "b"}\n')
    with pytest.raises(InputError, match=r"rows\.jsonl:2: not a row of a run"):
        StageRows(path)
    path.write_text('{"key": 1}\n')
    with pytest.raises(InputError, match=r"rows\.jsonl:1: a row has no key"):
        read_rows_by_key(path)


def test_two_processes_do_not_write_one_file(tmp_path: Path) -> None:
    with StageRows(tmp_path / "rows.jsonl"), pytest.raises(InputError, match="being written by another"):
        StageRows(tmp_path / "rows.jsonl")


def test_a_full_disk_loses_no_row_that_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, real, written = tmp_path / "rows.jsonl", os.write, 0

    def full(descriptor: int, data: bytes) -> int:
        nonlocal written
        if written:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = real(descriptor, data[:5])
        return written

    with StageRows(path) as rows:
        rows.append({"key": "a"})
        with monkeypatch.context() as patched:
            patched.setattr("os.write", full)
            with pytest.raises(InputError, match="the disk is full"):
                rows.append({"key": "b"})
        rows.append({"key": "c"})
    assert list(read_rows_by_key(path)) == ["a", "c"]


def test_a_run_is_not_continued_with_other_settings(tmp_path: Path) -> None:
    made = open_manifest(tmp_path, "judge x", {"model": "x", "temperature": 0.0})
    assert open_manifest(tmp_path, "judge x", {"temperature": 0.0, "model": "x"}) == made
    open_manifest(tmp_path, "judge y", {"model": "y"})
    with pytest.raises(InputError, match=r"temperature was 0.0, now 0.7; use another folder"):
        open_manifest(tmp_path, "judge x", {"model": "x", "temperature": 0.7})
    assert set(read_manifest(tmp_path)["stages"]) == {"judge x", "judge y"}
    assert made["python"]
    assert made["versions"]["numpy"]
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="can't be read"):
        read_manifest(tmp_path)


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest_of({"a": 1, "b": ["é", None]}) == digest_of(json.loads('{"b": ["é", null], "a": 1}'))
    assert digest_of({"a": 1}) != digest_of({"a": "1"})
