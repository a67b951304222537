"""Items made from texts: what keeps every rule becomes an item, what breaks one is kept with the rule."""

import asyncio
import json
from pathlib import Path

import pytest

from ravelar.agents.c3e.making import Assignment
from ravelar.benchmark.evals.c3e.building import Text, building_stage, items_of, read_texts
from ravelar.benchmark.evals.c3e.checks import (
    Rejected,
    check_assignment,
    check_critique,
    check_draft,
    check_text,
    cut_segment,
)
from ravelar.benchmark.evals.c3e.items import read_items
from ravelar.benchmark.evals.kept_replies import KeptReplies
from ravelar.benchmark.evals.models import ModelSettings
from ravelar.benchmark.evals.rows import StageRows, read_rows_by_key
from ravelar.benchmark.evals.running import run_stage
from ravelar.tools.chat.meter import Meter
from ravelar.tools.errors import InputError

OPENING = " ".join(f"The harbour wakes slowly and the {n} gull counts its boats at {n}." for n in range(6))
PASSAGE = " ".join(f"Then number {n} pilot unties a rope that nobody else would touch before {n}." for n in range(6))
CLOSING = " ".join(f"By evening the {n} lamp is lit, and nothing promised is forgotten by {n}." for n in range(6))
WHOLE = f"{OPENING} {PASSAGE} {CLOSING}"
DRAFT = " ".join(f"A person, the {n} one, did some brave work with lines and it was quite important." for n in range(6))
CRITIQUE = "1. The work stays vague: name the act. 2. Every sentence has one shape: vary it."
SEGMENT = {"why": "the turn", "begins": PASSAGE[:60], "ends": PASSAGE[-30:]}
ASSIGNMENT = {
    "genre": "essay",
    "brief": "A day in a port.",
    "audience": "all",
    "word": 200,
    "query": "Write about a port.",
}


def test_a_passage_is_cut_letter_by_letter() -> None:
    assert cut_segment(WHOLE, PASSAGE[:60], PASSAGE[-30:]) == (f"{OPENING} ", PASSAGE, f" {CLOSING}")


@pytest.mark.parametrize(
    ("begins", "ends", "rule"),
    [
        ("Then Number 0 pilot", PASSAGE[-30:], "verbatim"),
        ("The harbour wakes slowly", PASSAGE[-30:], "verbatim"),  # stands there six times
        (PASSAGE[-40:], PASSAGE[:60], "verbatim"),
        (PASSAGE[:60], CLOSING[-40:], "share"),
        (PASSAGE[:30], PASSAGE[:60], "share"),
        (CLOSING[:40], CLOSING[-40:], "position"),
    ],
)
def test_a_passage_that_breaks_a_rule_is_refused_by_its_name(begins: str, ends: str, rule: str) -> None:
    with pytest.raises(Rejected) as told:
        cut_segment(WHOLE, begins, ends)
    assert told.value.rule == rule


@pytest.mark.parametrize(
    ("critique", "rule"),
    [
        ("It lacks what the original text has.", "names_reference"),
        ("The reference is livelier.", "names_reference"),
        ("与原文相比过于平淡。", "names_reference"),
        (f"Say it like this: {PASSAGE[:140]}", "leak"),
    ],
)
def test_a_critique_that_gives_the_reference_away_is_refused(critique: str, rule: str) -> None:
    with pytest.raises(Rejected) as told:
        check_critique(critique, DRAFT, PASSAGE)
    assert told.value.rule == rule


def test_a_critique_may_quote_the_draft_and_speak_of_references_in_it() -> None:
    check_critique(
        f"Vague: {DRAFT[:140]} There is no reference to time, and cross-references are weak.", DRAFT, PASSAGE
    )


def test_a_draft_that_keeps_the_passage_is_refused() -> None:
    with pytest.raises(Rejected, match="5-grams"):
        check_draft(PASSAGE, PASSAGE)
    with pytest.raises(Rejected, match="the draft has 3 words"):
        check_draft("Far too short", PASSAGE)
    check_draft(DRAFT, PASSAGE)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"query": "word " * 101}, "query_length"),
        ({"word": "as many as it takes"}, "word"),
        ({"brief": PASSAGE[:140]}, "leak"),
    ],
)
def test_an_assignment_that_breaks_a_rule_is_refused(change: dict[str, str], rule: str) -> None:
    with pytest.raises(Rejected) as told:
        check_assignment("end2end", Assignment(**{**ASSIGNMENT, **change}), WHOLE)
    assert told.value.rule == rule


def test_a_text_of_three_words_makes_no_items() -> None:
    with pytest.raises(Rejected, match="3 words or characters; allowed: 80 to 6000"):
        check_text("Far too short")


def reply(said: str) -> str:
    """Answer as a model would; the texts named "bad" are segmented wrongly and fail their audit."""
    bad = "Bad text." in said
    if "Choose the passage" in said:
        return json.dumps({**SEGMENT, "begins": "nowhere"} if bad else SEGMENT)
    if "Derive the assignment" in said:
        return json.dumps({**ASSIGNMENT, "structure": "morning, work, evening"})
    if "Write the passage again" in said:
        return DRAFT
    if "write the critique" in said:
        return CRITIQUE
    answers = {"self_contained": True, "worthwhile": "Picky text." not in said, "no_filler": True}
    return json.dumps({"reasons": dict.fromkeys(answers, "so it is"), **answers})


@pytest.mark.slow
def test_items_are_made_and_rejects_keep_their_reasons(served, tmp_path: Path) -> None:
    server = served(reply)
    texts = [
        Text("good", WHOLE, "en"),
        Text("bad", f"Bad text. {WHOLE}", "en"),
        Text("short", "Three words only.", "en"),
    ]

    def run() -> None:
        stage = building_stage(
            texts, ModelSettings("openai:m", base_url=server.url, temperature=0.7), meter=Meter(),
            kept=KeptReplies(tmp_path / "replies.sqlite"),
        )  # fmt: skip
        with StageRows(tmp_path / "rows.jsonl") as rows:
            asyncio.run(run_stage(stage, rows))

    run()
    asked = len(server.requests)
    rows = read_rows_by_key(tmp_path / "rows.jsonl")
    assert {key: row["error"].split(":")[1].strip() for key, row in rows.items() if "error" in row} == {
        "bad|cloze": "verbatim", "bad|edit": "verbatim",
        **{f"short|{kind}": "text_length" for kind in ("cloze", "condition", "edit", "end2end")},
    }  # fmt: skip
    files = items_of(rows.values())
    path = tmp_path / "items_en.jsonl"
    path.write_text(files["items_en.jsonl"], encoding="utf-8")
    items = read_items(path)
    assert sorted(item.brief.task for item in items) == [
        "cloze",
        "condition",
        "condition",
        "edit",
        "end2end",
        "end2end",
    ]
    cloze = next(item for item in items if item.brief.task == "cloze")
    assert cloze.brief.given["prefix"] + cloze.reference + cloze.brief.given["suffix"] == WHOLE
    run()
    assert len(server.requests) == asked  # resumed: nothing is asked again


def test_an_item_that_fails_its_audit_is_rejected_with_the_models_reason(served, tmp_path: Path) -> None:
    server = served(lambda said: reply("Picky text." + said if "audit" in said else said))
    stage = building_stage(
        [Text("good", WHOLE, "en")], ModelSettings("openai:m", base_url=server.url), meter=Meter(),
        kept=KeptReplies(None), kinds=["edit"],
    )  # fmt: skip
    with StageRows(tmp_path / "rows.jsonl") as rows:
        asyncio.run(run_stage(stage, rows))
    (row,) = read_rows_by_key(tmp_path / "rows.jsonl").values()
    assert row["error"] == "Rejected: audit: worthwhile: so it is"


def test_texts_are_read_by_their_files_and_their_language_by_its_script(tmp_path: Path) -> None:
    (tmp_path / "sea.txt").write_text("潮水退了，船都侧卧着。", encoding="utf-8")
    (tmp_path / "land.md").write_text("The land stays.", encoding="utf-8")
    (tmp_path / "notes.pdf").write_bytes(b"%PDF")
    assert [(text.name, text.language) for text in read_texts(tmp_path)] == [("land", "en"), ("sea", "zh")]
    (tmp_path / "broken.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match=r"broken\.txt is no UTF-8"):
        read_texts(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        read_texts(tmp_path / "nowhere")
