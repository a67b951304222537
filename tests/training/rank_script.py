"""One rank of a two-rank run, as a process of its own: `python rank_script.py FOLDER`; RANK and the like are set.

Each scenario's outcome goes to FOLDER/RANK.json, where the test compares the ranks.
"""

import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch.distributed as dist
from reward_sources import FolderAcquirer, FolderLibrary, by_task, put
from tiny_trl import train

from ravelar.tools.recognition.names import NamedExample
from ravelar.tools.recognition.recogniser import Recogniser
from ravelar.tools.recognition.router import TaskRouter
from ravelar.tools.routing import Route
from ravelar.training import library_in_step
from ravelar.training.acquisition import AcquisitionLimits
from ravelar.training.routed_reward import RoutedReward

RANK = int(os.environ["RANK"])


class State:
    def __init__(self, step: int) -> None:
        self.global_step = step


def tools_of(reward: RoutedReward) -> list[str | None]:
    assert reward.last is not None
    return [one.tool for one in reward.last.rewards]


def identical_routing(folder: Path) -> Any:
    """The same prompts, other completions; rank 1 would route otherwise by itself, for it learned other names."""
    put(folder, "sums", "1.0")
    put(folder, "poems", "0.5")
    reward = RoutedReward(library=FolderLibrary(str(folder)), router=_router)
    prompts = [*(_SUM.format(i) for i in range(40, 48)), *(_POEM.format(i) for i in range(40, 48))]
    reward(prompts, [f"rank {RANK}, completion {i}" for i in range(16)], trainer_state=State(0))
    return tools_of(reward), [_router()(prompt, None, {}).tool for prompt in prompts]


_SUM = "Please add the two whole numbers {} and 3 and write down nothing but their sum."
_POEM = "Please write a short and cheerful poem of four lines about the number {}."


def _router() -> TaskRouter:
    given = [(_SUM.format(i), "sums") for i in range(20, 40)] + [(_POEM.format(i), "poems") for i in range(20, 40)]
    swapped = {"sums": "poems", "poems": "sums"}
    names = [NamedExample.of(text, None, swapped[task] if RANK else task) for text, task in given]
    return TaskRouter(Recogniser.fit(names), ["sums", "poems"], names=["sums", "poems"])


def library_under_change(folder: Path) -> Any:
    """Rank 0 writes while both score: at each call both must use the same versions."""
    put(folder, "low", "0.0")
    reward = RoutedReward(library=FolderLibrary(str(folder)), router=by_task)
    seen = []
    for step in range(30):
        if RANK == 0 and step % 3 == 1:
            put(folder, "low", str(step / 100))
        if step % 2 == RANK:
            time.sleep(0.01)
        values = reward(["?"] * 2, ["x"] * 2, task=["low"] * 2, trainer_state=State(step))
        seen.append((reward.library_versions, values))
        dist.barrier()  # as a trainer's gathering of rewards keeps ranks together
    return seen


def acquisition(wait_s: float) -> Callable[[Path], Any]:
    """Only rank 1 meets the unknown task; rank 0 acquires, and both use the tool from one call on."""

    def scenario(folder: Path) -> Any:
        put(folder, "low", "0.25")

        def router(prompt: Any, reference: Any, metadata: Any) -> Route:
            task = metadata["task"]
            return Route(task, "column task") if (folder / task).exists() else Route(None, "no such task")

        reward = RoutedReward(
            library=FolderLibrary(str(folder)),
            router=lambda: router,  # a closure can't be sent: each rank opens its own
            on_unknown="acquire",
            acquirer=FolderAcquirer(str(folder), seconds=0.5),
            acquisition=AcquisitionLimits(least_prompts=2, wait_s=wait_s),
        )
        seen = []
        for step in range(12):
            task = "new" if RANK == 1 or step > 8 else "low"
            seen.append(reward(["a", "b"], ["x"] * 2, task=[task] * 2, trainer_state=State(step)))
            time.sleep(0.15)
        return seen, [one.outcome.end for one in reward.acquisitions]

    return scenario


def rank_0_is_late(folder: Path) -> Any:
    """Rank 0 leaves a call out: rank 1 waits for a bounded time, abstains, and is in step again afterwards."""
    put(folder, "low", "1.0")
    before, library_in_step._NOTICE_S = library_in_step._NOTICE_S, 0.5
    reward = RoutedReward(library=FolderLibrary(str(folder)), router=by_task)
    seen = []
    started = time.monotonic()
    for step in range(3):
        if RANK == 0 and step == 1:
            time.sleep(1.5)
            continue
        if step == 2:
            library_in_step._NOTICE_S = before
        seen.append(reward(["?"], ["x"], task=["low"], trainer_state=State(step)))
    return seen, time.monotonic() - started < 30


def trained(folder: Path) -> Any:
    """A real GRPOTrainer on both ranks: every group is split over them."""
    put(folder, "low", "0.25")
    put(folder, "high", "0.75")
    by_prompt: dict[str, list[str | None]] = {}

    class Watch:
        def see(self, batch: Any) -> dict[str, float]:
            for triple, one in zip(batch.triples, batch.rewards, strict=True):
                by_prompt.setdefault(str(triple.prompt), []).append(one.tool)
            return {}

    reward = RoutedReward(library=FolderLibrary(str(folder)), router=by_task, watches=[Watch()])
    prompts = [f"say {letter}" for letter in "abcdefgh"]
    rows = {"prompt": prompts, "task": ["low", "high", "other", "high"] * 2}
    trainer = train("GRPO", reward, rows, folder.parent / "out", per_device_train_batch_size=2, max_steps=4)
    logs = [entry for entry in trainer.state.log_history if "reward" in entry]
    kept = ("routed_reward/unscored", "routed_reward/unknown")
    return by_prompt, [{name: entry[name] for name in kept} for entry in logs], reward.calls


SCENARIOS: dict[str, Callable[[Path], Any]] = {
    "identical_routing": identical_routing,
    "library_under_change": library_under_change,
    "acquired_while_waiting": acquisition(wait_s=20),
    "acquired_meanwhile": acquisition(wait_s=0),
    "rank_0_is_late": rank_0_is_late,
    "trained": trained,
}


def main() -> None:
    warnings.simplefilter("ignore")
    root = Path(sys.argv[1])
    dist.init_process_group("gloo")
    outcomes = {}
    for name, scenario in SCENARIOS.items():
        folder = root / name
        folder.mkdir(exist_ok=True)
        dist.barrier()
        outcomes[name] = scenario(folder)
        dist.barrier()
    (root / f"{RANK}.json").write_text(json.dumps(outcomes))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
