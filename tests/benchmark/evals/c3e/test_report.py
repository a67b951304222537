"""A report says what the rows say: figures, words for what can't be ranked, every unscored row; no markup is run."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ravelar.benchmark.evals.c3e.run_folder import begin_run, open_run
from ravelar.benchmark.evals.report.gathering import gather
from ravelar.benchmark.evals.report.writing import as_markdown, as_page, write_report
from ravelar.tools.errors import InputError

TESTS = Path(__file__).resolve().parents[3]
if str(TESTS) not in sys.path:
    sys.path.insert(0, str(TESTS))

from pages_in_browser import layout  # noqa: E402

HOSTILE = '<script>alert("x")</script> & </details>'


@pytest.fixture
def run(items_file: Path, tmp_path: Path) -> Path:
    """Two systems on eight items, two judges; b is one better on each; one text failed, one judgement failed."""
    folder = tmp_path / "run"
    items = begin_run(folder, [items_file]).items
    outputs, judgements, comparisons = [], [], []
    for i, item in enumerate(items):
        kind = {"item": item.key, "task": item.brief.task, "language": item.brief.language}
        for system, score in (("a", 4 + i % 2), ("b", 5 + i % 2)):
            of = {**kind, "system": system, "sample": 0}
            key = f"{system}|{item.key}|0"
            if system == "a" and i == 0:
                outputs.append({"key": key, **of, "error": f"BrokenReply: {HOSTILE}"})
                continue
            text = f"{HOSTILE} {'x' * i * (3 if system == 'b' else 1)}"
            spent = {"calls": 1, "tokens_in": 10, "tokens_out": 20}
            outputs.append({"key": key, **of, "text": text, "cut": False, **spent})
            for judge in ("j", "k"):
                row = {"key": f"{judge}|{key}|0", **of, "output": key, "judge": judge, "repeat": 0}
                if judge == "k" and i == 1:
                    judgements.append({**row, "error": "BrokenReply: no JSON"})
                    continue
                reasons = [{"about": HOSTILE, "finding": HOSTILE}]
                judgements.append({**row, "score": score, "verdict": "equal", "reasons": reasons, "calls": 1,
                                   "tokens_in": 100, "tokens_out": 10})  # fmt: skip
        for first, second, better in (("a", "b", "second"), ("b", "a", "first" if i < 6 else "second")):
            winner = {"first": first, "second": second}[better]
            comparisons.append({"key": f"{first}|{second}|{item.key}", **kind, "judge": "j", "first": first,
                                "second": second, "better": better, "winner": winner})  # fmt: skip
    for name, rows in (("outputs", outputs), ("judgements", judgements), ("comparisons", comparisons)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def board(found: Any, judge: str, language: str, task: str) -> Any:
    return next(one.found for one in found.boards if (one.judge, one.language, one.task) == (judge, language, task))


def test_means_are_those_of_the_scored_rows_and_the_others_are_counted(run: Path) -> None:
    found = gather([run])
    english = {one.mean.system: one.mean for one in board(found, "j", "en", "all").standings}
    assert (english["b"].value, english["b"].n, english["b"].unscored) == (5.5, 4, 0)
    assert (english["a"].value, english["a"].n, english["a"].unscored) == (pytest.approx(14 / 3), 3, 1)
    assert [row["key"] for row in found.unscored] == [
        "a|cloze_en_0|0",
        "k|a|condition_en_1|0|0",
        "k|b|condition_en_1|0|0",
    ]


def test_agreement_ratings_and_leans_are_told(run: Path) -> None:
    found = gather([run])
    assert found.judges["en"].alpha == 1.0
    strongest = found.ratings["j, en"][0]
    assert (strongest.system, strongest.n) == ("b", 8)
    (lean,) = [one for one in found.biases if one.judge == "j"]
    assert lean.first == 6 / 16
    assert lean.contradicted == 2 / 8
    assert lean.length is not None
    assert lean.length > 0


@pytest.mark.slow
def test_four_rows_can_rank_nobody_and_the_page_says_so(run: Path) -> None:
    found = gather([run])
    assert "can&#39;t be ranked" in as_page(found)
    assert "a true difference under" in as_markdown(found)


@pytest.mark.slow
def test_the_page_runs_no_markup_of_others_and_asks_for_nothing(run: Path) -> None:
    page = as_page(gather([run]))
    assert "<script" not in page
    assert "&lt;script&gt;alert" in page
    assert "http" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    ).replace("https://matplotlib.org", "")


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_fits_its_window_and_loads_nothing(run: Path, tmp_path: Path, width: int) -> None:
    found = layout(as_page(gather([run])), width, tmp_path)
    assert (found["wide"], found["loaded"]) == ([], [])
    assert int(str(found["scroll"])) <= width


@pytest.mark.slow
def test_three_forms_are_written_and_the_json_holds_every_row(run: Path, tmp_path: Path) -> None:
    paths = write_report(gather([run]), tmp_path / "out")
    assert [path.name for path in paths] == ["report.md", "report.json", "report.html"]
    whole = json.loads(paths[1].read_text(encoding="utf-8"))
    assert len(whole["unscored"]) == 3
    assert whole["boards"][0]["words"]
    assert "cloze_en_0" in paths[0].read_text(encoding="utf-8")


def test_runs_that_do_not_belong_together_are_refused(run: Path, items_file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is in two of the runs"):
        gather([run, run])
    with pytest.raises(InputError, match=r"holds no run: there is no manifest.json"):
        gather([tmp_path])
    items_file.write_text(items_file.read_text(encoding="utf-8").replace("gulls", "crows"), encoding="utf-8")
    with pytest.raises(InputError, match="have changed"):
        open_run(run)
