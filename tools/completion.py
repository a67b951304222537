"""What a completion says: its text, and its answer once the reasoning is taken off.

A completion is a text or a list of chat messages as TRL passes them:
`{"role": "assistant", "content": str | parts | None, "tool_calls": [...]}`. Its text is that of the last
assistant message; a last message that only calls tools has no text yet, hence no answer.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

Message = Mapping[str, Any]
Conversation = str | Sequence[Message]

# Reasoning formats seen in released models; see docs/sources.md.
_TAGS = r"think|thinking|thought|thoughts|reasoning|reflection|scratchpad|seed:think"
_OPEN = re.compile(rf"<(?:{_TAGS})>|◁think▷|\[THINK\]|<\|begin_of_thought\|>", re.IGNORECASE)
_CLOSE = re.compile(rf"</(?:{_TAGS})>|◁/think▷|\[/THINK\]|<\|end_of_thought\|>", re.IGNORECASE)
_HARMONY_FINAL = "<|channel|>final<|message|>"
_HARMONY_ANY = "<|channel|>"
_HARMONY_END = re.compile(r"<\|(?:end|return|call)\|>")


def content_text(content: object) -> str:
    """Return a message's text: a string as it is, the text parts of a list joined, anything else ''."""
    if isinstance(content, str):
        return content
    if isinstance(content, list | tuple):
        return "".join(
            part if isinstance(part, str) else str(part.get("text") or "")
            for part in content
            if isinstance(part, str | Mapping)
        )
    return ""


def conversation_text(conversation: Conversation, role: str) -> str:
    """Return the text itself, or the text of the last message of that role ('' where there is none)."""
    if isinstance(conversation, str):
        return conversation
    for message in reversed(conversation):
        if message.get("role") == role:
            return content_text(message.get("content"))
    return ""


def tool_calls(conversation: Conversation) -> list[Message]:
    """Return the tool calls of the last assistant message, as `{"name", "arguments"}`, in order.

    Arguments given as JSON text are left as text: reading them is the judge's business.
    """
    if isinstance(conversation, str):
        return []
    last: Message = next((m for m in reversed(conversation) if m.get("role") == "assistant"), {})
    given = last.get("tool_calls") or []
    calls = [call.get("function") or call for call in given if isinstance(call, Mapping)]
    return [{"name": call.get("name"), "arguments": call.get("arguments")} for call in calls]


def without_reasoning(text: str, *, opened: bool = False) -> str | None:
    """Take reasoning blocks off; return what is left, or None if one was never closed.

    Args:
        text: A completion's text.
        opened: Whether the prompt had already opened a block, as many chat templates do.

    Balanced blocks vanish. A closing tag without an opening one ends a block that the prompt opened,
    so that all before it goes. A text that holds an opening tag alone has not begun to answer.
    """
    if _HARMONY_ANY in text:
        return _harmony_final(text)
    if not opened and "<" not in text and "◁" not in text and "[" not in text:
        return text
    kept: list[str] = []
    depth, start = int(opened), 0
    for mark in sorted([*_OPEN.finditer(text), *_CLOSE.finditer(text)], key=lambda m: m.start()):
        closes = mark.re is _CLOSE
        if depth == 0:
            if closes:
                kept.clear()
            else:
                kept.append(text[start : mark.start()])
        depth = max(0, depth - 1) if closes else depth + 1
        if closes and depth == 0:
            start = mark.end()
    return None if depth else "".join([*kept, text[start:]])


def opens_reasoning(prompt: str) -> bool:
    """Say whether the prompt ends inside a reasoning block that it has just opened."""
    tail = prompt[-40:].rstrip()
    return tail.endswith((">", "▷", "]")) and any(mark.end() == len(tail) for mark in _OPEN.finditer(tail))


def _harmony_final(text: str) -> str | None:
    """Return the last final-channel message of a Harmony transcript, or None if there is none yet."""
    _, found, final = text.rpartition(_HARMONY_FINAL)
    return _HARMONY_END.split(final, maxsplit=1)[0] if found else None
