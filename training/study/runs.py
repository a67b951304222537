"""One run: a warm policy, an arm's reward, GRPO, and what the policy then writes to held-out questions."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ravelar.tools.reward import Triple
from ravelar.training.routed_reward import RoutedReward
from ravelar.training.study import policy as policies
from ravelar.training.study.arms import arm_named, reward_of
from ravelar.training.study.families import BY_NAME, Question
from ravelar.training.study.kit import Kit
from ravelar.training.study.on_cpu import grpo_on_cpu
from ravelar.training.study.writing import accuracy, written
from ravelar.training.watching import RewardWatch, ScoredBatch

COMPLETIONS = 64
"""In one step: eight questions, eight completions of each."""

GROUP = 8
CURVE_EVERY = 20
_PER_FAMILY = 400  # rows of the training set, of each family as many, so that families weigh the same
_WARM_UP = 5
_SAMPLES = 4  # completions of each held-out question at the end
_CURVE_SAMPLES = 2


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What decides a run.

    Attributes:
        kind: "tune" (to choose a learning rate) or "run".
        arm: The arm's name.
        seed: The kit's seed, and GRPO's.
        rate: The learning rate.
        steps: Steps of GRPO.
    """

    kind: str
    arm: str
    seed: int
    rate: float
    steps: int

    @property
    def key(self) -> str:
        """What tells runs apart; a row of this key is not made twice."""
        return f"{self.kind}|{self.arm}|{self.seed}|{self.rate:g}|{self.steps}"


@dataclass(slots=True)
class Ledger:
    """A watch that keeps what the policy earned and what was true of it, step by step.

    Attributes:
        questions: The questions by the prompt that the policy reads.
        steps: One entry a batch: step, mean reward of the scored, true accuracy of all, share unscored.
    """

    questions: Mapping[str, Question]
    steps: list[dict[str, float | None]] = field(default_factory=list)

    def see(self, batch: ScoredBatch) -> Mapping[str, float]:
        """Keep a batch's figures; nothing is added to the trainer's log."""
        values = [reward.value for reward in batch.rewards if reward.value is not None]
        right = [self._right(triple) for triple in batch.triples]
        self.steps.append(
            {
                "step": batch.step,
                "reward": sum(values) / len(values) if values else None,
                "accuracy": sum(right) / len(right),
                "unscored": 1 - len(values) / len(batch.rewards),
            }
        )
        return {}

    def _right(self, triple: Triple) -> bool:
        question = self.questions[triple.question]
        return BY_NAME[question.family].right(question, triple.text)


def run(spec: RunSpec, kit: Kit, *watches: RewardWatch, callbacks: Sequence[Any] = ()) -> dict[str, Any]:
    """Train one policy; return its row: spec, accuracy and reward on held-out questions, the curve, what it took."""
    arm, ledger = arm_named(spec.arm), Ledger(kit.questions)
    reward, examiner = reward_of(arm, kit, ledger, *watches), reward_of(arm, kit)
    model, tokenizer = kit.warm_policy(), policies.new_tokenizer()
    before = examined(model, examiner, kit.held_out, samples=_SAMPLES, seed=spec.seed)
    curve = Curve(model, kit.held_out, seed=spec.seed)
    started = time.perf_counter()
    trained(model, tokenizer, reward, kit.train, spec=spec, callbacks=[each_step(curve.at), *callbacks])
    train_s = time.perf_counter() - started - curve.seconds
    after = examined(model, examiner, kit.held_out, samples=_SAMPLES, seed=spec.seed)
    return {
        **asdict(spec),
        "before": before,
        "after": after,
        "curve": curve.points,
        "training": _tenths(ledger.steps),
        "steps_done": len(curve.steps),
        "train_s": round(train_s, 2),
        "reward_share": round(reward.wall_s / train_s, 4),
    }


def trained(  # noqa: PLR0913  what a training is made of
    model: Any,
    tokenizer: Any,
    reward: Any,
    questions: Sequence[Question],
    *,
    spec: RunSpec,
    callbacks: Sequence[Any],
    completions: int = COMPLETIONS,
) -> None:
    """Train a policy in place by TRL's GRPOTrainer, so many completions a step; nothing is saved."""
    import tempfile  # noqa: PLC0415

    from transformers import PrinterCallback  # noqa: PLC0415  heavy
    from trl.trainer.grpo_trainer import GRPOTrainer  # noqa: PLC0415  heavy

    with tempfile.TemporaryDirectory() as folder:
        settings = grpo_on_cpu(
            steps=spec.steps,
            output_dir=folder,
            per_device_train_batch_size=completions,
            num_generations=GROUP,
            max_completion_length=policies.LONGEST_COMPLETION,
            learning_rate=spec.rate,
            warmup_steps=_WARM_UP,
            seed=spec.seed,
        )
        trainer = GRPOTrainer(
            model=model,
            processing_class=tokenizer,
            reward_funcs=reward,
            args=settings,
            train_dataset=training_set(questions),
            callbacks=list(callbacks),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()


def each_step(look: Callable[[int, int], object]) -> Any:
    """Return the trainer's callback that tells the step that ended, and how many there are."""
    from transformers import TrainerCallback  # noqa: PLC0415  heavy

    class EachStep(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_given: Any) -> None:
            look(state.global_step, state.max_steps)

    return EachStep()


def training_set(questions: Sequence[Question]) -> Any:
    """Return TRL's data set: prompt, reference, target_language; of each family as many rows, no family named."""
    from datasets import Dataset  # type: ignore[import-untyped]  # noqa: PLC0415  heavy

    rows = []
    for name in BY_NAME:
        own = [question for question in questions if question.family == name]
        rows += [own[i % len(own)] for i in range(_PER_FAMILY)] if own else []
    return Dataset.from_list(
        [
            {
                "prompt": policies.asked(question),
                "reference": question.reference,
                "target_language": question.columns.get("target_language"),
            }
            for question in rows
        ]
    )


def examined(
    model: Any, reward: RoutedReward, questions: Sequence[Question], *, samples: int, seed: int
) -> dict[str, Any]:
    """Return true accuracy and the arm's own reward of the same completions, per family, and the mean length."""
    completions = written(model, questions, samples=samples, seed=seed)
    asked = [question for question in questions for _ in range(samples)]
    earned = reward(
        [policies.asked(question) for question in asked],
        completions,
        reference=[question.reference for question in asked],
        target_language=[question.columns.get("target_language") for question in asked],
    )
    by_family: dict[str, list[float]] = {name: [] for name in BY_NAME}
    for question, value in zip(asked, earned, strict=True):
        if value is not None:
            by_family[question.family].append(value)
    return {
        "accuracy": accuracy(questions, completions),
        "reward": {name: _mean(got) for name, got in by_family.items()},
        "unscored": round(sum(value is None for value in earned) / len(earned), 4),
        "characters": round(sum(map(len, completions)) / len(completions), 2),
    }


class Curve:
    """True accuracy on held-out questions while a policy is trained.

    Attributes:
        points: Step and accuracy per family, every twentieth step.
        steps: The steps that ended.
        seconds: What the looks took; no part of the training time.
    """

    def __init__(self, model: Any, questions: Sequence[Question], *, seed: int) -> None:
        self.points: list[dict[str, Any]] = []
        self.steps: list[int] = []
        self.seconds = 0.0
        self._look = (model, questions, seed)

    def at(self, step: int, _steps: int) -> None:
        """Note a step, and look if it is time to."""
        self.steps.append(step)
        if step % CURVE_EVERY:
            return
        started = time.perf_counter()
        model, questions, seed = self._look
        texts = written(model, questions, samples=_CURVE_SAMPLES, seed=seed)
        self.points.append({"step": step, "accuracy": accuracy(questions, texts)})
        self.seconds += time.perf_counter() - started


def _tenths(steps: Sequence[Mapping[str, float | None]]) -> list[dict[str, float | None]]:
    """Return the mean figures of training batches, in ten stretches of steps."""
    size = max(1, -(-len(steps) // 10))
    parts = [steps[at : at + size] for at in range(0, len(steps), size)]
    return [{name: _mean([entry[name] for entry in part]) for name in part[0]} for part in parts]


def _mean(values: Sequence[float | None]) -> float | None:
    """Return the mean of those values that there are; None if there is none."""
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 4) if known else None
