"""Getting a reward tool for a task that training meets and no tool fits.

`training` knows no graph: who acquires is a value, an `Acquirer`; `ravelar.acquirer` supplies the RLAR graph as one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ravelar.tools.reward import Triple


@dataclass(frozen=True, slots=True)
class AcquisitionOutcome:
    """How an acquisition ended.

    Attributes:
        adopted: The name of the tool that the task has now; None if it got none.
        end: In one word: an end state of the RLAR graph (`adopted`, `insufficient_probes` ...), or the acquirer's own.
        because: Why, in a sentence.
        task: The task's label, as the acquirer named it; "" if it did not.
    """

    adopted: str | None
    end: str
    because: str = ""
    task: str = ""


Acquirer = Callable[[str, Sequence[Triple]], AcquisitionOutcome]
"""Gets a tool for one task: given its label ("" if nobody named it) and triples that no tool fits.

It is called on the main rank alone, once per task, in a thread of its own, may take minutes, and must be picklable.
What it adopts reaches the score path through the library. Whatever it raises counts as a failed acquisition.
"""
