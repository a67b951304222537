import gzip
import io
import json
import sys

import duckdb
import pytest

from ravelar.tools.columns import Columns
from ravelar.tools.errors import InputError
from ravelar.tools.rows import BadRow, Row, read_rows


def write(path, text, mode="w"):
    with path.open(mode) as file:
        file.write(text)
    return str(path)


def test_json_lines_are_read_with_their_places(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"a": 1}\n\n{"a": "\\ud800\\u0000"}\n')
    rows = list(read_rows(path))
    assert [row.place for row in rows] == [f"{path}:1", f"{path}:3"]
    assert rows[1].values == {"a": "\ud800\x00"}


BROKEN = {
    "broken JSON": (b'{"a": ', "not JSON"),
    "not UTF-8": (b'{"a": "\xff"}', "not UTF-8: invalid start byte at byte 7"),
    "a text": (b'"a"', "a row is a JSON object, got a text"),
    "an array": (b"[1]", "jq -c"),
    "deep nesting": (b"[" * 200_000, "nested too deeply"),
    "an endless integer": (b'{"a": ' + b"9" * 5000 + b"}", "not usable JSON"),
}


@pytest.mark.parametrize(("line", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_line_is_named_and_the_next_is_read(tmp_path, line, reason):
    path = write(tmp_path / "a.jsonl", line + b'\n{"a": 1}\n', "wb")
    bad, good = read_rows(path)
    assert isinstance(bad, BadRow)
    assert bad.place == f"{path}:1"
    assert reason in bad.reason
    assert isinstance(good, Row)


def test_a_packed_file_is_unpacked_and_one_cut_short_is_named(tmp_path):
    packed = gzip.compress(b'{"a": 1}\n' * 10_000)
    path = write(tmp_path / "a.jsonl.gz", packed, "wb")
    assert sum(isinstance(row, Row) for row in read_rows(path)) == 10_000
    cut = list(read_rows(write(tmp_path / "b.jsonl.gz", packed[: len(packed) // 2], "wb")))
    assert isinstance(cut[-1], BadRow)
    assert "can't be read further" in cut[-1].reason


def test_csv_cells_are_text_but_objects_are_objects(tmp_path):
    path = write(tmp_path / "a.csv", 'prompt,completion,reference,kwargs\n"a\nb",,"[0, 1)","{""n"": 1}"\n')
    (row,) = read_rows(path)
    assert row.values == {"prompt": "a\nb", "completion": "", "reference": "[0, 1)", "kwargs": {"n": 1}}


def test_a_csv_line_with_a_cell_too_many_is_named_and_the_next_is_read(tmp_path):
    bad, good = read_rows(write(tmp_path / "a.csv", "a,b\n1,2,3\n1,2\n"))
    assert "3 cells, but the header names 2 columns" in bad.reason
    assert good.values == {"a": "1", "b": "2"}


def test_bytes_that_are_no_text_survive_in_csv(tmp_path):
    (row,) = read_rows(write(tmp_path / "a.csv", b"a\n\xff\x00\n", "wb"))
    assert row.values["a"].encode("utf-8", "surrogateescape") == b"\xff\x00"


def test_parquet_values_come_as_json_has_them(tmp_path):
    path = tmp_path / "a.parquet"
    duckdb.sql(
        "COPY (SELECT 'p' AS prompt, [{'role': 'assistant', 'content': 'c'}] AS completion, "
        "{'n': 1.50::DECIMAL(4, 2), 'd': DATE '2026-01-02', 'none': NULL} AS reference, 'x'::BLOB AS b) "
        f"TO '{path}' (FORMAT parquet)"
    )
    (row,) = read_rows(str(path))
    assert json.loads(json.dumps(row.values)) == {
        "prompt": "p",
        "completion": [{"role": "assistant", "content": "c"}],
        "reference": {"n": 1.5, "d": "2026-01-02", "none": None},
        "b": "x",
    }
    assert row.place == f"{path}:row 1"


def test_a_file_that_cannot_be_read_is_refused_at_once(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_rows(str(tmp_path / "none.jsonl"))
    with pytest.raises(InputError, match="is a folder"):
        read_rows(str(tmp_path), "jsonl")
    with pytest.raises(InputError, match=r"'.xlsx' tells no format; known: .jsonl"):
        read_rows(write(tmp_path / "a.xlsx", ""))
    with pytest.raises(InputError, match="not a readable Parquet file"):
        read_rows(write(tmp_path / "a.parquet", "PAR?"))


def test_standard_input_is_read_as_json_lines(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"a": 1}\n')))
    assert [row.values for row in read_rows("-")] == [{"a": 1}]


def test_columns_can_be_renamed_and_reach_into_objects():
    columns = Columns.renamed({"prompt": "question", "completion": "model.text", "label": "model.ok", "task": "kind"})
    row = {"question": "q", "model": {"text": "t", "ok": True}, "kind": "math", "reference": 1}
    triple = columns.triple(row)
    assert (triple.prompt, triple.completion, triple.reference, triple.metadata["task"]) == ("q", "t", 1, "math")
    assert columns.truth(row) is True


def test_a_column_of_the_old_name_does_not_decide_once_it_is_renamed():
    triple = Columns.renamed({"tool": "my_tool"}).triple({"prompt": "", "completion": "", "tool": "not a name"})
    assert triple.metadata["tool"] is None


@pytest.mark.parametrize(
    ("label", "truth"), [(True, True), ("False", False), ("1", True), (0, False), ("maybe", None), (None, None)]
)
def test_labels_are_truth_values_or_nothing(label, truth):
    assert Columns().truth({"label": label}) is truth


def test_a_missing_column_is_named_with_those_that_are_there():
    with pytest.raises(InputError, match=r"no column 'completion'; columns: 'prompt', 'answer'; name it with --column"):
        Columns().triple({"prompt": "p", "answer": "a"})
    with pytest.raises(InputError, match=r"no column role 'promt'; allowed: prompt, completion"):
        Columns.renamed({"promt": "p"})
