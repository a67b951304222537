"""One run of the proof: a warm policy, then GRPO in the environment, looking at held-out briefs on the way.

rows (train, held out) -> warm policy -> GRPOTrainer(environment_factory) -> per look: S, refused actions, components
"""

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ravelar.tools.errors import UnknownName
from ravelar.tools.writing.limits import Limits
from ravelar.training.ravel_env import RavelEnvironments
from ravelar.training.study.on_cpu import grpo_on_cpu
from ravelar.training.writing_env.programs import program_crew
from ravelar.training.writing_env.proof.briefs import MOST_SECTIONS, rows
from ravelar.training.writing_env.proof.demonstrations import warm_start
from ravelar.training.writing_env.proof.policy import new_tokenizer
from ravelar.training.writing_env.rewards import WritingReward, batch_figures
from ravelar.training.writing_env.telling import tell_statuses

Arm = Literal["episode", "shuffled", "step"]
ARMS: tuple[Arm, ...] = ("episode", "shuffled", "step")
"""The reward of episodes; as a control the same, handed out at random within a batch; the reward of steps."""

T_MAX = 12
"""Steps of an episode. Without a wrong one, two sections of which each needs a revision take 10."""

LIMITS = Limits(max_steps=T_MAX, max_revisions=2, max_sections=MOST_SECTIONS)
TRAIN, HELD_OUT = 192, 48
GROUP = 8
_HELD_OUT_FROM = 1_000_000  # seeds that no training row has
_LONGEST = 200  # tokens of an episode, answers of the environment included: 12 steps fit
_WARM_UP = 5


@dataclass(frozen=True, slots=True)
class ProofSpec:
    """What decides a run.

    Attributes:
        seed: Decides weights, demonstrations, rows, sampling.
        arm: Which reward: "episode", "shuffled" or "step".
        warm_steps: Batches of demonstrations.
        steps: Steps of GRPO.
        episodes: Episodes of one step, a multiple of 8.
        look_every: Steps between two looks at the held-out briefs.
        rate: The learning rate of GRPO.

    Raises:
        UnknownName: if there is no such arm.
    """

    seed: int
    arm: Arm = "episode"
    warm_steps: int = 300
    steps: int = 40
    episodes: int = 32
    look_every: int = 10
    rate: float = 1e-3

    def __post_init__(self) -> None:
        if self.arm not in ARMS:
            raise UnknownName("arm", self.arm, ARMS)

    @property
    def key(self) -> str:
        """What tells runs apart; a row of this key is not made twice."""
        return f"{self.arm}|{self.seed}|{self.warm_steps}|{self.steps}|{self.episodes}|{self.rate:g}"


class Looks:
    """A reward function that keeps the figures of held-out and of training batches.

    Args:
        spec: The run; of the arm "shuffled", training rewards are handed out at random.
        heard: Told each look at the held-out briefs.

    Attributes:
        held_out: A point for each look: step, episodes, and `rewards.batch_figures`.
        training: The same of each training batch.
    """

    def __init__(self, spec: ProofSpec, heard: Callable[[dict[str, Any]], object]) -> None:
        self._reward = WritingReward(per="step" if spec.arm == "step" else "episode")
        self._rng = random.Random(f"shuffled {spec.seed}") if spec.arm == "shuffled" else None
        self._heard, self.__name__ = heard, "writing"
        self.held_out: list[dict[str, Any]] = []
        self.training: list[dict[str, Any]] = []

    def __call__(
        self, *, split: Sequence[str], trainer_state: Any, environments: Any, completions: Any, **more: Any
    ) -> list[float | None]:
        """Score a batch, and keep its figures."""
        values = self._reward(environments=environments, completions=completions, **more)
        figures = batch_figures(environments, completions, self._reward.last)
        rounded = {name: value if value is None else round(value, 4) for name, value in figures.items()}
        point = {"step": trainer_state.global_step, "episodes": len(values), **rounded}
        if split[0] == "train":
            self.training.append(point)
            return values if self._rng is None else self._rng.sample(values, len(values))
        self.held_out.append(point)
        self._heard(point)
        return values


def environments_of_proof() -> RavelEnvironments:
    """Return the environments of the proof: programs for a crew, few words."""
    return RavelEnvironments(program_crew(), "planner", LIMITS, tell_statuses)


def warm_policy(spec: ProofSpec) -> Any:
    """Return the policy that all arms of a seed begin with."""
    return warm_start(environments_of_proof(), _training_rows(spec), seed=spec.seed, steps=spec.warm_steps)


def run(
    spec: ProofSpec,
    policy: Any,
    heard: Callable[[dict[str, Any]], object] = lambda _: None,
    *,
    held_out: int = HELD_OUT,
) -> dict[str, Any]:
    """Train a warm policy in place; return the run's row: spec, looks, training batches, seconds.

    Args:
        spec: The run.
        policy: The warm policy.
        heard: Told each look at the held-out briefs.
        held_out: How many of these there are.
    """
    started, looks = time.perf_counter(), Looks(spec, heard)
    with tempfile.TemporaryDirectory() as folder:
        _trained(policy, looks, _settings(spec, folder, held_out), spec, held_out)
    took = round(time.perf_counter() - started, 1)
    return {"kind": "run", **asdict(spec), "held_out": looks.held_out, "training": looks.training, "grpo_s": took}


def _training_rows(spec: ProofSpec) -> list[dict[str, Any]]:
    return list(rows(spec.seed * 1_000, TRAIN, split="train"))


def _trained(policy: Any, looks: Looks, settings: Any, spec: ProofSpec, held_out: int) -> None:
    """Train a policy in place by TRL's GRPOTrainer; nothing is saved."""
    from datasets import Dataset  # type: ignore[import-untyped]  # noqa: PLC0415  heavy
    from transformers import PrinterCallback  # noqa: PLC0415
    from trl.trainer.grpo_trainer import GRPOTrainer  # noqa: PLC0415

    trainer = GRPOTrainer(
        model=policy,
        processing_class=new_tokenizer(),
        reward_funcs=looks,
        args=settings,
        train_dataset=Dataset.from_list(_training_rows(spec)),
        eval_dataset=Dataset.from_list(list(rows(_HELD_OUT_FROM, held_out, split="held out"))),
        environment_factory=environments_of_proof(),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()


def _settings(spec: ProofSpec, folder: str, held_out: int) -> Any:
    return grpo_on_cpu(
        steps=spec.steps,
        output_dir=folder,
        per_device_train_batch_size=spec.episodes,
        num_generations=GROUP,
        max_completion_length=_LONGEST,
        max_tool_calling_iterations=T_MAX + 2,
        learning_rate=spec.rate,
        warmup_steps=_WARM_UP,
        seed=spec.seed,
        eval_strategy="steps",
        eval_steps=spec.look_every,
        eval_on_start=True,
        per_device_eval_batch_size=held_out,
        num_generations_eval=1,
    )
