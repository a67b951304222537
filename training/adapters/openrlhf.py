"""OpenRLHF's remote reward (`--reward.remote_url`): bodies to triples, rewards to what it reads.

OpenRLHF POSTs `{"query": [...], "prompts": [...], "labels": [...]}`, each query being prompt and completion as
decoded, special tokens included, and reads `{"rewards": [...], "scores": [...], "extra_logs": {...}}`: numbers only.
Seen in 0.11.2: one query a request, 180 s, five tries a second apart; then the reward is missing and training ends.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ravelar.tools.errors import InputError
from ravelar.tools.reward import Reward, Triple
from ravelar.training.adapters.labels import triple_of
from ravelar.training.adapters.texts import completion_of
from ravelar.training.adapters.unscored import number_of
from ravelar.training.service.settings import Unscored


def to_triples(body: Mapping[str, Any]) -> list[Triple]:
    """Make n triples of a request for n rewards, in order.

    Raises:
        InputError: if a list is missing, the lists differ in length, an entry is no text, or a query does not hold
            its prompt.
    """
    queries, prompts = _texts(body, "query"), _texts(body, "prompts")
    labels = body.get("labels")
    if labels is None:
        labels = [None] * len(queries)
    if not isinstance(labels, list):
        raise InputError(f"labels is {type(labels).__name__}; a list is needed")
    if not len(queries) == len(prompts) == len(labels):
        raise InputError(
            f"query, prompts and labels must be equally long, got {len(queries)}, {len(prompts)} and {len(labels)}"
        )
    return [
        triple_of(prompt, completion_of(query, prompt), label)
        for query, prompt, label in zip(queries, prompts, labels, strict=True)
    ]


def from_rewards(rewards: Sequence[Reward], *, unscored: Unscored = "error") -> dict[str, Any]:
    """Return what OpenRLHF reads of n rewards; `extra_logs` says which of them tools gave.

    Args:
        rewards: In the order of the request.
        unscored: What stands for a reward that is None: a number, "null", or "error" to refuse it.

    Raises:
        NumberNeeded: if a reward is None and `unscored` is "error".
    """
    numbers = [number_of(reward, unscored) for reward in rewards]
    scored = [float(reward.value is not None) for reward in rewards]
    return {"rewards": numbers, "scores": numbers, "extra_logs": {"scored": scored}}


def _texts(body: Mapping[str, Any], name: str) -> list[str]:
    values = body.get(name)
    if not isinstance(values, list):
        raise InputError(f"{name} is {type(values).__name__}; a list of texts is needed")
    for i, value in enumerate(values):
        if not isinstance(value, str):
            raise InputError(f"{name}[{i}] is {type(value).__name__}; a text is needed")
    return values
