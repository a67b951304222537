"""From names to a classifier: a pure function of the set of names, whatever their order.

One logistic model per label against all other labels and against nothing: the empty prompt is nobody's. That last
part pulls every bias below zero, so that a prompt with little that any label knows is none of them, even while
there is only one label. scikit-learn is needed here and nowhere else.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ravelar.tools.extras import need
from ravelar.tools.recognition.classifier import SCALE, LinearClassifier
from ravelar.tools.recognition.features import features
from ravelar.tools.recognition.names import NamedExample


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How a classifier is fitted; all ours, chosen on two mixes; see docs/routing.md.

    Attributes:
        strength: How freely weights may grow (the C of scikit-learn).
        nobody: Weight of the empty prompt beside all names together; higher abstains more.
        unknown: Weight of a feature never seen, in units of the rarest seen one; higher abstains more.
        odd: Share of a label's own names that would be too odd for it.
        slack: What a prompt of the label may be less typical than these.
        per_label: Names kept of a label.
        total: Names kept in all; bounds a fit's time.
        vocabulary: Features kept: the most frequent.
    """

    strength: float = 100.0
    nobody: float = 1.0
    unknown: float = 0.5
    odd: float = 0.05
    slack: float = 1.0
    per_label: int = 96
    total: int = 1_000
    vocabulary: int = 20_000


_LEAST_KEPT = 6  # names a label keeps however many labels there are


def settled(examples: Iterable[NamedExample]) -> list[NamedExample]:
    """Return one name per prompt, the last that was given, in an order of their content alone."""
    last: dict[str, NamedExample] = {}
    for example in examples:
        there = last.get(example.key)
        if there is None or (there.named_at, there.id) < (example.named_at, example.id):
            last[example.key] = example
    return sorted(last.values(), key=lambda example: (example.label, example.key))


def fit_classifier(examples: Sequence[NamedExample], settings: FitSettings) -> LinearClassifier | None:
    """Fit a classifier on names that are `settled`; None where there are none."""
    by_label: defaultdict[str, list[tuple[NamedExample, frozenset[str]]]] = defaultdict(list)
    for example in examples:
        by_label[example.label].append((example, frozenset(features(example.prompt_text, example.reference))))
    if not by_label:
        return None
    counts = {label: len(named) for label, named in by_label.items()}
    room = max(_LEAST_KEPT, min(settings.per_label, settings.total // len(by_label)))
    kept = {label: _kept(named, room) for label, named in sorted(by_label.items())}
    return _fit(kept, counts, settings)


def _kept(named: list[tuple[NamedExample, frozenset[str]]], room: int) -> list[frozenset[str]]:
    """Choose which names of a label are learned from: a third each of the newest, the oddest, and any."""
    if len(named) <= room:
        return [found for _, found in named]
    share = Counter(feature for _, found in named for feature in found)
    newest = sorted(range(len(named)), key=lambda i: (-named[i][0].named_at, named[i][0].key))
    oddest = sorted(range(len(named)), key=lambda i: (_typical(named[i][1], share), named[i][0].key))
    anyone = sorted(range(len(named)), key=lambda i: named[i][0].key)
    chosen: set[int] = set()
    for order, upto in ((newest, room // 3), (oddest, 2 * room // 3), (anyone, room)):
        chosen.update([i for i in order if i not in chosen][: upto - len(chosen)])
    return [named[i][1] for i in sorted(chosen)]


def _typical(found: frozenset[str], share: Mapping[str, int]) -> float:
    """Return in how many of a label's names a feature of this one is found, on the mean."""
    return sum(share[feature] for feature in found) / max(1, len(found))


def _fit(
    kept: Mapping[str, Sequence[frozenset[str]]], counts: Mapping[str, int], settings: FitSettings
) -> LinearClassifier:
    need("sklearn", extra="acquire", what="learning to recognise tasks")
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # noqa: PLC0415  comes with scikit-learn

    sets = [found for named in kept.values() for found in named]
    owners = np.array([i for i, named in enumerate(kept.values()) for _ in named])
    seen = Counter(feature for found in sets for feature in found)
    vocabulary = {
        feature: row
        for row, feature in enumerate(sorted(sorted(seen, key=lambda f: (-seen[f], f))[: settings.vocabulary]))
    }
    rarity = np.array([1.0 + math.log((1 + len(sets)) / (1 + seen[feature])) for feature in vocabulary])
    columns = []
    with threadpool_limits(limits=1):  # the order of sums must not depend on how many threads there are
        prompts = _matrix(sets, vocabulary, rarity)
        for i in range(len(kept)):
            columns.append(_one_against_all(prompts, owners == i, settings))
    weights = np.column_stack([weights for weights, _ in columns])
    shares, floors = _typical_of_labels(sets, owners, vocabulary, settings)
    return LinearClassifier(
        labels=tuple(kept),
        counts=tuple(counts[label] for label in kept),
        vocabulary=vocabulary,
        squares=np.rint(rarity**2 * SCALE).astype(np.int64),
        unknown_square=round((settings.unknown * math.log(1 + len(sets))) ** 2 * SCALE),
        weights=np.rint(weights * rarity[:, None] * SCALE).astype(np.int32),
        bias=tuple(round(bias, 4) for _, bias in columns),
        shares=shares,
        floors=floors,
    )


def _matrix(sets: Sequence[frozenset[str]], vocabulary: Mapping[str, int], rarity: Any) -> Any:
    """Return prompts by features as a sparse matrix, each prompt of unit length, and last the empty prompt."""
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]  # noqa: PLC0415

    indices: list[int] = []
    values: list[Any] = []
    ends = [0]
    for found in sets:
        rows = sorted(vocabulary[feature] for feature in found if feature in vocabulary)
        weights = rarity[rows]
        indices.extend(rows)
        values.append(weights / (math.sqrt(float((weights**2).sum())) or 1.0))
        ends.append(len(indices))
    ends.append(len(indices))
    return csr_matrix((np.concatenate(values), indices, ends), shape=(len(sets) + 1, len(vocabulary)))


def _typical_of_labels(
    sets: Sequence[frozenset[str]], owners: Any, vocabulary: Mapping[str, int], settings: FitSettings
) -> tuple[Any, tuple[float, ...]]:
    """Return the share of each label's names that have a feature, and how typical a prompt of the label must be.

    How typical a prompt is: the sum of its features' shares over the root of their number. A label's floor is a low
    quantile of that over its own names, each against the others.
    """
    labels = int(owners.max()) + 1
    counts = np.zeros((len(vocabulary), labels), dtype=np.int64)
    rows = [sorted(vocabulary[feature] for feature in found if feature in vocabulary) for found in sets]
    for owner, features_of in zip(owners, rows, strict=True):
        counts[features_of, owner] += 1
    sizes = np.bincount(owners, minlength=labels)
    own: list[list[float]] = [[] for _ in range(labels)]
    for owner, found, features_of in zip(owners, sets, rows, strict=True):
        others = int(counts[features_of, owner].sum()) - len(features_of)
        own[owner].append(others / max(1, int(sizes[owner]) - 1) / math.sqrt(len(found) or 1))
    floors = tuple(round(settings.slack * sorted(one)[int(settings.odd * len(one))], 4) for one in own)
    return np.rint(SCALE * counts / sizes).astype(np.int32), floors


def _one_against_all(prompts: Any, ours: Any, settings: FitSettings) -> tuple[Any, float]:
    """Fit one label's model; both sides weigh the same, and the empty prompt `nobody` times as much again."""
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]  # noqa: PLC0415

    n, own = len(ours), int(ours.sum())
    weights = np.append(np.where(ours, n / (2 * own), n / (2 * max(1, n - own))), settings.nobody * n / 2)
    model = LogisticRegression(C=settings.strength, solver="liblinear", tol=1e-3)
    model.fit(prompts, np.append(ours, False), sample_weight=weights)
    return model.coef_[0], float(model.intercept_[0])
