"""The environment in TRL's own GRPOTrainer: tools are called, episodes scored, figures logged, failures survived."""

import copy
import random
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("trl", reason="the extra `train` is not installed")

import torch
from datasets import Dataset
from tiny_trl import options
from trl import GRPOConfig, GRPOTrainer
from writing_episodes import broken_at, finish, planner

from ravelar.tools.errors import ToolUnavailable
from ravelar.tools.writing.limits import Limits
from ravelar.training.ravel_env import RavelEnvironments
from ravelar.training.writing_env.programs import program_crew
from ravelar.training.writing_env.proof.briefs import rows
from ravelar.training.writing_env.proof.demonstrations import ENDED, batch_of, demonstration
from ravelar.training.writing_env.proof.policy import new_policy, new_tokenizer
from ravelar.training.writing_env.proof.runs import LIMITS, Looks, ProofSpec, environments_of_proof, run, warm_policy
from ravelar.training.writing_env.rewards import WritingReward
from ravelar.training.writing_env.telling import tell_statuses

pytestmark = pytest.mark.slow
trains = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet() -> Any:
    """What TRL, transformers and torch warn of among themselves is no error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def warm() -> Any:
    """A policy that knows a few episodes by heart, and so can write calls, right and wrong ones."""
    policy, rng = new_policy(1), random.Random(1)
    talks = [demonstration(environments_of_proof(), row, rng) for row in rows(1, 4, split="train")]
    batch, optimizer = batch_of(talks, new_tokenizer()), torch.optim.AdamW(policy.parameters(), lr=1e-2)
    for _ in range(60):
        loss = policy(**batch).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return policy


def train(policy: Any, environments: RavelEnvironments, reward: Any, folder: Path, **more: Any) -> Any:
    given = {"max_completion_length": 90, "max_tool_calling_iterations": 6, "max_steps": 1} | more
    trainer = GRPOTrainer(
        model=policy,
        processing_class=new_tokenizer(),
        reward_funcs=reward,
        args=GRPOConfig(**options(folder, **given)),
        train_dataset=Dataset.from_list(list(rows(1, 8, split="train"))),
        environment_factory=environments,
    )
    trainer.train()
    return trainer


@trains
@pytest.mark.timeout(600)
def test_a_policy_calls_operations_and_its_episodes_are_scored_and_logged(warm: Any, tmp_path: Path) -> None:
    reward = WritingReward()
    trainer = train(copy.deepcopy(warm), environments_of_proof(), reward, tmp_path, max_steps=2)
    logs = [entry for entry in trainer.state.log_history if "reward" in entry]
    assert len(logs) == 2
    for entry in logs:
        assert entry["tools/call_frequency"] > 1
        assert 0 <= entry["writing/S"] <= 1
        assert 0 < entry["writing/refused_share"] < 1
        assert entry["rewards/writing/mean"] == pytest.approx(entry["writing/reward"], abs=1e-4)
    assert all(len(environment.events) > 1 for environment in trainer.environments[:4])


@trains
@pytest.mark.timeout(600)
def test_training_survives_a_broken_crew_and_learns_nothing_from_its_failures(warm: Any, tmp_path: Path) -> None:
    reward = WritingReward()
    broken = RavelEnvironments(broken_at("outliner", ToolUnavailable("no model")), "planner", LIMITS, tell_statuses)
    train(copy.deepcopy(warm), broken, reward, tmp_path)
    failed = [earned for earned in reward.last if earned.value is None]
    assert failed
    assert all("no model" in earned.reason for earned in failed)


@trains
@pytest.mark.timeout(600)
def test_a_writer_can_be_trained_too(tmp_path: Path) -> None:
    environments = RavelEnvironments(program_crew(), "writer", Limits(max_steps=6), tell_statuses)
    trainer = train(new_policy(0), environments, WritingReward(per="step"), tmp_path, max_completion_length=16)
    assert [entry for entry in trainer.state.log_history if "writing/S" in entry]


@trains
@pytest.mark.timeout(600)
def test_the_warm_start_gives_the_same_policy_again_and_learns() -> None:
    one, two, less = (warm_policy(ProofSpec(seed=3, warm_steps=steps)) for steps in (6, 6, 1))
    talk = demonstration(environments_of_proof(), next(rows(9, 1, split="train")), random.Random(9))
    losses = [float(policy(**batch_of([talk], new_tokenizer())).loss) for policy in (one, two, less)]
    assert losses[0] == losses[1] < losses[2]


@trains
@pytest.mark.timeout(600)
def test_the_proofs_run_gives_the_same_row_again(warm: Any) -> None:
    spec = ProofSpec(seed=2, steps=1, episodes=8, look_every=1)
    one, two = (run(spec, copy.deepcopy(warm), held_out=4) for _ in range(2))
    assert {**one, "grpo_s": 0} == {**two, "grpo_s": 0}
    assert [(point["step"], point["episodes"]) for point in one["held_out"]] == [(0, 4), (1, 4)]
    assert [point["episodes"] for point in one["training"]] == [8]


def test_a_shuffled_reward_is_the_same_rewards_in_another_order_and_only_while_training() -> None:
    episodes = [finish(planner()) if i % 2 else planner() for i in range(8)]
    given: dict[str, Any] = {
        "environments": episodes,
        "completions": [[] for _ in episodes],
        "trainer_state": SimpleNamespace(global_step=3),
    }
    heard: list[dict[str, Any]] = []
    looks = Looks(ProofSpec(seed=1, arm="shuffled"), heard.append)
    straight = [0.0, 1.0] * 4
    assert looks(split=["held out"] * 8, **given) == straight
    shuffled = looks(split=["train"] * 8, **given)
    assert shuffled != straight
    assert sorted(shuffled, key=str) == sorted(straight, key=str)
    assert [point["S"] for point in (*heard, *looks.training)] == [0.5, 0.5]


def test_calls_are_read_back_as_they_are_written() -> None:
    tokenizer = new_tokenizer()
    messages = demonstration(environments_of_proof(), next(rows(1, 1, split="train")), random.Random(1))
    called = [message for message in messages if message.get("tool_calls")]
    assert called
    for message in called:
        ids = tokenizer(tokenizer.apply_chat_template([message], tokenize=False).removeprefix("<assistant>"))[
            "input_ids"
        ]
        assert tokenizer.unk_token_id not in ids
        read = tokenizer.parse_response(ids, prefix=tokenizer("<assistant>")["input_ids"])
        assert read["tool_calls"] == message["tool_calls"]
    assert messages[-1]["content"] == ENDED


def test_only_what_the_assistant_says_is_learned() -> None:
    tokenizer, rng = new_tokenizer(), random.Random(2)
    talks = [demonstration(environments_of_proof(), row, rng) for row in rows(1, 3, split="train")]
    batch = batch_of(talks, tokenizer)
    for i, messages in enumerate(talks):
        learned = batch["input_ids"][i][batch["labels"][i] != -100]
        shown = [tokenizer.apply_chat_template([m], tokenize=False) for m in messages if m["role"] == "assistant"]
        assert learned.tolist() == tokenizer("".join(text.removeprefix("<assistant>") for text in shown))["input_ids"]
