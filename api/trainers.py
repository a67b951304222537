"""Reward functions that other trainers name in their configuration, over the tools of `ravelar.score`.

verl:       reward.custom_reward_function.path=pkg://ravelar.trainers  name=compute_score
verifiers:  rewards: {ravelar: {fn: "ravelar.trainers:task_reward"}}

OpenRLHF and slime ask over HTTP: `ravelar serve`. See docs/trainers.md.
"""

from ravelar.calls import default_library, default_router
from ravelar.training.adapters.scorer import Scorer
from ravelar.training.adapters.verifiers_task import TaskReward
from ravelar.training.adapters.verl import ComputeScore

__all__ = ["ComputeScore", "Scorer", "TaskReward", "compute_score", "task_reward"]

_scorer = Scorer(default_library, default_router)
compute_score = ComputeScore(_scorer)
task_reward = TaskReward(_scorer)
