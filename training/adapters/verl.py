"""verl's reward function (`reward.custom_reward_function`): one completion a call, from many threads at once.

verl calls `compute_score(data_source=, solution_str=, ground_truth=, extra_info=, **reward_kwargs)` and reads a number,
or a mapping with `score` and further keys, the same for every sample. It passes no prompt: the data set carries it in
`extra_info`. Seen in 0.9.1: None ends the batch with a TypeError of torch, NaN spoils its group, an exception ends
training with its message.
"""

from collections.abc import Mapping
from typing import Any

from ravelar.tools.errors import InputError
from ravelar.tools.reward import Reward, Triple
from ravelar.training.adapters.scorer import Scorer
from ravelar.training.adapters.unscored import number_of, unscored_of


class ComputeScore:
    """A reward function for verl, picklable if the scorer's sources are.

    Args:
        scorer: Who scores.
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def __call__(  # noqa: PLR0913  verl's signature, and two settings
        self,
        data_source: str,
        solution_str: str,
        ground_truth: Any,
        extra_info: Mapping[str, Any] | None = None,
        *,
        prompt_key: str | None = "prompt",
        unscored: Any = "error",
        **_others: Any,
    ) -> dict[str, Any]:
        """Score a completion; return `score`, `scored` (1 if a tool gave it, else 0), `tool` and `reason`.

        Args:
            data_source: The data set's name; it routes as the column `task` does, where `extra_info` has none.
            solution_str: The completion.
            ground_truth: The reference.
            extra_info: The prompt, and further columns such as `task`, `tool` or `options`.
            prompt_key: Where the prompt stands in `extra_info`; None if no tool needs it.
            unscored: What stands for a reward that is None: "error", "null" or a number.

        Raises:
            NumberNeeded: if the reward is None and `unscored` is "error".
            InputError: if there is no prompt at `prompt_key`.
        """
        triple = to_triple(data_source, solution_str, ground_truth, extra_info, prompt_key=prompt_key)
        (reward,) = self._scorer.submit([triple]).result()
        return from_reward(reward, unscored)


def to_triple(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None,
    *,
    prompt_key: str | None = "prompt",
) -> Triple:
    """Make the triple of a call; arguments and errors are those of `ComputeScore`."""
    columns = {name: _plain(value) for name, value in (extra_info or {}).items()}
    prompt = "" if prompt_key is None else columns.pop(prompt_key, None)
    if prompt is None:
        there = ", ".join(map(repr, columns)) or "nothing"
        raise InputError(
            f"extra_info has no prompt at {prompt_key!r}, but {there}; put it there in the data set, or set "
            "reward_kwargs.prompt_key (null if no tool needs the prompt)"
        )
    return Triple(prompt, solution_str, _plain(ground_truth), {"task": data_source, **columns})


def from_reward(reward: Reward, unscored: Any = "error") -> dict[str, Any]:
    """Return what verl reads of a reward: the same keys for every sample."""
    return {
        "score": number_of(reward, unscored_of(unscored)),
        "scored": float(reward.value is not None),
        "tool": reward.tool or "",
        "reason": reward.reason or "",
    }


def _plain(value: Any) -> Any:
    """Turn the arrays that lists become in parquet files back into lists."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
