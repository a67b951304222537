"""Which runs the proof has, and doing those that have no row yet, one after another.

arms x seeds -> warm policy (once a seed) -> run -> rows.jsonl (append-only; what is there is not done again)
"""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ravelar.tools.errors import InputError
from ravelar.training.study.schedule import Rows
from ravelar.training.writing_env.proof.runs import ARMS, Arm, ProofSpec, run, warm_policy

SEEDS = 3


@dataclass(frozen=True, slots=True)
class ProofPlan:
    """What is run.

    Attributes:
        seeds: The seeds.
        arms: The arms of each.
        size: What all of them share; its seed and arm do not count.
    """

    seeds: tuple[int, ...] = tuple(range(1, SEEDS + 1))
    arms: tuple[Arm, ...] = ARMS
    size: ProofSpec = ProofSpec(seed=1)  # noqa: RUF009  frozen

    def specs(self) -> list[ProofSpec]:
        """Return the runs, arm by arm."""
        return [replace(self.size, seed=seed, arm=arm) for arm in self.arms for seed in self.seeds]


def prove(plan: ProofPlan, folder: Path, *, tell: Callable[[str], object]) -> None:
    """Do what of a plan has no row in `folder/rows.jsonl` yet.

    Raises:
        InputError: if the folder can't be written, or its rows can't be read.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {folder} can't be made: {error.strerror}") from error
    rows = Rows(folder / "rows.jsonl")
    done = {key_of(row) for row in rows if row["kind"] == "run"}
    warm: dict[int, Any] = {}
    for spec in plan.specs():
        if spec.key not in done:
            if spec.seed not in warm:
                warm[spec.seed] = _taught(spec, tell)
            tell(f"seed {spec.seed}, reward of: {spec.arm}; {spec.steps} steps of {spec.episodes} episodes")
            rows.add(run(spec, copy.deepcopy(warm[spec.seed]), lambda point: tell(f"  {told(point)}")))


def key_of(row: dict[str, Any]) -> str:
    """Return the key of a run's row."""
    names = ("seed", "arm", "warm_steps", "steps", "episodes", "look_every", "rate")
    return ProofSpec(**{name: row[name] for name in names}).key


def told(point: dict[str, Any]) -> str:
    """Return a look at the held-out briefs as a line."""
    refused = "-" if point["refused_share"] is None else f"{point['refused_share']:.2f}"
    return f"step {point['step']}: S {point['S']:.2f}, refused actions {refused}, reward {point['reward']:.2f}"


def _taught(spec: ProofSpec, tell: Callable[[str], object]) -> Any:
    tell(f"seed {spec.seed}: teaching a policy of 85,000 weights by {spec.warm_steps} batches of random episodes")
    started = time.perf_counter()
    policy = warm_policy(spec)
    tell(f"  taught in {time.perf_counter() - started:.0f} s")
    return policy
