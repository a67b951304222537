"""The forms in which a completion states an answer: in prose, boxes and code blocks, with units, after reasoning."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ravelar.tools.evidence.answers import AnswerForm

_REASONING = "Let me work through this.\n\n1. First I note what is given.\n2. Then I work out what is asked for.\n\n"
_THINKING = "<think>\nLet me see. {doubt}I should check that once more. Yes.\n</think>\n\n"
_COURTESY = "\n\nLet me know if you need anything else."

_INLINE = (
    "The answer is {answer}.",
    "So the final answer is **{answer}**.",
    _REASONING + "Answer: {answer}",
    _THINKING + "{answer}",
    "Sure! Here is the answer:\n\n{answer}" + _COURTESY,
    "You asked: {question}\n\nThe answer is {answer}.",
    "After checking each step, I get:\n\n{answer}\n",
)
_BOXED = "Putting this together, we obtain $\\boxed{{answer}}$."
_ON_LINES = (
    "The answer is:\n\n{answer}",
    "```\n{answer}\n```",
    _REASONING + "Answer:\n{answer}",
    _THINKING + "{answer}",
    "Here is the result:\n\n```\n{answer}\n```" + _COURTESY,
)
_FORMS: Mapping[AnswerForm, tuple[str, ...]] = {
    "number": (*_INLINE[:2], _BOXED, *_INLINE[2:]),
    "atom": (*_INLINE[:2], _BOXED, *_INLINE[2:]),
    "phrase": _INLINE,
    "line": _ON_LINES,
    "block": _ON_LINES,
    "data": (
        "```json\n{answer}\n```",
        "{indented}",
        _REASONING + "{answer}",
        _THINKING + "{indented}",
        "Here is the result:\n\n```json\n{indented}\n```" + _COURTESY,
    ),
}
NO_ANSWER = (
    _REASONING + "Answer:",
    "Sure! I have worked it out, and the answer is",
    "<think>\nLet me see. I should check that once more. Yes.\n</think>\n\nSo the final answer is",
)
"""Completions that were cut before they state anything."""

_MAX_QUESTION = 600
_FILLER = frozenset({"less", "times", "pieces", "does"})
_HOW_MANY = re.compile(r"\bhow many ([a-z]{3,}s)\b", re.IGNORECASE)
_UNITS = (
    "mm|cm|dm|m|km|in|ft|yd|mi|mg|g|kg|lb|lbs|oz|ml|cl|l|s|min|h|hours|minutes|seconds|days|weeks|months|years|"
    "met(?:re|er)s|(?:centi|milli|kilo)met(?:re|er)s|inches|feet|yards|miles|grams|kilograms|pounds|ounces|"
    "lit(?:re|er)s|millilit(?:re|er)s|gallons|dollars|cents|euros|degrees|celsius|fahrenheit|kelvin"
)
_IN_UNIT = re.compile(rf"\b(?:in|into|to) ({_UNITS})\b(?=\s*[?.!:]?\s*$)", re.IGNORECASE | re.MULTILINE)


def statements(
    answer: str, form: AnswerForm, *, reference: Any = None, question: str = "", doubts: Sequence[str] = ()
) -> list[str]:
    """State an answer in every form that fits it, itself alone left out.

    Args:
        answer: The answer as it stands alone.
        form: What form it has.
        reference: For data, what is written with indents.
        question: The prompt's text: one form repeats it, up to 600 characters, and it may name the unit.
        doubts: Other answers; the first is weighed, and dismissed, in a form with a reasoning block.
    """
    fields = {
        "{answer}": answer,
        "{indented}": _indented(reference) if form == "data" else answer,
        "{question}": question,
        "{doubt}": f"At first sight it might be {doubts[0]}, but that does not fit. " if doubts else "",
    }
    templates = [
        template for template in _FORMS[form] if "{question}" not in template or len(question) <= _MAX_QUESTION
    ]
    if form == "number" and (unit := unit_of(question)):
        templates.insert(1, f"It comes to {{answer}} {unit}.")
    return [_filled(template, fields) for template in templates]


def _filled(template: str, fields: Mapping[str, str]) -> str:
    """Fill a template in one pass, so that braces in what is filled in stay what they are."""
    return re.sub("|".join(map(re.escape, fields)), lambda match: fields[match.group()], template)


def _indented(reference: Any) -> str:
    return json.dumps(reference, ensure_ascii=False, indent=2)


def unit_of(question: str) -> str | None:
    """Return the unit in which a question wants its number, where it plainly says so; else None."""
    if found := _IN_UNIT.findall(question):
        return str(found[-1])
    counted = [word for word in _HOW_MANY.findall(question) if word.lower() not in _FILLER]
    return str(counted.pop()) if len(counted) == 1 else None
