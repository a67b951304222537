"""Learning while prompts arrive: names are remembered at once, and the classifier is fitted again now and then."""

import time
from collections.abc import Mapping
from typing import Any

from ravelar.tools.completion import Conversation
from ravelar.tools.recognition.fitting import FitSettings
from ravelar.tools.recognition.names import MemoryNameLog, NamedExample, NameLog
from ravelar.tools.recognition.recogniser import Caution, Recogniser

GROWTH = 0.1  # ours: fit again when the names have grown by a tenth, so that n names cost some 10 log(n) fits


class Learning:
    """A recogniser that grows with a log of names; for the part of a run that acquires tools, never during training.

    Attributes:
        recogniser: The snapshot of now.
        fits: How many times the classifier was fitted.
    """

    def __init__(
        self, log: NameLog | None = None, *, caution: Caution | None = None, settings: FitSettings | None = None
    ) -> None:
        self.log = MemoryNameLog() if log is None else log
        self._caution, self._settings = caution, settings
        self._decided: dict[str, str] = {}
        self.fits = 0
        self.refit()

    def refit(self) -> Recogniser:
        """Learn from everything that the log holds now, other processes' names included; return the new snapshot."""
        examples = list(self.log.read())
        self.recogniser = Recogniser.fit(
            examples, decided=self._decided, caution=self._caution, settings=self._settings
        )
        self._fitted_on = self._known = len(examples)
        self.fits += bool(examples)
        return self.recogniser

    def decided(self, labels: Mapping[str, str]) -> None:
        """Keep labels that were decided, by `prompt_key`: no later fit changes them."""
        self._decided.update(labels)

    def name(self, prompt: Conversation, reference: Any, label: str, *, named_at: float | None = None) -> NamedExample:
        """Append a name to the log and learn from it: the cache at once, the classifier when names grew by a tenth.

        Args:
            prompt: What was named.
            reference: Its reference.
            label: Its task.
            named_at: When, in seconds since 1970; None means now.
        """
        named_at = time.time() if named_at is None else named_at
        example = NamedExample.of(prompt, reference, label, named_at=named_at)
        self.log.append(example)
        self._known += 1
        if self._known - self._fitted_on >= max(1.0, GROWTH * self._known):
            self.refit()
        else:
            self.recogniser = self.recogniser.remembering([example])
        return example
