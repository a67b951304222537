r"""The final answer of a completion, as one or more candidates that must all be right.

What counts is where a text says so last: a box, or a marked phrase (see `marks`). Claims that stand side by
side (`\boxed{5} or \boxed{7}`, "the answer is 5. The answer is 7.") are one statement with several
candidates; a claim further up is superseded. Which answer is picked never depends on the reference's value,
only on its form: a plain number, a formula, several values, or words.

>>> final_answer(r"First \boxed{5}. Wait, that is wrong: \boxed{7}.").candidates
('7',)
>>> final_answer("The answer is $5$ or $7$.").candidates
('5', '7')
"""

import re
from dataclasses import dataclass
from typing import Literal

from ravelar.tools.verifiers.maths.marks import Claim, after, claims
from ravelar.tools.verifiers.maths.notation import STYLED, is_balanced, plain_characters, unwrapped
from ravelar.tools.verifiers.maths.plain import plain_number
from ravelar.tools.verifiers.maths.prose import last_number_in

Form = Literal["number", "formula", "words"]
How = Literal["box", "phrase", "whole", "conclusion", "last number", "none"]

READ_CHARACTERS = 20_000  # ours: of a longer completion only the end is read; answers stand there
MAX_CANDIDATE = 2_000  # characters; ours: longer is no final answer, and parsing it costs seconds

_WORD_BETWEEN = (
    r"or|and|also|either|maybe|perhaps|possibly|alternatively|otherwise|could|might|may|be|it|its|is|are|so|the|"
    r"final|correct|therefore|thus|hence|answers?|i|think|another|other|one|that|to|this|problem|question|my|as|well|"
    r"else|first|second|third|options?|possibility|possible|candidates?|guess|again|in|conclusion|summary|value|solution|solutions|[a-z]|或者?|和|答案|是|为|最终|所以|因此|也许|可能"
)
_SIDE_BY_SIDE = re.compile(
    rf"(?:[\W_]|\d\.|\\(?:text|quad|qquad|hspace|newline)|\b(?:{_WORD_BETWEEN})(?![a-z]))*+",
    re.IGNORECASE,
)
_LISTED = re.compile(
    r"\s*(?:[,;/]|,?\s*(?:\\text\{\s*)?\b(?:or|and)\b(?:\s*\})?|或者?|和|、)\s*"
    r"(?:(?:maybe|perhaps|possibly|even|also|else)\s*)*",
    re.IGNORECASE,
)
_HEDGE_AFTER = re.compile(
    r"[\s$*\\)\].,;]*\(?\s*(?:(?:or|maybe|perhaps|possibly|alternatively|otherwise)\b|或者?|也许|可能)(?P<other>.*)",
    re.IGNORECASE | re.DOTALL,
)
_SAME_AGAIN = re.compile(r"\s*(?:in\b|about|equivalent|approximately|roughly|simply)", re.IGNORECASE)
FORMULA = re.compile(
    r"\$\$(?P<a>.+?)\$\$|\\\[(?P<b>.+?)\\\]|\\\((?P<c>.+?)\\\)|(?<!\\)\$(?P<d>(?:\\.|[^$\\\n])+?)\$", re.DOTALL
)
_MONEY = re.compile(r"\s?[0-9][0-9,.]*(?:[\s.,;)]|$)")
_CUT = re.compile(
    r"[,;]?\s+(?:because|since|where|when|which|whose|who|as\s|given\s|for\s+(?:all|any|every|each)|if\s|so\s|"
    r"instead\s+of|rather\s+than|obtained|i\.e\.?|meaning)|,\s*not\s|\s+\(?not\s|[;,]\s+(?:and\s+)?(?:we|this|the|thus|that)\s"
    r"|，|,?\s*(?:因为|其中)",
    re.IGNORECASE,
)
_LAST_LINES = 1_000  # characters of an unmarked text's end in which its conclusion must stand
_COMMAND = re.compile(rf"{STYLED.pattern}|\\[A-Za-z]+(?:\s*\{{[pbvBV]?(?:matrix|array|cases)\}})?")
_LEAD_IN = re.compile(
    r"[\s\S]*(?:^|\n|\.\s)\W*(?:therefore|thus|hence|so|finally|then)\b,?\s*(?:(?:we|it|this|that|have|get|obtain|is|gives)\b\s*){0,4}",
    re.IGNORECASE,
)
_WORKING = re.compile(r"[0-9)][^=]*=")  # "answer: 28 / 7 = 4 weeks" leads up to what follows it
# Words that speak of an answer without being one; "yes", "no" and "none" may be one where words are asked for.
_VACUOUS = re.compile(
    r"(?:correct|incorrect|wrong|right|above|below|unknown|unclear|shown|given|as follows|not|found|here)?[\s.:,!*_$]*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class FinalAnswer:
    """What a completion states as its answer.

    Attributes:
        candidates: What it states, all of which must be right; () if nothing.
        how: Where it was found.
    """

    candidates: tuple[str, ...] = ()
    how: How = "none"


_NOTHING = FinalAnswer()


def final_answer(answer: str, form: Form = "formula", *, last_number: bool = False) -> FinalAnswer:
    """Find the final answer of a completion, its reasoning already taken off.

    Args:
        answer: The text.
        form: What the reference is.
        last_number: Whether the last number of a text that marks no answer may stand in for one; the weakest way.
    """
    text = plain_characters(answer[-READ_CHARACTERS:])[-READ_CHARACTERS:].rstrip()
    stated = claims(text)
    if stated:
        return _stated(text, stated, form)
    return _unmarked(text, form, last_number) if text else _NOTHING


def _stated(text: str, stated: list[Claim], form: Form) -> FinalAnswer:
    """Return the last claim that says something, with those beside it."""
    last = len(stated) - 1
    while last >= 0 and _says_nothing(stated[last], form):
        last -= 1
    if last < 0:
        return _NOTHING
    first = last
    while first > 0 and _beside(text, stated[first - 1], stated[first]):
        first -= 1
    candidates: list[str] = []
    for claim in stated[first:last]:
        if claim.content.strip() and not _says_nothing(claim, form):
            candidates += _candidates(claim, form)
    candidates += _candidates(stated[last], form) + _taken_back(text, stated[last])
    return _readable(candidates, "box" if stated[last].boxed else "phrase")


def _candidates(claim: Claim, form: Form) -> list[str]:
    return [claim.content] if claim.boxed else in_phrase(claim.content, form)


def _says_nothing(claim: Claim, form: Form) -> bool:
    """Say whether a claim in words is about an answer rather than one: "the answer is correct"."""
    if claim.boxed:
        return False
    if _VACUOUS.fullmatch(claim.content):
        return True
    return form == "number" and not re.search(r"[0-9\\]", claim.content)


def _beside(text: str, before: Claim, claim: Claim) -> bool:
    """Say whether nothing but connecting words stands between two claims, the first of which is no working."""
    if not before.boxed and _WORKING.search(before.content):
        return False
    between = text[before.end : claim.start]
    return len(between) <= 200 and _SIDE_BY_SIDE.fullmatch(between) is not None


def _taken_back(text: str, claim: Claim) -> list[str]:
    """Return what follows a claim as an alternative: "... or 7"."""
    hedge = _HEDGE_AFTER.match(after(text, claim))
    if hedge is None or _SAME_AGAIN.match(hedge["other"]) or not re.search(r"[0-9\\]", hedge["other"]):
        return []
    return [hedge["other"]]


def in_phrase(content: str, form: Form) -> list[str]:
    """Return the candidates of a phrase: its formulas if it leads with one, else its words up to a reason."""
    formulas = [m for m in FORMULA.finditer(content) if not is_money(m)] if "$" in content or "\\" in content else []
    if formulas and not re.search(r"[0-9]", content[: formulas[0].start()]):
        listed = [formulas[0]]
        for formula in formulas[1:]:
            between = content[listed[-1].end() : formula.start()]
            if not _LISTED.fullmatch(between):
                break
            listed.append(formula)
        rest = _HEDGE_AFTER.match(content[listed[-1].end() :])
        alternative = [rest["other"]] if rest and re.search(r"[0-9\\]", rest["other"]) else []
        return [_inside(m) + _percent_after(content, m) for m in listed] + alternative
    cut = _CUT.split(content, maxsplit=1)[0]
    if form == "words":
        return [cut]
    return [FORMULA.sub(lambda m: m.group() if is_money(m) else _inside(m), cut)]


def is_money(match: re.Match[str]) -> bool:
    r"""Say whether a pair of dollars is two sums of money: `$18 and $20`, `$9 * 2 = $18`."""
    inner = match["d"]
    if inner is None or not _MONEY.match(inner):
        return False
    if match.string[match.end() : match.end() + 1].isdigit():
        return True
    return re.search(r"(?<!\\)\b[A-Za-z]{2,}", _COMMAND.sub("", inner)) is not None


def _inside(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None)


def _percent_after(content: str, match: re.Match[str]) -> str:
    percent = re.compile(r"\s*(?:\\?%|percent\b)").match(content, match.end())
    return r"\%" if percent else ""


def _unmarked(text: str, form: Form, last_number: bool) -> FinalAnswer:
    """Return the answer of a text that marks none: the text itself, its last formula, or its last number."""
    lead_in = _LEAD_IN.match(tail := text[-_LAST_LINES:])
    if lead_in and _is_bare(rest := unwrapped(tail[lead_in.end() :]), form):
        return _readable([rest], "conclusion")
    bare = unwrapped(text)
    if _is_bare(bare, form):
        return _readable([bare], "whole")
    concluded = _conclusion(text)
    if concluded.candidates or form != "number":
        return concluded
    number = last_number_in(text) if last_number else None
    return _readable([number], "last number") if number else _NOTHING


def _is_bare(text: str, form: Form) -> bool:
    """Say whether a text is an answer and nothing else: a number with its unit, a formula, a few words."""
    if "\n" in text or len(text) > MAX_CANDIDATE:
        return False
    if plain_number(text):
        return True
    if any(not is_money(m) for m in FORMULA.finditer(text)):
        return False
    if form == "words":
        return 0 < len(text) <= 200
    return bool(text) and not re.search(r"[A-Za-z]{2,}|[=<>]\s*$", _COMMAND.sub(" ", text))


def _conclusion(text: str) -> FinalAnswer:
    """Return the last formula of the last line, with those listed before it."""
    tail = text[-_LAST_LINES:]
    line = tail[tail.rfind("\n") + 1 :]
    if line.strip() in {r"\]", "$$"}:
        line = tail
    formulas = [m for m in FORMULA.finditer(line) if not is_money(m)]
    if not formulas:
        return _NOTHING
    listed = [formulas[-1]]
    for formula in reversed(formulas[:-1]):
        if not _LISTED.fullmatch(line[formula.end() : listed[0].start()]):
            break
        listed.insert(0, formula)
    alternative = _HEDGE_AFTER.match(line[formulas[-1].end() :])
    others = [alternative["other"]] if alternative and re.search(r"[0-9]", alternative["other"]) else []
    return _readable([*(_inside(m) + _percent_after(line, m) for m in listed), *others], "conclusion")


def _readable(candidates: list[str], how: How) -> FinalAnswer:
    """Return the candidates, or nothing if one of them is too long, empty or ill-formed."""
    stripped = tuple(dict.fromkeys(unwrapped(candidate) for candidate in candidates))
    if not stripped or not all(c and len(c) <= MAX_CANDIDATE and is_balanced(c) for c in stripped):
        return FinalAnswer((), how)
    return FinalAnswer(stripped, how)
