"""`ravelar eval c3e`, `eval judge` and `eval report` as a person runs them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parents[1]
for folder in (TESTS / "agents", TESTS / "benchmark" / "evals" / "c3e"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from cassette_server import ScriptedServer  # noqa: E402

ARGUMENTS = {
    "eval_report": ["eval", "report", "run"],
    "eval_measures": ["eval", "measures", "run"],
    "eval_rewards": ["eval", "rewards", "rewardmath", "scores.jsonl", "--given"],
    "eval_select": ["eval", "select", "rewardmath", "scores.jsonl"],
}
GOOD = {"reasons": [{"about": "all", "finding": "apt"}], "score": 6, "verdict": "equal"}
LINES: list[dict[str, Any]] = [
    {
        "infer_id": f"end2end_en_{i}", "task_type": "end2end", "sub_task": "story", "instruction": f"Write story {i}.",
        "input": {"genre": "story", "brief": "tides", "audience": "all", "word": "300"}, "reference": f"Tide {i}.",
    }
    for i in range(3)
]  # fmt: skip


@pytest.fixture
def items(tmp_path: Path) -> Path:
    folder = tmp_path / "c3ebench"
    folder.mkdir()
    (folder / "english_dataset.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return folder


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    path = tmp_path / "outputs.jsonl"
    rows = [{"infer_id": f"end2end_en_{i}", "model": name, "output": f"{name} {i}"} for name in "ab" for i in range(3)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.slow
def test_texts_are_taken_judged_and_reported(
    ravelar: Callable[..., Any], items: Path, outputs: Path, tmp_path: Path
) -> None:
    run = str(tmp_path / "run")
    taken = ravelar("eval", "c3e", "run", "--items", str(items), "--out", run, "--outputs", str(outputs))
    assert (taken.returncode, taken.stdout.count("3 texts of")) == (0, 2)
    dry = ravelar("eval", "judge", run, "--model", "openai:gpt-5", "--dry-run", "--json")
    assert json.loads(dry.stdout)["calls"] == 6
    server = ScriptedServer([json.dumps(GOOD)])
    server.start()
    try:
        judged = ravelar("eval", "judge", run, "--model", "openai:gpt-5", "--base-url", server.url, "--json")
    finally:
        server.stop()
    assert (judged.returncode, json.loads(judged.stdout)["made"]) == (0, 6), judged.stderr
    report = ravelar("eval", "report", run)
    assert report.returncode == 0, report.stderr
    assert "en end2end, gpt-5: None can be ranked above another" in report.stdout
    assert {path.name for path in Path(run).glob("report.*")} == {"report.md", "report.json", "report.html"}


@pytest.mark.slow
def test_ravel_writes_end_to_end_items_in_folders_of_their_own_and_goes_on(
    ravelar: Callable[..., Any], items: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    command = [
        "eval",
        "c3e",
        "run",
        "--items",
        str(items),
        "--out",
        str(run),
        "--ravel",
        "scripted:demo",
        "--limit",
        "2",
    ]
    first = ravelar(*command, "--at-once", "2", "--json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout.splitlines()[-1])["made"] == 2
    rows = [json.loads(line) for line in (run / "outputs.jsonl").read_text().splitlines()]
    assert all(row["trajectory"]["finished"] and row["text"].startswith("# ") for row in rows)
    assert len(list((run / "ravel").glob("*/*/events.jsonl"))) == 2
    again = ravelar(*command, "--json")
    assert json.loads(again.stdout.splitlines()[-1])["kept"] == 2
    report = ravelar("eval", "report", str(run))
    assert report.returncode == 0, report.stderr
    assert "Writing in steps" in (run / "report.md").read_text()
    assert 'aria-label="share of runs that finished (S)"' in (run / "report.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["c3e", "run", "--items", "nowhere", "--out", "o", "--model", "openai:x"], "holds no items"),
        (["c3e", "run", "--items", "c3ebench", "--out", "o"], "name one writer"),
        (["c3e", "run", "--items", "c3ebench", "--out", "o", "--model", "x"], "names no provider"),
        (["c3e", "run", "--items", "c3ebench", "--out", "o", "--model", "openai:x", "--task", "x"], "no task 'x'"),
        (["c3e", "run", "--items", "c3ebench", "--out", "o", "--ravel", "openai:x", "--role", "x=y"], "ROLE=MODEL"),
        (["c3e", "fetch", "--source", "nowhere"], "can't be read"),
        (["c3e", "build", "nowhere", "--out", "o", "--model", "openai:x"], "no such folder"),
        (["judge", "nowhere", "--model", "openai:x"], "holds no run"),
        (["report", "nowhere"], "holds no run"),
    ],
)  # fmt: skip
def test_what_can_not_be_used_is_told_at_once(
    ravelar: Callable[..., Any], items: Path, tmp_path: Path, arguments: list[str], says: str
) -> None:
    done = ravelar("eval", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["eval_report", "eval_measures", "eval_rewards", "eval_select"])
def test_a_base_install_is_told_which_extra_is_missing(name: str, tmp_path: Path) -> None:
    """In a process where scipy can't be found, as it is without the extra `eval`."""
    code = (
        "import importlib.util as u, sys; real = u.find_spec; "
        "u.find_spec = lambda module, *more: None if module == 'scipy' else real(module, *more); "
        f"sys.argv = ['ravelar']; from ravelar.cli.main import main; main(sys.argv[1:] + {ARGUMENTS[name]!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "pip install 'ravelar[eval]'" in done.stderr
    assert "Traceback" not in done.stderr
