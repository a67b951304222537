"""What a call costs: a table of prices by model, which a file of one's own extends; an unknown price is no zero."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ravelar.tools.errors import InputError

_MILLION = 1_000_000
FREE = frozenset({"scripted"})
"""Names that models of ours bear which nobody pays for."""


class Price(BaseModel):
    """What a model costs, in US dollars per million tokens.

    Attributes:
        input: Tokens sent.
        output: Tokens received.
        cached: Tokens sent that the provider had in its cache; None takes the price of `input`.
        source: Where the price was read.
        date: When, as YYYY-MM-DD.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached: float | None = Field(default=None, ge=0)
    source: str = ""
    date: str = ""

    def cost(self, tokens_in: int, tokens_out: int, cached: int = 0) -> float:
        """Return what a call costs in US dollars; `cached` of the tokens sent were in the provider's cache."""
        of_cache = self.input if self.cached is None else self.cached
        return ((tokens_in - cached) * self.input + cached * of_cache + tokens_out * self.output) / _MILLION


@dataclass(frozen=True)
class Prices:
    """Prices by the names of models, as providers write them.

    A dated name (gpt-x-2026-01-31) has the price of the longest entry that it begins with, if a date follows.

    Attributes:
        of: The table.
    """

    of: Mapping[str, Price] = field(default_factory=dict)

    def find(self, model: str) -> Price | None:
        """Return a model's price; None if nobody knows it. A provider before a colon is left out."""
        name = model.rpartition(":")[2] if model.count(":") == 1 else model
        if model.split(":", maxsplit=1)[0] in FREE:
            return Price(input=0, output=0, source="nothing is paid for a replay")
        for known in (model, name):
            if known in self.of:
                return self.of[known]
        dated = [known for known in self.of if name.startswith(f"{known}-") and _is_date(name[len(known) + 1 :])]
        return self.of[max(dated, key=len)] if dated else None

    def cost(self, model: str, tokens_in: int, tokens_out: int, cached: int = 0) -> float | None:
        """Return what a call costs in US dollars; None if the model's price is not known."""
        price = self.find(model)
        return None if price is None else price.cost(tokens_in, tokens_out, cached)


def read_prices(path: Path | None = None) -> Prices:
    """Return the shipped prices, those of a file in their place where it names the same models.

    Args:
        path: A JSON file: {"model": {"input": 1.25, "output": 10, "cached": 0.125}}, dollars per million tokens.

    Raises:
        InputError: if the file can't be read or holds no such table; says where.
    """
    shipped = files("ravelar.tools.writing").joinpath("prices.json").read_text(encoding="utf-8")
    table = _table(shipped, "the shipped prices")
    if path is not None:
        try:
            table |= _table(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"prices {path} can't be read: {error}") from None
    return Prices(table)


def _table(text: str, place: str) -> dict[str, Price]:
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise InputError(f"prices {place}: no JSON: {error}") from None
    if not isinstance(rows, dict):
        raise InputError(f"prices {place}: a {type(rows).__name__}; allowed: an object, a price for each model")
    table = {}
    for model, row in rows.items():
        try:
            table[str(model)] = Price.model_validate(row)
        except ValidationError as error:
            said = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, said["loc"])) or "the row"
            raise InputError(f"prices {place}: model {model!r}, {where}: {said['msg']}") from None
    return table


def _is_date(text: str) -> bool:
    return len(digits := text.replace("-", "")) in {4, 6, 8} and digits.isdigit()
