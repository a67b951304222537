"""Texts measured as a stage: a row per text, gone on with after a kill, and told in the report."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ravelar.benchmark.evals.c3e.items import Item
from ravelar.benchmark.evals.c3e.run_folder import begin_run
from ravelar.benchmark.evals.measures.grounding import Sources
from ravelar.benchmark.evals.measures.row import Thresholds, measure
from ravelar.benchmark.evals.measures.stage import MEASURES, measure_rows
from ravelar.benchmark.evals.report.gathering import gather
from ravelar.benchmark.evals.report.measured import GATES
from ravelar.benchmark.evals.report.writing import as_markdown, as_page, write_report
from ravelar.benchmark.evals.rows import Row, read_rows_by_key
from ravelar.cli.eval_measures import command
from ravelar.tools.errors import InputError

GOOD, EMPTY = "The tide took the harbour with it, and left the boats where they lay.", "?"


@pytest.fixture
def run(items_file: Path, tmp_path: Path) -> Path:
    """Two systems on eight items: a's texts say something, b's are empty; one of a's was never written."""
    folder = tmp_path / "run"
    outputs = []
    for i, item in enumerate(begin_run(folder, [items_file]).items):
        for system, text in (("a", GOOD), ("b", EMPTY)):
            row = {"key": f"{system}|{item.key}|0", "item": item.key, "task": item.brief.task,
                   "language": item.brief.language, "system": system, "sample": 0}  # fmt: skip
            failed = system == "a" and i == 0
            outputs.append({**row, "error": "BrokenReply: nothing"} if failed else {**row, "text": text})
    (folder / "outputs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in outputs), encoding="utf-8")
    return folder


def rows_of(folder: Path) -> dict[str, Row]:
    return read_rows_by_key(folder / MEASURES)


def measured(folder: Path, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(command, [str(folder), *arguments], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.return_value, done.output


def test_each_text_has_a_row_that_says_what_the_measures_say(run: Path, items: list[Item]) -> None:
    code, said = measured(run, "--jobs", "1")
    assert code == 0
    assert said.startswith("15 texts measured, 0 failed, 0 there before")
    rows, sources = rows_of(run), Sources(items)
    assert len(rows) == 15
    assert "a|cloze_en_0|0" not in rows
    for row in rows.values():
        item = next(item for item in items if item.key == row["item"])
        found = measure(item, GOOD if row["system"] == "a" else EMPTY, sources)
        assert row["refused"] == found.refusals()
        assert row["chrf"] == found.chrf
    assert all("empty" in row["refused"] for row in rows.values() if row["system"] == "b")


def test_what_has_a_row_is_not_measured_again_and_a_broken_end_is_made_whole(run: Path) -> None:
    measured(run)
    path = run / MEASURES
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    _, said = measured(run, "--json")
    told = json.loads(said)
    assert told["made"] + told["kept"] == 15
    assert 0 < told["kept"] < 15
    assert sorted(path.read_bytes().splitlines()) == sorted(whole.splitlines())


@pytest.mark.slow
def test_two_processes_say_what_one_says(run: Path, items: list[Item], monkeypatch: pytest.MonkeyPatch) -> None:
    measured(run, "--jobs", "1")
    one = rows_of(run)
    (run / MEASURES).unlink()
    monkeypatch.setattr("ravelar.benchmark.evals.measures.processes.PART", 5)
    measured(run, "--jobs", "2")
    assert rows_of(run) == one


def test_a_text_that_can_not_be_measured_is_an_error_of_its_row(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(item: Item, text: str, sources: Sources) -> object:
        if item.key == "edit_en_2":
            raise RecursionError("too deep")
        return measure(item, text, sources)

    monkeypatch.setattr("ravelar.benchmark.evals.measures.processes.measure", broken)
    code, _ = measured(run, "--jobs", "1")
    assert code == 1
    assert {key for key, row in rows_of(run).items() if row.get("error")} == {"a|edit_en_2|0", "b|edit_en_2|0"}
    found = gather([run])
    (edits,) = [one for one in found.measured if (one.language, one.task, one.system) == ("en", "edit", "a")]
    assert (edits.texts, edits.unmeasured, edits.refused) == (0, 1, None)
    assert any(row["key"] == "a|edit_en_2|0" for row in found.unscored)
    monkeypatch.undo()
    assert measured(run, "--jobs", "1", "--retry-failed")[0] == 0
    assert not [row for row in rows_of(run).values() if row.get("error")]


def test_the_report_tells_gates_by_system_and_task_and_drift_as_drift(run: Path, tmp_path: Path) -> None:
    assert gather([run]).measured == []
    assert "Gates" not in as_page(gather([run]))
    measured(run, "--jobs", "1")
    found = gather([run])
    assert len(found.measured) == 15  # eight kinds of items, two systems; a has no English cloze
    empty = [one for one in found.measured if one.system == "b"]
    assert all((one.refused, one.by_gate["empty"], one.texts) == (1.0, 1.0, 1) for one in empty)
    assert all(one.low is not None and one.low < 1 for one in empty)
    refused = {row["key"]: row["refused"] for row in found.refused}
    assert set(refused) >= {f"b|{item}|0" for item in ("cloze_en_0", "edit_cn_5")}
    for text in (as_markdown(found), as_page(found)):
        assert "They hardly tell good texts from bad ones, and rank nobody." in text
        assert "b|cloze_en_0|0: empty (0 letters, at least 8)" in text
    _, plain, _ = write_report(found, tmp_path / "out")
    whole = json.loads(plain.read_text(encoding="utf-8"))
    assert len(whole["refused"]) == len(found.refused)
    assert whole["measured"][0]["by_gate"].keys() == set(GATES)


def test_the_report_names_the_gates_that_the_measures_have(items: list[Item]) -> None:
    everything = Thresholds(lift=1e9, repeated=-1.0, script=2.0, length=101.0, letters=10**6)
    item = next(item for item in items if item.brief.asked)
    text = "```\nAs an AI language model, I write: the moon pulls and"
    refused = measure(item, text, Sources([item]), drift=False).refusals(everything)
    assert set(refused) | {"grounding"} <= set(GATES)
    assert {"empty", "repetition", "script", "length"} <= set(refused)


def test_wrong_runs_are_refused_and_a_dry_run_writes_nothing(run: Path, items: list[Item], tmp_path: Path) -> None:
    assert measured(run, "--dry-run") == (0, "15 of 15 texts would be measured.\n")
    assert not (run / MEASURES).exists()
    with pytest.raises(InputError, match="holds no run"):
        measured(tmp_path / "nothing")
    with pytest.raises(InputError, match="is of no item among the 1 given"):
        measure_rows(run, items[:1], [{"key": "x", "item": "edit_en_2", "system": "a", "text": "x"}])
