"""What can go wrong, on one page.

    RavelarError
    ├── InputError              the caller's input: a file, a row, a column, a flag
    │   ├── UnknownName         no tool, command or column of that name; says what there is
    │   └── LibraryUnusable     the place of the adopted tools can't be opened, read or written
    ├── HubError                the Hub, or one repository on it, can't be used; the search goes on without it
    │   ├── HubUnreachable      no connection, too slow, rate-limited, or a server error, after bounded retries
    │   ├── RepositoryRefused   a repository that must not be used: gated, pickle only, remote code, too large ...
    │   └── RepositoryLied      a file is not what the Hub said of it: size, hash or header
    ├── AgentError              a decision of a language model can't be had
    │   ├── ModelUnavailable    no language model is set, its provider is not installed, or it can't be reached
    │   │   └── ContextOverflow what was sent is longer than the model takes
    │   ├── ModelRefused        the language model, or its provider, declines to answer
    │   ├── BrokenReply         the reply does not fit its schema, nor does the one after the repair turn
    │   └── BudgetExhausted     the run has used up what it may spend; says of what
    ├── NumberNeeded            a reward is None, and the trainer that asks can only read numbers
    ├── CheckpointFailed        a checkpoint can't be written in the middle of a training run; earlier ones are intact
    └── RewardToolError         a reward tool can't say: the reward is None, with this as its reason
        ├── UnusableReference   the reference is missing, of the wrong type, or can't be read
        ├── UnusablePrompt      the prompt lacks what the tool reads there (options, a language ...)
        ├── ToolTimeout         our part was too slow (a hostile completion is the policy's fault: score 0)
        ├── ToolUnavailable     a library, model or worker that the tool stands on is missing or broken
        ├── NotInStep           a rank of a training run can't tell, or open, what rank 0 scores with
        ├── Uncalibrated        the tool's range is unbounded and no map to [0, 1] was fitted
        └── ToolCrashed         a foreign exception, or a value that is no number in the card's range

Who turns an error into what: `tools.scoring.score_or_abstain` turns every `RewardToolError` into
`Reward(None, ...)`, and nothing else does. `InputError` reaches the person: the CLI prints its message and exits
with 2; `CheckpointFailed` likewise, with 1. `HubError` and `AgentError` end one branch of an acquisition, with their
message in its report; what the other branch found stays. `NumberNeeded` ends the call of a trainer that has no
word for None, and says which number may be named for it. A completion that is empty, wrong, hostile or endless is no
error at all: it earns the tool's lowest value.
"""

import difflib
from collections.abc import Iterable


class RavelarError(RuntimeError):
    """Base of everything that Ravelar raises on purpose; LangGraph's server tells clients no others' messages."""


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


class LibraryUnusable(InputError):
    """The place where adopted tools are kept can't be opened, read or written; the message names it."""


class HubError(RavelarError):
    """The Hub, or one repository on it, can't be used."""


class HubUnreachable(HubError):
    """The Hub does not answer as it should: no connection, too slow, rate-limited, a server error."""


class RepositoryRefused(HubError):
    """A repository that must not be used; the message says why."""


class RepositoryLied(HubError):
    """A file of a repository is not what the Hub said of it."""


class AgentError(RavelarError):
    """A decision of a language model can't be had."""


class ModelUnavailable(AgentError):
    """There is no language model to ask."""


class ContextOverflow(ModelUnavailable):
    """What was sent is longer than the language model takes; sending it again would not help."""


class ModelRefused(AgentError):
    """The language model declines to answer: it says so, or its provider's filter does."""


class BrokenReply(AgentError):
    """A language model's reply does not fit its schema, even after one repair turn."""


class BudgetExhausted(AgentError):
    """A run has used up what it may spend.

    Args:
        what: What was used up: "llm_calls", "tokens", "seconds", "bytes", "candidates" or "repairs".
        limit: How much there was of it.
    """

    def __init__(self, what: str, limit: float) -> None:
        self.what = what
        super().__init__(f"the budget of {what} is used up: {limit:g}")


class NumberNeeded(RavelarError):
    """A reward is None, the trainer that asks can only read numbers, and none was named for it."""


class CheckpointFailed(RavelarError):
    """A checkpoint can't be written in the middle of a training run; the message says what to go on from."""


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


class NotInStep(RewardToolError):
    """This rank of a training run can't tell, or can't open, what rank 0 scores with."""


class Uncalibrated(RewardToolError):
    """The tool's range is unbounded, and no map to [0, 1] was fitted for it."""


class ToolCrashed(RewardToolError):
    """The tool raised something foreign, or returned what its card does not allow."""
