"""What can go wrong, on one page.

    RavelarError
    ├── InputError              the caller's input: a file, a row, a column, a flag
    │   └── UnknownName         no tool, command or column of that name; says what there is
    └── RewardToolError         a reward tool can't say: the reward is None, with this as its reason
        ├── UnusableReference   the reference is missing, of the wrong type, or can't be read
        ├── UnusablePrompt      the prompt lacks what the tool reads there (options, a language ...)
        ├── ToolTimeout         our part was too slow (a hostile completion is the policy's fault: score 0)
        ├── ToolUnavailable     a library, model or worker that the tool stands on is missing or broken
        ├── Uncalibrated        the tool's range is unbounded and no map to [0, 1] was fitted
        └── ToolCrashed         a foreign exception, or a value that is no number in the card's range

Who turns an error into what: `tools.scoring.score_or_abstain` turns every `RewardToolError` into
`Reward(None, ...)`, and nothing else does. `InputError` reaches the person: the CLI prints its message
and exits with 2. A completion that is empty, wrong, hostile or endless is no error at all: it earns the
tool's lowest value.
"""

import difflib
from collections.abc import Iterable


class RavelarError(Exception):
    """Base of everything that Ravelar raises on purpose."""


class InputError(RavelarError):
    """Input that can't be used; the message names the thing, the value and what is allowed."""


class UnknownName(InputError):
    """A name that stands for nothing here.

    Args:
        what: What kind of thing was asked for, such as "reward tool".
        name: The name as it was given.
        known: Every name that would have done.
    """

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        close = difflib.get_close_matches(name, names, n=1)
        hint = f" did you mean {close[0]!r}?" if close else ""
        super().__init__(f"no {what} {name!r};{hint} known: {', '.join(names) or 'none'}")


class RewardToolError(RavelarError):
    """A reward tool can't score; raised for a whole batch, or returned in place of one score."""


class UnusableReference(RewardToolError):
    """The reference is missing, of a type the tool can't take, or can't be read."""


class UnusablePrompt(RewardToolError):
    """The prompt (or its metadata) lacks what the tool must read there."""


class ToolTimeout(RewardToolError):
    """Our own part, not the completion's, took longer than its limit."""


class ToolUnavailable(RewardToolError):
    """Something that the tool stands on is missing or broken."""


class Uncalibrated(RewardToolError):
    """The tool's range is unbounded, and no map to [0, 1] was fitted for it."""


class ToolCrashed(RewardToolError):
    """The tool raised something foreign, or returned what its card does not allow."""
