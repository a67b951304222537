"""`ravelar eval`: used as a person would, against servers on the loopback."""

import importlib.util
import json
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ravelar.cli.main import main

TESTS = Path(__file__).resolve().parents[1]


def module(folder, name):
    """Load a file of another folder of tests by its name."""
    known = f"tests_{folder}_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, TESTS / folder / f"{name}.py")
        sys.modules[known] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[known])
    return sys.modules[known]


def pairs(path, n):
    """Write n pairs in LLMBar's form; the right completion is "right i", now first, now second."""
    rows = []
    for i in range(n):
        outputs = [f"right {i}", f"wrong {i}"] if i % 2 else [f"wrong {i}", f"right {i}"]
        rows.append(
            {"input": f"question {i}", "output_1": outputs[0], "output_2": outputs[1], "label": 1 if i % 2 else 2}
        )
    path.write_text(json.dumps(rows))
    return str(path)


def rows_of(path):
    found = {}
    for line in Path(path).read_text().splitlines():
        row = json.loads(line)
        found[row["key"]] = row
    return found


def judge_server(broken=(), delay_s=0.0):
    """A loopback judge that takes whichever completion says "right", and breaks off on the questions named."""
    base = module("agents", "cassette_server").LoopbackServer

    class JudgeServer(base):
        def answer(self, body):
            time.sleep(delay_s)
            user = str(body["messages"][1]["content"])
            if any(f"question {i}\n" in user for i in broken):
                return 200, {"role": "assistant", "content": "I like both."}
            first = user.split("<first>\n")[1].split("\n</first>", 1)[0]
            better = "first" if first.startswith("right") else "second"
            return 200, {"role": "assistant", "content": json.dumps({"reasoning": "r", "better": better})}

    return JudgeServer()


def arguments(data, out, url, *more):
    judge = ("--judge", "openai:judge", "--base-url", url)
    return ("eval", "rewards", "llmbar", data, *judge, "--out", str(out), "--json", *more)


@pytest.fixture
def told(capsys):
    """Run the command line in this process; return its code, and what it said."""

    def run(*given):
        with pytest.raises(SystemExit) as ended:
            main(list(given))
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return subprocess.CompletedProcess(given, ended.value.code, said.out, said.err)

    return run


def test_a_judge_over_the_wire_with_one_bad_reply_failing_its_row_alone(told, tmp_path) -> None:
    data, out = pairs(tmp_path / "natural.json", 6), tmp_path / "rows.jsonl"
    with judge_server(broken=(4,)) as server:
        done = told(*arguments(data, out, server.url, "--price-in", "1", "--price-out", "2"))
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    overall = found["figures"][0]
    assert (overall["value"], overall["n"], overall["unscored"]) == (1.0, 5, 1)
    assert overall["at_least"] == pytest.approx(5 / 6)
    assert found["cost"]["calls"] == 5 * 2 + 2  # the broken one got its repair turn
    assert found["cost"]["cost_usd"] > 0
    assert "no verdict" in rows_of(out)["natural/4"]["error"]
    with judge_server() as server:
        again = told(*arguments(data, out, server.url, "--resume", "--retry-failed"))
        assert len(server.requests) == 2
    assert again.returncode == 0, again.stderr
    found = json.loads(again.stdout)
    assert found["figures"][0]["n"] == 6
    assert found["cost"]["calls"] == 14  # what the failed row had cost stays counted


@pytest.mark.slow
def test_killed_at_random_moments_and_resumed_the_rows_equal_an_undisturbed_runs(ravelar, tmp_path) -> None:
    data, out, whole = pairs(tmp_path / "natural.json", 24), tmp_path / "rows.jsonl", tmp_path / "whole.jsonl"
    rng = random.Random(7)
    with judge_server(delay_s=0.02) as server:
        assert ravelar(*arguments(data, whole, server.url, "--concurrency", "2")).returncode == 0
        calls = len(server.requests)
        for i in range(2):
            flag = ("--resume",) if i else ()
            command = [sys.executable, "-m", "ravelar", *arguments(data, out, server.url, "--concurrency", "2", *flag)]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + 60
            while not (out.exists() and out.stat().st_size) and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(rng.uniform(0.0, 0.25))
            process.send_signal(signal.SIGKILL)
            process.wait(30)
        done = ravelar(*arguments(data, out, server.url, "--concurrency", "2", "--resume"))
        assert done.returncode == 0, done.stderr
        asked = len(server.requests) - calls
    assert _what_counts(out) == _what_counts(whole)
    assert Counter(json.loads(line)["key"] for line in out.read_text().splitlines()).most_common(1)[0][1] == 1
    assert asked <= calls + 2 * 2 * 2  # only what was in flight at a kill is asked twice


def _what_counts(path):
    return {key: (row["votes"], row["share"], row["error"], row["subset"]) for key, row in rows_of(path).items()}


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_there_and_says_how_to_go_on(tmp_path) -> None:
    data, out = pairs(tmp_path / "natural.json", 60), tmp_path / "rows.jsonl"
    hearing = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from ravelar.cli.main import main; main()"
    )
    with judge_server(delay_s=0.05) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", hearing, *arguments(data, out, server.url, "--concurrency", "2")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 60
        while not (out.exists() and out.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        try:
            _, complained = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130, complained
    assert "--resume goes on" in complained
    assert "Traceback" not in complained
    assert 0 < len(rows_of(out)) < 60


def test_a_limit_ends_the_run_in_good_order(told, tmp_path) -> None:
    data, out = pairs(tmp_path / "natural.json", 8), tmp_path / "rows.jsonl"
    with judge_server() as server:
        done = told(*arguments(data, out, server.url, "--max-calls", "6", "--concurrency", "1"))
        assert done.returncode == 1
        found = json.loads(done.stdout)
        assert (found["missing"], found["failed"], len(server.requests)) == (5, 0, 6)
        assert "llm_calls" in found["because"]
        assert told(*arguments(data, out, server.url, "--resume")).returncode == 0
        assert len(server.requests) == 16


@pytest.mark.slow
def test_a_judge_that_cannot_be_reached_leaves_every_case_unscored_with_the_reason(told, tmp_path) -> None:
    data, out = pairs(tmp_path / "natural.json", 2), tmp_path / "rows.jsonl"
    done = told(*[x for x in arguments(data, out, "http://127.0.0.1:9/v1") if x != "--json"])
    assert done.returncode == 1
    assert "2 unscored: ToolUnavailable" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_remote_reward_model_and_a_tool_of_the_library_on_one_benchmark(told, tmp_path) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            scores = [1.0 if "right" in json.dumps(one) else -1.0 for one in body["triples"]]
            sent = json.dumps({"scores": scores}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_):
            pass

    data = pairs(tmp_path / "natural.json", 12)
    files = [str(tmp_path / f"{name}.jsonl") for name in ("remote", "length")]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"ravelar=http://127.0.0.1:{server.server_port}/score"
        done = told("eval", "rewards", "llmbar", data, "--remote", url, "--out", files[0], "--name", "remote", "--json")
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["figures"][0]["value"] == 1.0
    done = told("eval", "rewards", "llmbar", data, "--tool", "repetition", "--out", files[1])
    assert done.returncode == 0, done.stderr
    assert "12 cases scored now, 0 kept from before, 0 failed" in done.stdout
    both = told("eval", "rewards", "llmbar", *files, "--given", "--json")
    assert both.returncode == 0, both.stderr
    found = json.loads(both.stdout)
    assert set(found["systems"]) == {"remote", "repetition"}
    assert found["words"][1].startswith("remote is ahead of repetition: 1.00")
    chosen = told("eval", "select", "llmbar", *files, "--quick")
    assert chosen.returncode == 0, chosen.stderr
    assert "| any of 2, adjusted for chance | 1.000" in chosen.stdout


def test_a_reward_model_of_a_loopback_hub(told, tmp_path, monkeypatch) -> None:
    pytest.importorskip("torch", reason="reward models need the extra `models`")
    transformers = pytest.importorskip("transformers", reason="reward models need the extra `models`")
    import torch  # noqa: PLC0415

    tiny, server = module("hub", "tiny_models"), module("hub", "hub_server").HubServer
    torch.set_num_threads(1)
    torch.manual_seed(0)
    tokenizer = tiny.make_tokenizer()
    config = tiny.tiny_config("qwen2", tokenizer, num_labels=1)
    folder = tmp_path / "model"
    tiny.save(folder, transformers.AutoModelForSequenceClassification.from_config(config), tokenizer)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    out = tmp_path / "rows.jsonl"
    with server() as hub:
        hub.add("tiny/rm", files)
        for name, value in {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf")}.items():
            monkeypatch.setenv(name, value)
        data = pairs(tmp_path / "natural.json", 4)
        done = told("eval", "rewards", "llmbar", data, "--hub", "tiny/rm", "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    rows = rows_of(out)
    assert len(rows) == 4
    assert all(len(row["scores"]) == 2 and row["error"] is None for row in rows.values())
    about = json.loads((tmp_path / "rows.jsonl.manifest").read_text())
    assert len(about["scorer"]["provenance"]["revision"]) == 40


def test_routing_with_references_uses_the_verifier_that_fits(told, tmp_path) -> None:
    rows = [
        {
            "problem": f"What is {i} + {i}?",
            "problem_id": i,
            "answer": str(2 * i),
            "eval_solution": [f"The answer is {value}."],
            "solution_type": kind,
        }
        for i in range(3, 6)
        for kind, value in (("chosen", 2 * i), ("rejected", 2 * i + 1))
    ]
    data, out = tmp_path / "m.json", str(tmp_path / "rows.jsonl")
    data.write_text(json.dumps(rows))
    seen = told("eval", "rewards", "rewardmath", str(data), "--route", "--references", "--out", out, "--json")
    assert seen.returncode == 0, seen.stderr
    assert json.loads(seen.stdout)["figures"][0]["value"] == 1.0
    assert {row["tool"] for row in rows_of(out).values()} == {"math_answer"}
    blind = told("eval", "rewards", "rewardmath", str(data), "--route", "--out", out, "--overwrite", "--json")
    assert blind.returncode == 1
    assert json.loads(blind.stdout)["figures"][0]["unscored"] == 3


def test_a_dry_run_asks_nobody_and_writes_nothing(told, tmp_path) -> None:
    data = pairs(tmp_path / "natural.json", 5)
    judge = ("--judge", "openai:m", "--base-url", "http://127.0.0.1:9/v1", "--repeats", "2")
    done = told("eval", "rewards", "llmbar", data, *judge, "--dry-run", "--price-in", "1", "--price-out", "1")
    assert done.returncode == 0, done.stderr
    assert "cases: 5; completions: 10; calls: 20" in done.stdout
    assert "US dollars" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["natural.json"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["llmbarr", "F", "--tool", "exact", "--out", "o"], "did you mean 'llmbar'"),
        (["llmbar", "F", "--out", "o"], "says who scores; given: none"),
        (["llmbar", "F", "--tool", "exact", "--route", "--out", "o"], "given: tool, route"),
        (["llmbar", "F", "--tool", "exact"], "--out FILE is needed"),
        (["llmbar", "F", "--tool", "exat", "--out", "o"], "did you mean 'exact'"),
        (["llmbar", "F", "--remote", "tei", "--out", "o"], "the form is PROTOCOL=URL"),
        (["llmbar", "F", "--remote", "xyz=http://127.0.0.1:1", "--out", "o"], "protocol of a remote reward model"),
        (["llmbar", "F", "--judge", "m", "--out", "o"], "names no provider"),
        (["llmbar", "F", "--tool", "exact", "--out", "o", "--retry-failed"], "--retry-failed goes with --resume"),
        (["llmbar", "F", "--tool", "exact", "--out", "o", "--rubric", "r"], "--rubric goes with --judge"),
        (["llmbar", "F", "--given", "--out", "o"], "--given counts scores that are there"),
        (["llmbar", "F", "--given"], "no readable manifest|has no manifest"),
        (["llmbar", "nowhere.json", "--tool", "exact", "--out", "o"], "nowhere.json: no such file"),
        (["llmbar", "F", "--tool", "exact", "--out", "/nowhere/o"], "there is no folder /nowhere"),
        (["llmbar", "F", "--limit", "0", "--tool", "exact", "--out", "o"], "--limit"),
    ],
)
def test_wrong_usage_is_explained_and_nothing_is_written(told, tmp_path, more, message, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = [pairs(tmp_path / "natural.json", 2) if one == "F" else one for one in more]
    done = told("eval", "rewards", *given)
    assert done.returncode == 2
    assert re.search(message, done.stderr)
    assert not (tmp_path / "o").exists()


def test_unknown_subcommands_get_a_hint(told) -> None:
    done = told("eval", "reward")
    assert done.returncode == 2
    assert "Did you mean 'rewards'?" in done.stderr


def test_bench_measures_says_where_the_data_should_be(told, tmp_path) -> None:
    done = told("bench", "measures", "--data", str(tmp_path))
    assert done.returncode == 2
    assert "name the folder of C3EBench's files with --data" in done.stderr
