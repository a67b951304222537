"""The offline proof: a tiny policy learns four tasks with routed rewards, in about a minute on two cores.

built from a config -> warm start -> GRPO with `RoutedReward` -> before and after

The study's fifth family, notes, is left out: a policy learns to game the reward model that judges them.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ravelar.tools.tally import Tally
from ravelar.training.routed_reward import RoutedReward
from ravelar.training.study.kit import RIGHT_TOOLS, Kit, KitSize, prepare
from ravelar.training.study.policy import new_tokenizer
from ravelar.training.study.runs import RunSpec, each_step, examined, trained

SIZE = KitSize(notes_steps=0, all_steps=0)
TASKS = ("arithmetic", "sorting", "translation", "programs")
RATE = 4e-4
STEPS = 40
COMPLETIONS = 256
_SAMPLES = 4


def demonstrate(*, seed: int, steps: int, size: KitSize = SIZE, tell: Callable[[str], object]) -> dict[str, Any]:
    """Train the policy; return what became of it.

    Args:
        seed: Decides everything that is drawn.
        steps: Steps of GRPO, of 256 completions each.
        size: How much is taught before.
        tell: Told what happens, a line at a time.

    Returns:
        `tasks` (per task: tool, true accuracy and reward before and after on held-out questions), `mean` of the same,
        `tools` (what each tool scored while training), `unscored` (their share), `reward_share` (of the time that
        training took), `seconds` by part.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        kit = Kit(seed, Path(folder) / "kit")
        tell("teaching a policy of 85,000 weights by demonstrations, half of them wrong")
        prepare(kit, size)
        prepared = time.perf_counter()
        train, held_out = ([q for q in questions if q.family in TASKS] for questions in (kit.train, kit.held_out))
        reward, examiner = (RoutedReward(library=kit.tools, router=kit.router, name="reward") for _ in range(2))
        model = kit.warm_policy()
        before = examined(model, examiner, held_out, samples=_SAMPLES, seed=seed)
        tell(f"GRPO: {steps} steps of {COMPLETIONS} completions, scored by the tool that fits each question")
        spec = RunSpec("demo", "routed", seed, RATE, steps)
        training = time.perf_counter()
        watch = each_step(_teller(reward, tell))
        trained(model, new_tokenizer(), reward, train, spec=spec, callbacks=[watch], completions=COMPLETIONS)
        training_s = time.perf_counter() - training
        after = examined(model, examiner, held_out, samples=_SAMPLES, seed=seed)
    whole = time.perf_counter() - started
    return {
        "seed": seed,
        "steps": steps,
        "tasks": {name: _task(name, before, after) for name in TASKS},
        "mean": {
            figure: {when: _mean(part[figure]) for when, part in (("before", before), ("after", after))}
            for figure in ("accuracy", "reward")
        },
        "tools": {
            str(name): {"n": counted.n, "seconds": round(counted.seconds, 2)}
            for name, counted in reward.tally.tools.items()
            if name
        },
        "unscored": _unscored(reward.tally),
        "reward_share": round(reward.wall_s / training_s, 4),
        "seconds": {
            "all": round(whole, 1),
            "preparing": round(prepared - started, 1),
            "training": round(training_s, 1),
            "scoring": round(reward.wall_s, 2),
        },
    }


def _task(name: str, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    figures = {
        f"{figure}_{when}": part[figure][name]
        for figure in ("accuracy", "reward")
        for when, part in (("before", before), ("after", after))
    }
    return {"tool": RIGHT_TOOLS[name], **figures}


def _mean(by_family: dict[str, float | None]) -> float | None:
    known = [value for value in by_family.values() if value is not None]
    return round(sum(known) / len(known), 4) if known else None


def _unscored(tally: Tally) -> float:
    rows = sum(counted.n for counted in tally.tools.values())
    return round(sum(counted.unscored.total() for counted in tally.tools.values()) / rows, 4) if rows else 0.0


def _teller(reward: RoutedReward, tell: Callable[[str], object]) -> Callable[[int, int], None]:
    def at(step: int, steps: int) -> None:
        if (step % 10 == 0 or step == steps) and reward.last is not None:
            values = [given.value for given in reward.last.rewards if given.value is not None]
            mean = f"{sum(values) / len(values):.3f}" if values else "none"
            tell(f"step {step} of {steps}: mean reward {mean}")

    return at
