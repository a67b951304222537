"""What a writer's instructions, tools and manners leave behind, and no finished text has."""

import re

_WORDS = (
    "outline|content|critique|instruction|reference|candidate|context|original|draft"
    "|大纲|原文|初稿|初稿材料|原文背景材料|参考|改写后(?:的)?(?:文本|内容|版本)?"
)
# White space without line ends where ^ is used, and bounded where two runs of it meet: a million spaces or empty lines
# must not be read again from each of them.
_LEAKS = {
    "blank": r"\[\s?fill[ _]in[ _]the[ _]blanks?\s?\]|【填空】|\[填空\]",
    "reasoning": r"</?think(?:ing)?>|◁/?think▷|<\|[a-z_]{1,40}\|>",
    "json": r"\A\s*(?:```(?:json)?\s*)?[{\[]\s*\"",
    "code fence": r"\A\s*```|```\s*\Z",
    "label": rf"^[^\S\n]*[\[【](?:{_WORDS})[\]】]",
    "preface": r"\A\s*(?:sure|certainly|of course|absolutely)\b[,!.]"
    r"|\A\s*here(?:'s| is| are) (?:the|your|a)\b[^\n]{0,80}:[^\S\n]*$"
    r"|\A\s*(?:好的|当然|没问题)[，,。！!]"
    r"|\A\s*(?:以下|下面)(?:是|为)[^\n]{0,40}[:：][^\S\n]*$",
    "refusal": r"\A\s*(?:i(?:'m| am) sorry|i can(?:'t|not)|as an ai\b)"
    r"|\A\s*(?:很?抱歉|对不起)[，,].{0,40}(?:无法|不能)|\A\s*作为(?:一个)?(?:ai|人工智能)"
    r"|(?:请|可以)(?:您)?提供更多(?:的)?(?:信息|详情|细节|背景)",
    "note": r"^[^\S\n]{0,8}[（(]?[^\S\n]{0,8}(?:注|note)[^\S\n]{0,8}[:：].{0,200}\Z"
    r"|^[^\S\n]{0,8}[（(](?:全文|本文)?(?:共)?(?:约)?[^\S\n]{0,8}\d{1,6}[^\S\n]{0,8}字[^\n]{0,20}[)）]\s*\Z",
}
_PATTERNS = {name: re.compile(pattern, re.IGNORECASE | re.MULTILINE) for name, pattern in _LEAKS.items()}


def leaked_format(text: str) -> tuple[str, ...]:
    """Return the names of what is in a text that belongs to the exchange and not to it; empty for a clean one.

    Names: blank (the marker to fill), reasoning, json, code fence, label (of a prompt's block), preface, refusal, note
    (a remark on the text at its end).
    """
    return tuple(name for name, pattern in _PATTERNS.items() if pattern.search(text))
