"""Which scripts a text is written in, and which languages write them."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping

# First and last code point of each script's main blocks; combining marks included, they carry Indic vowels.
_BLOCKS = sorted(
    (first, last, script)
    for script, blocks in {
        "Latin": [(0x41, 0x5A), (0x61, 0x7A), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x24F), (0x1E00, 0x1EFF)],
        "Greek": [(0x370, 0x3FF), (0x1F00, 0x1FFF)],
        "Cyrillic": [(0x400, 0x52F)],
        "Armenian": [(0x531, 0x58F)],
        "Hebrew": [(0x591, 0x5F4)],
        "Arabic": [(0x620, 0x65F), (0x66E, 0x6D3), (0x6D5, 0x6EF), (0x6FA, 0x6FF), (0x750, 0x77F), (0xFB50, 0xFEFC)],
        "Devanagari": [(0x900, 0x963), (0x970, 0x97F)],
        "Bengali": [(0x980, 0x9FF)],
        "Gurmukhi": [(0xA00, 0xA7F)],
        "Gujarati": [(0xA80, 0xAFF)],
        "Oriya": [(0xB00, 0xB7F)],
        "Tamil": [(0xB80, 0xBFF)],
        "Telugu": [(0xC00, 0xC7F)],
        "Kannada": [(0xC80, 0xCFF)],
        "Malayalam": [(0xD00, 0xD7F)],
        "Sinhala": [(0xD80, 0xDFF)],
        "Thai": [(0xE01, 0xE5B)],
        "Lao": [(0xE81, 0xEDF)],
        "Myanmar": [(0x1000, 0x109F)],
        "Georgian": [(0x10A0, 0x10FF)],
        "Hangul": [(0x1100, 0x11FF), (0x3131, 0x318E), (0xAC00, 0xD7A3)],
        "Ethiopic": [(0x1200, 0x137C)],
        "Khmer": [(0x1780, 0x17DD)],
        "Kana": [(0x3041, 0x3096), (0x309D, 0x309F), (0x30A1, 0x30FA), (0x30FD, 0x30FF), (0xFF66, 0xFF9D)],
        "Han": [(0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF)],
    }.items()
    for first, last in blocks
)
_FIRSTS = [first for first, _, _ in _BLOCKS]

# ours: how many Latin letters one character stands for, so that a Chinese text with a few names stays Chinese
_WEIGHTS: Mapping[str, int] = {"Han": 3, "Kana": 2, "Hangul": 2}

_LATIN = "af ca cs cy da de en es et fi fr hr hu id it lt lv nl no pl pt ro sk sl so sq sv sw tl tr vi"

BY_SCRIPT: Mapping[str, tuple[str, ...]] = {
    "Latin": tuple(_LATIN.split()),
    "Cyrillic": ("ru", "bg", "uk", "mk", "be", "sr", "kk", "mn"),
    "Arabic": ("ar", "fa", "ur", "ps"),
    "Devanagari": ("hi", "mr", "ne"),
    "Greek": ("el",),
    "Armenian": ("hy",),
    "Hebrew": ("he",),
    "Bengali": ("bn", "as"),
    "Gurmukhi": ("pa",),
    "Gujarati": ("gu",),
    "Oriya": ("or",),
    "Tamil": ("ta",),
    "Telugu": ("te",),
    "Kannada": ("kn",),
    "Malayalam": ("ml",),
    "Sinhala": ("si",),
    "Thai": ("th",),
    "Lao": ("lo",),
    "Myanmar": ("my",),
    "Georgian": ("ka",),
    "Hangul": ("ko",),
    "Ethiopic": ("am",),
    "Khmer": ("km",),
    "Kana": ("ja",),
    "Han": ("zh",),
}
"""The languages told apart within each script: langdetect's, which the published scorer calls, and a few more."""

LANGUAGES = frozenset(language for languages in BY_SCRIPT.values() for language in languages)

_ALIASES = {"iw": "he", "in": "id", "fil": "tl", "nb": "no", "nn": "no", "cmn": "zh"}


def primary_code(code: str) -> str:
    """Return the language without region or script: "zh-CN" and "zh_Hant" are zh, "pt-br" is pt."""
    primary = code.strip().lower().replace("_", "-").partition("-")[0]
    return _ALIASES.get(primary, primary)


def script_of(character: str) -> str | None:
    """Return the script of a character, or None for digits, marks and scripts that are not told apart."""
    point = ord(character)
    _, last, script = _BLOCKS[max(0, bisect_right(_FIRSTS, point) - 1)]
    return script if point <= last and point >= _FIRSTS[0] else None


def main_script(counts: Mapping[str, int]) -> str | None:
    """Return the script that carries most of a text, from how often each character occurs in it.

    Kana decides between Japanese and Chinese: it makes up a tenth or more of any Japanese text.
    """
    weights: Counter[str] = Counter()
    for character, count in counts.items():
        if script := script_of(character):
            weights[script] += count * _WEIGHTS.get(script, 1)
    kana, han = weights.pop("Kana", 0), weights.pop("Han", 0)
    if kana + han:
        weights["Kana" if kana * 10 >= kana + han else "Han"] = kana + han
    return weights.most_common(1)[0][0] if weights else None
