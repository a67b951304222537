r"""One notation for what people and models type: characters, currency, spacing, wrappers.

>>> plain_characters("５½ cm² ≤ π")
'5 1/2 cm^2 \\le  \\pi '
>>> unwrapped(r"**$\text{ 5 }$**.")
'\\text{ 5 }'
"""

import re
import unicodedata

_SYMBOLS = {
    "−": "-", "–": "-", "‐": "-", "﹣": "-", "⁄": "/", "∕": "/", "÷": "/", "×": r"\times ", "⋅": r"\cdot ",
    "°": r"^\circ ", "º": r"^\circ ", "π": r"\pi ", "∞": r"\infty ", "√": r"\sqrt ", "±": r"\pm ", "≤": r"\le ",
    "≥": r"\ge ", "≠": r"\ne ", "≈": r"\approx ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "∅": r"\emptyset ",
    "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u200b": "", "\ufeff": "", "\u2061": "", "。": ". ", "、": ", ",
}  # fmt: skip
_VULGAR = {c: f" {unicodedata.normalize('NFKC', c).replace('⁄', '/')}" for c in "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"}
_UNREADABLE = dict.fromkeys((*range(9), *range(11, 13), *range(14, 32), *range(55296, 57344)))
_TABLE = {**_UNREADABLE, **{ord(c): text for c, text in (_SYMBOLS | _VULGAR).items()}}
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_CALCULATOR = re.compile(r"<<[^<>\n]{0,200}>>")  # GSM8K's calls of a calculator
_RAISED = re.compile(r"[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_LOWERED = re.compile(r"[₀₁₂₃₄₅₆₇₈₉]+")
_RADICAL = re.compile(r"√\s*(\d+|\([^()]*\))")

_WRAPPERS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("`", "`"))
_LEADING = (r"\approx ", r"\,", r"\;", r"\ ", r"\quad ", r"\qquad ")
_TRAILING = (r"\,", r"\;", r"\!")
_STYLES = r"text|mbox|mathrm|textbf|textit|textrm|mathbf|mathit|mathsf|bm|boldsymbol|operatorname|emph|hbox"
STYLED = re.compile(rf"\\(?:{_STYLES})\s*\{{([^{{}}]*)\}}")
"""A styled run of text, `\\text{...}` and its kin, with its content as group 1."""


def plain_characters(text: str) -> str:
    """Return the text in NFKC, mathematical signs as LaTeX; control characters, surrogates, `<<2*9=18>>` gone.

    Digits of other scripts than the Latin and the full-width one stay as they are, hence are no digits.
    """
    if "<<" in text:
        text = _CALCULATOR.sub("", text)
    if text.isascii():
        return _CONTROLS.sub("", text)
    text = _RADICAL.sub(lambda m: rf"\sqrt{{{m.group(1).strip('()')}}}", text)
    text = _RAISED.sub(lambda m: f"^{_in_braces(m.group())}", text)
    text = _LOWERED.sub(lambda m: f"_{_in_braces(m.group())}", text)
    return unicodedata.normalize("NFKC", text.translate(_TABLE)).translate(_TABLE)


def unwrapped(text: str) -> str:
    """Take off what surrounds an answer without belonging to it: dollars, bold, brackets of formulas, a full stop."""
    if text[:1].isalnum() and text[-1:].isalnum():
        return text
    before = None
    while text != before:
        before = text
        text = text.lstrip(" \t\n:=*_").rstrip(" \t\n.,;:*_")
        for lead in _LEADING:
            text = text.removeprefix(lead)
        for trail in _TRAILING:
            text = text.removesuffix(trail)
        text = _without_wrapper(text)
    return text


def _without_wrapper(text: str) -> str:
    if text[-1:] not in "$)]`" or text[:1] not in "$\\`":
        return text
    for opening, closing in _WRAPPERS:
        inner = text[len(opening) : len(text) - len(closing)]
        if text.startswith(opening) and text.endswith(closing) and inner and closing not in inner.replace(r"\$", ""):
            return inner
    return text


def is_balanced(text: str) -> bool:
    """Say whether every brace closes, escaped braces left aside, and none nests deeper than 40."""
    if "{" not in text and "}" not in text:
        return True
    depth = 0
    for mark in re.finditer(r"\\.|[{}]", text):
        if mark.group() in "{}":
            depth += 1 if mark.group() == "{" else -1
            if not 0 <= depth <= 40:  # ours: no final answer nests so deep, and parsers recurse
                return False
    return depth == 0


def _in_braces(run: str) -> str:
    digits = unicodedata.normalize("NFKC", run).replace("−", "-")
    return digits if len(digits) == 1 else f"{{{digits}}}"
