"""The gate, as a truth table and as laws."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravelar.tools.writing.gate import finished_end, gate, has_finished, is_open
from ravelar.tools.writing.transitions import new_section

SCORES = st.floats(0, 10, allow_nan=False)
COUNTS = st.integers(0, 20)


@pytest.mark.parametrize(
    ("score", "revisions", "status"),
    [
        (8.0, 0, "accepted"),
        (8.0, 3, "accepted"),
        (10.0, 9, "accepted"),
        (7.999, 0, "needs_revision"),
        (7.999, 2, "needs_revision"),
        (7.999, 3, "budget_exhausted"),
        (0.0, 4, "budget_exhausted"),
    ],
)
def test_the_gate_by_its_truth_table(score: float, revisions: int, status: str) -> None:
    assert gate(score, revisions, tau=8.0, max_revisions=3) == status


@given(SCORES, SCORES, COUNTS, COUNTS)
def test_a_section_is_accepted_iff_its_score_reaches_tau(score: float, tau: float, revisions: int, most: int) -> None:
    assert (gate(score, revisions, tau=tau, max_revisions=most) == "accepted") == (score >= tau)


@given(SCORES, SCORES, COUNTS, COUNTS)
def test_what_ran_out_of_revisions_never_reads_as_accepted(score: float, tau: float, used: int, most: int) -> None:
    if score < tau:
        expected = "needs_revision" if used < most else "budget_exhausted"
        assert gate(score, used, tau=tau, max_revisions=most) == expected


def test_a_gate_never_takes_a_missing_number_for_one() -> None:
    assert gate(float("nan"), 0, tau=8.0, max_revisions=3) == "needs_revision"


@pytest.mark.parametrize("status", ["pending", "drafted", "needs_revision", "accepted", "budget_exhausted"])
def test_which_sections_are_open(status: str) -> None:
    section = {**new_section(1, "T", ["p"]), "status": status}
    assert is_open(section, "fixed") == (status in {"pending", "drafted", "needs_revision"})
    assert is_open(section, "no_review") == (status == "pending")


def test_exhausted_sections_show_in_the_runs_end() -> None:
    good = {**new_section(1, "T", ["p"]), "status": "accepted"}
    bad = {**new_section(2, "U", ["p"]), "status": "budget_exhausted"}
    assert finished_end([good]) == "finished"
    assert finished_end([good, bad]) == "finished_with_exhausted_sections"
    assert has_finished("finished_with_exhausted_sections")
    assert not has_finished("step_budget")
    assert not has_finished("failed:broken_reply")
