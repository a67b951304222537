r"""Where a completion states its final answer: `\boxed{}`, `<answer>`, "The answer is ...", 答案是 ...

Only the last 20,000 characters are read: a final answer stands at the end.
"""

import re
import unicodedata

READ_CHARS = 20_000  # ours; what precedes is working, and every pass below stays within milliseconds
BOX_OPEN, BOX_CLOSE = "⟦", "⟧"
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
_WRAPPER = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mathsf|mathit|mbox)\s*\{([^{}]*)\}")
_MARKUP = re.compile(r"\*\*|__|`|\$|(?<!\S)\*(?=\S)|(?<=\S)\*(?=[\s.,;:!?)]|$)|\\(?=[()\[\]])|</?(?:b|strong|em|i)>")
_ANSWER_TAG = re.compile(r"<answer>(.*?)</answer>", re.DOTALL | re.IGNORECASE)
LEAD_IN = re.compile(
    r"(?:\b(?:the|my|your|our)\s+)?\b(?:(?:final|correct|right|best|short)\s+){0,2}"
    r"(?:answers?|ans|choice|option)\b[\"']?(?:\s+(?:to|for)\s+(?:the|this|that)\s+\w+)?"
    r"\s*(?:(?:is|would\s+be|should\s+be|must\s+be|was)\b(?!\s*not\b|n't)\s*:?|[:=]|\n)"
    r"|^[^\w\n]{0,20}answer[ \t]+(?=\S{1,3}[^\w\n]{0,20}$)"
    r"|(?:正确|正確|最终|最終|最佳|标准)?(?:答案|选项|選項)\s*(?:应该是|应该为|應該是|应为|應為|应是|是|为|為|:)\s*:?",
    re.IGNORECASE | re.MULTILINE,
)


def tail(answer: str) -> str:
    """Return what is read of an answer: its end, in the compatibility form (Ａ：-> A:)."""
    end = answer[-READ_CHARS:]
    return end if end.isascii() else unicodedata.normalize("NFKC", end)


def plain(text: str) -> str:
    r"""Take Markdown emphasis and LaTeX wrappers off; boxes become ⟦ ... ⟧, also nested in such a wrapper."""
    bare = text.replace(BOX_OPEN, "[").replace(BOX_CLOSE, "]").replace("’", "'")
    for _ in range(3):  # \text{\textbf{B}}: a few levels; deeper is no one's style
        bare, changed = _WRAPPER.subn(r"\1", bare)
        if not changed:
            break
    return _MARKUP.sub("", _marked_boxes(bare))


def _marked_boxes(text: str) -> str:
    r"""Replace every balanced \boxed{...} by ⟦...⟧; one that never ends stays as it is."""
    pieces, start = [], 0
    while box := _BOX.search(text, start):
        end = _closing(text, box.end())
        if end < 0:
            break
        pieces += [text[start : box.start()], BOX_OPEN, text[box.end() : end], BOX_CLOSE]
        start = end + 1
    return "".join([*pieces, text[start:]])


def _closing(text: str, start: int) -> int:
    """Return where the brace that was opened before `start` closes, or -1."""
    depth = 1
    for brace in re.compile(r"\\.|[{}]", re.DOTALL).finditer(text, start):
        if brace[0] in "{}":
            depth += 1 if brace[0] == "{" else -1
            if not depth:
                return brace.start()
    return -1


def stated(answer: str) -> list[str]:
    """Return what an answer states as final, most explicit reading first; its whole text where nothing is stated.

    The rule: the last of the boxes, else the last `<answer>` element, else what follows the last lead-in up
    to the end of its line (or of the next line, where the lead-in ends one), and the same up to the first
    full stop; else the whole answer. Text is compared whole afterwards, never searched.
    """
    text = plain(tail(answer))
    if BOX_OPEN in text:
        return [text.rpartition(BOX_OPEN)[2].partition(BOX_CLOSE)[0]]
    if tags := _ANSWER_TAG.findall(text):
        text = tags[-1]
    leads = list(LEAD_IN.finditer(text))
    if not leads:
        return [text if tags else answer]
    line = text[leads[-1].end() :].lstrip().split("\n", 1)[0]
    return [line, _SENTENCE_END.split(line, maxsplit=1)[0]]


_SENTENCE_END = re.compile(r"(?<=\w{3})[.!?](?=\s)|[。！？]")  # not after "St." or "U.S."
