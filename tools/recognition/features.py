"""What is read of a prompt and of a reference's shape: a set of short features, the same in every process.

A prompt gives its words and pairs of neighbouring words (numbers masked), how it begins and ends, and its rough
form. A reference gives its type, its keys, its length and its outline ("2026-11-23" -> "9-9-9"), never its words:
what decides is the kind of the reference, not the value. The completion is never seen.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ravelar.tools.completion import Conversation, content_text

HEAD_CHARS = 1_000  # ours: read of a long text at its beginning ...
TAIL_CHARS = 400  # ... and at its end, which is where instructions stand; it bounds the cost of a prompt
_REFERENCE_CHARS = 400  # ours: read of a reference
_LISTED = 8  # items of a list that are looked at
_LISTED_KEYS = 32  # a mapping with more keys is data, not a record
_KEY_CHARS = 40
_TOKEN = re.compile(r"[a-z\u00c0-\u024f\u0370-\u1fff]+|[0-9]+|[^\s0-9a-z]")
_RUN = re.compile(r"([A-Z]+)|([a-z]+)|([0-9]+)|(\s+)|([^\x00-\x7f]+)")
_OUTLINE_CHARS = 60
_OUTLINE_RUNS = 10
_ENDS_READ = 4


def prompt_text(prompt: Conversation) -> str:
    """Return what names a prompt's task: the text, or of messages the system's and the last user's."""
    if isinstance(prompt, str):
        return prompt
    system = [content_text(m.get("content")) for m in prompt if m.get("role") in ("system", "developer")]
    user = next((content_text(m.get("content")) for m in reversed(prompt) if m.get("role") == "user"), "")
    return "\n".join([*system, user])


def shortened(text: str) -> str:
    """Return what is read of a text: its two ends where it is long, without characters that no store takes."""
    if len(text) > HEAD_CHARS + TAIL_CHARS:
        text = f"{text[:HEAD_CHARS]}\n{text[-TAIL_CHARS:]}"
    return _storable(text)


def shape(reference: Any) -> Any:
    """Return a plain JSON value that shows what is read of a reference; its own shape is itself."""
    if reference is None or isinstance(reference, bool | int | float):
        return reference
    if isinstance(reference, str):
        return _storable(reference[:_REFERENCE_CHARS])
    if isinstance(reference, Mapping):
        return dict.fromkeys(_keys(reference))
    if isinstance(reference, Sequence) and not isinstance(reference, bytes | bytearray):
        return [
            _storable(item[:_REFERENCE_CHARS]) if isinstance(item, str) else _hollow(item)
            for item in reference[:_LISTED]
        ]
    return {"": None}


def _hollow(item: Any) -> Any:
    """Return a list's item without its content."""
    if isinstance(item, Mapping):
        return {}
    return item if item is None or isinstance(item, bool | int | float) else []


def _keys(mapping: Mapping[Any, Any]) -> list[str]:
    """Return the keys that are read; sorted, because some stores keep no order."""
    if len(mapping) > _LISTED_KEYS:
        return ["(many)"]
    return sorted(_storable(str(key)[:_KEY_CHARS]) for key in mapping)


def _storable(text: str) -> str:
    text = text.replace("\x00", " ")
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()  # a lone surrogate becomes "?"
    return text


def features(text: str, reference: Any) -> set[str]:
    """Return the features of a prompt's text and a reference; at most some 2,500 for texts of any length."""
    found = set(_of_text(shortened(text)))
    found.update(_of_reference(shape(reference)))
    return found


def _of_text(text: str) -> Iterator[str]:
    tokens = ["0" if token[0] in "0123456789" else token for token in _TOKEN.findall(text.lower())]
    yield from tokens
    yield from map(" ".join, pairwise(tokens))
    yield from (f"^{i}{token}" for i, token in enumerate(tokens[:_ENDS_READ]))
    yield from (f"${i}{token}" for i, token in enumerate(reversed(tokens[-_ENDS_READ:])))
    yield f"|len{len(text).bit_length()}"
    yield f"|lines{text.count(chr(10)).bit_length()}"


def _of_reference(reference: Any) -> Iterator[str]:
    yield f"@{_kind(reference)}"
    if isinstance(reference, str):
        yield from (f"@{part}" for part in _of_reference_text(reference))
    elif isinstance(reference, dict):
        yield from (f"@key:{key}" for key in reference)
        yield f"@size{len(reference).bit_length()}"
    elif isinstance(reference, list):
        yield from {f"@of:{_kind(item)}" for item in reference}
        yield f"@size{len(reference).bit_length()}"
        if reference and isinstance(reference[0], str):
            yield from (f"@0:{part}" for part in _of_reference_text(reference[0]))
    elif isinstance(reference, int | float) and not isinstance(reference, bool):
        yield f"@sign{reference < 0}"


def _of_reference_text(text: str) -> Iterator[str]:
    yield f"outline:{_outline(text)}"
    yield f"len{len(text).bit_length()}"
    yield f"words{len(text.split()).bit_length()}"
    yield f"lines{text.count(chr(10)).bit_length()}"
    yield from {f"has{char}" for char in text if not char.isalnum() and not char.isspace()}
    if not text.isascii():
        yield "foreign"


def _outline(text: str) -> str:
    """Return the runs of character classes that a text begins with: "About 3.5 km" -> "Aa 9.9 a"."""
    return _RUN.sub(_class_of, text[:_OUTLINE_CHARS])[:_OUTLINE_RUNS]


def _class_of(run: re.Match[str]) -> str:
    return "Aa9 *"[(run.lastindex or 1) - 1]


def _kind(value: Any) -> str:
    return type(value).__name__
