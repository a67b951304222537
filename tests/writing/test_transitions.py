"""What operations do to a section, and that no score outlives its text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.state import add_spent, first_said, last_steps, merge_sections, nothing_spent
from ravelar.tools.writing.transitions import allot_words, new_section, outlined, reopened, with_review, with_text


def test_a_changed_text_has_no_score_until_it_is_reviewed(limits: Limits) -> None:
    section = with_review(with_text(new_section(1, "T", ["p"]), "one", "s"), 5.0, "mend", limits)
    assert (section["status"], section["score"]) == ("needs_revision", 5.0)
    changed = with_text(section, "two", "s")
    assert (changed["status"], changed["score"], changed["scores"]) == ("drafted", None, [5.0])


def test_drafting_again_resets_no_count(limits: Limits) -> None:
    section = new_section(1, "T", ["p"])
    for i in range(4):
        section = with_review(with_text(section, f"text {i}", "s"), 5.0, "mend", limits)
    assert (section["revisions"], section["drafts"]) == (3, 4)
    assert section["status"] == "budget_exhausted"
    assert section["score"] == 5.0  # it is not called accepted, and its last text was reviewed
    assert section["scores"] == [5.0] * 4


def test_a_reopened_section_needs_a_revision(limits: Limits) -> None:
    section = with_review(with_text(new_section(1, "T", ["p"]), "one", "s"), 9.0, "", limits)
    assert reopened(section, "repeats s2")["status"] == "needs_revision"


def test_an_empty_outline_is_an_error() -> None:
    with pytest.raises(ValueError, match="no sections"):
        outlined([], {"instruction": "x", "language": "en"})


def test_an_outlines_words_add_up_to_what_is_asked_for() -> None:
    planned = [("A", ["p"], 100), ("B", ["p"], 300), ("C", ["p"], None)]
    sections = outlined(planned, {"instruction": "x", "language": "en", "words": 1_200})
    assert [section["words"] for section in sections] == [200, 600, 400]
    assert [section["id"] for section in sections] == ["s1", "s2", "s3"]


def test_sections_of_which_nothing_was_said_share_alike() -> None:
    assert allot_words([None, None], 100) == [50, 50]
    assert allot_words([None, 0, None], None) == [None, 0, None]


@given(st.lists(st.none() | st.integers(1, 5_000), min_size=1, max_size=100), st.integers(1_000, 100_000))
def test_allotted_words_add_up(wanted, total: int) -> None:
    words = allot_words(wanted, total)
    assert all(count >= 1 for count in words)
    if min(words) > 1:
        assert sum(words) == total


def test_states_side_by_side_are_joined() -> None:
    one, two = new_section(1, "A", ["p"]), new_section(2, "B", ["p"])
    changed = with_text(two, "text", "s")
    assert merge_sections({"s1": one, "s2": two}, {"s2": changed}) == {"s1": one, "s2": changed}
    spent = {**nothing_spent(), "calls": 2, "cost": 0.5, "unpriced": 1}
    assert add_spent(spent, spent)["calls"] == 4
    assert add_spent(None, spent) == spent
    records = [{"step": i, "operation": "draft", "section": "s1", "result": ""} for i in range(1, 15)]
    assert [r["step"] for r in last_steps(records[8:], records[:8])] == list(range(5, 15))
    assert first_said("", "failed:x") == "failed:x"
    assert first_said("finished", "failed:x") == "finished"
