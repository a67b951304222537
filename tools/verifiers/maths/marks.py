r"""Where a text states a final answer: boxes, `####`, `A:`, "the answer is", 答案是.

>>> [claim.content for claim in claims(r"So $\boxed{5}$. The final answer is 5 because 2 + 3 = 5.")]
['5', '5 because 2 + 3 = 5']
"""

import re
from bisect import bisect_left
from dataclasses import dataclass

_BOX = re.compile(r"\\(?:boxed|fbox)\s*")
_NESTED = re.compile(r"\s*\\(?:boxed|fbox)\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}\s*")
# Each mark: what must occur in the lowered text, and what must match where it does.
_ANSWER = re.compile(
    r"answers?\b(?:[ \t]*[0-9]{1,2}(?=[ \t]*:)"
    r"|[ \t]+(?:to|for|of|in|here|as)\b[^\n=]{0,120}?|[ \t]*\([^()\n]{0,40}\)|,[^\n,.=]{0,40},)?"
    r"[ \t*_\"'}]*(?:\bis|\bare|\bwas|\bbe|\bequals|=|:)(?![a-z])[ \t]*[*_]*:?"
)
_HEADING = re.compile(r"answers?[ \t*_#]*(?=\n|$)")
_TAG = re.compile(r"answer>\s*")
_LETTER = re.compile(r"a[*_]*[ \t]*:[*_]*")
_HASHES = re.compile(r"####[ \t]*")
_CHINESE = re.compile(r"(?:答案|答え|解答)\s*[*_]*\s*(?:应该|应|最终)?(?:(?:是|为|為|等于|は)[*_]*\s*:?|:)")
_LEADS = ("answer", "####", "答案", "答え", "解答")
_MARGIN = re.compile(r"[ \t>*_-]*")
_HEADLINE = re.compile(r"[\W_]*(?:(?:so|thus|the|my|final|short|correct)[\W_]+)*")
_ABOUT = re.compile(r"\b(?:check|verify|confirm|test|guess|format)\s+(?:(?:our|the|this|that|my|final)\s+)*$")
_FILLER = re.compile(
    r"(?:[\s:=*_#\"'`]|\n[-*>]\s|\\\\|\b(?:thus|therefore|then|hence|so|simply|just|indeed|exactly|given by|equal to|"
    r"equals|the|final|answer|is|that|as follows|below|below:|following)\b)*",
    re.IGNORECASE,
)
_DISPLAYS = ((r"\[", r"\]"), ("$$", "$$"), (r"\begin{", r"\end{"))
# A sentence ends at a full stop before a space, unless what follows takes the statement back.
_HEDGE_WORD = r"(?:or|maybe|perhaps|possibly|alternatively|otherwise|或者?|也许|可能)"
_STOP = re.compile(rf"(?<!\\)[.!?]+(?=[*_)\"'$]*(?:\s+(?!{_HEDGE_WORD}\b)|$))", re.IGNORECASE)
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
    marks = _marks(lowered)
    starts = [*sorted([*boxes, *(start for start, _ in marks)]), len(text)]
    return [_phrase(text, start, end, starts[bisect_left(starts, end)]) for start, end in marks]


def _marks(lowered: str) -> list[tuple[int, int]]:
    """Return where each phrase that announces an answer begins and ends."""
    found = []
    for lead in _LEADS:
        at = lowered.find(lead)
        while at >= 0:
            if match := _mark_at(lowered, at, lead):
                found.append((at, match.end()))
            at = lowered.find(lead, at + 1)
    for at in sorted({lowered.rfind("\n", 0, colon) + 1 for colon in _positions(lowered, ":")}):
        margin = _MARGIN.match(lowered, at)
        letter = _LETTER.match(lowered, margin.end() if margin else at)
        if letter:
            found.append((at, letter.end()))
    return sorted(found)


def _positions(text: str, wanted: str) -> list[int]:
    found, at = [], text.find(wanted)
    while at >= 0:
        found.append(at)
        at = text.find(wanted, at + 1)
    return found


def _mark_at(lowered: str, at: int, lead: str) -> re.Match[str] | None:
    """Match the mark that begins with `lead` at a position, if one does."""
    if lead == "####":
        return _HASHES.match(lowered, at) if lowered[at - 1 : at] != "#" else None
    if lead != "answer":
        return _CHINESE.match(lowered, at)
    before = lowered[max(lowered.rfind("\n", 0, at) + 1, at - 120) : at]
    if before.endswith("<"):
        return _TAG.match(lowered, at)
    if before[-1:].isalnum() or _ABOUT.search(before):
        return None
    match = _ANSWER.match(lowered, at)
    if match is None and _HEADLINE.fullmatch(before):
        match = _HEADING.match(lowered, at)
    return match


def _phrase(text: str, mark: int, content: int, limit: int) -> Claim:
    """Cut out the claim that a mark announces: to the end of the formula, the sentence or the line."""
    filler = _FILLER.match(text, content, min(limit, content + _REACH))
    start = filler.end() if filler else content
    if start >= limit:
        return Claim("", mark, limit)
    if limit < len(text) and limit - start < 10 and not text[start:limit].strip(" \n\t$*([\\"):
        return Claim("", mark, limit)  # nothing but the opening of the formula that the box stands in
    end = _content_end(text, start, min(limit, start + _REACH))
    stated = text[start:end].strip()
    if end == limit < len(text) and _leads_up(stated):
        return Claim("", mark, limit)
    return Claim(stated, mark, end)


def _leads_up(words: str) -> bool:
    """Say whether words before a box are its beginning: no number yet, an equation, an open formula."""
    if not re.search(r"[0-9]", words) or words.rstrip("$ *").endswith(("=", r"\in", r"\approx")):
        return True
    return len(re.findall(r"(?<!\\)\$", words)) % 2 == 1 or words.count(r"\(") > words.count(r"\)")


def _content_end(text: str, start: int, limit: int) -> int:
    closed = text.find("</answer>", start, limit)
    if closed >= 0:
        return closed
    for opening, closing in _DISPLAYS:
        if text.startswith(opening, start):
            end = text.find(closing, start + len(opening), limit)
            if end >= 0:
                rest = text.find("}", end, limit) + 1 if opening == r"\begin{" else 0
                return rest or end + len(closing)
    line = text.find("\n", start, limit)
    end = line if line >= 0 else limit
    stop = _STOP.search(text, start, end)
    return stop.start() if stop else end
