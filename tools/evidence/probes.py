"""Probes: labelled triples that test a reward tool, kept with where each came from and split by prompt."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ravelar.tools.completion import Conversation, content_text
from ravelar.tools.reward import Triple

Origin = Literal[
    "user",  # labelled by the caller
    "preferred",  # of a preference pair, the better and the worse one; compare only within the prompt
    "rejected",
    "reference",  # the reference itself, alone
    "varied",  # the reference in prose, in a box, with its unit, after reasoning
    "other_reference",  # another prompt's reference, where the reference decides
    "perturbed",  # the reference with the deciding part changed or cut away
    "empty",  # hostile from here on
    "prompt_copied",
    "keyword_stuffed",
    "hedged",
    "injecting",
]
HOSTILE: frozenset[str] = frozenset({"empty", "prompt_copied", "keyword_stuffed", "hedged", "injecting"})

Half = Literal["shown", "held_out", "all"]


@dataclass(frozen=True, slots=True)
class Probe:
    """One labelled triple.

    Attributes:
        triple: What is scored.
        good: Whether the completion deserves the top (or, of a preference pair, is the better one).
        origin: Where the label comes from.
        pair: Which preference pair it belongs to; "" if to none. Only members of one pair are compared.
    """

    triple: Triple
    good: bool
    origin: Origin = "user"
    pair: str = ""

    @property
    def hostile(self) -> bool:
        """Whether it attacks the tool."""
        return self.origin in HOSTILE

    @property
    def prompt_key(self) -> str:
        """What it is clustered and split by: a hash of the prompt's text, white space and chat form aside."""
        return prompt_key(self.triple.prompt)


def prompt_key(prompt: Conversation) -> str:
    """Hash a prompt's text, white space and chat form aside: who has seen one form has seen the other."""
    texts = [prompt] if isinstance(prompt, str) else [content_text(message.get("content")) for message in prompt]
    return _digest(" ".join(" ".join(texts).split()))


class ProbeSet:
    """Probes of one task, in order; immutable.

    The split is a pure function of the prompts: one half of them, chosen by their hashes, is shown to whoever
    writes a verifier, the other is held out. A prompt never stands in both.
    """

    def __init__(self, probes: Iterable[Probe]) -> None:
        self.probes = tuple(probes)

    def __len__(self) -> int:
        return len(self.probes)

    def __iter__(self) -> Iterator[Probe]:
        return iter(self.probes)

    @cached_property
    def digest(self) -> str:
        """The hash of the set: content and labels, in order."""
        rows = [
            [
                p.triple.prompt,
                p.triple.completion,
                p.triple.reference,
                dict(p.triple.metadata),
                p.good,
                p.origin,
                p.pair,
            ]
            for p in self.probes
        ]
        return f"sha256:{_digest(rows)}"

    @cached_property
    def shown(self) -> "ProbeSet":
        """The half that may be looked at."""
        return ProbeSet(p for p in self.probes if p.prompt_key in self._shown_prompts)

    @cached_property
    def held_out(self) -> "ProbeSet":
        """The half that decides."""
        return ProbeSet(p for p in self.probes if p.prompt_key not in self._shown_prompts)

    def half(self, name: Half) -> "ProbeSet":
        """Return a half by its name."""
        return {"shown": self.shown, "held_out": self.held_out, "all": self}[name]

    @cached_property
    def _shown_prompts(self) -> frozenset[str]:
        return shown_half(p.prompt_key for p in self.probes)


def shown_half(keys: Iterable[str]) -> frozenset[str]:
    """Return the half of these prompt keys that is shown: those whose hashes come first."""
    ordered = sorted(set(keys), key=lambda key: _digest(["split", key]))
    return frozenset(ordered[: len(ordered) // 2])


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
