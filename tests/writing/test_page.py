"""The page of a run: whole, offline, and safe whatever the models wrote."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravelar.tools.chat.journal import Asked, Said
from ravelar.tools.writing.diffs import changes_between
from ravelar.tools.writing.events import EventLog
from ravelar.tools.writing.page import cost_of, render_page
from ravelar.tools.writing.state import Brief, nothing_spent
from ravelar.tools.writing.transitions import outlined

ASKED = Asked("ravel.en.drafter", "hash", "template", "sent", False, "m")
EVIL = '<script>alert(1)</script> <img src=x onerror=alert(2)> "quoted" {{ 7 * 7 }} {% raw %}'
MARKDOWN = (
    f"A *text*. {EVIL}\n\n![picture](https://example.org/p.png) [link](javascript:alert(3)) [fine](https://example.org)\n\n"
    "| a | b |\n|---|---|\n| 1 | 2 |\n"
)


def run(brief: Brief, *, replay: bool = False, end: str = "finished", status: str = "accepted") -> EventLog:
    log = EventLog()
    log.write(
        "run", run="r1", brief=brief, protocol="fixed", limits={}, models={"drafter": EVIL}, replay=replay, version="0"
    )
    log.write("step", step=1, operation="outline", section=None, thought=EVIL, refused=None)
    log.write("outline", step=1, title=EVIL, sections=outlined([(EVIL, [EVIL], 10)], brief))
    for step, text in ((2, MARKDOWN), (4, f"{MARKDOWN} And more.")):
        operation = "draft" if step == 2 else "refine"
        log.write("step", step=step, operation=operation, section="s1", thought="t", refused=None)
        log.at("drafter", step, "s1").keep(ASKED, Said("r", tokens_in=1_000, tokens_out=500))
        log.write("text", step=step, section="s1", operation=operation, content=text, summary=EVIL, changes=EVIL)
        verdicts = {"brief": {"comment": EVIL, "verdict": "met"}, "points": "partly"}
        told = {"verdicts": verdicts, "feedback": EVIL, "findings": [EVIL]}
        last = (6.0, "needs_revision") if step == 2 else (8.0, status)
        log.write("review", step=step + 1, section="s1", score=last[0], status=last[1], **told)
    log.at("reviewer", 5, "s1").retrying(ASKED, "rate_limited", 2.5)
    if end:
        log.write("end", end=end, because=EVIL)
    return log


def test_nothing_that_was_written_becomes_markup(brief: Brief) -> None:
    page = render_page(run({**brief, "instruction": EVIL, "audience": EVIL}).events)
    assert "<script" not in page
    assert "<img" not in page
    assert "onerror=alert" not in re.sub(r"&lt;img[^<]*", "", page)
    assert 'href="javascript:' not in page
    assert "{{ 7 * 7 }}" in page
    assert "<em>text</em>" in page
    assert "<td>1</td>" in page


def test_the_page_needs_nothing_from_elsewhere(brief: Brief) -> None:
    page = render_page(run(brief).events)
    assert "default-src 'none'" in page
    loaded = re.findall(r"<[a-z]+[^<>]*\b(?:src|srcset|data|poster)=|@import|url\(|<link|<iframe|<object", page)
    assert loaded == []
    assert 'name="viewport"' in page
    assert "prefers-color-scheme: dark" in page


def test_a_sections_history_shows_drafts_reviews_and_changes(brief: Brief) -> None:
    page = render_page(run(brief).events)
    for said in (
        "<strong>draft</strong>",
        "<strong>refine</strong>",
        "And more.</ins>",
        "6 → 8",
        "needs_revision",
        "A program found:",
        "rate_limited, tried again after 2.5 s",
        "3,000",
    ):
        assert said in page, said


def test_a_replay_says_so_at_its_top_and_at_its_end(brief: Brief) -> None:
    page = render_page(run(brief, replay=True).events)
    assert page.count("no language model was asked") == 2
    assert "no language model was asked" not in render_page(run(brief).events)
    chinese = render_page(run({**brief, "language": "zh"}, replay=True).events)
    assert chinese.count("没有询问任何语言模型") == 2
    assert '<html lang="zh">' in chinese


@pytest.mark.parametrize(
    ("end", "says"),
    [
        ("step_budget", "Not a finished article"),
        ("failed:broken_reply", "failed:broken_reply"),
        ("", "has not ended, or was killed"),
        ("finished_with_exhausted_sections", "finished_with_exhausted_sections"),
    ],
)
def test_how_a_run_ended_stands_at_the_top(brief: Brief, end: str, says: str) -> None:
    assert says in render_page(run(brief, end=end).events).split("<main>")[0]


def test_a_text_that_was_not_reviewed_says_so(brief: Brief) -> None:
    log = run(brief, end="")
    log.write("text", step=6, section="s1", operation="refine", content="Another text.", summary="s")
    assert "this text was not reviewed" in render_page(log.events)


def test_a_run_without_an_outline_has_a_page_too(brief: Brief) -> None:
    log = EventLog()
    log.write("run", run="r", brief=brief, protocol="fixed", limits={}, models={}, replay=False, version="0")
    log.write("end", end="failed:model_unavailable", because="gone")
    assert "failed:model_unavailable" in render_page(log.events)


def test_a_cost_that_is_not_known_is_a_dash() -> None:
    spent = nothing_spent()
    assert cost_of({**spent, "unpriced": 1}) == "-"
    assert cost_of({**spent, "unpriced": 1, "cost": 0.5}) == "at least $0.5000"
    assert cost_of({**spent, "cost": 0.0123}) == "$0.0123"
    assert cost_of(spent) == "$0"


@given(st.text("ab ,.\n港口", max_size=200), st.text("ab ,.\n港口", max_size=200))
def test_pieces_make_both_texts(old: str, new: str) -> None:
    pieces = changes_between(old, new)
    assert "".join(piece.text for piece in pieces if piece.kind != "added") == old
    assert "".join(piece.text for piece in pieces if piece.kind != "removed") == new


def test_crumbs_between_changes_are_part_of_them() -> None:
    pieces = changes_between("one two three four five six", "one two THREE four FIVE six")
    assert [(piece.kind, piece.text) for piece in pieces] == [
        ("same", "one two "),
        ("removed", "three four five"),
        ("added", "THREE four FIVE"),
        ("same", " six"),
    ]


def test_chinese_changes_are_told_by_characters() -> None:
    pieces = changes_between("船什么时候浮得起来，沙洲什么时候走得过去。", "船什么时候浮得起来，沙洲何时走得过去。")
    assert [piece.text for piece in pieces if piece.kind == "removed"] == ["什么时候"]
    assert [piece.text for piece in pieces if piece.kind == "added"] == ["何时"]


def test_very_long_texts_are_compared_by_lines() -> None:
    old = "\n".join(f"line {i} of many" for i in range(3_000))
    pieces = changes_between(old, old.replace("line 1500 of", "line 1500 out of"))
    assert [piece.text.strip() for piece in pieces if piece.kind == "added"] == ["line 1500 out of many"]
