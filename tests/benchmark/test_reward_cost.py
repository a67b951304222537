"""The benchmark of RoutedReward, small: that its figures are there and mean what they say."""

import json
import math

import pytest
from click.testing import CliRunner

from ravelar.benchmark import reward_cost
from ravelar.cli.bench import command


def test_the_command_prints_every_figure(monkeypatch):
    monkeypatch.setattr(reward_cost, "SIZES", (16,))
    monkeypatch.setattr(reward_cost, "_TURNS", 2)
    done = CliRunner().invoke(command, ["train-reward", "--json", "--seconds", "0.2"])
    assert done.exit_code == 0, done.output
    figures = json.loads(done.output)
    assert all(math.isfinite(figure) for figure in figures.values())
    assert {"bare_ms_16", "overhead_us_per_completion_16", "new_prompts_us_per_completion_16"} <= figures.keys()
    assert 0.2 <= figures["slow_tools_wall_s"] < figures["slow_tools_one_after_another_s"] == pytest.approx(3.2)
    assert figures["hanging_next_batch_s"] < figures["hanging_limit_s"] <= figures["hanging_first_batch_s"]


def test_a_reward_that_loses_completions_is_no_benchmark():
    def forgetful(library, router, limit):
        return lambda **call: [None] * len(call["prompts"])

    with pytest.raises(RuntimeError, match="left unscored"):
        reward_cost.overhead(forgetful, 16)
    with pytest.raises(RuntimeError, match="cost more than its own rewards"):
        reward_cost.hanging_tool(forgetful, 0.1)
