"""RAVEL's five decisions: what they read of messy replies, what they refuse, and that no text steers them."""

import json

import pytest
from langchain_core.messages import AIMessage

from ravelar.agents.prompts import load_prompt
from ravelar.agents.ravel.drafter import draft
from ravelar.agents.ravel.languages import LABELS, ROLES, check_language, labels_of, languages, prompt_of
from ravelar.agents.ravel.outliner import fewest_sections, outline
from ravelar.agents.ravel.planner import decide
from ravelar.agents.ravel.prose import Draft, Refined, read_prose
from ravelar.agents.ravel.refiner import refine
from ravelar.agents.ravel.reviewer import review
from ravelar.tools.chat.meter import Meter, estimate_tokens
from ravelar.tools.chat.scripted import ScriptedChat
from ravelar.tools.errors import BrokenReply, UnknownName
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.state import new_state
from ravelar.tools.writing.transitions import new_section
from ravelar.tools.writing.verdicts import score_bounds

TEXT = 'She said "no", and the {tide} went out.\n\nNobody spoke for a while.'
CHINESE = "潮水退去，码头上没有人说话。老人把缆绳一圈一圈盘好，抬头看了看天色。"
MET = {"comment": "It does.", "verdict": "met"}
ALL_MET = dict.fromkeys(("brief", "points", "substance", "coherence", "language"), MET)
GOOD_REVIEW = {**ALL_MET, "feedback": "", "score": 8.5}
PLAN = {"thought": "t", "title": "Harbours", "sections": [{"title": "One", "points": ["a"], "words": 100}]}


@pytest.fixture
def state(goldens):
    return goldens.writing("en")


def tags(**parts: str) -> str:
    return "\n".join(f"<{name}>\n{text}\n</{name}>" for name, text in parts.items())


# The planner.


@pytest.mark.parametrize(
    "reply",
    [
        '{"thought": "t", "operation": "review", "section": "s3"}',
        '```json\n{"thought": "a\nb", "operation": "Review", "section": "S3",}\n```',
        'I think we should.\n{"thought": "t", "operation": "review", "section": 3, "params": null}',
    ],
)
def test_messy_actions_are_read_without_a_repair_turn(state, meter: Meter, reply: str) -> None:
    answer = decide(ScriptedChat([reply]), state, Limits(), meter=meter)
    assert (answer.value.operation, answer.value.section, answer.calls) == ("review", "s3", 1)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ('{"thought": "t", "section": "s1"}', "operation: Field required"),
        ('{"thought": "t", "action": "write_paragraph", "params": null}', "operation: Field required"),
        ('{"thought": "t", "operation": "draft", "params": null}', "draft needs the id of a section"),
        ('{"thought": "t", "operation": "publish"}', "operation: Input should be 'outline'"),
        ("Let us review s3.", "no JSON object"),
    ],
)
def test_an_action_that_is_none_gets_the_repair_turn_and_then_a_name(state, meter, reply: str, says: str) -> None:
    good = '{"thought": "t", "operation": "draft", "section": "s3"}'
    chat = ScriptedChat([reply, good])
    assert decide(chat, state, Limits(), meter=meter).calls == 2
    assert says in chat.calls[1].messages[3].content
    with pytest.raises(BrokenReply, match=r"prompt ravel\.en\.planner"):
        decide(ScriptedChat([reply, reply]), state, Limits(), meter=meter)


def test_the_planner_hears_why_it_was_refused(state, meter: Meter) -> None:
    chat = ScriptedChat(['{"operation": "draft", "section": "s3"}'])
    decide(chat, state, Limits(), refusal="sections are still open: s2 (needs_revision)", meter=meter)
    assert "sections are still open: s2" in chat.calls[0].text


def test_the_planner_never_sees_a_sections_text(state, meter: Meter) -> None:
    state["sections"]["s1"]["content"] = "a very particular text " * 50
    chat = ScriptedChat(['{"operation": "draft", "section": "s3"}'])
    decide(chat, state, Limits(), meter=meter)
    assert "a very particular text" not in chat.calls[0].text


# The outliner.


@pytest.mark.parametrize(
    "reply",
    [
        PLAN,
        {"title": "# Harbours", "outline": [{"section_title": "## One", "points": "- a\n- ", "words": "100"}]},
    ],
)
def test_an_outline_is_read_also_in_the_published_form(meter: Meter, reply) -> None:
    brief = {"instruction": "x", "language": "en"}
    planned = outline(ScriptedChat([json.dumps(reply)]), brief, Limits(), meter=meter).value
    assert planned.title == "Harbours"
    assert planned.planned() == [("One", ["a"], 100)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sections": []}, "sections: List should have at least 1 item"),
        ({"sections": [{"title": "T", "points": []}]}, "points: List should have at least 1"),
        ({"sections": [{"title": "T", "points": ["p"]}, {"title": "t", "points": ["p"]}]}, "two sections bear"),
        ({"sections": [{"title": f"T{i}", "points": ["p"]} for i in range(101)]}, "at most 100"),
        ({"sections": [{"title": f"T{i}", "points": ["p"]} for i in range(11)]}, "has 11 sections; wanted: 1-10"),
        ({"sections": [{"title": "T", "points": ["p" * 500]}]}, "500 characters"),
        ({"sections": [{"title": "T", "points": ["p"], "words": 9_000}]}, "9000 words; at most"),
        ({"title": ""}, "title: String should have at least 1"),
    ],
)
def test_an_outline_that_is_none_gets_the_repair_turn(meter: Meter, change, says: str) -> None:
    chat = ScriptedChat([json.dumps({**PLAN, **change}), json.dumps(PLAN)])
    brief = {"instruction": "x", "language": "en"}
    assert outline(chat, brief, Limits(max_sections=10), meter=meter).calls == 2
    assert says in chat.calls[1].messages[3].content


def test_an_empty_outline_is_never_an_article(meter: Meter) -> None:
    empty = json.dumps({**PLAN, "sections": []})
    with pytest.raises(BrokenReply, match=r"ravel\.en\.outliner"):
        outline(ScriptedChat([empty, empty]), {"instruction": "x", "language": "en"}, Limits(), meter=meter)


def test_a_long_article_needs_enough_sections(meter: Meter) -> None:
    brief = {"instruction": "x", "language": "en", "words": 10_000}
    assert fewest_sections(brief, Limits()) == 6
    chat = ScriptedChat([json.dumps(PLAN)] * 2)
    with pytest.raises(BrokenReply, match="has 1 sections; wanted: 6-100"):
        outline(chat, brief, Limits(), meter=meter)
    assert "in 6-100 sections" in chat.calls[0].text


def test_a_number_of_sections_is_kept_to(meter: Meter) -> None:
    brief = {"instruction": "x", "language": "en", "sections": 2}
    with pytest.raises(BrokenReply, match="has 1 sections; wanted: 2"):
        outline(ScriptedChat([json.dumps(PLAN)] * 2), brief, Limits(), meter=meter)


# The drafter and the refiner.


@pytest.mark.parametrize(
    "reply",
    [
        tags(content=TEXT, summary="A no."),
        "Here you are:\n" + tags(content=TEXT, summary="A no.") + "\nAnything else?",
        f"<content>{TEXT}</content><summary>A no.",
        f"<summary>A no.</summary>\n<content>\n## Ebb\n\n{TEXT}\n</content>",
        f"<content>\n**Ebb**\n{TEXT}</content>\n<summary>A no.</summary>",
        json.dumps({"content": TEXT, "summary": "A no."}),
        '{"content": "' + TEXT.replace('"', '\\"') + '", "summary": "A no.",}',  # raw line breaks, trailing comma
        f"<think>hm</think>{tags(content=TEXT, summary='A no.')}",
    ],
)
def test_messy_drafts_are_read_whole(state, meter: Meter, reply: str) -> None:
    answer = draft(ScriptedChat([reply]), state, "s3", Limits(), meter=meter)
    assert (answer.value.content, answer.value.summary, answer.calls) == (TEXT, "A no.", 1)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (TEXT, "there is no <content> in the reply, which begins: 'She said"),
        (f"<content>{TEXT}", "never closed"),
        (tags(content=TEXT), "there is no <summary>"),
        (tags(content="...", summary="s"), "content holds no words"),
        (tags(content=CHINESE, summary="s"), "content is written in language 'zh'; it must be in 'en'"),
        (tags(content="word " * 6_000, summary="s"), "content has about 7,"),
        (tags(content=TEXT, summary=""), "summary: String should have at least 1"),
        ("", "the reply is empty"),
    ],
)
def test_a_draft_that_is_none_gets_the_repair_turn(state, meter: Meter, reply: str, says: str) -> None:
    chat = ScriptedChat([reply, tags(content=TEXT, summary="A no.")])
    assert draft(chat, state, "s3", Limits(), meter=meter).calls == 2
    assert says in chat.calls[1].messages[3].content


def test_a_draft_that_is_cut_off_is_never_taken(state, meter: Meter) -> None:
    cut = AIMessage(tags(content=TEXT, summary="A"), response_metadata={"finish_reason": "length"})
    with pytest.raises(BrokenReply, match="cut off at the token limit"):
        draft(ScriptedChat([cut, cut]), state, "s3", Limits(), meter=meter)


def test_the_wrong_language_twice_is_a_named_failure(meter: Meter, goldens) -> None:
    english = tags(content="The harbour was quiet before the tide came back that night.", summary="s")
    with pytest.raises(BrokenReply, match="written in language 'en'; it must be in 'zh'"):
        draft(ScriptedChat([english, english]), goldens.writing("zh"), "s3", Limits(), meter=meter)


def test_a_chinese_draft_is_read(meter: Meter, goldens) -> None:
    chat = ScriptedChat([tags(content=CHINESE, summary="退潮。")])
    assert draft(chat, goldens.writing("zh"), "s3", Limits(), meter=meter).value.content == CHINESE


def test_tags_within_a_text_stay_in_it() -> None:
    text = "A <b>bold</b> </content> claim <summary>"
    assert read_prose(tags(content=text, summary="s"), Draft).content == text


def test_a_refinement_says_what_it_changed(state, meter: Meter) -> None:
    chat = ScriptedChat([tags(changes="Cut.", content=TEXT, summary="A no.")])
    answer = refine(chat, state, "s2", Limits(), meter=meter)
    assert answer.value == Refined(changes="Cut.", content=TEXT, summary="A no.")
    for said in (state["sections"]["s2"]["findings"][0], "The pilots ..."):
        assert said in chat.calls[0].text


@pytest.mark.parametrize("method", ["json_mode", "json_schema", "function_calling"])
def test_every_decision_takes_structured_output(state, meter: Meter, method: str) -> None:
    how = {"meter": meter, "method": method}
    chat = ScriptedChat(
        [
            {"thought": "t", "operation": "review", "section": "s2"},
            PLAN,
            {"content": f"## Ebb\n\n{TEXT}", "summary": "s"},
            GOOD_REVIEW,
            {"changes": "c", "content": TEXT, "summary": "s"},
        ]
    )
    assert decide(chat, state, Limits(), **how).value.section == "s2"
    assert outline(chat, {"instruction": "x", "language": "en"}, Limits(), **how).value.title == "Harbours"
    assert draft(chat, state, "s3", Limits(), **how).value.content == TEXT
    assert review(chat, state, "s2", [], **how).value.score == 8.5
    assert refine(chat, state, "s2", Limits(), **how).value.changes == "c"
    assert all("JSON" in call.text for call in chat.calls)  # json_mode of some providers insists on the word


# The reviewer.


@pytest.mark.parametrize("score", ["9", "9.0", 9, "9/10", " 9 ", "9分"])
def test_a_score_as_text_is_its_number(state, meter: Meter, score) -> None:
    chat = ScriptedChat([json.dumps({**GOOD_REVIEW, "score": score})])
    answer = review(chat, state, "s2", [], meter=meter)
    assert (answer.value.score, answer.calls) == (9.0, 1)


@pytest.mark.parametrize("score", ["nine", "", None, True, 11, -1, "NaN", [9]])
def test_what_is_no_score_gets_the_repair_turn_and_never_a_default(state, meter: Meter, score) -> None:
    reply = json.dumps({**GOOD_REVIEW, "score": score})
    chat = ScriptedChat([reply, json.dumps(GOOD_REVIEW)])
    assert review(chat, state, "s2", [], meter=meter).value.score == 8.5
    with pytest.raises(BrokenReply, match=r"ravel\.en\.reviewer"):
        review(ScriptedChat([reply, reply]), state, "s2", [], meter=meter)


@pytest.mark.parametrize(
    ("verdicts", "score", "allowed"),
    [
        (("met",) * 5, 4, "8 to 10"),
        (("met", "met", "met", "met", "partly"), 10, "7 to 9"),
        (("met", "met", "partly", "partly", "met"), 9, "6 to 8"),
        (("partly",) * 4 + ("met",), 8, "3 to 7"),
        (("missed", "met", "met", "met", "met"), 8, "0 to 6"),
    ],
)
def test_a_score_that_contradicts_its_verdicts_gets_the_repair_turn(state, meter, verdicts, score, allowed) -> None:
    judged = {name: {"comment": "c", "verdict": v} for name, v in zip(ALL_MET, verdicts, strict=True)}
    low = float(allowed.split()[0])
    chat = ScriptedChat([json.dumps({**judged, "feedback": "f", "score": s}) for s in (score, low)])
    assert review(chat, state, "s2", [], meter=meter).value.score == low
    assert f"they allow {allowed}" in chat.calls[1].messages[3].content


def test_bounds_leave_a_score_to_every_set_of_verdicts() -> None:
    for partly in range(6):
        low, high = score_bounds(["partly"] * partly + ["met"] * (5 - partly))
        assert 0 <= low < high <= 10
    assert score_bounds(["missed"] * 5) == (0.0, 6.0)


def test_whoever_finds_fault_says_what_is_to_be_changed(state, meter: Meter) -> None:
    faulty = {**ALL_MET, "points": {"comment": "c", "verdict": "Missed"}, "feedback": " ", "score": 5}
    chat = ScriptedChat([json.dumps(faulty), json.dumps({**faulty, "feedback": ["Name the port.", "Cut."]})])
    assert review(chat, state, "s2", [], meter=meter).value.feedback == "- Name the port.\n- Cut."
    assert "feedback is empty" in chat.calls[1].messages[3].content


def test_the_reviewer_sees_the_programs_findings_and_the_neighbours(state, meter: Meter) -> None:
    chat = ScriptedChat([json.dumps(GOOD_REVIEW)])
    review(chat, state, "s2", ["repeats_section s1: 40 words stand there too"], meter=meter)
    for said in ("repeats_section s1: 40 words", "before s1 ", "after s3 "):
        assert said in chat.calls[0].text


# Prompts in all languages.


def test_the_languages_are_those_whose_folders_are_complete() -> None:
    assert languages() == ("en", "zh")
    assert check_language("zh") == "zh"
    with pytest.raises(UnknownName, match="no language of prompts 'de'; known: en, zh"):
        check_language("de")


@pytest.mark.parametrize("language", languages())
def test_languages_have_the_same_slots_and_labels(language: str) -> None:
    for role in ROLES:
        assert load_prompt(prompt_of(language, role)).slots == load_prompt(prompt_of("en", role)).slots
    assert labels_of(language).keys() == LABELS.keys()
    if language == "en":
        assert labels_of("en") == LABELS


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("role", ROLES)
def test_nothing_in_a_brief_or_a_text_closes_its_block(goldens, language: str, role: str) -> None:
    name = prompt_of(language, role)
    sent = goldens.sent(goldens.DECISIONS[name])
    prompt = load_prompt(name)
    blocks = [slot for slot in prompt.slots if f"{{{{<{slot}>}}}}" in prompt.user]
    assert "brief" in blocks
    for block in blocks:
        assert sent.count(f"\n<{block}>\n") == 1
        assert sent.count(f"</{block}>") == 1
    assert "<|im_start|>" not in sent
    assert "[INST]" not in sent
    assert "{{form}}" in sent  # a slot in somebody's text is not filled


@pytest.mark.parametrize("language", languages())
def test_the_prompts_own_words_are_few(language: str) -> None:
    for role in ROLES:
        prompt = load_prompt(prompt_of(language, role))
        assert estimate_tokens(prompt.system + prompt.user) < 450


def test_a_call_stays_within_its_tokens_at_the_worst(meter: Meter) -> None:
    limits = Limits()
    sentence = "The harbour was quiet before the tide came back, and the fishermen waited on the long stone quay. "
    text = sentence * (4 * limits.text_tokens // len(sentence))
    wide = {"title": "T " * 100, "points": ["p" * 400] * 12, "summary": "s" * 2_000, "content": text}
    sections = [{**new_section(i, f"T{i}", ["p"], 900), **wide, "feedback": "f" * 3_000} for i in range(1, 101)]
    brief = {"instruction": "i" * 20_000, "language": "en", "words": 90_000}
    run = {**new_state(brief), "title": "T", "order": [s["id"] for s in sections]}
    run |= {"sections": {s["id"]: s for s in sections}}
    reply = tags(changes="c", content=text, summary="s")
    chat = ScriptedChat([reply, json.dumps(GOOD_REVIEW), '{"operation": "finish"}'])
    spent = [
        refine(chat, run, "s50", limits, meter=meter).tokens,
        review(chat, run, "s50", [], meter=meter).tokens,
        decide(chat, run, limits, meter=meter).tokens,
    ]
    assert spent[2] < spent[1] < spent[0] < limits.tokens_per_call
    assert spent[2] < limits.tokens_per_call / 4
