"""What a trainer that can only read numbers is told of a reward that is None.

TRL leaves a completion out whose reward is None. Others can't: verl and slime end training on None and spoil the
whole group with NaN, OpenRLHF ends. So there are two choices, and neither is silent: to refuse, which is the default
and ends the trainer's call with the reason, or a number that a person names. Where a reference is unusable or a tool
is down, the whole group gets that number and learns nothing from it; where a part of a group is unscored, that part
is compared with the rest as if it had earned the number. The share of unscored rewards is reported beside it.
"""

import math

from ravelar.tools.errors import InputError, NumberNeeded
from ravelar.tools.reward import Reward


def number_of(reward: Reward, unscored: float | None) -> float:
    """Return a reward's value, or the number that stands for an unscored one.

    Args:
        reward: What a tool said.
        unscored: The number named for rewards that are None; None means to refuse them.

    Raises:
        NumberNeeded: if the reward is None and no number was named; the message says why it is None.
    """
    if reward.value is not None:
        return reward.value
    if unscored is not None:
        return unscored
    raise NumberNeeded(
        f"unscored by {reward.tool or 'any tool'}: {reward.reason or 'no reason given'}; this trainer reads numbers "
        "only: name one with `unscored`, such as 0.0, to train on it"
    )


def checked_number(unscored: object) -> float | None:
    """Read the setting `unscored`: a finite number, its text, or None, "" and "refuse", which mean to refuse.

    Raises:
        InputError: if it is none of these.
    """
    if unscored is None or unscored in ("", "refuse"):
        return None
    try:
        number = float(unscored) if isinstance(unscored, str | int | float) else math.nan
    except ValueError:
        number = math.nan
    if isinstance(unscored, bool) or not math.isfinite(number):
        raise InputError(f"unscored: {unscored!r}; allowed: a finite number, or 'refuse'")
    return number
