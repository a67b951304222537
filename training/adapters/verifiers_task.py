"""A reward for tasks of the verifiers library (0.4, `import verifiers.v1`): `async def reward(task, trace) -> float`.

A task set names it among its rewards (`rewards: {ravelar: {fn: "ravelar.trainers:task_reward"}}`). verifiers takes no
None: what a reward raises ends the rollout as a `TaskError`, with the message on the trace and the reward left None,
which is its own way to say unscored. So that is what happens, unless a number is named.
"""

import asyncio
import os
from typing import Any

from ravelar.tools.completion import Conversation
from ravelar.tools.errors import InputError
from ravelar.tools.reward import Triple
from ravelar.training.adapters.scorer import Scorer
from ravelar.training.adapters.unscored import number_of, unscored_of

REFERENCES = ("reference", "answer")  # fields of a task that hold it, the first that is there
_FRAMEWORK = frozenset(  # what every task has in verifiers 0.4: no columns of ours
    {
        "idx",
        "id",
        "name",
        "description",
        "prompt",
        "system_prompt",
        "image",
        "workdir",
        "agent_user",
        "skills",
        "network_allow",
        "network_block",
        "artifacts",
        "artifact_max_bytes",
        "timeout",
        "resources",
    }
)


class TaskReward:
    """A reward function for verifiers' tasks.

    Args:
        scorer: Who scores.
        reference: The field of the task's data that holds the reference; None means the first of `REFERENCES`.
        unscored: What stands for a reward that is None: "error" or a number; None means the environment's
            RAVELAR_UNSCORED, or else "error".
    """

    def __init__(self, scorer: Scorer, *, reference: str | None = None, unscored: str | float | None = None) -> None:
        self._scorer, self._reference = scorer, reference
        self._unscored = unscored

    async def __call__(self, task: Any, trace: Any) -> float:
        """Score a trace's last reply; return the reward.

        Args:
            task: The task's data: `prompt`, and as further fields the reference, `task`, `tool` and the like.
            trace: What the agent did.

        Raises:
            NumberNeeded: if the reward is None, and no number was named for that.
            InputError: if the field that was named for the reference is not there.
        """
        triple = to_triple(task, trace, reference=self._reference)
        (reward,) = await asyncio.wrap_future(self._scorer.submit([triple]))
        named = self._unscored if self._unscored is not None else os.environ.get("RAVELAR_UNSCORED") or "error"
        number = number_of(reward, unscored_of(named))
        if number is None:
            raise InputError("unscored: 'null'; verifiers reads numbers only: 'error', or a finite number")
        return number


def to_triple(task: Any, trace: Any, *, reference: str | None = None) -> Triple:
    """Make the triple of a task and a trace; the task's own fields are columns.

    Raises:
        InputError: if the field `reference` is named and not there.
    """
    data = task.model_dump(mode="json", exclude_none=True)
    columns = {name: value for name, value in data.items() if name not in _FRAMEWORK}
    if reference is not None and reference not in columns:
        raise InputError(f"the task has no field {reference!r}; fields: {', '.join(columns) or 'none'}")
    field = reference or next((name for name in REFERENCES if name in columns), None)
    metadata = {name: value for name, value in columns.items() if name != field}
    return Triple(_prompt(data), trace.last_reply, columns.get(field) if field else None, metadata)


def _prompt(data: dict[str, Any]) -> Conversation:
    """Return the task's prompt, its system prompt before it; '' where the user opens the conversation."""
    prompt: Conversation = data.get("prompt") or ""
    if "system_prompt" not in data:
        return prompt
    rest = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)
    return [{"role": "system", "content": data["system_prompt"]}, *rest]
