"""What a writer is sent of an item, in one user message.

Two message sets. `fixed`, ours: the Chinese cloze shows its text, parts bear their right labels, the outline is sent
where there is one, the marker is the one that the instruction names, and the length allowed follows from what is
asked for. `published`: the format of the published scripts with its defects (the Chinese cloze is its instruction
alone, the labels of Chinese edits are shifted by one, the English outline is never sent, the length allowed is 1.5
times the reference's characters, which tells the writer how long the reference is). The closing words of the
published format are told by meaning, not by letter; see docs/c3ebench.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from ravelar.benchmark.evals.c3e.items import BLANK, Brief, Item

MessageSet = Literal["fixed", "published"]
MESSAGE_SETS: tuple[MessageSet, ...] = get_args(MessageSet)
TEMPERATURE = 0.7  # source: the published scripts

_MARKER = "[fill in the blank]"
_TOKENS_PER_WORD = {"en": 1.5, "zh": 1.2}  # ours: an upper estimate; Chinese counts characters
_SPARE = 2.0  # ours: twice what is asked for, so that nothing that is a little long is cut
_LEAST, _MOST = 2_048, 16_384  # tokens
_UNSAID = {"en": 3_000, "zh": 4_000}  # words or characters, where nothing tells the length; ours
_PUBLISHED_SHARE = 1.5  # tokens allowed per character of the reference


@dataclass(frozen=True, slots=True)
class WriterMessage:
    """What is sent.

    Attributes:
        text: The one user message.
        max_tokens: How many tokens the reply may take.
        temperature: The sampling temperature.
    """

    text: str
    max_tokens: int
    temperature: float = TEMPERATURE


def fixed_message(brief: Brief) -> WriterMessage:
    """Return our message: a function of the brief alone, so that nothing of the reference can be in it."""
    return WriterMessage(_FIXED[brief.language](brief), allowed_tokens(brief))


def published_message(item: Item) -> WriterMessage:
    """Return the published message, whose length limit leaks the reference's length; for comparison only."""
    limit = max(1, int(_PUBLISHED_SHARE * len(item.reference)))
    return WriterMessage(_PUBLISHED[item.brief.language](item.brief), limit)


def allowed_tokens(brief: Brief) -> int:
    """Return how many tokens a reply may take: twice what is asked for, or what the inputs let expect.

    The blank of a cloze is held to be no longer than its text, and a rewritten draft no longer than twice the draft.
    """
    words = max((bound for bound in brief.asked or () if bound), default=None)
    if words is not None:
        expected = words * _TOKENS_PER_WORD[brief.language]
    elif brief.task == "cloze":
        expected = _tokens(_shown(brief), brief.language)
    elif brief.task == "edit":
        expected = 2 * _tokens(brief.given["content"], brief.language)
    else:
        expected = _UNSAID[brief.language] * _TOKENS_PER_WORD[brief.language]
    return int(min(_MOST, max(_LEAST, _SPARE * expected)))


def cloze_text(brief: Brief) -> str:
    """Return the text of a cloze with its blank marked once, in the words of the instruction."""
    if brief.language == "en":
        return f"{brief.given['prefix']}{_MARKER}{brief.given['suffix']}"
    return BLANK.sub(_MARKER, brief.given["content"])


def _shown(brief: Brief) -> str:
    return "".join(brief.given.values())


def _tokens(text: str, language: str) -> float:
    return len(text) if language == "zh" else len(text) / 4


def _joined(*parts: str) -> str:
    return "\n\n".join(part.strip() for part in parts if part.strip())


def _fixed_en(brief: Brief) -> str:
    given = brief.given
    body: Mapping[str, Callable[[], tuple[str, ...]]] = {
        "cloze": lambda: (f"[Text]\n{cloze_text(brief)}",),
        "condition": lambda: (f"[Outline]\n{given['condition']}", _asked_for(brief)),
        "edit": lambda: (f"[Draft]\n{given['content']}", f"[Critique]\n{given['critique']}"),
        "end2end": lambda: (_asked_for(brief),),
    }
    closing = "Reply with only the missing passage." if brief.task == "cloze" else "Reply with only the text itself."
    return _joined(_instruction(brief), *body[brief.task](), closing)


def _fixed_zh(brief: Brief) -> str:
    given = brief.given
    body: Mapping[str, Callable[[], tuple[str, ...]]] = {
        "cloze": lambda: (f"【原文】\n{cloze_text(brief)}",),
        "condition": lambda: (_labelled("【大纲】", given["outline"]),),
        "edit": lambda: (
            "说明：本题不另附原文背景材料，请以初稿为准。",
            f"【初稿】\n{given['content']}",
            f"【专业点评与修改建议】\n{given['critique']}",
        ),
        "end2end": lambda: (given.get("content", ""),),
    }
    closing = "只输出空缺处应填的文字。" if brief.task == "cloze" else "只输出正文本身。"
    return _joined(_instruction(brief), *body[brief.task](), closing)


def _published_en(brief: Brief) -> str:
    given = brief.given
    body: Mapping[str, Callable[[], tuple[str, ...]]] = {
        "cloze": lambda: (f"{given['prefix']}[fill in the blanks]{given['suffix']}",),
        "condition": tuple,
        "edit": lambda: (f"[Content]\n{given['content']}", f"[Critique]\n{given['critique']}"),
        "end2end": tuple,
    }
    return _joined(brief.instruction, *body[brief.task](), "Directly output the text, without explanation.")


def _published_zh(brief: Brief) -> str:
    given = brief.given
    body: Mapping[str, Callable[[], tuple[str, ...]]] = {
        "cloze": tuple,
        "condition": lambda: (f"[大纲]\n{given['outline']}",),
        "edit": lambda: (f"[原文背景材料]\n{given['content']}", f"[初稿材料]\n{given['critique']}"),
        "end2end": tuple,
    }
    return _joined(brief.instruction, *body[brief.task]())


def _instruction(brief: Brief) -> str:
    return BLANK.sub(_MARKER, brief.instruction) if brief.task == "cloze" else brief.instruction


def _asked_for(brief: Brief) -> str:
    """Return audience and length, where the instruction leaves them to the item's fields."""
    lines = [f"{label}: {brief.given[name]}" for label, name in (("Audience", "audience"), ("Words", "word"))]
    return "\n".join(lines)


def _labelled(label: str, text: str) -> str:
    return text if text.lstrip().startswith(label) else f"{label}\n{text}"


_FIXED: Mapping[str, Callable[[Brief], str]] = {"en": _fixed_en, "zh": _fixed_zh}
_PUBLISHED: Mapping[str, Callable[[Brief], str]] = {"en": _published_en, "zh": _published_zh}
