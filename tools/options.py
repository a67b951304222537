r"""Multiple choice: the options a question shows, and which of them a short text names.

>>> options = find_options("Which is a fruit?\nA) Stone\nB) Pear")
>>> options
{'A': 'Stone', 'B': 'Pear'}
>>> option_of("pear", options), option_of("(A)", options), option_of("C", options)
('B', 'A', None)
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SCAN = 20_000  # characters read from the end of a long prompt, where its options stand
# One of these stands in every question with options: looked for first, ten times faster than the patterns.
_HINTS = tuple(f"{letter}{mark}" for letter in "Aa" for mark in (*").:、．）：]", "**"))
_MARK = r"(?:\(|（|\[|\*\*)*{letter}(\*\*)?(?P<mark>\)|）|\]|\.|:|、|．|：)(?:\*\*)?"
_LINE_OPTION = re.compile(
    r"^[ \t]*(?:[-*+•][ \t]+)?" + _MARK.format(letter="(?P<letter>[A-Za-z])") + r"[ \t]*(?P<text>\S.*)$", re.MULTILINE
)
_INLINE_OPTION = re.compile(
    r"(?:(?<=\s)|(?<=[,;:?。？：])|^)(?:[(（](?P<a>[A-Za-z])[)）]|(?P<b>[A-Z])(?P<mark>[).、．]))\s*(?=\S)"
)
_LETTER_FIRST = re.compile(_MARK.format(letter="(?P<letter>[A-Za-z0-9]{1,2})") + r"\s*(?P<text>\S.*)", re.DOTALL)
_OUTER = " \t\r\n\"'`*“”‘’"


class _Found(NamedTuple):
    """One lettered piece of a question."""

    letter: str
    mark: str
    text: str


def given_options(given: Any) -> dict[str, str]:
    """Read options from a column; return label to text in the column's order, {} where it holds none.

    Taken are a list of texts (labelled A, B, C ...), a list of `{"label", "text"}`, a mapping of label to
    text, the `{"label": [...], "text": [...]}` of many Hub data sets, and any of these as JSON text, as
    CSV files hold them; other text is read as a question's would be.
    """
    if isinstance(given, str):
        return _from_text(given)
    if isinstance(given, Mapping):
        return _from_mapping(given)
    if not isinstance(given, Sequence) or isinstance(given, bytes):
        return {}
    if given and all(isinstance(option, Mapping) and {"label", "text"} <= option.keys() for option in given):
        return _labelled((option["label"], option["text"]) for option in given)
    return {letter: _unlabelled(str(text), letter) for letter, text in zip(_labels(len(given)), given, strict=True)}


def find_options(question: str) -> dict[str, str]:
    """Find the last run of lettered options in a question, on lines of their own or within one line.

    Options start at A, go on without a gap in one style, and are two or more; within a line those marked
    by a full stop are three or more, since "A. Smith and B. Jones" are no options. Returns {} where there
    are none.
    """
    text = question[-_SCAN:]
    for hint in _HINTS:
        if hint in text:
            break
    else:
        return {}
    found = _last_run(
        (_Found(m["letter"], m["mark"], m["text"]) for m in _LINE_OPTION.finditer(text)), at_least=lambda _: 2
    )
    return found or _inline(text)


def option_of(text: str, options: Mapping[str, str]) -> str | None:
    """Return the label of the option that a short text names by label, by text, or by both; else None.

    A text that two options share, or a label beside another option's text, names none.
    """
    short = text.strip()
    bare = short.strip("()（）[] \t*.:：").upper()
    if bare in options:
        return bare
    by_text = _by_text(short, options)
    if by_text:
        return by_text
    labelled = _LETTER_FIRST.fullmatch(short)
    label = labelled["letter"].upper() if labelled else None
    if labelled and label in options and label is not None:
        return label if fold(labelled["text"]) == fold(options[label]) else None
    return None


def fold(text: str) -> str:
    """Bring a short text to one form: NFKC, case folded, quotes, markup, final stops and runs of spaces gone.

    Brackets stay, since (0, 1) and [0, 1] may be two options, and so does a leading point, since .5 is not 5.
    """
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().replace("$", "").split())
    return folded.strip(_OUTER).rstrip(".,;:!?。、" + _OUTER) or folded


def _by_text(text: str, options: Mapping[str, str]) -> str | None:
    """Return the one option of that very text, or else the one that reads the same once folded."""
    same = [label for label, option in options.items() if option.strip() == text]
    if not same and (plain := fold(text)):
        same = [label for label, option in options.items() if fold(option) == plain]
    return same[0] if len(same) == 1 else None


def _from_text(given: str) -> dict[str, str]:
    if given.lstrip()[:1] in ("[", "{"):
        try:
            return given_options(json.loads(given))
        except (ValueError, RecursionError):
            return {}
    return find_options(given)


def _from_mapping(given: Mapping[Any, Any]) -> dict[str, str]:
    labels, texts = given.get("label"), given.get("text")
    if isinstance(labels, Sequence) and isinstance(texts, Sequence) and not isinstance(texts, str):
        return _labelled(zip(labels, texts, strict=True)) if len(labels) == len(texts) else {}
    return _labelled(given.items())


def _labelled(pairs: Iterable[tuple[Any, Any]]) -> dict[str, str]:
    return {str(label).strip().upper(): str(text) for label, text in pairs if text is not None}


def _labels(n: int) -> list[str]:
    """Return n labels as spreadsheets count columns: A ... Z, AA, AB ..."""
    return [(LETTERS[i // 26 - 1] if i >= 26 else "") + LETTERS[i % 26] for i in range(min(n, 26 * 27))] + [
        str(i) for i in range(26 * 27, n)
    ]


def _inline(text: str) -> dict[str, str]:
    marks = list(_INLINE_OPTION.finditer(text))
    ends = [*(m.start() for m in marks[1:]), len(text)][: len(marks)]
    pieces = (
        _Found(m["a"] or m["b"], m["mark"] or "()", text[m.end() : end].strip().split("\n", 1)[0])
        for m, end in zip(marks, ends, strict=True)
    )
    return _last_run(pieces, at_least=lambda mark: 3 if mark == "." else 2)


def _last_run(found: Iterable[_Found], *, at_least: Callable[[str], int]) -> dict[str, str]:
    """Return the last run lettered A, B, C ... (or a, b, c ...) in one style, of the least length for its mark."""
    run: list[_Found] = []
    best: list[_Found] = []
    for piece in found:
        goes_on = run and (piece.mark, piece.letter.isupper()) == (run[0].mark, run[0].letter.isupper())
        if not goes_on or len(run) >= len(LETTERS) or piece.letter.upper() != LETTERS[len(run)]:
            run = []
        if run or piece.letter.upper() == "A":
            run.append(piece)
        if run and len(run) >= at_least(run[0].mark):
            best = list(run)
    return {piece.letter.upper(): _trimmed(piece.text) for piece in best}


def _trimmed(option: str) -> str:
    return option.strip().rstrip(",;，；").rstrip()


def _unlabelled(option: str, letter: str) -> str:
    """Take "B) " off an option that bears its own label."""
    match = _LETTER_FIRST.fullmatch(option.strip())
    return match["text"] if match and match["letter"].upper() == letter else option
