"""`ravelar write`, as a person types it: a replay, bad input, interruption, questions, resuming."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from loopback_model import LoopbackServer

from ravelar.cli.main import main
from ravelar.tools.writing.events import read_events


class Hanging(LoopbackServer):
    """A language model that never answers."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = threading.Event()

    def answer(self, body):
        self.waiting.set()
        self.stopping.wait(60)
        return 504, {"error": {"message": "hung"}}


DEMO = ("--model", "scripted:demo")
OUTLINE = "# Tides\n\n## One (300 words)\n- a\n\n## Two (300 words)\n- b\n"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path):
    """Run `ravelar write` in this process and an empty folder; returns exit code, output, errors."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: str | None = None) -> tuple[int, str, str]:
        if stdin is not None:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as caught:
            main(["write", *arguments])
        captured = capsys.readouterr()
        return int(caught.value.code), captured.out, captured.err

    return run


@pytest.mark.slow
def test_a_replay_works_with_no_key_and_says_what_it_is_on_every_surface(ravelar, tmp_path: Path) -> None:
    done = ravelar("write", "An essay on tide tables", *DEMO, "--out", "article", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "article"
    replay = "no language model was asked"
    assert replay in " ".join(done.stdout.split())
    assert replay in " ".join(done.stderr.split())
    assert replay in (folder / "article.md").read_text().split("# What")[0]
    assert json.loads((folder / "run.json").read_text())["replay"] is True
    assert replay in (folder / "article.html").read_text()
    assert read_events(folder / "events.jsonl")[0]["replay"] is True
    assert "[5] s2 review: score 5.5, needs_revision" in done.stderr
    assert "finished: all 4 sections are closed" in done.stdout
    assert max(map(len, done.stdout.splitlines()[:8])) <= 80


def test_the_result_as_json_is_one_object(typed) -> None:
    code, out, _ = typed("x", *DEMO, "--json", "--lang", "zh", "--protocol", "fixed", "--out", "a")
    result = json.loads(out)
    assert (code, result["end"], result["title"], result["out"]) == (0, "finished", "潮汐表知道什么", "a")
    assert result["measures"]["eta"] == 3.0


def test_a_brief_comes_from_standard_input(typed) -> None:
    code, _, _ = typed("-", *DEMO, "--out", "a", stdin="An essay\non tides.\n")
    assert code == 0
    assert json.loads(Path("a/run.json").read_text())["brief"]["instruction"] == "An essay\non tides."


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ((), "nothing to write: give a BRIEF"),
        (("", *DEMO), "instruction is empty"),
        (("  \n", *DEMO), "instruction is empty"),
        (("x",), "no language model is set"),
        (("x", "--model", "gpt"), "names no provider"),
        (("x", "--model", "scripted:other"), "did you mean 'scripted:demo'"),
        (("x", *DEMO, "--sections", "0"), "sections is 0; allowed: 1 to 100"),
        (("x", *DEMO, "--sections", "10000"), "sections is 10000; allowed: 1 to 100"),
        (("x", *DEMO, "--max-sections", "10000"), "max_sections 10000 is out of bounds"),
        (("x", *DEMO, "--words", "-5"), "words is -5"),
        (("x", *DEMO, "--protocol", "fix"), "no protocol 'fix'; did you mean 'fixed'"),
        (("x", *DEMO, "--lang", "xx"), "known: en, zh"),
        (("x", *DEMO, "--limits", "publish"), "did you mean 'published'"),
        (("x", *DEMO, "--limits", "published", "--max-steps", "9"), "contradicts it"),
        (("x", *DEMO, "--approve", "everything"), "everything"),
        (("x", *DEMO, "--structured-output", "yaml"), "yaml"),
        (("x", *DEMO, "--prices", "none.json"), "none.json can't be read"),
        (("x", *DEMO, "--outline", "none.md"), "none.md can't be read"),
        (("x", *DEMO, "--outline", "outline.md", "--sections", "3"), "has 2 sections; wanted: 3"),
        (("x", *DEMO, "--outline", "outline.md", "--words", "3000"), "the brief asks for 3000"),
        (("x", *DEMO, "--checkpoints", "mysql://x"), "allowed: postgresql://"),
        (("x", *DEMO, "--out", "taken"), "taken holds another run"),
        (("--resume",), "--resume needs --out"),
        (("--resume", "--out", "nowhere"), "holds no run to resume"),
        (("x", "--resume", "--out", "taken"), "has its brief already"),
        (("x", "--model", "openai:m", "--base-url", "http://127.0.0.1:9/v1", "--max-cost", "1"), "no price is known"),
    ],
)
def test_bad_input_is_told_before_anything_is_asked(typed, flags: tuple[str, ...], says: str) -> None:
    Path("outline.md").write_text(OUTLINE)
    Path("taken").mkdir()
    Path("taken/events.jsonl").write_text("")
    code, out, err = typed(*flags)
    assert (code, out) == (2, "")
    assert says in err
    assert "Traceback" not in err
    assert not list(Path().glob("ravel-*/events.jsonl"))


def test_a_run_that_does_not_finish_exits_with_1_and_leaves_its_page(typed) -> None:
    code, out, _ = typed("x", *DEMO, "--out", "a", "--max-steps", "5")
    assert code == 1
    assert "step_budget: all 5 steps are used up" in out
    assert not Path("a/article.md").exists()
    assert "Not a finished article" in Path("a/article.html").read_text()


@pytest.mark.slow
def test_a_stopped_run_goes_on_and_pays_for_nothing_twice(typed) -> None:
    typed("x", *DEMO, "--out", "a", "--max-steps", "5")
    code, out, _ = typed("--resume", "--out", "a", "--max-steps", "50")
    assert (code, "finished: all 4 sections are closed" in out) == (0, True)
    calls = [e for e in read_events(Path("a/events.jsonl")) if e["kind"] == "call"]
    places = [(call["role"], call["step"], call["section"]) for call in calls]
    assert len(places) == len(set(places)) == 23


@pytest.mark.parametrize(
    ("keys", "code", "end"),
    [("a\n", 0, "finished"), ("r\ntoo dull\n", 1, "not_approved: too dull")],
)
def test_a_person_is_asked_about_the_outline(typed, keys: str, code: int, end: str) -> None:
    done, out, err = typed("x", *DEMO, "--out", "a", "--approve", "outline", stdin=keys)
    assert (done, end in out) == (code, True)
    assert "## A sum of steady swings (110 words)" in err


def test_nobody_to_ask_leaves_the_question_open(typed) -> None:
    code, _, err = typed("x", *DEMO, "--out", "a", "--approve", "sections", stdin="")
    assert code == 1
    assert "nobody answered; go on with: ravelar write --resume --out a" in err
    code, out, _ = typed("--resume", "--out", "a", stdin="a\n" * 9)
    assert (code, "finished" in out) == (0, True)


def test_ones_own_outline_is_taken(typed) -> None:
    Path("outline.md").write_text(OUTLINE)
    code, _, err = typed("x", *DEMO, "--outline", "outline.md", "--out", "a")
    assert code == 2  # a replay has no replies for it, and says so instead of passing off its own texts
    assert "knows no section 'One'" in err
    events = read_events(Path("a/events.jsonl"))
    assert [section["title"] for section in events[1]["sections"]] == ["One", "Two"]


@pytest.mark.slow
def test_ctrl_c_while_a_model_hangs_keeps_what_was_done(tmp_path: Path) -> None:
    with Hanging() as server:
        command = ["write", "x", "--model", "openai:m", "--base-url", server.url, "--protocol", "fixed", "--out", "a"]
        process = subprocess.Popen(
            [sys.executable, "-c", "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
             "from ravelar.cli.main import main; main()", *command],
            cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "OPENAI_API_KEY": "none"},
        )  # fmt: skip
        assert server.waiting.wait(60)
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - started < 20
    assert "interrupted; what was done is kept, --resume goes on: ravelar write --resume --out a" in err
    assert read_events(tmp_path / "a" / "events.jsonl")[0]["kind"] == "run"
