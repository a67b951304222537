"""Runs: real GRPO steps of a few seconds, on a kit that was hardly taught."""

import json
import math
import random

import pytest

from ravelar.training.study.demo import TASKS, demonstrate
from ravelar.training.study.families import BY_NAME
from ravelar.training.study.guarding import CHECKS, guarded_lines, guarded_run, halved_at
from ravelar.training.study.kit import POOL, Kit, KitSize
from ravelar.training.study.runs import COMPLETIONS, RunSpec, run, training_set
from ravelar.training.study.taught_model import Pair, pair_of, teach
from ravelar.training.study.writing import accuracy, written

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # what TRL, transformers and torch warn of among themselves
]


def test_a_run_is_a_row_of_plain_json(kit: Kit) -> None:
    row = run(RunSpec("run", "routed", 1, 3e-4, 3), kit)
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert row["steps_done"] == 3
    assert [part["step"] for part in row["training"]] == [0, 1, 2]
    for when in ("before", "after"):
        assert set(row[when]["accuracy"]) == set(row[when]["reward"]) == set(BY_NAME)
        assert all(0 <= share <= 1 for share in row[when]["accuracy"].values())
    assert 0 < row["reward_share"] < 1


def test_runs_of_one_seed_begin_with_the_same_policy_and_are_repeated_to_the_digit(kit: Kit) -> None:
    rows = [run(RunSpec("run", arm, 1, 3e-4, 2), kit) for arm in ("longer is better", "oracle", "oracle")]
    assert rows[0]["before"]["accuracy"] == rows[1]["before"]["accuracy"]
    assert rows[1]["after"] == rows[2]["after"]
    assert rows[1]["training"] == rows[2]["training"]


def test_the_length_reward_makes_completions_longer(kit: Kit) -> None:
    row = run(RunSpec("run", "longer is better", 1, 3e-3, 6), kit)
    assert row["after"]["characters"] > row["before"]["characters"]


def test_the_training_set_holds_every_family_equally_and_names_none(kit: Kit) -> None:
    rows = training_set(kit.train)
    assert set(rows.column_names) == {"prompt", "reference", "target_language"}
    held = [kit.questions[prompt].family for prompt in rows["prompt"]]
    assert {held.count(name) for name in BY_NAME} == {400}
    assert not {question.prompt for question in kit.held_out} & {prompt.strip() for prompt in rows["prompt"]}


def test_writing_leaves_the_random_numbers_of_training_alone(kit: Kit) -> None:
    torch = pytest.importorskip("torch")
    policy = kit.warm_policy()
    torch.manual_seed(5)
    first = torch.rand(3)
    torch.manual_seed(5)
    texts = written(policy, kit.held_out[:2], samples=3, seed=1)
    assert torch.equal(torch.rand(3), first)
    assert texts == written(policy, kit.held_out[:2], samples=3, seed=1)
    assert len(texts) == 6


def test_accuracy_is_per_family_over_all_completions() -> None:
    question = BY_NAME["sorting"].questions()[0]
    assert accuracy([question], [question.reference, "x", "x", "x"]) == {"sorting": 0.25}


def test_preference_tuning_raises_what_was_preferred_and_leaves_the_warm_policy_alone(kit: Kit) -> None:
    warm = kit.warm_policy()
    weights = [weight.clone() for weight in warm.parameters()]
    question = BY_NAME["sorting"].questions()[0]
    pairs = [Pair(question, question.reference, question.reference[::-1])] * 8
    tuned = teach(warm, pairs, seed=1, steps=5)
    assert all((a == b).all() for a, b in zip(weights, warm.parameters(), strict=True))
    assert not all((a == b).all() for a, b in zip(tuned.parameters(), warm.parameters(), strict=True))


def test_about_one_preference_in_ten_is_the_wrong_way_round() -> None:
    family = BY_NAME["sorting"]
    question, rng = family.questions()[0], random.Random(1)
    said = [[question.reference, question.reference[::-1]]]
    pairs = [pair_of([question], said, family, rng) for _ in range(400)]
    differ = [p for p in pairs if family.merit(p.question, p.preferred) != family.merit(p.question, p.other)]
    wrong = sum(family.merit(p.question, p.preferred) < family.merit(p.question, p.other) for p in differ)
    assert len(pairs) == len(differ) == 400
    expected = 1 / (1 + math.exp(2.2))
    assert abs(wrong / 400 - expected) < 4 * math.sqrt(expected * (1 - expected) / 400)


def test_a_guarded_run_keeps_accuracy_of_each_step_and_the_first_alerts(kit: Kit) -> None:
    row = guarded_run(RunSpec("guard", "longer is better", 1, 3e-3, 3), kit, completions=COMPLETIONS)
    assert len(row["accuracy"]) == 4
    assert set(row["first"]) == set(CHECKS)
    assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_accuracy_is_halved_at_the_first_step_with_at_most_half_of_it() -> None:
    assert halved_at([0.4, 0.3, 0.2, 0.3]) == 2
    assert halved_at([0.4, 0.3, 0.21]) is None


def test_an_alert_counts_only_if_it_came_before_accuracy_had_halved() -> None:
    rows = [
        {
            "kind": "guard",
            "seed": seed,
            "rate": 1e-4,
            "first": dict.fromkeys(CHECKS, step and {"step": step, "name": "gap_grows"}),
            "accuracy": [0.4, 0.3, 0.1, 0.0],
        }
        for seed, step in ((1, 1), (2, 2), (3, 3), (4, None))
    ]
    lines = guarded_lines(rows)
    assert "1 of 4 with `math_answer`" in lines[-1]
    assert lines[2].startswith("With 1,024 completions")
    assert "| 1 | 0.400 | 2 | `gap_grows`, 1, 0.300 | `gap_grows`, 1, 0.300 |" in lines[3]
    few = guarded_lines([*rows, rows[0] | {"kind": "guard of few"}])
    assert few[: len(lines)] == lines
    assert few[len(lines)].startswith("With 256 completions")
    assert "1 of 1 with `math_answer`" in few[-1]


def test_the_demo_tells_accuracy_reward_and_what_rewards_cost() -> None:
    told: list[str] = []
    size = KitSize(warm_steps=12, notes_steps=0, all_steps=0)
    figures = demonstrate(seed=1, steps=2, size=size, tell=told.append)
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert set(figures["tasks"]) == set(TASKS) < set(BY_NAME)
    assert {task["tool"] for task in figures["tasks"].values()} <= set(POOL)
    assert 0 < sum(tool["n"] for tool in figures["tools"].values()) <= 2 * 256
    assert 0 < figures["reward_share"] < 1
    assert told[-1].startswith("step 2 of 2: mean reward")
