"""AsyncGRPO's way of calling reward functions, as far as it goes without vLLM: TRL's own scoring of one group."""

import asyncio
import pickle
from types import SimpleNamespace

import pytest
from accelerate import PartialState
from reward_sources import by_task, two_tools

from ravelar.training.routed_reward import RoutedReward

worker = pytest.importorskip("trl.experimental.async_grpo.async_rollout_worker", reason="TRL has no AsyncGRPO here")

pytestmark = pytest.mark.slow  # what it imports takes 3 s


def group(task, n=4):
    """A group as the rollout loop gathers it: one row's columns, repeated, and no trainer's state."""
    sequence = worker.TrainingSequence(
        input_ids=[1, 2], completion_mask=[0, 1], old_log_probs=[0.0, -1.0], rollout_id=0
    )
    return worker.RolloutGroup(
        prompts=[[{"role": "user", "content": "?"}]] * n,
        reward_kwargs={"task": [task] * n, "reference": [None] * n},
        completions=[[{"role": "assistant", "content": str(i)}] for i in range(n)],
        completions_ids=[[i] for i in range(n)],
        completions_sequences=[[sequence]] * n,
        tool_call_counts=[0] * n,
        tool_failure_counts=[0] * n,
        model_version=0,
        group_id=0,
        env_rewards=[None] * n,
        rollout_rewards=[None] * n,
    )


def scored(reward, task):
    """Score a group with TRL's own code, which needs of its rollout loop no more than this."""
    loop = SimpleNamespace(
        reward_funcs=[reward],
        reward_func_names=[worker.get_callable_name(reward)],
        _env_reward_types=[],
        _provides_rollout_reward=False,
    )
    return asyncio.run(worker._AsyncRolloutLoop._score_group(loop, group(task)))


@pytest.fixture
def sent():
    """A RoutedReward as TRL's child process gets it."""
    PartialState(cpu=True)  # TRL's logger wants it
    return pickle.loads(pickle.dumps(RoutedReward(library=two_tools, router=by_task, name="routed")))


def test_a_group_is_scored_without_a_trainers_state(sent):
    samples = scored(sent, "high")
    assert [sample.metrics["reward"] for sample in samples] == [0.75] * 4
    assert [sample.metrics["rewards/routed"] for sample in samples] == [0.75] * 4
    assert sent.last.step == -1


def test_an_unscored_group_gets_no_advantage(sent):
    samples = scored(sent, "other")
    assert [sample.advantage for sample in samples] == [0.0] * 4
    assert all(sample.metrics["reward"] != sample.metrics["reward"] for sample in samples)  # NaN: unknown, not zero


def test_trl_does_not_take_it_for_an_async_function(sent):
    assert not worker.is_async_callable(sent)
