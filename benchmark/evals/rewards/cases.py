"""What a reward benchmark asks, whatever its file looks like: one prompt, its right completions, its wrong ones."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Case:
    """One prompt of a benchmark.

    Attributes:
        key: Its name, unique in the benchmark.
        subset: Which part of the benchmark it is in.
        prompt: What was asked.
        completions: The completions, the right ones first; the order of the file within each side.
        right: How many are right; at least one, and fewer than there are.
        cluster: What it shares with other cases, such as the prompt.
        published_first: Of two, whether the right one stands first in the file.
        reference: What decides, where the file has it; reward models are usually not told.
        scored: Whether its figure needs a score of each completion, so that two are not just compared.
    """

    key: str
    subset: str
    prompt: str
    completions: tuple[str, ...]
    right: int
    cluster: str
    published_first: bool = True
    reference: str | None = None
    scored: bool = False

    def without_reference(self) -> "Case":
        """Return it without what decides."""
        return replace(self, reference=None)

    @property
    def pair(self) -> bool:
        """Whether it is one right completion against one wrong one, to be compared."""
        return len(self.completions) == 2 and self.right == 1 and not self.scored
