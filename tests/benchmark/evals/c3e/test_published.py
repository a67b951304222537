"""The published files: rebuilt from their parts and proved, or refused with both hashes."""

import gzip
import json
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from ravelar.benchmark.evals.c3e import published
from ravelar.benchmark.evals.c3e.items import read_items
from ravelar.benchmark.evals.c3e.published import BLOBS, CHINESE_PARTS, ENGLISH_PARTS, blob_id, fetch, rebuild
from ravelar.tools.errors import InputError


def write_parts(folder: Path, english: list[str], chinese: dict[str, list[dict[str, object]]]) -> None:
    for path, text in zip(ENGLISH_PARTS, english, strict=True):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    for task, path in CHINESE_PARTS.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in chinese[task])
        (folder / path).write_text(lines, encoding="utf-8")


def row(task: str, number: int, reference: str = "好") -> dict[str, object]:
    name = "id" if task == "edit" else "infer_id"
    return {name: f"{task}_{number}", "task_type": task, "instruction": "写/写", "input": {"content": "甲"},
            "sub_task": "散文", "reference": reference}  # fmt: skip


@pytest.fixture
def parts(tmp_path: Path, shared) -> Path:
    """The real English file in its four parts, and small Chinese ones."""
    text = gzip.decompress(shared("c3ebench/english.jsonl.gz").read_bytes()).decode()
    by_task: dict[str, str] = dict.fromkeys(("cloze", "condition", "edit", "end2end"), "")
    for line in text.splitlines(keepends=True):
        by_task[json.loads(line)["task_type"]] += line
    chinese = {task: [row(task, i) for i in range(3)] for task in CHINESE_PARTS}
    write_parts(tmp_path / "published", list(by_task.values()), chinese)
    return tmp_path / "published"


def test_a_blob_id_is_what_git_says(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"tide\n\xff")
    said = subprocess.run(["git", "hash-object", tmp_path / "x"], capture_output=True, text=True, check=True)
    assert blob_id(b"tide\n\xff") == said.stdout.strip()


def test_english_is_rebuilt_byte_for_byte_and_proved_by_its_published_blob(parts: Path) -> None:
    english, chinese = rebuild(lambda path: (parts / path).read_bytes())
    assert (english.blob, english.proved) == (BLOBS["english_dataset.jsonl"], True)
    assert not chinese.proved


@pytest.mark.slow
def test_a_file_that_is_not_the_published_one_is_refused_with_both_hashes_and_nothing_is_written(
    parts: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"chinese_dataset_v2.jsonl is \w{40}, published 9ab577b"):
        fetch(tmp_path / "out", source=str(parts))
    assert not (tmp_path / "out").exists()
    fetch(tmp_path / "out", source=str(parts), accept_changed=True)
    assert len(read_items(tmp_path / "out" / "english_dataset.jsonl")) == 458


def test_the_same_comes_over_http(parts: Path, tmp_path: Path) -> None:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: Quiet(*a, directory=str(parts)))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        files = fetch(tmp_path / "out", source=address, accept_changed=True)
        (parts / ENGLISH_PARTS[0]).unlink()
        with pytest.raises(InputError, match=r"step_4_cloze_benchmark.jsonl answers 404"):
            fetch(tmp_path / "more", source=address)
    finally:
        server.shutdown()
        server.server_close()
    assert files[0].proved


def test_chinese_drops_long_items_and_draws_as_the_published_script_does(tmp_path: Path) -> None:
    chinese = {task: [row(task, i) for i in range(3)] for task in CHINESE_PARTS}
    chinese["cloze"] = [row("cloze", i, "长" * (4_001 if i % 5 == 0 else 4_000)) for i in range(400)]
    write_parts(tmp_path, ["", "", "", ""], chinese)
    _, rebuilt = rebuild(lambda path: (tmp_path / path).read_bytes())
    rows = [json.loads(line) for line in rebuilt.data.decode().splitlines()]
    drawn = [row["infer_id"] for row in rows if row["task_type"] == "cloze"]
    kept = [i for i in range(400) if i % 5]
    order = np.random.RandomState(42).choice(len(kept), size=200, replace=False)
    assert drawn == [f"cloze_cn_{kept[i]}" for i in order]
    assert [row["task_type"] for row in rows] == sorted(row["task_type"] for row in rows)
    assert b'"instruction":"\xe5\x86\x99\\/\xe5\x86\x99"' in rebuilt.data  # as pandas writes a slash


def test_the_given_chinese_items_are_those_that_this_draw_gives(shared) -> None:
    items = read_items(shared("c3ebench/chinese.jsonl.gz"))
    for task, n in {"cloze": 356, "condition": 405, "edit": 248, "end2end": 417}.items():  # left after the filter
        numbers = [int(item.key.rpartition("_")[2]) for item in items if item.brief.task == task]
        order = np.random.RandomState(42).choice(n, size=200, replace=False)
        assert [number for _, number in sorted(zip(order, numbers, strict=True))] == sorted(numbers)


def test_an_answer_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "_LARGEST_PART", 10)
    with pytest.raises(InputError, match="larger than 10 bytes"):
        published._bounded([b"123456", b"123456"], "http://127.0.0.1/x")
