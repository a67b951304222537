"""Limits are told before anything is spent."""

from dataclasses import FrozenInstanceError

import pytest

from ravelar.tools.errors import InputError
from ravelar.tools.writing.limits import Limits


@pytest.mark.parametrize(("sections", "steps"), [(0, 50), (6, 50), (10, 50), (11, 54), (26, 114), (100, 410)])
def test_t_max_grows_with_the_outline(sections: int, steps: int) -> None:
    assert Limits().steps_for(sections) == steps
    assert Limits.published().steps_for(sections) == 50


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("max_sections", 0, "max_sections 0 is out of bounds; allowed: 1 to 100"),
        ("max_sections", 10_000, "allowed: 1 to 100"),
        ("tau", 11, "tau 11 is out of bounds; allowed: 0 to 10"),
        ("tau", float("nan"), "tau nan"),
        ("max_steps", 0, "allowed: 1 or more"),
        ("max_revisions", -1, "allowed: 0 to 100"),
        ("max_cost", -0.5, "allowed: 0 or more"),
        ("tokens_per_call", 10, "allowed: 2000 to"),
    ],
)
def test_an_impossible_limit_names_itself_and_what_is_allowed(name: str, value: float, says: str) -> None:
    with pytest.raises(InputError, match=says):
        Limits(**{name: value})


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [("tau", 0, 10), ("max_revisions", 0, 100), ("max_sections", 1, 100), ("tokens_per_call", 2_000, 1_000_000)],
)
def test_the_ends_of_a_range_are_allowed_and_nothing_beyond(name: str, lowest: int, highest: int) -> None:
    for value in (lowest, highest):
        assert getattr(Limits(**{name: value}), name) == value
    for value in (lowest - 1, highest + 1):
        with pytest.raises(InputError):
            Limits(**{name: value})


@pytest.mark.parametrize(("name", "lowest"), [("max_steps", 1), ("max_tokens", 1), ("max_seconds", 1), ("max_cost", 0)])
def test_what_has_no_highest_value_has_a_lowest(name: str, lowest: int) -> None:
    assert getattr(Limits(**{name: lowest}), name) == lowest
    with pytest.raises(InputError, match=f"{lowest} or more"):
        Limits(**{name: lowest - 1})


def test_a_boolean_is_no_number_and_limits_do_not_change() -> None:
    with pytest.raises(InputError, match="max_revisions True"):
        Limits(max_revisions=True)
    with pytest.raises(FrozenInstanceError):
        Limits().tau = 1.0


def test_a_section_that_is_refined_fits_in_one_call_twice() -> None:
    limits = Limits()
    assert 2 * limits.text_tokens < limits.tokens_per_call
    assert limits.words_a_section > 1_500
    assert Limits(tokens_per_call=10_000).text_tokens == 3_300
    assert Limits(tokens_per_call=10_000).words_a_section == 2_200
