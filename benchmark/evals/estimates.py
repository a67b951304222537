"""What a stage will take, estimated without asking anybody."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ravelar.benchmark.evals.c3e.items import Item
from ravelar.benchmark.evals.c3e.judged import materials_of
from ravelar.benchmark.evals.c3e.messages import fixed_message
from ravelar.benchmark.evals.rows import Row
from ravelar.benchmark.evals.spending import price_of
from ravelar.tools.chat.meter import estimate_tokens

_JUDGE_PROMPT = 700  # tokens of the judge's own prompt; measured on the rendered prompts
_MAKER_PROMPT, _MAKER_REPLY = 300, 500  # tokens; ours
_JUDGE_REPLY = 500  # tokens; the published limit is 1,000


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a stage will take.

    Attributes:
        calls: Calls, without repair turns and retries.
        tokens_in: Tokens sent, estimated from bytes.
        tokens_out: Tokens received: the limit for texts, the usual for judgements.
    """

    calls: int
    tokens_in: int
    tokens_out: int

    def as_row(self, model: str) -> dict[str, Any]:
        """Return it as plain JSON, with the cost for a model in US dollars; None where no price is known."""
        price = price_of(model)
        cost = None if price is None else price.cost(self.tokens_in, self.tokens_out)
        return {"calls": self.calls, "tokens_in": self.tokens_in, "tokens_out": self.tokens_out, "cost": cost}


def estimate_writing(items: Iterable[Item], *, samples: int) -> Estimate:
    """Estimate having texts written."""
    messages = [fixed_message(item.brief) for item in items]
    tokens_in = sum(estimate_tokens(message.text) for message in messages)
    tokens_out = sum(message.max_tokens for message in messages)
    return Estimate(samples * len(messages), samples * tokens_in, samples * tokens_out)


def estimate_judging(items: Iterable[Item], outputs: Iterable[Row], *, repeats: int) -> Estimate:
    """Estimate having texts judged."""
    shown = {
        item.key: sum(estimate_tokens(text) for text in [*materials_of(item.brief).values(), item.reference])
        for item in items
    }
    rows = [row for row in outputs if row.get("error") is None]
    tokens_in = sum(_JUDGE_PROMPT + shown.get(row["item"], 0) + estimate_tokens(row["text"]) for row in rows)
    return Estimate(repeats * len(rows), repeats * tokens_in, repeats * len(rows) * _JUDGE_REPLY)


def estimate_building(texts: Iterable[str], kinds: Iterable[str]) -> Estimate:
    """Estimate making items: one call a text and kind, four for an edit item (segment, draft, critique, audit)."""
    tokens = [estimate_tokens(text) for text in texts]
    calls = {kind: 4 if kind == "edit" else 1 for kind in kinds}
    n = sum(calls.values())
    return Estimate(n * len(tokens), n * (sum(tokens) + _MAKER_PROMPT * len(tokens)), n * len(tokens) * _MAKER_REPLY)
