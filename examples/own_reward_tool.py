"""A reward tool of one's own in twenty lines, used by the score path as any other.

    python examples/own_reward_tool.py

It asks no model; a tool that does is given one: ravelar.chat.open_chat("openai:gpt-5-mini").
"""

from collections.abc import Sequence

import ravelar


class Shouting:
    """Rewards completions for being written in capitals."""

    card = ravelar.ToolCard(
        name="shouting",
        kind="verifier",
        task="writing in capitals",
        summary="Share of letters that are capitals; says nothing of what is written.",
    )

    def score(self, triples: Sequence[ravelar.Triple]) -> list[ravelar.RawScore]:
        """Return the share of capitals of n completions, in order."""
        return [self.share(triple.answer) for triple in triples]

    def share(self, text: str) -> float:
        """Return the share of capitals; without any letter it is 0, which is the completion's fault."""
        letters = [letter for letter in text if letter.isalpha()]
        return sum(map(str.isupper, letters)) / len(letters) if letters else 0.0


library = ravelar.default_library().plus(Shouting())
rows = [{"prompt": "Shout!", "completion": text, "tool": "shouting"} for text in ("HELLO", "Hello", "...")]
for reward in ravelar.score(rows, library=library):
    print(reward.tool, reward.value)
