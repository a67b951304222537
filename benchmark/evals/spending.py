"""What a stage may spend: tokens and money, counted as calls end, refused before the call that would go beyond."""

from ravelar.tools.chat.meter import Meter
from ravelar.tools.errors import BudgetExhausted, InputError
from ravelar.tools.writing.prices import Price, read_prices


class Spending(Meter):
    """A meter that also counts money. Safe between threads.

    Money is known when a call has ended: the calls under way when the ceiling is reached may pass it by their cost.

    Args:
        price: What the model costs; None if nobody knows.
        max_tokens: How many tokens may be sent and received.
        max_cost: How many US dollars may be spent.
    """

    def __init__(self, price: Price | None, *, max_tokens: int | None = None, max_cost: float | None = None) -> None:
        super().__init__(tokens=max_tokens)
        self._price, self._max_cost = price, max_cost

    @property
    def cost(self) -> float | None:
        """What was spent so far in US dollars; None where the price is not known."""
        spent = super().spent()
        return None if self._price is None else self._price.cost(int(spent["tokens_in"]), int(spent["tokens_out"]))

    def spent(self) -> dict[str, float]:
        """Return what was used: calls, tokens_in, tokens_out, seconds, and cost where the price is known."""
        cost = self.cost
        return super().spent() if cost is None else {**super().spent(), "cost": round(cost, 6)}

    def _refuse_beyond(self, tokens: int) -> None:
        super()._refuse_beyond(tokens)
        if self._max_cost is not None and self._price is not None:
            spent = self._price.cost(self._tokens_in + self._reserved + tokens, self._tokens_out)
            if spent > self._max_cost:
                raise BudgetExhausted("US dollars", self._max_cost)


def open_spending(model: str, *, max_tokens: int | None = None, max_cost: float | None = None) -> Spending:
    """Return what counts a stage's calls.

    Raises:
        InputError: if a ceiling on money is asked for and the model's price is not known.
    """
    price = price_of(model)
    if max_cost is not None and price is None:
        raise InputError(f"no price is known for {model}: --max-cost can't be kept; use --max-tokens")
    return Spending(price, max_tokens=max_tokens, max_cost=max_cost)


def price_of(model: str) -> Price | None:
    """Return what a model costs; None if nobody knows."""
    return read_prices().find(model)
