"""What the policies of the proof are asked for: articles of one or two sections; the seed makes the drafts differ."""

from collections.abc import Iterator
from typing import Any

MOST_SECTIONS = 2
FEWEST_SECTIONS = 1


def rows(first_seed: int, count: int, *, split: str) -> Iterator[dict[str, Any]]:
    """Yield rows of a data set, the numbers of sections in turn.

    Args:
        first_seed: The seed of the first row; each further row has the next, so that no two meet the same drafts.
        count: How many.
        split: What the column `split` says.
    """
    for number in range(count):
        sections = FEWEST_SECTIONS + number % (MOST_SECTIONS - FEWEST_SECTIONS + 1)
        yield {
            "prompt": [{"role": "user", "content": f"{sections} sections"}],
            "brief": {"instruction": f"harbour days {first_seed + number}", "sections": sections},
            "seed": first_seed + number,
            "split": split,
        }
