import json
import os
import signal
import subprocess
import sys
import time

import pytest

from ravelar.cli.reward_file import RewardFile
from ravelar.tools.errors import InputError

RIGHT = {"prompt": "6 * 7?", "completion": "The answer is 42.", "reference": 42, "label": True}
WRONG = {"prompt": "6 * 7?", "completion": "The answer is 41.", "reference": 42, "label": False}


def write_rows(path, rows):
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return str(path)


def rows_of(text):
    return [json.loads(line) for line in text.splitlines()]


def test_rows_go_to_standard_output_in_order_and_the_table_beside_them(ravelar, tmp_path):
    done = ravelar("score", write_rows(tmp_path / "a.jsonl", [RIGHT, WRONG]))
    assert done.returncode == 0
    assert rows_of(done.stdout) == [
        {"row": 0, "tool": "math_answer", "reward": 1.0, "raw": 1.0, "reason": None},
        {"row": 1, "tool": "math_answer", "reward": 0.0, "raw": 0.0, "reason": None},
    ]
    assert all(word in done.stderr for word in ("unscored", "false", "accepts", "rejects"))


def test_the_closing_table_as_json(ravelar, tmp_path):
    given, out = write_rows(tmp_path / "a.jsonl", [RIGHT, {**WRONG, "label": True}]), tmp_path / "out.jsonl"
    done = ravelar("score", given, "--out", str(out), "--json")
    summary = json.loads(done.stdout)
    assert summary["rows"] == 2
    assert summary["tools"][0]["false_rejects"] == 1
    assert len(rows_of(out.read_text())) == 2


def test_bad_rows_are_named_and_the_others_are_scored(ravelar, tmp_path):
    rows = [
        RIGHT,
        {"prompt": "?", "reference": 1},
        {**RIGHT, "completion": None},
        {**RIGHT, "reference": {"a": 1}, "tool": "math_answer"},
        {**RIGHT, "reference": "", "tool": "math_answer"},
        {**RIGHT, "completion": "x" * 10_000_000},
        '{"prompt": "6 * 7?", ',
        {**RIGHT, "completion": "\x00\ud800 It is 42."},
        {**RIGHT, "completion": "\\frac{" * 20_000},
        RIGHT,
    ]
    given = write_rows(tmp_path / "a.jsonl", rows)
    done = ravelar("score", given)
    rewards = rows_of(done.stdout)
    assert done.returncode == 1
    assert [row["row"] for row in rewards] == list(range(10))
    assert [row["reward"] for row in rewards] == [1.0, None, None, None, None, 0.0, None, 1.0, 0.0, 1.0]
    assert f"{given}:2: completion: no column 'completion'" in done.stderr
    assert f"{given}:7: not JSON" in done.stderr
    assert rewards[3]["reason"].startswith(f"{given}:4: reference: UnusableReference")
    assert rewards[4]["reason"].startswith(f"{given}:5: reference: UnusableReference")
    assert rewards[5]["reason"].startswith(f"{given}:6: completion: TooLong: 10,000,000 characters")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_csv_and_standard_input_and_renamed_columns(ravelar, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('question,answer,gold\n"6 * 7?","42","42"\n')
    names = ["--column", "prompt=question", "--column", "completion=answer", "--column", "reference=gold"]
    assert rows_of(ravelar("score", str(path), *names).stdout)[0]["reward"] == 1.0
    assert rows_of(ravelar("score", "-", stdin=json.dumps(RIGHT) + "\n").stdout)[0]["reward"] == 1.0


@pytest.mark.slow
def test_several_processes_give_the_same_rows(ravelar, tmp_path):
    given = write_rows(tmp_path / "a.jsonl", [RIGHT, WRONG, "{bad"] * 300)
    one, two = ravelar("score", given), ravelar("score", given, "--jobs", "2")
    assert one.stdout == two.stdout
    assert len(rows_of(two.stdout)) == 900
    assert two.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["score", "none.jsonl"], "none.jsonl: no such file"),
        (["score"], "Missing argument 'FILE...'"),
        (["score", "examples/mixed.jsonl", "--tool", "math_anser"], "did you mean 'math_answer'?"),
        (["score", "examples/mixed.jsonl", "--column", "promt=x"], "no column role 'promt'"),
        (["score", "examples/mixed.jsonl", "--column", "prompt"], "the form is ROLE=NAME"),
        (["score", "examples/mixed.jsonl", "--out", "/nowhere/x.jsonl"], "there is no folder /nowhere"),
        (["score", "examples/mixed.jsonl", "--resume"], "--resume needs --out FILE"),
        (["score", "examples/mixed.jsonl", "--treshold", "1"], "--threshold"),
        (["scor"], "Did you mean 'score'?"),
        (["tools", "math_anser"], "did you mean 'math_answer'?"),
    ],
)
@pytest.mark.slow
def test_wrong_usage_is_explained_and_ends_with_two(ravelar, arguments, message):
    done = ravelar(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_an_existing_file_is_never_overwritten_unasked(ravelar, tmp_path):
    given, out = write_rows(tmp_path / "a.jsonl", [RIGHT]), tmp_path / "out.jsonl"
    out.write_text("precious\n")
    done = ravelar("score", given, "--out", str(out))
    assert done.returncode == 2
    assert "--resume continues it, --overwrite replaces it" in done.stderr
    assert out.read_text() == "precious\n"
    assert ravelar("score", given, "--out", str(out), "--overwrite").returncode == 0
    assert len(rows_of(out.read_text())) == 1


@pytest.mark.slow
def test_resume_continues_after_a_line_cut_short_and_counts_all_rows(ravelar, tmp_path):
    unusable = {**RIGHT, "reference": "", "tool": "math_answer"}
    given, out = write_rows(tmp_path / "a.jsonl", [RIGHT, unusable, "{bad", RIGHT, WRONG]), tmp_path / "out.jsonl"
    undisturbed = ravelar("score", given, "--out", str(out), "--json")
    whole = out.read_text()
    cut = whole.splitlines(keepends=True)
    out.write_text("".join(cut[:3]) + cut[3][:20])
    done = ravelar("score", given, "--out", str(out), "--resume", "--json")
    assert out.read_text() == whole
    summary, expected = json.loads(done.stdout), json.loads(undisturbed.stdout)
    assert summary["rows"] == 5
    for tool, same in zip(summary["tools"], expected["tools"], strict=True):
        assert tool["unscored_reasons"] == same["unscored_reasons"]


def test_resume_refuses_a_file_that_holds_something_else(ravelar, tmp_path):
    given, out = write_rows(tmp_path / "a.jsonl", [RIGHT, RIGHT]), tmp_path / "out.jsonl"
    for content, message in [
        ("precious\nmore\n", "not a row of rewards"),
        ('{"row": 5, "tool": null, "reward": null, "raw": null, "reason": null}\n', "row 5 where 0 was expected"),
    ]:
        out.write_text(content)
        done = ravelar("score", given, "--out", str(out), "--resume")
        assert (done.returncode, message in done.stderr, out.read_text()) == (2, True, content)


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_an_interrupted_run_leaves_a_valid_file_that_resume_completes(ravelar, tmp_path, sent, code):
    given, out = write_rows(tmp_path / "a.jsonl", [RIGHT, WRONG] * 20_000), tmp_path / "out.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", "ravelar", "score", given, "--out", str(out)],
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job ignores Ctrl-C and hands that down; a person's foreground job does not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  no other thread runs
    )
    deadline = time.monotonic() + 30
    while (not out.exists() or out.stat().st_size < 100_000) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, sent)
    _, said = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Traceback" not in said
    kept = out.read_text().splitlines()
    assert 0 < len(kept) < 40_000
    assert [json.loads(line)["row"] for line in kept[:-1]] == list(range(len(kept) - 1))
    done = ravelar("score", given, "--out", str(out), "--resume", "--json")
    assert done.returncode == 0
    rewards = rows_of(out.read_text())
    assert [row["row"] for row in rewards] == list(range(40_000))
    assert [row["reward"] for row in rewards] == [1.0, 0.0] * 20_000


def test_rewards_need_a_folder_and_one_intention(tmp_path):
    with pytest.raises(InputError, match="give one of them"):
        RewardFile(tmp_path / "a", resume=True, overwrite=True)


def test_help_names_columns_output_and_exit_codes(ravelar):
    said = ravelar("score", "--help").stdout
    for words in ("--column prompt=question", '"reward": 1.0', "Exit codes:"):
        assert words in said
