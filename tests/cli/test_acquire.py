"""`ravelar acquire` and `ravelar score --acquire`, as a person types them, against a loopback language model."""

import io
import json
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "graphs"))
from five_tasks import TASKS
from loopback_model import RoleServer, write_jsonl
from rlar_world import known_as, named, written

from ravelar.cli.main import main
from ravelar.tools.adopted.store import open_store

ROOT = Path(__file__).resolve().parents[2]
UNITS, HAIKU = TASKS["unit_conversion"], TASKS["haiku_syllables"]
EXAMPLES, PROBES = (str(ROOT / f"examples/tasks/unit_conversion_{name}.jsonl") for name in ("examples", "probes"))
GIVEN = ("--task-examples", EXAMPLES, "--probes", PROBES)
HAIKU_EXAMPLES = str(ROOT / "examples/tasks/haiku_examples.jsonl")
HAIKU_ROWS, HAIKU_PROBES = (
    [json.loads(line) for line in (ROOT / f"examples/tasks/haiku_{name}.jsonl").read_text().splitlines()]
    for name in ("examples", "probes")
)


def of_haiku(user: str) -> bool:
    return any(json.dumps(row["prompt"], ensure_ascii=False)[1:-1] in user for row in [*HAIKU_ROWS, *HAIKU_PROBES])


def name(user: str) -> str:
    spec = (HAIKU if of_haiku(user) else UNITS).spec()
    return known_as(spec.label) if f'"label": "{spec.label}"' in user else named(spec)


def write(user: str) -> str:
    return written((HAIKU if of_haiku(user) else UNITS).honest_verifier())


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("RAVELAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RAVELAR_LIBRARY", str(tmp_path / "library.sqlite"))
    monkeypatch.setenv("COLUMNS", "80")
    with RoleServer({"task namer": name, "writer": write}) as server:
        server.flags = ("--model", "openai:loopback", "--base-url", server.url, "--no-hub")
        yield server


@pytest.fixture
def inside(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command as `ravelar` does, but in this process: seconds less, where a process of its own shows no more."""

    def run(*arguments: str, stdin: str = "") -> Any:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, ended.value.code, out, err)

    return run


@pytest.mark.slow
def test_a_walk_from_examples_to_rewards(ravelar, model, tmp_path):
    done = ravelar("acquire", *GIVEN, *model.flags)
    assert done.returncode == 0, done.stderr
    assert "adopted: written verifier, attempt 1 passed on" in done.stdout
    assert "see it: ravelar library show unit_conversion --source" in done.stdout
    assert "[check_verifier] written verifier, attempt 1: passed" in done.stderr
    assert model.asked == ["task namer", "writer"]
    assert "in use" in ravelar("library", "list").stdout
    shown = ravelar("library", "show", "unit_conversion", "--source").stdout
    assert "def verify(prompt, completion, reference)" in shown
    scored = ravelar("score", PROBES, "--json")
    (tool,) = [tool for tool in json.loads(scored.stdout.splitlines()[-1])["tools"] if tool["tool"]]
    assert (tool["tool"], tool["false_accepts"], tool["false_rejects"]) == ("unit_conversion", 0, 0)
    again = ravelar("acquire", *GIVEN, *model.flags)
    assert again.returncode == 0
    assert again.stdout.startswith("known: ")
    assert len(model.asked) == 2


def test_tables_and_progress_fit_a_terminal(inside, model):
    model.answers["writer"] = written("def verify(prompt, completion, reference):\n    return 1.0\n")
    done = inside("acquire", *GIVEN, *model.flags, "--max-repairs", "0")
    assert done.returncode == 1
    assert "nothing_passed" in done.stdout
    table = done.stdout.split("nothing_passed", maxsplit=1)[0].splitlines()
    assert any("written verifier" in line for line in table)
    assert max(map(len, table)) <= 80
    assert not re.search(r"\x1b\[", done.stdout + done.stderr)
    assert max(map(len, done.stderr.splitlines())) <= 460  # one line an event, long ones cut


def test_the_result_as_json_is_one_line_of_the_graphs_output(inside, model):
    done = inside("acquire", *GIVEN, *model.flags, "--json")
    result = json.loads(done.stdout)
    assert result["end"] == "adopted"
    assert result["adopted"]["tool"] == "unit_conversion"
    assert {"candidates", "left_out", "spent", "because", "task"} <= set(result)
    assert not {"examples", "probes", "chosen"} & set(result)


@pytest.mark.parametrize(("typed", "code", "end"), [("y\n", 0, "adopted"), ("n\ntoo strict\n", 1, "not_approved")])
@pytest.mark.slow
def test_asked_before_adoption_a_person_decides(inside, model, typed, code, end):
    done = inside("acquire", *GIVEN, *model.flags, "--ask", stdin=typed)
    assert done.returncode == code
    assert done.stdout.splitlines()[-4 if code == 0 else -3].startswith(end) or f"{end}: " in done.stdout
    assert "def verify(prompt, completion, reference)" in done.stderr
    assert "bad probes rejected: 1.000" in done.stderr
    if code:
        assert "a person refused written verifier, attempt 1: too strict" in done.stdout


def test_nobody_to_ask_adopts_nothing_and_asks_again_without_a_further_call(inside, model):
    done = inside("acquire", *GIVEN, *model.flags, "--ask", stdin="")
    assert done.returncode == 1
    assert "nobody answered; nothing is adopted yet, the same command asks again" in done.stderr
    again = inside("acquire", *GIVEN, *model.flags, "--ask", stdin="y\n")
    assert again.returncode == 0
    assert "continuing an interrupted run at approve" in again.stderr
    assert model.asked == ["task namer", "writer"]


@pytest.mark.slow
def test_fresh_begins_anew(inside, model):
    inside("acquire", *GIVEN, *model.flags, "--ask", stdin="")
    fresh = inside("acquire", *GIVEN, *model.flags, "--ask", "--fresh", stdin="y\n")
    assert fresh.returncode == 0
    assert "continuing" not in fresh.stderr
    assert model.asked.count("writer") == 2


def test_without_a_language_model_it_says_what_it_left_out(inside, model):
    done = inside("acquire", *GIVEN, "--no-hub")
    assert done.returncode == 1
    assert done.stdout.startswith("unavailable: ")
    assert "no language model is set" in done.stdout
    assert "left out: scout: the context says not to search the Hub" in done.stdout


def test_without_probes_it_says_what_is_missing(inside, model):
    done = inside("acquire", "--task-examples", HAIKU_EXAMPLES, *model.flags)
    assert done.returncode == 1
    assert "insufficient_probes: 0 good probes are held out, 50 are needed" in done.stdout


WRONG = [
    ((), "give --task-examples FILE, --probes FILE, or both"),
    (("--probes", "nofile.jsonl"), "nofile.jsonl: no such file"),
    ((*GIVEN, "--threshold", "min_probess=3"), "min_probess = 3.0"),
    ((*GIVEN, "--threshold", "min_lower=7"), "less than or equal to 1; known: min_probes"),
    ((*GIVEN, "--threshold", "min_probes=x"), "the form is NAME=NUMBER"),
    ((*GIVEN, "--library", "/proc/nowhere/library.sqlite"), "/proc/nowhere"),
    ((*GIVEN, "--library", "mysql://x"), "allowed: a path"),
    ((*GIVEN, "--model", "gpt"), "allowed: provider:name"),
    ((*GIVEN, "--remote-model", "http://127.0.0.1:9"), "the form is PROTOCOL=URL"),
    ((*GIVEN, "--remote-model", "zzz=http://127.0.0.1:9"), "'zzz'; known: "),
    ((*GIVEN, "--column", "prompt"), "the form is ROLE=NAME"),
    ((*GIVEN, "--hub-endpoint", "ftp://x", "--hub"), "endpoint"),
    ((*GIVEN, "--nonsense"), "No such option"),
    ((*GIVEN, "--max-repairs", "-1"), "-1"),
]


@pytest.mark.parametrize(("flags", "said"), WRONG, ids=[said for _, said in WRONG])
def test_wrong_usage_ends_with_2_and_says_what_is_allowed(inside, model, flags, said):
    done = inside("acquire", *(() if "--hub" in flags else ("--no-hub",)), *flags)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "pydantic.dev" not in done.stderr
    assert not done.stdout


@pytest.mark.parametrize(
    ("flag", "row", "said"),
    [
        ("--probes", '{"prompt": ', "not JSON"),
        ("--probes", '{"question": "a"}', "no column 'prompt'; columns: 'question'; --column prompt=NAME"),
        ("--probes", '{"prompt": "a", "completion": "b", "label": "maybe"}', "'maybe' is no label"),
        ("--probes", '{"prompt": "a", "completion": "b"}', "no column 'label'"),
        ("--probes", '{"prompt": "a", "chosen": "b"}', "both 'chosen' and 'rejected'"),
        ("--task-examples", "[1]", ""),
    ],
)
def test_a_broken_row_is_named_by_file_and_line_before_anything_is_spent(inside, model, tmp_path, flag, row, said):
    path = tmp_path / "rows.jsonl"
    good = {"prompt": "q", "completion": "c", "label": True}
    path.write_text(f"{json.dumps(good)}\n{row}\n")
    done = inside("acquire", flag, str(path), *model.flags)
    assert done.returncode == 2
    assert f"{path}:2: " in done.stderr
    assert said in done.stderr
    assert not model.asked


@pytest.mark.slow
def test_a_remote_model_that_is_not_there_is_a_named_reason(inside, model):
    done = inside("acquire", *GIVEN, *model.flags, "--remote-model", "tei=http://127.0.0.1:9")
    assert done.returncode == 0  # the verifier is adopted all the same
    assert "http://127.0.0.1:9" in done.stdout
    assert "can't be reached" in " ".join(done.stderr.split())


@pytest.mark.slow
def test_score_acquires_tools_for_two_unknown_tasks_among_known_rows(ravelar, model, tmp_path):
    known = [json.loads(line) for line in (ROOT / "examples/mixed.jsonl").read_text().splitlines()][:20]
    units = [json.loads(line) for line in Path(PROBES).read_text().splitlines()]
    rows = [*known, *HAIKU_PROBES, *units]
    random.Random(3).shuffle(rows)
    path, out = write_jsonl(tmp_path / "rows.jsonl", rows), str(tmp_path / "out.jsonl")
    done = ravelar("score", path, "--out", out, "--acquire", "--json", *model.flags)
    assert done.returncode == 0, done.stderr
    tools = {tool["tool"]: tool for tool in json.loads(done.stdout)["tools"]}
    with open_store(str(tmp_path / "library.sqlite")) as store:
        assert set(store.active()) == {"unit_conversion", "haiku_syllables"}
    for label in ("unit_conversion", "haiku_syllables"):
        assert tools[label]["n"] >= 240  # of 320; wordings of fewer than 20 rows are left for another run
        assert tools[label]["false_accepts"] + tools[label]["false_rejects"] <= 6
    assert tools["math_answer"]["n"] == 11
    again = ravelar("score", path, "--json", "--out", out, "--overwrite")
    assert {tool["tool"]: tool["n"] for tool in json.loads(again.stdout)["tools"]} == {
        name: tool["n"] for name, tool in tools.items()
    }


def test_score_reads_rows_twice_to_acquire_so_not_from_standard_input(inside, model):
    done = inside("score", "-", "--acquire", *model.flags, stdin="{}")
    assert done.returncode == 2
    assert "standard input" in done.stderr
