"""What changed between two texts, word by word."""

import difflib
import re
from dataclasses import dataclass
from typing import Literal

_TOKENS = re.compile(r"[^\W\d_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|\d+|\s+|.", re.DOTALL)
_MOST_TOKENS = 12_000  # of both texts; ours: beyond that lines are compared, which takes no minutes
_CRUMB = 3  # words; ours


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text.

    Attributes:
        kind: Whether it stands in both texts, only in the new one, or only in the old one.
        text: The stretch.
    """

    kind: Literal["same", "added", "removed"]
    text: str


def changes_between(old: str, new: str) -> list[Piece]:
    """Return the pieces that make the new text out of the old one, in order.

    Joining all but the added ones gives the old text, all but the removed ones the new text.
    """
    before, after = _TOKENS.findall(old), _TOKENS.findall(new)
    if len(before) + len(after) > _MOST_TOKENS:
        before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    pieces: list[Piece] = []
    for changed, i, j, k, m in _stretches(before, after):
        if not changed:
            pieces.append(Piece("same", "".join(before[i:j])))
            continue
        pieces += [Piece("removed", "".join(before[i:j]))] if j > i else []
        pieces += [Piece("added", "".join(after[k:m]))] if m > k else []
    return pieces


def _stretches(before: list[str], after: list[str]) -> list[tuple[bool, int, int, int, int]]:
    """Return (changed, start and end in the old, start and end in the new), in order.

    Two changes with only a word or two between them are one: nobody reads a sentence of crumbs.
    """
    found: list[tuple[bool, int, int, int, int]] = []
    codes = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    for number, (tag, i, j, k, m) in enumerate(codes):
        within = 0 < number < len(codes) - 1
        changed = tag != "equal" or (within and sum(not token.isspace() for token in before[i:j]) < _CRUMB)
        if found and found[-1][0] and changed:
            _, start, _, new_start, _ = found.pop()
            found.append((True, start, j, new_start, m))
        else:
            found.append((changed, i, j, k, m))
    return found
