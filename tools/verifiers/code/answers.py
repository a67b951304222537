"""What a program answers to calls: all of them in one process and in order, as a plain test would make them."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from ravelar.tools.sandbox.protocol import Call, Outcome, Program
from ravelar.tools.verifiers.code.running import Judging, Request

AnswerKind = Literal["value", "raised", "uncrossable", "ended"]
WireCall = tuple[str, tuple[Any, ...], dict[str, Any], bool]
"""Name, arguments, named arguments, whether an iterator may come back as a list: all that enters the jail."""

_LOADING = ("did not load", "while loading")  # how the local sandbox's messages begin; elsewhere it costs time, no more
_HANGS = frozenset({"timeout", "memory", "crash", "protocol"})
PATIENCE = 2  # ends of the process after which remaining calls are not made
NOT_RUN = "earlier tests had decided"


class Answer(NamedTuple):
    """What became of one call.

    Attributes:
        kind: `value`; `raised` by the program; `uncrossable`, no plain value; `ended`, its process did not survive.
        value: The value, or words.
        changed: The arguments after the call, where that was asked for.
    """

    kind: AnswerKind
    value: Any
    changed: Any = None


@lru_cache
def source_of(module: str) -> str:
    """Return the source of a module of this package that is sent into jails."""
    return Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8")


def program_of(source: str, profile: str) -> Program:
    """Return the program with the caller's end behind it."""
    whole = f"{source}\n\n\n{source_of('jailed_calls')}"
    return Program(whole, entry="ravelar_calls", profile=profile, returns="literal", isolation="per_call")


def answers_of(
    program: Program, calls: Sequence[WireCall], *, in_place: bool = False, patience: int = PATIENCE
) -> "Judging[list[Answer]]":
    """Make calls; return their answers, one per call.

    One run makes all calls, and its limits are for all of them together. Where it does not come back, the calls are
    made one by one to tell which are to blame, until `patience` of them have ended the process; 0 blames all at once.
    """
    (outcome,) = yield Request(program, [Call((list(calls), in_place))])
    answers = _read(outcome, len(calls))
    if answers is not None:
        return answers
    if outcome.reason == "load" or outcome.message.startswith(_LOADING) or patience == 0 or len(calls) == 1:
        return [_ended(outcome)] * len(calls)
    if outcome.reason not in _HANGS:
        outcomes = yield Request(program, [Call(([call], in_place)) for call in calls])
        return [(_read(single, 1) or [_ended(single)])[0] for single in outcomes]
    return (yield from _one_by_one(program, calls, in_place, patience))


def _one_by_one(program: Program, calls: Sequence[WireCall], in_place: bool, patience: int) -> "Judging[list[Answer]]":
    answers: list[Answer] = []
    for call in calls:
        (outcome,) = yield Request(program, [Call(([call], in_place))])
        read = _read(outcome, 1)
        answers += read or [_ended(outcome)]
        patience -= read is None
        if patience == 0:
            break
    skipped = Answer("ended", f"not_run: {NOT_RUN}")
    return answers + [skipped] * (len(calls) - len(answers))


def _ended(outcome: Outcome) -> Answer:
    return Answer("ended", f"{outcome.reason or 'protocol'}: {outcome.message or 'no answers'}"[:300])


def _read(outcome: Outcome, count: int) -> list[Answer] | None:
    """Return the answers that a run gave, or None if it gave none: the program can write here what it likes."""
    given = outcome.value
    if not outcome.ok or type(given) is not list or len(given) != count:
        return None
    if not all(type(answer) is tuple and len(answer) == 3 and answer[0] in _GIVEN for answer in given):
        return None
    if not all(answer[0] == "value" or type(answer[1]) is str for answer in given):
        return None
    return [Answer(*answer) for answer in given]


_GIVEN = tuple(kind for kind in get_args(AnswerKind) if kind != "ended")
