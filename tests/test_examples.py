"""The examples run as they stand, in seconds and without a key."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(name: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-P", str(ROOT / "examples" / name)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_rlar_embeds_as_tools_as_a_subgraph_and_as_one_tool(tmp_path):
    said = run("embed_rlar.py", tmp_path)
    assert "score_completions: error: no reward tool 'maths'; did you mean 'math_answer'?" in said
    assert 'score_completions: success: [{"tool": "math_answer", "reward": 1.0' in said
    assert 'acquire_reward_tool: success: {"end": "insufficient_probes"' in said
    assert "agent: The first is right." in said
    assert "rewards: [0.0, 1.0, 1.0], mean 0.667" in said
    assert "rlar(triples, examples, probes): scored, reward 1.0" in said
    assert not list(tmp_path.iterdir())
