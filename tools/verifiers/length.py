"""Does the answer have the length that was asked for?"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from ravelar.tools.card import Provenance, ToolCard
from ravelar.tools.errors import UnusablePrompt, UnusableReference
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.verifiers.each import each, shown
from ravelar.tools.verifiers.words import words


class Asked(NamedTuple):
    """How many words were asked for: at least `low` and at most `high`; None for no bound."""

    low: int | None
    high: int | None


class Length:
    """LongBench-Write's length score against the words asked for: 100 where it fits, less the further off.

    The length comes from the columns `words` (or `target_words`), `min_words` and `max_words`, else from a
    reference that is an integer, else from the prompt ("300 words", "at least 200 words", "300-400 words",
    "800字"). A prompt that asks for several lengths decides none. Words are counted as `words` counts them:
    a Chinese character is one.
    """

    card = ToolCard(
        name="length",
        kind="metric",
        task="length following",
        summary="0 to 100 for how well the answer's word count meets the one asked for (columns words, min_words, "
        "max_words; an integer reference; or the prompt's '300 words', '800字'); longer falls to 0 at four times, "
        "shorter at a third. A cheap signal: any text of the right length, sense or nonsense, gets 100.",
        needs=("words, min_words, max_words, reference or prompt",),
        high=100.0,
        provenance=Provenance(source="arXiv 2408.07055", note="LongBench-Write, S_l"),
    )

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return n scores in [0, 100]."""
        return each(_judged, triples)


def length_score(n: int, asked: Asked) -> float:
    """Score a word count, 100 within the bounds.

    Source: LongBench-Write, arXiv 2408.07055: with l asked for and
    l' written, 100 max(0, 1 - (l'/l - 1)/3) if l' > l, else 100 max(0, 1 - (l/l' - 1)/2).
    """
    if n == 0:
        return 0.0
    if asked.high is not None and n > asked.high:
        return 100.0 * max(0.0, 1 - (n / asked.high - 1) / 3)
    if asked.low is not None and n < asked.low:
        return 100.0 * max(0.0, 1 - (asked.low / n - 1) / 2)
    return 100.0


def asked_in(question: str) -> Asked:
    """Read the length that a prompt asks for.

    Raises:
        UnusablePrompt: if it names no number of words, or several that differ.
    """
    found = {_bounds(match) for match in _REQUEST.finditer(question) if not match["part"]}
    if len(found) != 1:
        lengths = ", ".join(sorted(str(tuple(asked)) for asked in found)[:4]) or "none"
        raise UnusablePrompt(f"lengths asked for in the prompt: {lengths}; exactly one is needed, or a column words")
    return found.pop()


_NUMBER = r"(?P<number>\d{1,3}(?:,\d{3})+|\d{1,7}(?:\.\d{1,3})?)\s?(?P<times>[kK千万]?)"
_NUMBER_2 = _NUMBER.replace("number", "number_2").replace("times", "times_2")
_REQUEST = re.compile(
    r"(?:\b(?P<least>at\s+least|no\s+(?:fewer|less)\s+than|a\s+minimum\s+of|minimum|more\s+than|over)"
    r"|\b(?P<most>at\s+most|no\s+more\s+than|no\s+longer\s+than|a\s+maximum\s+of|maximum|up\s+to|under|within"
    r"|(?:fewer|less)\s+than|not\s+exceed(?:ing)?)"
    r"|(?P<least_zh>不少于|不低于|至少|超过|大于|不小于)|(?P<most_zh>不超过|不多于|至多|最多|少于|小于|控制在)"
    r"|\b(?P<part>first|last|every|next|these|those|top))?"
    rf"\s*(?:of\s+|a\s+)?(?<![\d.,]){_NUMBER}(?:\s*(?:-|–|—|~|～|to|and|到|至)\s*{_NUMBER_2})?"
    r"(?:\s*-?\s*(?:English\s+)?words?\b|\s*(?:个)?(?:汉|漢)?字(?!符|母|段|节|典)|\s*(?:Chinese\s+)?characters?\s+in\s+Chinese)"
    r"(?P<after_zh>以上|以内|以下|之内)?",
    re.IGNORECASE,
)


def _bounds(match: re.Match[str]) -> Asked:
    groups = match.groupdict()
    times, times_2 = groups["times"], groups["times_2"]
    if groups["number_2"]:
        ends = sorted((_count(groups["number"], times or times_2), _count(groups["number_2"], times_2)))  # 1-2万字
        return Asked(*ends)
    one = _count(groups["number"], times)
    if groups["least"] or groups["least_zh"] or groups["after_zh"] == "以上":
        return Asked(one, None)
    if groups["most"] or groups["most_zh"] or groups["after_zh"]:
        return Asked(None, one)
    return Asked(one, one)


def _count(digits: str, times: str | None) -> int:
    return round(float(digits.replace(",", "")) * {"k": 1_000, "千": 1_000, "万": 10_000}.get((times or "").lower(), 1))


def _judged(triple: Triple) -> Scored:
    asked = _asked(triple)
    n = len(words(triple.answer))
    return Scored(length_score(n, asked), None, {"words": n, "min_words": asked.low, "max_words": asked.high})


def _asked(triple: Triple) -> Asked:
    columns = triple.metadata
    exact = columns.get("words", columns.get("target_words"))
    low, high = columns.get("min_words"), columns.get("max_words")
    if exact is None and low is None and high is None:
        if isinstance(triple.reference, int) and not isinstance(triple.reference, bool):
            exact = triple.reference
        else:
            return asked_in(triple.question)
    for given in (exact, low, high):
        if given is not None and not _is_count(given):
            raise UnusableReference(f"the length asked for is {shown(given)}; allowed: a positive integer")
    if low is not None and high is not None and low > high:
        raise UnusableReference(f"min_words is {low} and max_words {high}; the first may not be greater")
    return Asked(exact or low, exact or high)


def _is_count(given: Any) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and given > 0
