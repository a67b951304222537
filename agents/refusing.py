"""Tell a model that declines from one that can't keep to a form."""

import re

from langchain_core.messages import AIMessage

_FILTERED = frozenset({"content_filter", "refusal", "safety", "prohibited_content", "recitation", "blocklist"})
_LONGEST_REFUSAL = 1_500  # characters; ours: whoever declines is brief
_DECLINES = re.compile(
    r"\A\W*(?:"
    r"(?:i(?:'|’)?m|i am|we(?:'|’)re) (?:really |very )?(?:sorry|afraid|unable|not able)\b|sorry,|apologies\b|"
    r"(?:unfortunately,? )?i (?:can(?:no|'|’)?t|won(?:'|’)?t|must decline|decline)\b|as an ai\b|"
    r"(?:非常)?(?:抱歉|对不起|很遗憾)|我(?:无法|不能|没有办法|不便)|作为(?:一个|一名)?(?:人工智能|AI|语言模型)"
    r")",
    re.IGNORECASE,
)


def declines(text: str) -> bool:
    """Say whether a reply that does not fit its form reads as a refusal: short, and begins as one does."""
    return len(text) <= _LONGEST_REFUSAL and _DECLINES.match(text) is not None


def refused_by_provider(message: AIMessage) -> str:
    """Return the provider's own word that it refuses, or "" if it does not."""
    if said := message.additional_kwargs.get("refusal"):
        return str(said)[:300]
    metadata = message.response_metadata
    reason = str(metadata.get("finish_reason") or metadata.get("stop_reason") or "")
    return f"finish reason {reason!r}" if reason.lower() in _FILTERED else ""
