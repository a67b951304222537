"""What can be counted in a text of any script, without a model: n-grams, repetition, script, format, ending.

Each function is a plain count on one text, used by the detectors of a writing article and by the benchmark's measures.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence

from ravelar.tools.verifiers.instructions.scripts import script_of
from ravelar.tools.verifiers.repetition import eight_gram_ranks

SPACELESS = frozenset({"zh", "ja"})  # languages whose n-grams are of characters
_SCRIPTS = {"zh": {"Han"}, "ja": {"Han", "Kana"}, "ko": {"Hangul", "Han"}, "ru": {"Cyrillic"}, "en": {"Latin"}}


def letters(text: str) -> str:
    """Return a text's letters and digits alone, NFKC and case folded: what character n-grams are taken from."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def letter_grams(run: str, n: int) -> set[str]:
    """Return the different n-grams of a run of letters, as `letters` gives it; empty for a shorter one."""
    return {run[i : i + n] for i in range(len(run) - n + 1)}


def word_grams(words: Sequence[str], n: int) -> set[tuple[str, ...]]:
    """Return the different runs of n words."""
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}


def recall(wanted: Collection[str], there: Collection[str]) -> float | None:
    """Return the share of wanted n-grams, each once, that are there (a set); None if none is wanted."""
    return sum(gram in there for gram in wanted) / len(wanted) if wanted else None


def repeated_share(words: Sequence[str]) -> float:
    """Return the share of 8-grams that occur more than once: 0 in ordinary prose, near 1 in a text said twice."""
    import numpy as np  # noqa: PLC0415  loaded when a text is first read

    ranks = eight_gram_ranks(words)
    return float((np.bincount(ranks)[ranks] > 1).mean()) if len(ranks) else 0.0


def distinct_share(words: Sequence[str], *, n: int = 2, of_first: int) -> float | None:
    """Return distinct n-grams over n-grams of the first so many words; None for a shorter text.

    Longer texts repeat more, so that only texts cut to one length can be compared.

    Source: distinct-n, arXiv 1510.03055.
    """
    if len(words) < of_first or of_first < n:
        return None
    cut = words[:of_first]
    return len(word_grams(cut, n)) / (of_first - n + 1)


def script_share(text: str, language: str) -> float | None:
    """Return the share of a text's letters that are in its language's script; None without letters.

    Letters of scripts that are not told apart count as foreign; digits and signs do not count.
    """
    expected = _SCRIPTS.get(language)
    if expected is None:
        raise ValueError(f"no script is known for language {language!r}; known: {', '.join(_SCRIPTS)}")
    counts = Counter(text)
    alphabetic = {character: n for character, n in counts.items() if character.isalpha()}
    total = sum(alphabetic.values())
    ours = sum(n for character, n in alphabetic.items() if script_of(character) in expected)
    return ours / total if total else None


_ENDINGS = frozenset("。！？…!?.”’」』】）)》>\"'~～｡]")
_MARKUP = "*_`# \t"
_SIGNED = re.compile(
    r"\d[\s./-]*[年月日/.-]|[XxＸ×][\s年月日]*[年月日]|[年月日]$|日期|\[|敬上|谨启|此致|敬礼|sincerely|regards",
    re.IGNORECASE,
)
_NAME = 6  # ours: letters; a line of no more may be a signature or a last word
_VERSE = 24  # ours: letters; the middle line of a text in verse is no longer


def unfinished(text: str) -> bool:
    """Whether a text breaks off: its last line ends without an end mark, and is no verse, date or signature.

    A text cut at the end of a sentence, or after a few letters of a new paragraph, is not noticed; an empty one is.
    """
    lines = [line for raw in text.splitlines() if (line := raw.strip().rstrip(_MARKUP))]
    if not lines:
        return True
    last = lines[-1]
    if last[-1] in _ENDINGS:
        return False
    size = len(letters(last))
    if size > _VERSE:
        return True
    return size > _NAME and not _SIGNED.search(last) and not _in_verse(lines)


def _in_verse(lines: Sequence[str]) -> bool:
    """Whether lines are mostly short, and there are several."""
    sizes = sorted(map(len, lines))
    return len(sizes) > 3 and sizes[len(sizes) // 2] <= _VERSE


def longest_common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, one machine word of `second` at a time.

    Source: H. Hyyrö, Bit-parallel LCS-length computation revisited (2004).
    """
    places: dict[str, int] = {}
    for i, token in enumerate(second):
        places[token] = places.get(token, 0) | 1 << i
    full = (1 << len(second)) - 1
    open_places = full
    for token in first:
        met = open_places & places.get(token, 0)
        open_places = ((open_places + met) | (open_places - met)) & full
    return len(second) - open_places.bit_count()


def rouge_l(ours: str, theirs: str) -> float:
    """Return ROUGE-L's F-measure of two runs of letters, 0 to 1; 0 where either is empty.

    Source: C.-Y. Lin, ROUGE (2004), with letters for words, as for Chinese.
    """
    if not ours or not theirs:
        return 0.0
    return 2 * longest_common_subsequence(ours, theirs) / (len(ours) + len(theirs))


def points(outline: str, *, least: int = 4) -> list[str]:
    """Return an outline's points, one a line, without numbering and headings such as 【大纲】."""
    found = []
    for line in outline.splitlines():
        body = _NUMBERING.sub("", line)
        if len(letters(body)) >= least and not _HEADING.fullmatch(body.strip()):
            found.append(body.strip())
    return found


_NUMBERING = re.compile(r"^[\s\-*•·#>]*(?:[（(]?(?:\d{1,2}|[一二三四五六七八九十]{1,3}|[a-zA-Z])[)）.、．:：]\s*)*")
_HEADING = re.compile(r"[\[【](?:大纲|outline)[\]】]", re.IGNORECASE)


def point_grams(outline: str) -> list[set[str]]:
    """Return the letter pairs of each point of an outline."""
    return [letter_grams(letters(point), 2) for point in points(outline)]


def covered(wanted: Sequence[Collection[str]], there: Collection[str], *, least: float = 0.5) -> float | None:
    """Return the share of points of which at least half the letter pairs are in a text; None without points.

    Args:
        wanted: The points' letter pairs, of `point_grams`.
        there: The text's letter pairs, of `letter_grams(run, 2)`.
        least: The share of a point's pairs that must be there.
    """
    shares = [recall(grams, there) for grams in wanted if grams]
    return sum((share or 0.0) >= least for share in shares) / len(shares) if shares else None
