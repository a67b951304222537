"""The RAVEL graph with a scripted model: what is decided, what is refused, how a run ends."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

sys.path.insert(0, str(Path(__file__).parent))
from ravel_world import BRIEF, SUBJECTS, Writer, action, graph_of, in_turn, outline, prose, review, run, text_of

from ravelar.graphs.ravel import build_ravel
from ravelar.graphs.ravel_parts import Parts
from ravelar.graphs.ravel_state import RavelContext
from ravelar.tools.chat.scripted import ScriptedChat
from ravelar.tools.errors import InputError, ModelUnavailable
from ravelar.tools.writing.events import EventLog
from ravelar.tools.writing.replay import state_of
from ravelar.tools.writing.state import PROTOCOLS

STATE = ("title", "order", "sections", "step", "refused", "end", "because")


def test_the_planner_decides_and_the_article_is_made_of_the_sections_alone():
    writer = Writer(2)
    result = run(writer)
    assert (result["end"], result["because"]) == ("finished", "all 2 sections are closed")
    assert [who for who in writer.asked if who[0] != "planner"] == [
        ("outliner", None), ("drafter", "s1"), ("reviewer", "s1"), ("drafter", "s2"), ("reviewer", "s2")
    ]  # fmt: skip
    texts = [f"## Of {subject}\n\n{prose(subject)}\n" for subject in SUBJECTS[:2]]
    assert result["article"] == "# North Sea harbours\n\n" + "\n".join(texts)
    assert result["step"] == 6
    assert result["spent"]["calls"] == len(writer.asked)


@pytest.mark.parametrize(
    ("protocol", "asked"),
    [
        ("autonomous", {"planner": 8, "outliner": 1, "drafter": 3, "reviewer": 3, "refiner": 0}),
        ("fixed", {"planner": 0, "outliner": 1, "drafter": 3, "reviewer": 6, "refiner": 3}),
        ("no_review", {"planner": 0, "outliner": 1, "drafter": 3, "reviewer": 0, "refiner": 0}),
        ("no_refine", {"planner": 0, "outliner": 1, "drafter": 3, "reviewer": 3, "refiner": 0}),
    ],
)
def test_each_protocol_asks_whom_it_says(protocol, asked):
    needs_one = {} if protocol == "autonomous" else {"reviewer": lambda _, nth, __: review(9 if nth else 5)}
    writer = Writer(3, **needs_one)
    result = run(writer, protocol=protocol)
    assert {role: writer.count(role) for role in asked} == asked
    exhausted = protocol == "no_refine"
    assert result["end"] == ("finished_with_exhausted_sections" if exhausted else "finished")


def test_a_section_that_never_passes_ends_exhausted_and_its_last_revision_was_reviewed():
    writer = Writer(2, reviewer=lambda section, *_: review(5 if section == "s1" else 9))
    result = run(writer, protocol="fixed")
    assert result["end"] == "finished_with_exhausted_sections"
    assert result["because"] == "of 2 sections, s1 stayed below tau when the revisions were used up"
    first = result["sections"]["s1"]
    assert (first["status"], first["revisions"], first["scores"]) == ("budget_exhausted", 3, [5, 5, 5, 5])
    assert writer.asked.count(("reviewer", "s1")) == writer.asked.count(("refiner", "s1")) + 1
    assert "Now 2." in first["content"]
    assert first["content"] in result["article"]


def test_a_changed_text_has_no_score_until_it_is_reviewed():
    seen = []
    for piece in graph_of(Writer(1, reviewer=lambda _, nth, __: review(9 if nth else 5))).stream(
        {"brief": BRIEF}, context=RavelContext(protocol="fixed"), stream_mode="values"
    ):
        section = piece.get("sections", {}).get("s1")
        if section and (not seen or seen[-1] != (section["status"], section["score"])):
            seen.append((section["status"], section["score"]))
    assert seen == [("pending", None), ("drafted", None), ("needs_revision", 5), ("drafted", None), ("accepted", 9)]


def test_an_action_that_can_t_be_done_goes_back_once_with_the_reason_and_costs_its_step():
    replies = in_turn(2)
    wrong = [action("finish"), action("refine", "s2")]
    writer = Writer(2, planner=lambda _, nth, __: [replies[0], *wrong, *replies[1:]][nth])
    result = run(writer)
    assert (result["end"], result["refused"], result["step"]) == ("finished", 2, 8)
    plans = [said for (role, _), said in zip(writer.asked, writer.prompts, strict=True) if role == "planner"]
    assert "your last action was refused: sections are still open: s1 (pending), s2 (pending)\n" in plans[2]
    assert "your last action was refused" not in plans[3]  # told once: the second in a row stands in the history alone
    assert "3 refine s2: refused: s2 was never drafted" in plans[3]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (action("finish"), "sections are still open: s1 (pending), s2 (pending)"),
        (action("refine", "s1"), "s1 was never drafted"),
        (action("review", "s2"), "s2 was never drafted"),
        (action("draft", "s9"), "there is no section 's9'"),
        (action("outline"), "there is an outline already"),
    ],
)
def test_what_the_state_does_not_allow_is_refused(wrong, why):
    replies = in_turn(2)
    writer = Writer(2, planner=lambda _, nth, __: [replies[0], wrong, *replies[1:]][nth])
    result = run(writer)
    assert (result["end"], result["refused"]) == ("finished", 1)
    assert any(why in prompt for prompt in writer.prompts)


def test_a_planner_that_only_ever_says_finish_uses_up_its_steps_and_there_is_no_article():
    writer = Writer(2, planner=lambda _, nth, __: action("finish" if nth else "outline"))
    result = run(writer, max_steps=9)
    assert (result["end"], result["step"], result["refused"]) == ("step_budget", 9, 8)
    assert result["article"] is None
    assert writer.count("planner") == 9


def test_the_published_bound_of_50_steps_ends_what_ours_would_finish():
    assert run(Writer(26), max_steps=50)["end"] == "step_budget"
    writer = Writer(26)
    result = run(writer)
    assert (result["end"], result["step"]) == ("finished", 54)
    assert max(map(len, writer.prompts)) < 8_000 * 3  # tokens of at least three characters
    halves = [sum(map(len, writer.prompts[i : i + 52])) for i in (2, 54)]
    assert halves[1] < 1.2 * halves[0]  # a run's total grows linearly


# How single replies are broken, and what becomes of the run: each of these killed the published loop or kept it going.
BROKEN = {
    "a missing action": ("planner", '{"thought": "hm"}'),
    "null params": ("planner", '{"thought": "hm", "operation": "draft", "section": null}'),
    "no JSON": ("planner", "I would draft the first section now."),
    "an empty outline": ("outliner", '{"thought": "", "title": "T", "sections": []}'),
    "a section without a title": ("outliner", '{"title": "T", "sections": [{"title": " ", "points": ["p"]}]}'),
    "a draft without a text": ("drafter", "<content></content><summary>s</summary>"),
    "a draft without a summary": ("drafter", "<content>Words.</content>"),
    "an empty reply": ("drafter", ""),
    "a review without a score": ("reviewer", review(9).replace('"score": 9', '"mark": 9')),
    "a score beyond ten": ("reviewer", review(9).replace('"score": 9', '"score": 90')),
    "a score that its verdicts deny": ("reviewer", review(9).replace('"score": 9', '"score": 2')),
    "a text in another language": ("drafter", text_of("海港在冬天很安静。渔船停在码头。" * 20)),
}


@pytest.mark.parametrize("role, reply", BROKEN.values(), ids=BROKEN)
def test_a_broken_reply_is_repaired_in_one_turn_and_the_run_goes_on(role, reply):
    usual = Writer(1).answers[role]
    writer = Writer(1, **{role: lambda section, nth, text: reply if nth == 0 else usual(section, nth - 1, text)})
    result = run(writer)
    assert result["end"] == "finished"
    assert result["step"] == 4
    assert result["spent"]["calls"] == 7 + 1


@pytest.mark.parametrize("role, reply", BROKEN.values(), ids=BROKEN)
def test_replies_that_stay_broken_end_the_run_by_name_with_no_article(role, reply):
    protocol = "autonomous" if role == "planner" else "fixed"
    result = run(Writer(1, **{role: lambda *_: reply}), protocol=protocol)
    assert result["end"] == "failed:broken_reply"
    assert "does not fit" in result["because"]
    assert result["article"] is None
    assert [section["content"] for section in result["sections"].values() if section["status"] == "pending"] in (
        [],
        [""],
    )


@pytest.mark.parametrize(
    "reply",
    [
        review(9).replace('"score": 9', '"score": "9"'),
        review(9).replace('"score": 9', '"score": "9/10",'),
        f"My review:\n```json\n{review(9)}\n```\nThat is all {{really}}.",
        review(9).replace("the first sentence", "the first\nsentence\n\nand its end"),
        f"<think>Is it {{good}}?</think>{review(9)}",
    ],
    ids=["score as text", "trailing comma", "fence and braces", "raw newlines", "thinking"],
)
def test_a_messy_review_that_says_nine_is_nine(reply):
    result = run(Writer(1, reviewer=lambda *_: reply), protocol="fixed")
    assert result["sections"]["s1"]["scores"] == [9]
    assert result["spent"]["calls"] == 3


def test_paragraphs_and_braces_of_a_draft_arrive_whole():
    text = 'First {curly} words, "quoted".\n\nSecond paragraph:\n\n```c\nint main() { return 0; }\n```\n\nThird.'
    result = run(Writer(1, drafter=lambda *_: f"Here:\n{text_of(text)}\nDone."), protocol="no_review")
    assert result["sections"]["s1"]["content"] == text


def test_an_operation_that_fails_once_is_done_in_a_later_step():
    usual = Writer(2).answers["drafter"]
    broken = lambda section, nth, text: "no tags" if section == "s2" and nth < 2 else usual(section, nth, text)  # noqa: E731
    result = run(Writer(2, drafter=broken), protocol="fixed")
    assert (result["end"], result["step"]) == ("finished", 7)


def test_no_article_is_made_of_an_error_text():
    result = run(Writer(2, drafter=lambda *_: RuntimeError("Error generating the section")), protocol="fixed")
    assert result["end"] == "failed:model_unavailable"
    assert "draft s" in result["because"]
    assert result["article"] is None
    assert "Error generating" not in json.dumps(result["sections"])


def test_a_budget_of_tokens_ends_the_run_and_keeps_what_there_is():
    log = EventLog()
    graph = build_ravel(parts=Parts(chat=ScriptedChat(Writer(3)), log=log))
    result = graph.invoke({"brief": BRIEF}, context=RavelContext(protocol="fixed", at_once=1, max_tokens=1_500))
    assert result["end"] == "token_budget"
    assert result["article"] is None
    assert result["sections"]["s1"]["status"] == "accepted"
    assert result["spent"]["tokens_in"] + result["spent"]["tokens_out"] < 1_500
    assert state_of(log.events)["step"] == result["step"]


def test_a_budget_of_money_needs_prices_and_ends_the_run(tmp_path):
    chat = ScriptedChat(Writer(3), model_name="acme-1")
    graph = build_ravel(parts=Parts(chat=chat))
    with pytest.raises(InputError, match="no price is known of acme-1; give prices=FILE"):
        graph.invoke({"brief": BRIEF}, context=RavelContext(max_cost=1.0))
    assert chat.calls == []
    prices = tmp_path / "prices.json"
    prices.write_text('{"acme-1": {"input": 1000, "output": 1000}}')  # a dollar for a thousand tokens
    context = RavelContext(max_cost=1.0, prices=str(prices), protocol="fixed", at_once=1)
    result = graph.invoke({"brief": BRIEF}, context=context)
    assert result["end"] == "money_budget"
    assert 1.0 <= result["spent"]["cost"] < 2.0


@pytest.mark.slow
def test_seconds_of_waiting_are_a_budget_too():
    def slow(*_: Any) -> str:
        time.sleep(1.1)
        return outline(2)

    result = run(Writer(2, outliner=slow), protocol="fixed", max_seconds=1)
    assert (result["end"], result["step"]) == ("time_budget", 1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("at_once", [1, 8])
def test_the_state_can_be_told_from_the_event_log_alone(protocol, at_once):
    def score(section: Any, nth: int, _: str) -> str:
        return review(9) if (section, nth) in {("s2", 0), ("s3", 1)} else review(6)

    log = EventLog()
    reviewer = {} if protocol == "autonomous" else {"reviewer": score}
    repeated = prose("herring", words=100)
    drafter = {"drafter": lambda section, *_: text_of(repeated if section == "s3" else prose(section or "", words=80))}
    parts = Parts(chat=ScriptedChat(Writer(3, **reviewer, **drafter)), log=log)
    result = build_ravel(parts=parts).invoke({"brief": BRIEF}, context=RavelContext(protocol=protocol, at_once=at_once))
    derived = state_of(log.events)
    assert {name: derived[name] for name in STATE} == {name: result[name] for name in STATE}
    assert derived["spent"] == pytest.approx(result["spent"])
    assert result["step"] == len([event for event in log.events if event["kind"] == "step"])


def test_a_thread_can_be_used_again_and_starts_afresh():
    writer = Writer(2)
    graph = graph_of(writer, checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    first = graph.invoke({"brief": BRIEF}, config, context=RavelContext(protocol="fixed"))
    writer.sections = 1
    writer.answers["outliner"] = lambda *_: outline(1)
    second = graph.invoke(
        {"brief": {"instruction": "Another one."}}, config, context=RavelContext(protocol="no_review")
    )
    assert (first["step"], second["step"]) == (6, 3)
    assert list(second["sections"]) == ["s1"]
    assert second["spent"]["calls"] == 2
    assert second["run"] != first["run"]


def test_importing_the_graph_needs_no_key_and_running_it_without_a_model_says_which_is_missing():
    with pytest.raises(ModelUnavailable, match="no language model is set for the planner; name one"):
        build_ravel().invoke({"brief": BRIEF})


@pytest.mark.parametrize(
    ("given", "settings", "said"),
    [
        ({"brief": {"instruction": "  "}}, {}, "instruction is empty"),
        ({"brief": {}}, {}, "instruction is empty"),
        ({"brief": "write!"}, {}, "allowed: a mapping"),
        ({"brief": {**BRIEF, "topic": "x"}}, {}, "brief has no 'topic'"),
        ({"brief": {**BRIEF, "words": 0}}, {}, "words is 0; allowed: 1 to"),
        ({"brief": {**BRIEF, "sections": 0}}, {}, "sections is 0; allowed: 1 to 100"),
        ({"brief": {**BRIEF, "sections": 10_000}}, {}, "sections is 10000; allowed: 1 to 100"),
        ({"brief": {**BRIEF, "language": "tlh"}}, {}, "known: en, zh"),
        ({"brief": BRIEF, "outline": {"title": "T", "sections": []}}, {}, "outline can't be used"),
        ({}, {"protocol": "automatic"}, "no protocol 'automatic'; known:"),
        ({}, {"tau": 11}, "tau 11 is out of bounds; allowed: 0 to 10"),
        ({}, {"max_sections": 0}, "max_sections 0 is out of bounds"),
        ({}, {"at_once": 0}, "at_once 0 is out of bounds"),
        ({}, {"approve": ("drafts",)}, "no thing to approve 'drafts'"),
        ({}, {"prices": "/nowhere.json"}, "prices"),
        (
            {"brief": {**BRIEF, "words": 500}, "outline": {"title": "T", "sections": [
                {"title": "A", "points": ["p"], "words": 4_000}, {"title": "B", "points": ["p"], "words": 10}]}},
            {}, "the outline's sections have 4010 words together, the brief asks for 500",
        ),
        (
            {"brief": {**BRIEF, "sections": 3}, "outline": {"title": "T", "sections": [{"title": "A", "points": "p"}]}},
            {}, "the outline has 1 sections; wanted: 3",
        ),
    ],
)  # fmt: skip
def test_what_can_t_be_used_is_said_before_anything_is_paid_for(given, settings, said):
    writer = Writer(2)
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        run(writer, given, **settings)
    assert writer.asked == []


def test_an_outline_of_the_caller_s_own_is_taken_as_it_is():
    own = {
        "title": "Mine",
        "sections": [{"title": "One", "points": ["a"]}, {"title": "Two", "points": ["b"], "words": 40}],
    }
    writer = Writer(2)
    result = run(writer, {"outline": own}, protocol="fixed")
    assert writer.count("outliner") == 0
    assert [result["sections"][name]["title"] for name in result["order"]] == ["One", "Two"]
    assert result["article"].startswith("# Mine\n\n## One\n")
    assert result["step"] == 5
