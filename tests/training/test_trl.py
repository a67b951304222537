"""RoutedReward in TRL's own trainers."""

import threading

import pytest

pytest.importorskip("trl", reason="the extra `train` is not installed")

import pandas as pd
from tiny_trl import train

from ravelar.tools.errors import ToolUnavailable
from ravelar.tools.library import Library
from ravelar.tools.routing import Route
from ravelar.training.routed_reward import RoutedReward

pytestmark = pytest.mark.slow
ROWS = {
    "prompt": ["say a", "say b", "say c", "say d"] * 2,
    "task": ["vowels", "short", "none", "broken"] * 2,
    "reference": ["a", "b", "c", "d"] * 2,
}


@pytest.fixture
def tools(fake_tool):
    def unavailable(triple):
        raise ToolUnavailable("no worker")

    return Library(
        [
            fake_tool("vowels", lambda t: min(1.0, sum(map(t.text.count, "aeiou")) / 4)),
            fake_tool("short", lambda t: 1.0 if len(t.text) < 8 else 0.0),
            fake_tool("broken", unavailable),
        ]
    )


def by_column(prompt, reference, metadata):
    task = metadata["task"]
    return Route(None, "no such task") if task == "none" else Route(task, "column task")


@pytest.mark.parametrize("kind", ["GRPO", "RLOO"])
def test_trainers_train_with_it_and_log_its_figures(kind, tools, tmp_path):
    reward = RoutedReward(library=tools, router=by_column)
    trainer = train(kind, reward, ROWS, tmp_path)
    assert reward.calls == 3
    logs = [entry for entry in trainer.state.log_history if "reward" in entry]
    assert len(logs) == 3
    tools_seen = reward.tally.tools
    for name in ("vowels", "short", "broken"):
        shares = [entry.get(f"routed_reward/{name}/share", 0.0) for entry in logs]
        assert sum(shares) * 8 == pytest.approx(tools_seen[name].n if name in tools_seen else 0)
    unscored = sum(entry["routed_reward/unscored"] for entry in logs) * 8
    assert unscored == pytest.approx(sum(tool.unscored.total() for tool in tools_seen.values()))
    assert sum(tool.n for tool in tools_seen.values()) == 24
    assert all("rewards/routed_reward/mean" in entry for entry in logs)


def test_unscored_completions_get_no_gradient_and_the_table_of_completions_is_whole(tools, tmp_path):
    trainer = train("GRPO", RoutedReward(library=tools, router=by_column), ROWS, tmp_path, log_completions=True)
    tables = [pd.read_parquet(path) for path in sorted((tmp_path / "completions").glob("*.parquet"))]
    assert len(tables) == trainer.state.global_step == 3
    for table in tables:
        assert len(table) == 8
        unscored = table["routed_reward"].isna()
        assert (table["advantage"][unscored] == 0).all()
        assert (table["routed_reward/reason"][unscored] != "").all()
        assert set(table["routed_reward/tool"]) <= {"", "vowels", "short", "broken"}
    assert any(table["routed_reward"].isna().any() for table in tables)


def test_conversations_are_scored_as_well(tools, tmp_path):
    rows = {**ROWS, "prompt": [[{"role": "user", "content": prompt}] for prompt in ROWS["prompt"]]}
    rows["task"] = ["short"] * 8
    reward = RoutedReward(library=tools, router=by_column)
    train("GRPO", reward, rows, tmp_path, max_steps=1)
    assert reward.last.triples[0].prompt[0]["role"] == "user"
    assert all(one.value is not None for one in reward.last.rewards)


def test_a_tool_that_hangs_does_not_stop_training(fake_tool, tools, tmp_path):
    gate = threading.Event()
    try:
        library = tools.plus(fake_tool("hanging", lambda t: float(gate.wait(60))))
        rows = {**ROWS, "task": ["vowels", "short", "hanging", "hanging"] * 2}
        reward = RoutedReward(library=library, router=by_column, time_limit_s=0.2)
        trainer = train("GRPO", reward, rows, tmp_path)
        assert trainer.state.global_step == 3
        hanging = reward.tally.tools["hanging"]
        assert hanging.unscored["ToolTimeout"] == hanging.n > 0
        assert reward.tally.tools["short"].unscored.total() == 0
    finally:
        gate.set()
