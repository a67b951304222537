"""slime's remote reward (`--rm-type remote_rm --rm-url`): a body to a triple, a reward to a number.

slime POSTs `{"prompt", "response", "label"}`, one sample a request, and reads a JSON number (or, with `--reward-key`,
a mapping that holds it). Read in its code of 2026: 120 s, ten tries with growing pauses; then training ends, as it
does on null, while NaN spoils the whole group.
"""

from collections.abc import Mapping
from typing import Any

from ravelar.tools.errors import InputError
from ravelar.tools.reward import Reward, Triple
from ravelar.training.adapters.labels import triple_of
from ravelar.training.adapters.texts import without_end_tokens
from ravelar.training.adapters.unscored import number_of
from ravelar.training.service.settings import Unscored


def to_triple(body: Mapping[str, Any]) -> Triple:
    """Make the triple of a request.

    Raises:
        InputError: if the prompt is missing or neither text nor chat messages, or the response is no text.
    """
    response = body.get("response")
    if not isinstance(response, str):
        raise InputError(f"response is {type(response).__name__}; a text is needed")
    if body.get("prompt") is None:
        raise InputError("prompt is missing; text or chat messages are needed")
    return triple_of(body["prompt"], without_end_tokens(response), body.get("label"))


def from_reward(reward: Reward, *, unscored: Unscored = "error") -> float | None:
    """Return the number that slime reads.

    Args:
        reward: What a tool said.
        unscored: What stands for a reward that is None: a number, "null", or "error" to refuse it.

    Raises:
        NumberNeeded: if the reward is None and `unscored` is "error".
    """
    return number_of(reward, unscored)
