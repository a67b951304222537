"""Which option a completion finally chooses."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from ravelar.tools.options import LETTERS, fold, option_of
from ravelar.tools.verifiers.final_statement import BOX_CLOSE, BOX_OPEN, LEAD_IN, plain, tail


class Chosen(NamedTuple):
    """The label of the final choice, or None, and how it was read."""

    label: str | None
    how: str


SEVERAL = Chosen(None, "several options are named as final")
NOTHING = Chosen(None, "no choice was found")

_LINE = 300  # characters of a statement that are read
_TAG = re.compile(r"<answer>|<choice>", re.IGNORECASE)
_CHOOSES = re.compile(
    r"\b(?:I|we|you)(?:'d|'ll|'m|\s+would|\s+will|\s+should|\s+must)?\s+(?:choose|chose|pick|select|(?:go|went)\s+with|(?:am\s+)?going\s+with)\b\s*:?"
    r"|(?<!不)(?<!不能)(?<!不应)(?<!不该)(?<!不要)选(?:择|擇)?(?!项)\s*:?|(?<!不)選(?:擇|择)?(?!項)\s*:?",
    re.IGNORECASE,
)
_WEAK = re.compile(
    r"\b(?:so|thus|hence|therefore|it\s+is|it's|it\s+must\s+be|must\s+be|that\s+is)\b\s*[:,]?"
    r"|\bI\s+(?:think|believe|guess)\b(?=\s*[(\[]?\w[)\]]?\s*(?:[.,;!\n]|$))",
    re.IGNORECASE,
)
_KIND = re.compile(r"^(?:option|choice)\s+(?=\S)", re.IGNORECASE)
_FILLER = re.compile(
    rf"(?:[\s:=>\"'“‘*#{BOX_OPEN}-]|\b(?:is|therefore|thus|clearly|definitely|simply|indeed|actually|probably|again|option|choice|letter|answer)\b|[是为為]|选项|選項)*",
    re.IGNORECASE,
)
_AFTER_WORD = re.compile(
    r"\s*(?:$|[.,;:!?)\]\"'”’。、，；…(—–-]|(?:because|since|as|is|are|was|and|or|which|but|for|with|due|given|so|not|by)\b)"
    rf"|\s*[{BOX_CLOSE}\n<]",
    re.IGNORECASE,
)
_JOINT = (
    rf"[\s{BOX_CLOSE})\].\"'”’]*(?:(?:,\s*)?\b(?:or|and|and/or|nor|versus|vs\.?)\b|[/&|+,、]|或者?|和|与|與|及|还是|還是)"
    rf"[\s{BOX_OPEN}(\[\"'“‘]*(?:(?:maybe|perhaps|possibly|also|even|the|option|choice|answer|is)\b[\s:{BOX_OPEN}(\[]*|选项)*"
)
_ENDED = rf"\s*(?:$|[.,;:!?。、，；)\]/&|+\n{BOX_CLOSE}]|\b(?:or|and)\b)"


def final_choice(answer: str, options: Mapping[str, str]) -> Chosen:
    """Read the option that an answer finally chooses, by its label or by its text.

    The last explicit statement that names an option counts (a box, an `<answer>` element, "the answer
    is", "I choose", "B is correct", 答案, 选); without one, a last line, or else a first line, that is
    nothing but a choice. A statement that joins two options chooses none.

    Args:
        answer: The completion without its reasoning.
        options: Label to text; empty where the question shows none, and then any capital letter is a label.
    """
    reader = _reader(tuple(options) or tuple(LETTERS), tuple(plain(tail(text)) for text in options.values()))
    text = plain(tail(answer))
    return reader.explicit(text) or reader.by_lines(text, whole=len(answer) == len(tail(answer))) or NOTHING


class _Reader:
    """Reads choices among one set of options."""

    def __init__(self, labels: tuple[str, ...], texts: tuple[str, ...]) -> None:
        self._options = dict(zip(labels, texts, strict=False))
        either = "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))
        # No label within a word, a name (B-52, C++), a possessive or a decimal.
        label = rf"(?<![A-Za-z0-9_])({either})(?![A-Za-z0-9_+#À-ɏ]|['’][A-Za-z]|-\w|[.,]\d)"
        self._label = re.compile(rf"(?P<open>[(\[<{{]?)\s*{label}\s*(?P<close>[)\]>}}]|[.:、](?!\w))?", re.IGNORECASE)
        # In lower case only where no word follows: "B or a friend" joins nothing, "b or c" and "(b) or (c)" do.
        self._joined = re.compile(rf"{_JOINT}{label}|{_JOINT}(?i:{label})(?=\s*(?:[)\].,;!?{BOX_CLOSE}\n]|$))")
        self._listed = re.compile(rf"\s*[)\]]?\s*[,、]\s*[(\[]?{label}{_ENDED}")
        self._many = re.compile(rf"(?:{either}){{2,}}(?![A-Za-z0-9_])") if all(map(_is_letter, labels)) else None
        self._correct = re.compile(
            rf"[(\[]?{label}[)\]]?\s*(?:is|是)\s*(?:definitely\s+|clearly\s+)?(?:the\s+)?"
            r"(?:(?:correct|right|best|正确|正確|对)(?:的|\s+(?:answer|option|choice|one))?|answer\b)(?![A-Za-z])"
        )
        self._line = re.compile(rf"[\s>#-]*[(\[]?{label}\s*[)\].:、](?!\S*\d)")

    def explicit(self, text: str) -> Chosen | None:
        """Return the last explicit choice, or None."""
        starts = {m.end() for cue in (LEAD_IN, _TAG, _CHOOSES) for m in cue.finditer(text)}
        starts |= {i + 1 for i, char in enumerate(text) if char == BOX_OPEN}
        starts |= {m.start() for m in self._correct.finditer(text)}
        found = self._last(text, sorted(starts, reverse=True))
        return found or self._last(text, sorted((m.end() for m in _WEAK.finditer(text)), reverse=True))

    def by_lines(self, text: str, *, whole: bool) -> Chosen | None:
        """Return the choice that the last line is, or else the first; None if neither is one."""
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        if not lines:
            return None
        last = self._whole(lines[-1])
        if last and not (len(lines) > 1 and self._labelled(lines[-2]) not in (None, last)):
            return Chosen(last, "the last line")
        named = {label for line in lines if (label := self._labelled(line))}
        first = self._whole(lines[0]) or self._labelled(lines[0])
        return Chosen(first, "the first line") if whole and first and named <= {first} else None

    def _last(self, text: str, starts: list[int]) -> Chosen | None:
        for i, start in enumerate(starts):
            said = self._said(text, start)
            if said is None:
                continue
            before = self._said(text, starts[i + 1]) if i + 1 < len(starts) else None
            same_line = i + 1 < len(starts) and "\n" not in text[starts[i + 1] : start]
            return SEVERAL if before is SEVERAL and same_line else said
        return None

    def _said(self, text: str, start: int) -> Chosen | None:
        """Return what a statement that starts here names; None if it names no option."""
        skipped = _FILLER.match(text, start, start + _LINE)
        said = text[skipped.end() if skipped else start :][:_LINE]
        return self._by_text(said) or self._by_label(said)

    def _by_text(self, said: str) -> Chosen | None:
        lowered = said.split("\n", 1)[0].lower()
        fits = [
            (len(text), label)
            for label, text in self._options.items()
            if len(text.strip()) > 1 or not text.strip().isalpha()
            if lowered.startswith(text.strip().lower()) and _ends_word(lowered, len(text.strip()))
        ]
        if not fits or option_of(said.strip(" .()[]" + BOX_CLOSE), self._options) in self._options.keys() - {
            label for _, label in fits
        }:
            return None
        length, label = max(fits)
        if [size for size, _ in fits].count(length) > 1:
            return None
        return self._alone(label, said, length)

    def _by_label(self, said: str) -> Chosen | None:
        match = self._label.match(said)
        if not match:
            return SEVERAL if self._many and self._many.match(said) else None
        written, rest = match[2], said[match.end() :]
        label, marked = written.upper(), bool(match["open"] or match["close"])
        own = self._options.get(label, "").strip()
        own_follows = bool(own) and rest.strip(" -–—\t").lower().startswith(own.lower())
        if not (marked or own_follows) and not _stands_alone(written, rest):
            return None
        line = rest.split("\n", 1)[0].split(BOX_CLOSE, 1)[0].split("<", 1)[0].strip(" \t-–—()[]")
        if line and not own_follows and option_of(line, self._options) not in (None, label):
            return SEVERAL
        skip = rest.lower().find(own.lower()) + len(own) if own_follows else 0
        return self._alone(label, said, match.end() + skip, after_label=match.end(2))

    def _alone(self, label: str, said: str, end: int, *, after_label: int | None = None) -> Chosen:
        """Return the option, or SEVERAL if another is joined to it."""
        for place in {end, end if after_label is None else after_label}:
            for match in (self._joined.match(said, place), self._listed.match(said, place)):
                if match and match[match.lastindex or 1].upper() != label:
                    return SEVERAL
            joint = re.compile(_JOINT).match(said, place)
            if joint and any(
                other != label and _begins(said[joint.end() :], text) for other, text in self._options.items()
            ):
                return SEVERAL
        return Chosen(label, "an explicit statement")

    def _whole(self, line: str) -> str | None:
        """Return the option that a line is, and nothing else."""
        bare = _KIND.sub("", line.strip("#>- \"'“”‘’").strip(BOX_OPEN + BOX_CLOSE))
        match = self._label.match(bare)
        if match and not bare[match.end() :].strip(" .)!。"):
            written = match[2]
            return written.upper() if written.isupper() or written.isdigit() or len(bare) <= 4 else None
        if match and match["close"] and fold(bare[match.end() :]) == fold(self._options.get(match[2].upper(), "")):
            return str(match[2].upper())
        return option_of(bare, self._options) if len(bare) > 1 else None

    def _labelled(self, line: str) -> str | None:
        """Return the label that a line begins with ("B) ...", "B. ..."), or the option that it is."""
        match = self._line.match(line)
        return match[1].upper() if match else self._whole(line)


@lru_cache(maxsize=256)
def _reader(labels: tuple[str, ...], texts: tuple[str, ...]) -> _Reader:
    return _Reader(labels, texts)


def _is_letter(label: str) -> bool:
    return len(label) == 1 and label.isalpha()


def _ends_word(text: str, end: int) -> bool:
    return bool(_AFTER_WORD.match(text, end)) and not re.match(r"[.,-]\d|['’-]\w", text[end : end + 2])


def _begins(text: str, option: str) -> bool:
    start, after = text[: len(option.strip())], text[len(option.strip()) :][:1]
    return bool(start) and start.lower() == option.strip().lower() and not after.isalnum()


def _stands_alone(written: str, rest: str) -> bool:
    """Say whether an unmarked letter is a label: not the article, not "I", no small letter amid words."""
    if written.islower() or written in ("A", "I"):
        return bool(_AFTER_WORD.match(rest))
    return True
