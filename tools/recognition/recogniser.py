"""Recognising the task of a prompt: by a column, by a remembered name, by the classifier, or not at all."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, NamedTuple

from ravelar.tools.completion import Conversation
from ravelar.tools.errors import InputError
from ravelar.tools.recognition.classifier import Guess, LinearClassifier
from ravelar.tools.recognition.features import features, prompt_text
from ravelar.tools.recognition.fitting import FitSettings, fit_classifier, settled
from ravelar.tools.recognition.names import NamedExample, prompt_key

How = Literal["column", "cache", "classifier", "unknown"]
_FORM = 1  # of the exported snapshot
_LABEL = re.compile(r"[a-z][a-z0-9_]{1,47}")


class Recognition(NamedTuple):
    """What task a prompt is of.

    Attributes:
        label: The task's name, or None.
        how: What told: a column, a name given before to this very prompt, the classifier; or nothing.
        confidence: 1 for a column and a given name; else the probability of the likeliest label.
        reason: How it was decided, in words.
    """

    label: str | None
    how: How
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class Caution:
    """When the classifier abstains; all ours, see docs/routing.md.

    Attributes:
        least: The least probability of the likeliest label.
        lead: How far it must be ahead of the next.
        names: How many names its label must have.
        typical: How typical of its label the prompt must be, in units of what the label asks for.
    """

    least: float = 0.5
    lead: float = 0.1
    names: int = 3
    typical: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Recogniser:
    """What was learned from names at one moment: immutable, so that a run which holds it never changes its mind.

    Passed to other processes by value (pickle, or `to_json`): all that hold the same snapshot decide the same.
    It sees the prompt, the reference and the columns, never a completion.

    Attributes:
        names: The label of each prompt that was named or already decided, by `prompt_key`.
        classifier: None while there are no names.
        caution: When the classifier abstains.
        digest: The hash of what it was made from: the set of names and decisions, and the settings.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    classifier: LinearClassifier | None = None
    caution: Caution = Caution()
    digest: str = ""

    @classmethod
    def fit(
        cls,
        examples: Iterable[NamedExample] = (),
        *,
        decided: Mapping[str, str] | None = None,
        caution: Caution | None = None,
        settings: FitSettings | None = None,
    ) -> "Recogniser":
        """Learn from names: a pure function of their set, whatever their order.

        Args:
            examples: The names; of several for one prompt the last counts.
            decided: Labels that were decided before, by `prompt_key`; they stay as they are.
            caution: When to abstain.
            settings: How to fit.
        """
        caution, settings = caution or Caution(), settings or FitSettings()
        named = settled(examples)
        names = {**{example.key: example.label for example in named}, **(decided or {})}
        made_from = [_FORM, [example.id for example in named], sorted(names.items()), repr(caution), repr(settings)]
        digest = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:16]
        return cls(names, fit_classifier(named, settings), caution, f"sha256:{digest}")

    def remembering(self, examples: Iterable[NamedExample]) -> "Recogniser":
        """Return a recogniser whose cache also holds these names, its classifier unchanged: cheap, between fits."""
        added = {example.key: example.label for example in settled(examples)}
        text = json.dumps([self.digest, sorted(added.items())])
        digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        return replace(self, names={**self.names, **added}, digest=digest)

    def recognise(
        self,
        prompt: Conversation,
        reference: Any = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
    ) -> Recognition:
        """Recognise the task of a prompt.

        Args:
            prompt: Text or chat messages.
            reference: Any JSON value, or None.
            metadata: The row's further columns; `tool`, then `task`, decide before anything else.
            key: `prompt_key(prompt, reference)`, if it is known already.
        """
        if metadata and (named := column_label(metadata)):
            return Recognition(named, "column", 1.0, f"column {'tool' if metadata.get('tool') else 'task'}")
        try:
            key = key or prompt_key(prompt, reference)
        except InputError as error:
            return Recognition(None, "unknown", 0.0, str(error))
        if label := self.names.get(key):
            return Recognition(label, "cache", 1.0, "this prompt was named before")
        if self.classifier is None:
            return Recognition(None, "unknown", 0.0, "no task was named so far")
        return self._classified(self.classifier, self.classifier.guess(features(prompt_text(prompt), reference)))

    def _classified(self, classifier: LinearClassifier, guess: Guess) -> Recognition:
        said = f"likeliest {guess.label} ({guess.probability:.2f})"
        if guess.runner_up is not None:
            said = f"{said}, then {guess.runner_up} ({guess.next_probability:.2f})"
        why = self._why_not(classifier, guess)
        if why is None:
            return Recognition(guess.label, "classifier", guess.probability, said)
        return Recognition(None, "unknown", guess.probability, f"{why}: {said}")

    def _why_not(self, classifier: LinearClassifier, guess: Guess) -> str | None:
        if guess.probability < self.caution.least:
            return "like no known task"
        if guess.probability - guess.next_probability < self.caution.lead:
            return "between two tasks"
        if guess.typical < self.caution.typical:
            return f"odd for its likeliest task ({guess.typical:.2f} of what it asks for)"
        if classifier.counts[classifier.labels.index(guess.label)] < self.caution.names:
            return "too few names of this task"
        return None

    def to_json(self) -> str:
        """Write the snapshot as JSON; it holds words of the named prompts."""
        return json.dumps(
            {
                "form": _FORM,
                "digest": self.digest,
                "names": dict(self.names),
                "caution": asdict(self.caution),
                "classifier": None if self.classifier is None else self.classifier.as_plain(),
            },
            sort_keys=True,
        )

    @classmethod
    def from_json(cls, text: str) -> "Recogniser":
        """Read what `to_json` wrote.

        Raises:
            InputError: if it can't be read.
        """
        try:
            plain = json.loads(text)
            if plain["form"] != _FORM:
                raise InputError(f"a recogniser of form {plain['form']!r} can't be read; allowed: {_FORM}")
            given = {str(key): str(label) for key, label in plain["names"].items()}
            digest, inner = str(plain["digest"]), plain["classifier"]
            caution = Caution(**{name: plain["caution"][name] + 0 for name in ("least", "lead", "names", "typical")})
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise InputError(f"no recogniser can be read: {type(error).__name__}: {error}") from error
        return cls(given, None if inner is None else LinearClassifier.from_plain(inner), caution, digest)


def column_label(metadata: Mapping[str, Any]) -> str | None:
    """Return the task that a row names itself: its `tool`, else its `task` as a label; None if it names none."""
    if tool := metadata.get("tool"):
        return str(tool)
    task = metadata.get("task")
    if not isinstance(task, str):
        return None
    label = re.sub(r"[\s-]+", "_", task.strip().lower())
    return label if _LABEL.fullmatch(label) else None
