"""The examples run as they stand, without a key, and print what `examples/README.md` says they print."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from dev_server import dev_server

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
SHOWN = re.compile(r"^```console\n\$ python examples/(\w+\.py)(?: \S+)?\n(.*?)^```", re.DOTALL | re.MULTILINE)
SAID = dict(SHOWN.findall((EXAMPLES / "README.md").read_text(encoding="utf-8")))
ON_A_SERVER = ("mcp_client.py", "remote_graph.py")
ELSEWHERE = ("replay.py", "trl_grpo.py", "web_app.py")  # of the tutorial; slow; a server: tests of their own


def run(name: str, cwd: Path, *arguments: str, within_s: float = 100) -> str:
    done = subprocess.run(
        [sys.executable, "-P", str(EXAMPLES / name), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in cwd.iterdir()} <= {"trainer_output"}, "what TRL's trainer makes, and nothing else"
    return done.stdout


def first_lines(said: str, shown: str) -> None:
    """Assert that the lines shown are the first of those said; "..." stands for more."""
    lines = shown.removesuffix("...\n").splitlines()
    assert lines
    assert [line.rstrip() for line in said.splitlines()[: len(lines)]] == lines


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with dev_server(tmp_path_factory.mktemp("server"), env={"RAVELAR_LIBRARY": "memory:"}) as url:
        yield url


def test_every_example_is_in_the_readme_and_says_what_to_change_for_a_real_model():
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for path in EXAMPLES.glob("*.py"):
        assert f"## [{path.name}]({path.name})" in readme
        assert f"python examples/{path.name}" in readme or f"{path.stem}:app" in readme
        assert "model" in path.read_text(encoding="utf-8").split('"""')[1].lower()


@pytest.mark.parametrize("name", sorted(SAID.keys() - {*ON_A_SERVER, *ELSEWHERE}))
@pytest.mark.slow
def test_an_example_prints_what_the_readme_shows(name, tmp_path):
    first_lines(run(name, tmp_path), SAID[name])


@pytest.mark.slow  # the server starts, and the library behind it
@pytest.mark.parametrize("name", ON_A_SERVER)
def test_an_example_on_a_server_prints_what_the_readme_shows(name, server, tmp_path):
    first_lines(run(name, tmp_path, server), SAID[name])


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_trl_learns_from_routed_rewards_in_seconds(tmp_path):
    pytest.importorskip("trl")
    said = run("trl_grpo.py", tmp_path, within_s=280)
    shown = re.findall(r"^step +(\d+)  reward ([\d.]+)  math_answer ([\d.]+)  regex ([\d.]+)$", said, re.MULTILINE)
    assert [int(row[0]) for row in shown] == [10, 20, 30, 40]
    assert float(shown[-1][3]) > float(shown[0][3]) + 0.2, said
    assert re.match(r"step 10  reward [\d.]+  math_answer [\d.]+  regex [\d.]+$", SAID["trl_grpo.py"].splitlines()[0])


@pytest.fixture(scope="module")
def web_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("fastapi")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLES), "web_app:app", "--port", str(port)]
    folder = tmp_path_factory.mktemp("web_app")
    environment = {**os.environ, "RAVELAR_LIBRARY": "memory:"}
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert any("Uvicorn running" in line for line in process.stderr)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_a_web_app_scores_and_refuses(web_app):
    row = {"prompt": "6 * 7?", "completion": "It is 42.", "reference": 42}
    (reward,) = httpx.post(f"{web_app}/score", json=[row], timeout=30).json()
    assert (reward["tool"], reward["reward"]) == ("math_answer", 1.0)
    refused = httpx.post(f"{web_app}/score", json=[{"completion": "It is 42."}], timeout=30)
    assert refused.status_code == 422
    assert "no column 'prompt'" in refused.json()["detail"]


@pytest.mark.slow
def test_a_web_app_sends_an_article_s_events_while_it_is_written(web_app):
    with httpx.stream("POST", f"{web_app}/write", json={"instruction": "Write about tides."}, timeout=30) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        pieces = list(reply.iter_text())
    assert '"kind": "run"' in pieces[0]
    assert '"kind": "result"' not in pieces[0], "nothing came before the article was there"
    events = [json.loads(line[6:]) for line in "".join(pieces).splitlines() if line.startswith("data: ")]
    assert [event["kind"] for event in events][-2:] == ["end", "result"]
    assert [event["score"] for event in events if event["kind"] == "review"] == [9.0, 5.5, 8.5, 8.0, 9.2]
    assert events[-1]["end"] == "finished"
    assert events[-1]["article"].startswith("# What the Tide Table Knows")


def test_a_web_app_tells_why_an_article_can_not_be_written(web_app):
    said = httpx.post(f"{web_app}/write", json={"instruction": " "}, timeout=30).text
    assert json.loads(said.removeprefix("data: ")) == {
        "kind": "error",
        "message": "the brief's instruction is empty: ' '; say what is to be written",
    }


def test_the_own_tool_of_the_docs_is_the_example():
    page = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
    code = (EXAMPLES / "own_reward_tool.py").read_text(encoding="utf-8").split('"""\n\n', 1)[1]
    assert f"```python\n{code}```\n" in page
