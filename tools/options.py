r"""Multiple choice: the options a question shows, and which of them a short text names.

>>> options = find_options("Which is a fruit?\nA) Stone\nB) Pear")
>>> options
{'A': 'Stone', 'B': 'Pear'}
>>> option_of("pear", options), option_of("(A)", options), option_of("C", options)
('B', 'A', None)
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SCAN = 20_000  # characters read from the end of a long prompt, where its options stand
_HINTS = ("A)", "A.", "A:", "a)", "A、", "A．", "A）")
_MARK = r"(?:\(|（|\*\*)?{letter}(?:\)|）|\.|:|、|．|：)(?:\*\*)?"
_LINE_OPTION = re.compile(
    r"^[ \t]*(?:[-*][ \t]+)?" + _MARK.format(letter="([A-Za-z])") + r"[ \t]*(\S.*?)[ \t]*$", re.MULTILINE
)
_INLINE_OPTION = re.compile(r"(?:(?<=\s)|(?<=[,;:?])|^)(?:\(([A-Za-z])\)|([A-Z])[).])\s*(?=\S)")
_BARE_LETTER = re.compile(r"[(（\[]?\s*([A-Za-z])\s*[)）\].:]?")
_LETTER_FIRST = re.compile(_MARK.format(letter="([A-Za-z])") + r"\s*(\S.*)", re.DOTALL)


def given_options(given: Any) -> dict[str, str]:
    """Read options from a column: a list of texts, a mapping of letter to text, or `{"label": [], "text": []}`."""
    if (
        isinstance(given, Mapping)
        and isinstance(given.get("text"), Sequence)
        and isinstance(given.get("label"), Sequence)
    ):
        return {str(k).upper(): str(v) for k, v in zip(given["label"], given["text"], strict=False)}
    if isinstance(given, Mapping):
        return {str(k).strip().upper(): str(v) for k, v in given.items()}
    if isinstance(given, Sequence) and not isinstance(given, str):
        return {letter: _unlabelled(str(text), letter) for letter, text in zip(LETTERS, given, strict=False)}
    return {}


def find_options(question: str) -> dict[str, str]:
    """Find the last run of lettered options in a question, on lines of their own or within one line.

    Options start at A and go on without a gap; there are at least two. Returns {} where there are none.
    """
    for hint in _HINTS:
        if hint in question:
            break
    else:
        return {}
    text = question[-_SCAN:]
    lines = [(m.group(1), m.group(2)) for m in _LINE_OPTION.finditer(text)]
    found = _last_run(lines)
    if len(found) >= 2:
        return found
    marks = list(_INLINE_OPTION.finditer(text))
    ends = [m.start() for m in marks[1:]] + [len(text)]
    inline = [(m.group(1) or m.group(2), text[m.end() : end]) for m, end in zip(marks, ends, strict=True)]
    found = _last_run(inline)
    return found if len(found) >= 2 else {}


def option_of(text: str, options: Mapping[str, str]) -> str | None:
    """Return the letter of the option that a short text names by letter, by text, or by both; else None.

    A text that two options share, or a letter beside another option's text, names none.
    """
    bare = _BARE_LETTER.fullmatch(text.strip())
    if bare and bare.group(1).upper() in options:
        return bare.group(1).upper()
    plain = fold(text)
    same = [letter for letter, option in options.items() if fold(option) == plain]
    if plain and len(same) == 1:
        return same[0]
    labelled = _LETTER_FIRST.fullmatch(text.strip())
    if labelled and labelled.group(1).upper() in options:
        letter = labelled.group(1).upper()
        return letter if fold(labelled.group(2)) == fold(options[letter]) else None
    return None


def fold(text: str) -> str:
    """Bring a short text to one form: NFKC, case folded, outer punctuation and runs of spaces gone."""
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return folded.strip(" .,;:!?\"'`*$()[]。，；：！？“”‘’") or folded


def _last_run(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the last run of pairs lettered A, B, C ... (or a, b, c ...)."""
    run: dict[str, str] = {}
    best: dict[str, str] = {}
    for letter, option in pairs:
        expected = LETTERS[len(run)] if len(run) < len(LETTERS) else ""
        if letter.upper() == expected:
            run[letter.upper()] = _trimmed(option)
        else:
            run = {"A": _trimmed(option)} if letter.upper() == "A" else {}
        if len(run) >= 2:
            best = dict(run)
    return best


def _trimmed(option: str) -> str:
    return option.strip().split("\n\n", 1)[0].strip().rstrip(",;")


def _unlabelled(option: str, letter: str) -> str:
    match = _LETTER_FIRST.fullmatch(option.strip())
    return match.group(2) if match and match.group(1).upper() == letter else option
