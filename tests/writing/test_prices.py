"""Prices: found by name, overridden by a file, never guessed."""

import json
from pathlib import Path

import pytest

from ravelar.tools.errors import InputError
from ravelar.tools.writing.prices import Price, Prices, read_prices

TABLE = Prices({"big": Price(input=2, output=8, cached=0.5), "big-mini": Price(input=1, output=4)})


@pytest.mark.parametrize(
    ("model", "price"),
    [
        ("big", 2),
        ("openai:big", 2),
        ("big-2026-01-31", 2),
        ("big-20260131", 2),
        ("big-mini-2026-01-31", 1),
        ("big-mini", 1),
        ("big-nano", None),
        ("bigger", None),
        ("other", None),
    ],
)
def test_a_model_is_found_by_its_name_and_by_its_dated_name(model: str, price: float | None) -> None:
    found = TABLE.find(model)
    assert (None if found is None else found.input) == price


def test_cost_by_hand() -> None:
    assert TABLE.cost("big", 10_000, 1_000, 4_000) == pytest.approx((6_000 * 2 + 4_000 * 0.5 + 1_000 * 8) / 1e6)
    assert TABLE.cost("big-mini", 1_000_000, 0, 500_000) == 1.0  # no price for cached tokens: that of the others
    assert TABLE.cost("other", 1, 1) is None


@pytest.mark.parametrize("model", ["scripted", "scripted:demo"])
def test_a_replay_costs_nothing(model: str) -> None:
    assert Prices().cost(model, 1_000, 1_000) == 0.0


def test_a_file_of_ones_own_goes_before_the_shipped_prices(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"gpt-5": {"input": 100, "output": 200}, "mine": {"input": 0, "output": 0}}))
    prices = read_prices(path)
    assert prices.cost("gpt-5", 1_000_000, 0) == 100
    assert prices.cost("mine", 5, 5) == 0
    assert prices.of.keys() > read_prices().of.keys()


def test_every_shipped_price_says_where_it_is_from() -> None:
    for price in read_prices().of.values():
        assert price.source
        assert price.date


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no JSON"),
        ("[]", "a list; allowed: an object"),
        ('{"m": {"input": -1, "output": 1}}', "model 'm', input: Input should be greater"),
        ('{"m": {"input": 1}}', "model 'm', output: Field required"),
        ('{"m": {"input": 1, "output": NaN}}', "model 'm', output: "),
        ('{"m": {"input": 1, "output": 1, "per": 1}}', "model 'm', per: "),
    ],
)
def test_a_broken_table_is_told_by_its_place(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "prices.json"
    path.write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        read_prices(path)
    assert str(path) in str(caught.value)


def test_a_missing_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        read_prices(tmp_path / "none.json")
