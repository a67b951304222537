"""Names that were given to prompts: what the classifier learns from and the prompt cache remembers."""

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Self

from ravelar.tools.completion import Conversation, content_text
from ravelar.tools.errors import InputError
from ravelar.tools.recognition.features import prompt_text, shape, shortened


def prompt_key(prompt: Conversation, reference: Any = None) -> str:
    """Return the key of a (prompt, reference): 32 hexadecimal digits, blind to spacing and to the order of keys.

    A text and a conversation of this one user message have the same key; earlier turns count.

    Raises:
        InputError: if the reference is no JSON value, so that it has no key that all processes share.
    """
    turns = [("user", prompt)] if isinstance(prompt, str) else [_turn(message) for message in prompt]
    said = "\x1e".join(f"{role}\x1f{' '.join(text.split())}" for role, text in turns)
    if not said.isascii():
        said = unicodedata.normalize("NFC", said)
    whole = f"{said}\x1d{_canonical(reference)}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(whole, digest_size=16).hexdigest()


def _turn(message: Mapping[str, Any]) -> tuple[str, str]:
    return str(message.get("role")), content_text(message.get("content"))


def _canonical(reference: Any) -> str:
    if isinstance(reference, str):
        return f'"{reference}'
    try:
        return json.dumps(reference, sort_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"the reference is no JSON value ({type(error).__name__})") from error


@dataclass(frozen=True)
class NamedExample:
    """A prompt that was named: by a language model, by a person, or by a column.

    It keeps what the classifier reads of the prompt and of the reference (at most some 1,400 and 400 characters),
    not the whole of them, and the key of the whole.

    Attributes:
        key: `prompt_key` of the whole prompt and reference.
        prompt_text: The prompt's text, its middle left out where it is long.
        reference: The reference's shape: values that show no kind are left out.
        label: The task's name.
        named_at: When it was named, in seconds since 1970; of two names for one prompt the later counts.
    """

    key: str
    prompt_text: str
    reference: Any
    label: str
    named_at: float = 0.0

    @classmethod
    def of(cls, prompt: Conversation, reference: Any, label: str, *, named_at: float = 0.0) -> Self:
        """Name a prompt.

        Raises:
            InputError: if the label is empty, or the reference no JSON value.
        """
        if not label:
            raise InputError("a task's label is empty")
        key = prompt_key(prompt, reference)
        return cls(key, shortened(prompt_text(prompt)), shape(reference), label, named_at)

    @cached_property
    def id(self) -> str:
        """The hash of its content: a unique key under which it can be appended by many at once."""
        return hashlib.blake2b(json.dumps(self.as_row(), sort_keys=True).encode(), digest_size=16).hexdigest()

    def as_row(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "key": self.key,
            "prompt_text": self.prompt_text,
            "reference": self.reference,
            "label": self.label,
            "named_at": self.named_at,
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Read what `as_row` wrote.

        Raises:
            InputError: if a column is missing or of another type.
        """
        text = [row.get(name) for name in ("key", "prompt_text", "label")]
        named_at = row.get("named_at", 0.0)
        if not all(isinstance(value, str) and value.isprintable() for value in (text[0], text[2])):
            raise InputError(f"a named example needs the texts 'key', 'prompt_text' and 'label', got {sorted(row)}")
        if not isinstance(text[1], str) or not isinstance(named_at, int | float):
            raise InputError("a named example's 'prompt_text' must be a text and 'named_at' a number")
        return cls(str(text[0]), text[1], row.get("reference"), str(text[2]), float(named_at))


class NameLog(Protocol):
    """Where names are kept: append-only, each under its `id`; the same name appended twice is there once."""

    def append(self, example: NamedExample) -> None:
        """Keep a name."""
        ...

    def read(self) -> Iterable[NamedExample]:
        """Return all names, in any order."""
        ...


class MemoryNameLog:
    """A `NameLog` of this process alone."""

    def __init__(self, examples: Iterable[NamedExample] = ()) -> None:
        self._examples: dict[str, NamedExample] = {example.id: example for example in examples}

    def append(self, example: NamedExample) -> None:
        """Keep a name."""
        self._examples[example.id] = example

    def read(self) -> list[NamedExample]:
        """Return all names."""
        return list(self._examples.values())
