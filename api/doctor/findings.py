"""What a check found, and how checks are run: side by side, each within its time, none able to stop the others."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ravelar.tools.chat.failures import without_secrets

State = Literal["works", "missing", "broken"]
"""`missing`: optional, and not there. `broken`: installed, configured or needed by the base, and of no use as it is."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What there is of one thing.

    Attributes:
        area: What it belongs to, such as "extras".
        name: What was looked at.
        state: Whether it works.
        found: What there is, in words, without secrets.
        fix: What to do; "" where nothing needs to be done.
    """

    area: str
    name: str
    state: State
    found: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """Something that is looked at.

    Attributes:
        area: What its findings belong to.
        look: Looks, and returns what it found; what it raises is a finding as well.
        within_s: Seconds after which it is given up.
        late: What it counts as then.
    """

    area: str
    look: Callable[[], Sequence[Finding]]
    within_s: float = 5.0
    late: State = "broken"


def examine(checks: Sequence[Check]) -> list[Finding]:
    """Run all checks at once; return what they found, in their order. It takes as long as the slowest one may."""
    started, answers = time.monotonic(), [_Answer(check) for check in checks]
    found: list[Finding] = []
    for answer in answers:
        answer.thread.join(max(0.0, started + answer.check.within_s - time.monotonic()))
        found += answer.findings()
    return found


class _Answer:
    """A check that runs in a thread, which does not hold up the end of the process."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self._found: Sequence[Finding] | None = None
        self.thread = threading.Thread(target=self._look, name=f"doctor: {check.area}", daemon=True)
        self.thread.start()

    def findings(self) -> Sequence[Finding]:
        """Return what was found so far, or that there is no answer yet."""
        if self._found is not None:
            return self._found
        area, said = self.check.area, f"no answer within {self.check.within_s:g} s"
        return [Finding(area, area, self.check.late, said, "see what holds it up")]

    def _look(self) -> None:
        try:
            self._found = self.check.look()
        except Exception as error:  # noqa: BLE001  a check that fails must not hide what the others found
            said = without_secrets(f"{type(error).__name__}: {error}")[:300]
            self._found = [Finding(self.check.area, self.check.area, "broken", said, "please report it")]
