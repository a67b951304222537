"""Which unknown prompts of a batch are alike, so that one call of a language model can name several."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ravelar.tools.completion import Conversation
from ravelar.tools.recognition.features import features, prompt_text
from ravelar.tools.recognition.recogniser import Recogniser

ALIKE = 0.35  # ours: least likeness to a group's first prompt; see docs/routing.md


class Query(NamedTuple):
    """What a task is recognised from."""

    prompt: Conversation
    reference: Any = None
    metadata: Mapping[str, Any] | None = None


class Unnamed(NamedTuple):
    """Prompts of a batch that no one named and that look alike, by their places in the batch; the first stands for all.

    Attributes:
        members: Places in the batch, ascending.
        reason: Why the first one was not recognised.
    """

    members: tuple[int, ...]
    reason: str


def needs_name(batch: Sequence[Query], recogniser: Recogniser, *, alike: float = ALIKE) -> list[Unnamed]:
    """Return the prompts of a batch that the recogniser does not know, grouped by likeness.

    One name for a group is one call, but it names its other members on trust. In a group all references are of one
    type, and all prompts at least `alike` like its first; 1.0 groups equal ones only.
    """
    unknown: list[int] = []
    reasons: list[str] = []
    for i, query in enumerate(batch):
        recognition = recogniser.recognise(query.prompt, query.reference, query.metadata)
        if recognition.label is None:
            unknown.append(i)
            reasons.append(recognition.reason)
    groups = group_alike([batch[i] for i in unknown], alike=alike)
    return [Unnamed(tuple(unknown[i] for i in group), reasons[group[0]]) for group in groups]


def group_alike(queries: Sequence[Query], *, alike: float = ALIKE) -> list[list[int]]:
    """Group queries by likeness to each group's first one; return their places, groups by their first place."""
    found = [features(prompt_text(query.prompt), query.reference) for query in queries]
    seen = Counter(feature for one in found for feature in one)
    weight = {feature: 1.0 + math.log((1 + len(found)) / (1 + n)) for feature, n in seen.items()}
    groups: list[list[int]] = []
    for i, one in enumerate(found):
        best, home = alike, None
        for group in groups:
            if (near := _likeness(one, found[group[0]], weight)) >= best:
                best, home = near, group
        if home is None:
            groups.append([i])
        else:
            home.append(i)
    return groups


def _likeness(one: set[str], other: set[str], weight: Mapping[str, float]) -> float:
    """Return the weighted share of features that both have (Jaccard); 0 where their references differ in type."""
    if {f for f in one if f[0] == "@" and f[1:].isalpha()} != {f for f in other if f[0] == "@" and f[1:].isalpha()}:
        return 0.0
    both = math.fsum(weight[feature] for feature in one & other)
    return both / (math.fsum(weight[feature] for feature in one | other) or 1.0)
