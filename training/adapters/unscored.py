"""What a trainer that reads numbers is told of a reward that is None.

TRL leaves a completion out whose reward is None. Others can't: verl, OpenRLHF and slime end training on None, in a
place that says nothing of the cause, and NaN spoils every advantage of its group. So there are three choices, and
none is silent: "error", which is the default and ends the trainer's call with the reason; a number that a person
names; "null", for code of one's own that knows it. Where a reference is unusable or a tool is down, the whole group
gets the number and learns nothing from it; where a part of a group is unscored, that part is compared with the rest
as if it had earned the number. What was unscored is told beside it, so that its share can be watched.
"""

import math

from ravelar.tools.errors import InputError, NumberNeeded
from ravelar.tools.reward import Reward
from ravelar.training.service.settings import Unscored


def number_of(reward: Reward, unscored: Unscored = "error") -> float | None:
    """Return a reward's value, or what stands for it where it is None.

    Raises:
        NumberNeeded: if the reward is None and `unscored` is "error"; the message says why it is None.
    """
    if reward.value is not None:
        return reward.value
    if unscored == "error":
        raise NumberNeeded(
            f"unscored by {reward.tool or 'any tool'}: {reward.reason or 'no reason given'}; this trainer reads "
            "numbers only: name one with `unscored`, such as 0.0, to train on it"
        )
    return None if unscored == "null" else float(unscored)


def unscored_of(given: object) -> Unscored:
    """Read the setting `unscored` from a flag, a variable or a configuration: "error", "null" or a finite number.

    Raises:
        InputError: if it is none of these.
    """
    if given == "error":
        return "error"
    if given == "null":
        return "null"
    try:
        number = float(given) if isinstance(given, str | int | float) and not isinstance(given, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"unscored: {given!r}; allowed: 'error', 'null', or a finite number")
    return number
