"""What a regular expression lets through, judged by its letters: it is never compiled, let alone run."""

import re

_WILD = "\x01"  # stands for \w, \S and the like, in a class or outside


def only_digits(pattern: str, *, whole: bool = False) -> bool:
    """Say whether what a pattern captures (all of it, where it has no groups) can be no NaN or infinity.

    It is judged by its letters: wildcards, negated classes and ranges of letters may match anything.
    """
    bare = re.sub(r"\\[dDsSwWbB]", lambda m: "#" if m.group() in {r"\d", r"\s", r"\b", r"\B"} else _WILD, pattern)
    bare = re.sub(r"\\.", "#", bare)
    groups = [] if whole else _groups(bare)
    parts = groups or [bare]
    return not any(_may_spell(part) for part in parts)


def _groups(pattern: str) -> list[str]:
    """Return the capturing groups' contents; escapes are already gone."""
    found: list[str] = []
    opened: list[tuple[int, bool]] = []
    for sign in re.finditer(r"\((\?P<\w+>|\?)?|\)", pattern):
        if sign.group() != ")":
            opened.append((sign.end(), sign.group(1) != "?"))
        elif opened:
            start, captures = opened.pop()
            if captures:
                found.append(pattern[start : sign.start()])
    return found


def _may_spell(part: str) -> bool:
    """Say whether a piece of a pattern could match "nan" or "inf"."""
    outside = re.sub(r"\[[^\]]*\]", "#", part)
    if "." in outside or _WILD in part or re.search(r"\[\^", part):
        return True
    classes = "".join(re.findall(r"\[([^\]]*)\]", part)).replace("e", "").replace("E", "")
    if re.search(r"[A-Za-z.]-[A-Za-z]|[aAnNiIfF]", classes):
        return True
    letters = re.sub(r"\?(?:P<\w+>|[:=!]|<[=!])", "", outside).lower()
    return any(sign in letters for sign in ("nan", "inf"))


def drops_all_but_digits(pattern: str) -> bool:
    """Say whether a substitution by it removes all that is no digit or sign, as `[^0-9.-]` does."""
    found = re.fullmatch(r"\[\^((?:\\[d.,\-+/s$%]|[0-9.,\-+/ $%eE])+)\][+*]?", pattern)
    return found is not None
