"""Tags and reasoning format: every block there, once, in order, filled, and nothing else."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ravelar.tools.card import Provenance, ToolCard
from ravelar.tools.errors import InputError, UnusableReference
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.verifiers.each import each, shown

_NAME = re.compile(r"[A-Za-z][\w.:-]{0,39}")
_ALLOWED = 'allowed: a list of different tag names, such as ["think", "answer"]'


class Format:
    """1 for a completion that is the wanted blocks and nothing else, else 0.

    By default `<think>...</think><answer>...</answer>`: each tag pair exactly once, in order, not nested,
    each with a letter or digit in it, only white space around and between. Read from the completion as
    written, reasoning included; where the prompt has already opened the first block, the completion may
    begin within it. No partial credit: half a format earns what a policy would learn to farm.

    The column `tags`, or a reference `{"tags": [...]}`, names other blocks. Any other reference is none of
    this tool's business, so that it can be joined with a tool that verifies the answer.

    Args:
        tags: The blocks wanted where a triple names none.

    Raises:
        InputError: if `tags` is no list of different tag names.
    """

    card = ToolCard(
        name="format",
        kind="verifier",
        task="reasoning format",
        summary="1 if the completion is exactly the wanted tag blocks (by default <think> then <answer>), each once, "
        "in order, not empty, and nothing else, else 0. Says nothing of whether the answer is right.",
        needs=(),
        provenance=Provenance(note="the format reward of DeepSeek-R1, arXiv 2501.12948, made strict"),
    )

    def __init__(self, tags: Sequence[str] = ("think", "answer")) -> None:
        if not _are_tags(tags):
            raise InputError(f"tags are {shown(tags)}; {_ALLOWED}")
        self._tags = tuple(tags)

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return n scores of 0 or 1, with what is amiss as the note."""
        return each(self._judged, triples)

    def _judged(self, triple: Triple) -> float | Scored:
        tags = self._wanted(triple)
        text = triple.text
        if triple.question.rstrip().endswith(f"<{tags[0]}>") and not text.lstrip().startswith(f"<{tags[0]}>"):
            text = f"<{tags[0]}>{text}"
        fault = _fault(text, tags)
        return Scored(0.0, fault) if fault else 1.0

    def _wanted(self, triple: Triple) -> tuple[str, ...]:
        given: Any = triple.metadata.get("tags")
        if given is None and isinstance(triple.reference, Mapping):
            given = triple.reference.get("tags")
        if given is None:
            return self._tags
        if not _are_tags(given):
            raise UnusableReference(f"tags are {shown(given)}; {_ALLOWED}")
        return tuple(given)


def _are_tags(given: Any) -> bool:
    return (
        isinstance(given, list | tuple)
        and bool(given)
        and all(isinstance(tag, str) and _NAME.fullmatch(tag) for tag in given)
        and len({tag.lower() for tag in given}) == len(given)
    )


def _fault(text: str, tags: tuple[str, ...]) -> str | None:
    """Say what is amiss with a completion, None if nothing is."""
    marks = list(_marks(tags).finditer(text))
    wanted = [form for tag in tags for form in (f"<{tag}>", f"</{tag}>")]
    if len(marks) != len(wanted) or [mark[0] for mark in marks] != wanted:
        return f"tags are {' '.join(mark[0] for mark in marks[:8])[:80] or 'missing'}; wanted {' '.join(wanted)}"
    inside = [text[marks[i].end() : marks[i + 1].start()] for i in range(0, len(marks), 2)]
    outside = [text[marks[i].end() : marks[i + 1].start()] for i in range(1, len(marks) - 1, 2)]
    for tag, block in zip(tags, inside, strict=True):
        if not any(char.isalnum() for char in block):
            return f"<{tag}> is empty"
    if any(part.strip() for part in (text[: marks[0].start()], *outside, text[marks[-1].end() :])):
        return "text outside the tags"
    return None


@lru_cache(maxsize=64)
def _marks(tags: tuple[str, ...]) -> re.Pattern[str]:
    """Match every form of the tags, also with other case, spaces or attributes: those are faults, not text."""
    names = "|".join(re.escape(tag) for tag in tags)
    return re.compile(rf"<\s{{0,8}}/?\s{{0,8}}(?:{names})(?:[\s/][^<>]{{0,80}})?>", re.IGNORECASE)
