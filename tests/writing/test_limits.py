"""Limits are told before anything is spent."""

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


def test_a_section_that_is_refined_fits_in_one_call_twice() -> None:
    limits = Limits()
    assert 2 * limits.text_tokens < limits.tokens_per_call
    assert limits.words_a_section > 1_500
