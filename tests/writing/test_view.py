"""What a model is shown stays small: a run's prompts grow linearly with the article."""

import pytest

from ravelar.tools.chat.meter import estimate_tokens
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.view import brief_view, neighbours, policy_view, section_view

LONG = {"content": "word " * 1_500, "summary": "A summary that goes on and on. " * 60, "title": "A title " * 30}


def worst(status: str) -> dict:
    said = {"status": status, "score": 6.5, "feedback": "Say more about everything. " * 100, "revisions": 2}
    return {**LONG, **said, "points": ["a point that is long " * 19] * 12, "words": 900}


@pytest.mark.parametrize("count", [1, 12, 100])
@pytest.mark.parametrize("statuses", [["accepted"], ["pending"], ["needs_revision"], ["accepted", "needs_revision"]])
def test_the_planners_view_is_bounded_however_long_the_article(written, limits, count: int, statuses) -> None:
    sections = [worst(statuses[i % len(statuses)]) for i in range(count)]
    recent = [{"step": i, "operation": "draft", "section": "s1", "result": "refused: " + "x" * 500} for i in range(10)]
    view = policy_view(written(*sections, step=9, recent=recent), limits)
    assert len(view) < 4_000
    assert estimate_tokens(view) < limits.tokens_per_call / 4


@pytest.mark.parametrize("status", ["pending", "accepted"])
def test_neighbours_are_bounded_however_long_the_article(written, status: str) -> None:
    state = written(*[worst(status)] * 100)
    assert all(len(neighbours(state, name)) <= 1_520 for name in state["order"])


@pytest.mark.slow
def test_what_is_shown_in_a_whole_run_grows_linearly(written, limits: Limits) -> None:
    def shown(count: int) -> int:
        """Return the characters of all views of a run in which each section is drafted and reviewed once."""
        total = 0
        for done in range(count):
            state = written(*["accepted"] * done, *["pending"] * (count - done))
            name = f"s{done + 1}"
            total += 2 * len(policy_view(state, limits)) + 2 * len(neighbours(state, name))
        return total

    per_section = {count: shown(count) / count for count in (10, 20, 100)}
    assert per_section[100] < 1.1 * per_section[20]


def test_the_view_says_what_the_planner_must_know(written, limits: Limits) -> None:
    state = written(
        "accepted",
        {"status": "needs_revision", "content": "x", "summary": "Of tides.", "score": 6.5, "feedback": "Name the port.",
         "revisions": 1},
        "pending",
        step=7,
        recent=[{"step": 7, "operation": "review", "section": "s2", "result": "score 6.5, needs_revision"}],
    )  # fmt: skip
    view = policy_view(state, limits)
    for said in (
        "Harbours (3 sections)",
        "steps used: 7 of 50",
        "accepted: s1",
        "needs_revision: s2",
        "s2 Title 2, score 6.5, revisions 1 of 3; feedback: Name the port.",
        "next: s3 Title 3",
        "s2: Of tides.",
        "recent: 7 review s2: score 6.5, needs_revision",
    ):
        assert said in view
    assert state["sections"]["s1"]["content"] not in view


def test_runs_of_one_status_stand_on_one_line(written, limits: Limits) -> None:
    view = policy_view(written(*["accepted"] * 40, "drafted", *["pending"] * 59), limits)
    assert "accepted: s1-s40" in view
    assert "pending: s42-s100" in view


def test_an_empty_run_shows_its_steps(written, limits: Limits) -> None:
    assert policy_view(written(), limits) == "steps used: 0 of 50"
    refused = policy_view(written(), limits, refusal="there is no outline yet")
    assert refused.endswith("\nyour last action was refused: there is no outline yet")


def test_neighbours_are_two_before_and_one_after(written) -> None:
    view = neighbours(written(*["accepted"] * 5, "pending", "pending"), "s5")
    assert [line.split(" ")[1] for line in view.splitlines() if line.startswith("before")] == ["s3", "s4"]
    assert "it ends: ... " in view
    assert "after s6 Title 6 (points): point 6" in view
    assert "s7" not in view
    assert neighbours(written("pending"), "s1") == ""
    for_review = neighbours(written(*["accepted"] * 5), "s5", before=1, join=False)
    assert for_review == "before s4 Title 4: Summary 4."


def test_a_brief_is_shown_with_what_was_said_of_it(brief) -> None:
    full = {**brief, "words": 1_200, "sections": 4, "audience": "children", "genre": None, "style": "plain"}
    assert brief_view(full) == ("Write on harbours.\nlength: 1200 words\nsections: 4\naudience: children\nstyle: plain")


def test_a_section_is_shown_with_its_points(written) -> None:
    state = written({"words": 300})
    assert section_view(state["sections"]["s1"]) == "s1 Title 1\n- point 1\nlength: 300 words"
