"""What became of each test."""

import reprlib
from collections.abc import Sequence
from typing import NamedTuple, get_args

from ravelar.tools.sandbox.protocol import Reason
from ravelar.tools.verifiers.code.answers import NOT_RUN, Answer
from ravelar.tools.verifiers.code.cases import Case
from ravelar.tools.verifiers.code.comparison import TypeConfusion

FAILURES = ("fail", "confused", "raised", "uncrossable", "not_run", *get_args(Reason))
"""Every outcome but `pass`.

`fail` another value; `confused` a truth value for a number; `raised`, by the program; `uncrossable` a value that
can't leave the jail; `not_run` after earlier tests had decided; the rest as the sandbox names it.
"""

_MESSAGE_CHARACTERS = 200
_shown = reprlib.Repr()
_shown.maxstring = _shown.maxother = 80


class Tested(NamedTuple):
    """One test's outcome, `pass` or one of `FAILURES`, with words."""

    label: str
    outcome: str
    message: str = ""

    @property
    def passed(self) -> bool:
        """Whether it passed."""
        return self.outcome == "pass"


def tested(case: Case, answers: Sequence[Answer]) -> Tested:
    """Judge a case by the answers to its calls."""
    for answer in answers:
        if answer.kind != "value":
            return from_words(case.label, answer.kind, answer.value)
    values = [answer.value for answer in answers]
    try:
        if case.holds(values):
            return Tested(case.label, "pass")
    except TypeConfusion as error:
        return Tested(case.label, "confused", str(error)[:_MESSAGE_CHARACTERS])
    except Exception as error:  # noqa: BLE001  a condition over a hostile value may raise anything: it does not hold
        return Tested(case.label, "fail", f"{type(error).__name__}: {error}"[:_MESSAGE_CHARACTERS])
    return Tested(case.label, "fail", f"returned {', '.join(map(_shown.repr, values))}"[:_MESSAGE_CHARACTERS])


def from_words(label: str, kind: str, words: str) -> Tested:
    """Name what kept a test from a value: for a process that ended, the sandbox's reason stands first in the words.

    Words may be the program's: nothing in them names a pass.
    """
    if kind == "ended":
        reason, _, message = words.partition(": ")
        kind, words = (reason, message) if reason in FAILURES else ("crash", words)
    return Tested(label, kind, words[:_MESSAGE_CHARACTERS])


def from_check(label: str, said: str) -> Tested:
    """Name what test code said of one of its steps: nothing if it passed."""
    if not said:
        return Tested(label, "pass")
    if said.startswith("ended: "):
        return from_words(label, "ended", said.removeprefix("ended: "))
    if said.startswith("load: "):
        return Tested(label, "load", said.removeprefix("load: ")[:_MESSAGE_CHARACTERS])
    return Tested(label, "fail", said[:_MESSAGE_CHARACTERS])


def not_run(label: str) -> Tested:
    """Name a test that earlier ones made pointless."""
    return Tested(label, "not_run", NOT_RUN)
