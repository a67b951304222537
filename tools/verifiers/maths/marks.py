r"""Where a text states a final answer: boxes, `####`, `A:`, "the answer is", 答案是.

>>> [claim.content for claim in claims(r"So $\boxed{5}$. The final answer is 5 because 2 + 3 = 5.")]
['5', '5 because 2 + 3 = 5']
"""

import re
from dataclasses import dataclass

_BOX = re.compile(r"\\(?:boxed|fbox)\s*")
_NESTED = re.compile(r"\s*\\(?:boxed|fbox)\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}\s*")
_WORD = (
    r"(?:^|(?<=[\s>*_#]))(?:\#{4}[ \t]*)|(?:^|(?<=\n))[ \t>*_-]*a[*_]*[ \t]*:[*_]*"
    r"|\banswers?\b(?:[ \t]+(?:to|for|of|in|here|as)\b[^\n=]{0,120}?|[ \t]*\([^()\n]{0,40}\)|,[^\n,.=]{0,40},)?"
    r"[ \t*_\"'}]*(?:(?:\bis|\bare|\bwas|\bbe|\bequals|=|:)(?![a-z])[ \t]*[*_]*:?|(?=\n|$))"
    r"|<answer>\s*"
    r"|(?:答案|答え|解答)\s*[*_]*\s*(?:应该|应|最终)?(?:是|为|為|等于|は)?[*_]*\s*:?"
)
_MARK = re.compile(_WORD)
_NO_MARK = re.compile(r"(?:答案|答え|解答)[\s*_]*")  # the word alone, without "is" or a colon, states nothing
_FILLER = re.compile(
    r"(?:[\s:=*_#\"']|\n[-*>]\s|\\\\|\b(?:thus|therefore|then|hence|so|simply|just|indeed|exactly|given by|equal to|equals|"
    r"the|final|answer|is|that|as follows|below|below:|following)\b)*",
    re.IGNORECASE,
)
_DISPLAYS = ((r"\[", r"\]"), ("$$", "$$"), (r"\begin{", r"\end{"))
# A sentence ends at a full stop before a space, unless what follows takes the statement back.
_HEDGE_WORD = r"(?:or|maybe|perhaps|possibly|alternatively|otherwise|或者?|也许|可能)"
_STOP = re.compile(rf"[.!?]+(?=[*_)\"'$]*(?:\s+(?!{_HEDGE_WORD}\b)|$))", re.IGNORECASE)
_REACH = 2_400  # characters of one claim; longer than any candidate that is read


@dataclass(frozen=True, slots=True)
class Claim:
    """One place where a text states an answer.

    Attributes:
        content: What stands there, up to the end of the box, the formula or the sentence.
        start: Where the mark begins.
        end: Where the content ends.
        boxed: Whether it is the content of a box.
    """

    content: str
    start: int
    end: int
    boxed: bool = False


def claims(text: str) -> list[Claim]:
    """Return every claim of a text, in order; a claim without content says that none followed the mark."""
    boxes = _boxes(text) if "\\boxed" in text or "\\fbox" in text else []
    phrases = _phrases(text, [box.start for box in boxes])
    if not boxes:
        return phrases
    named = [phrase for phrase in phrases if phrase.content or phrase.end not in {box.start for box in boxes}]
    return sorted([*boxes, *named], key=lambda claim: claim.start)


def after(text: str, claim: Claim, length: int = 120) -> str:
    """Return what follows a claim on its line, at most `length` characters."""
    return text[claim.end : claim.end + length].split("\n", 1)[0]


def _boxes(text: str) -> list[Claim]:
    """Return the boxes with their content; a box that never closes counts for nothing."""
    found: list[Claim] = []
    position = 0
    while match := _BOX.search(text, position):
        position = match.end()
        if text[position : position + 1] != "{":
            bare = re.compile(r"[-+]?[0-9.]+|[A-Za-z](?![A-Za-z])").match(text, position)
            if bare:
                found.append(Claim(bare.group(), match.start(), bare.end(), boxed=True))
            continue
        end = closing_brace(text, position)
        if end is not None:
            found.append(Claim(_innermost(text[position + 1 : end]), match.start(), end + 1, boxed=True))
            position = end + 1
    return found


def _innermost(content: str) -> str:
    """Take off boxes that hold nothing but a box."""
    while match := _NESTED.fullmatch(content):
        content = match.group(1)
    return content


def closing_brace(text: str, opening: int) -> int | None:
    """Return where the brace opened at `opening` closes, or None if it does not within a claim's reach."""
    depth = 0
    for mark in re.compile(r"\\.|[{}]", re.DOTALL).finditer(text, opening, opening + _REACH):
        if mark.group() == "{":
            depth += 1
        elif mark.group() == "}":
            depth -= 1
            if depth == 0:
                return mark.start()
    return None


def _phrases(text: str, boxes: list[int]) -> list[Claim]:
    """Return the claims made in words; one that leads up to a box or to a further mark has no content."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a few letters grow when lowered; positions must stay
        lowered = "".join(c.lower() if c.isascii() else c for c in text)
    if not ("####" in lowered or "answer" in lowered or "a:" in lowered or "答" in lowered or "a*" in lowered):
        return []
    marks = [m for m in _MARK.finditer(lowered) if not _NO_MARK.fullmatch(m.group())]
    starts = sorted([*boxes, *(m.start() for m in marks)])
    return [_phrase(text, mark, next((s for s in starts if s >= mark.end()), len(text))) for mark in marks]


def _phrase(text: str, mark: re.Match[str], limit: int) -> Claim:
    """Cut the claim out of text[mark.end() : limit]: to the end of the formula, the sentence or the line."""
    filler = _FILLER.match(text, mark.end(), min(limit, mark.end() + _REACH))
    start = filler.end() if filler else mark.end()
    if start >= limit:
        return Claim("", mark.start(), limit)
    end = min(limit, start + _REACH, _content_end(text, start))
    content = text[start:end].strip()
    if limit < len(text) and end == limit and "\\" not in content and not re.search(r"[0-9]", content):
        return Claim("", mark.start(), limit)  # "the answer for x is $": words before the box that follows
    return Claim(content, mark.start(), end)


def _content_end(text: str, start: int) -> int:
    closed = text.find("</answer>", start, start + _REACH)
    if closed >= 0:
        return closed
    for opening, closing in _DISPLAYS:
        if text.startswith(opening, start):
            end = text.find(closing, start + len(opening))
            if end >= 0:
                rest = text.find("}", end) + 1 if opening == r"\begin{" else 0
                return rest or end + len(closing)
    line = text.find("\n", start)
    end = line if line >= 0 else len(text)
    stop = _STOP.search(text, start, end)
    return stop.start() if stop else end
