"""Every family with completions that follow it and completions that don't, at the boundaries above all."""

from typing import Any, NamedTuple

import pytest

from ravelar.tools.verifiers.instructions.families import FAMILIES


class Case(NamedTuple):
    id: str
    kwargs: dict[str, Any]
    passing: list[str]
    failing: list[str]


def at_least(number: str, count: int, relation: str = "relation", **more: Any) -> dict[str, Any]:
    return {number: count, relation: "at least", **more}


def less_than(number: str, count: int, relation: str = "relation", **more: Any) -> dict[str, Any]:
    return {number: count, relation: "less than", **more}


CAPITALS = "change_case:capital_word_frequency"
ENGLISH = "The river runs slowly past the old mill and the children watch it."

CASES = [
    Case(
        "keywords:existence",
        {"keywords": ["river", "c++"]},
        ["The RIVER speaks C++.", "Rivers? In c++ only."],
        ["The river speaks.", "C++ alone", "A riv er of c++"],
    ),
    Case(
        "keywords:frequency",
        at_least("frequency", 2, keyword="war"),
        ["War and war.", "The warden went forward.", "war war war"],
        ["One war.", "Peace.", "w-a-r, war"],
    ),
    Case(
        "keywords:frequency",
        less_than("frequency", 2, keyword="war"),
        ["One war.", "Peace."],
        ["War and war.", "The warden went forward."],
    ),
    Case(
        "keywords:forbidden_words",
        {"forbidden_words": ["can", "the end"]},
        ["Candles burn.", "The candle ends.", "toucan_can"],
        ["Yes we CAN.", "It is the end", "can", "a (can)"],
    ),
    Case(
        "keywords:forbidden_words",
        {"forbidden_words": ["a.c", "#tag"]},
        ["abc", "#tags everywhere"],
        ["The a.c is on.", "with #tag at the end"],
    ),
    Case(
        "keywords:letter_frequency",
        at_least("let_frequency", 3, "let_relation", letter="Q"),
        ["Quick quiet quilt", "qqqq"],
        ["Quick quiet kilt", "none of them"],
    ),
    Case(
        "keywords:letter_frequency",
        less_than("let_frequency", 3, "let_relation", letter="#"),
        ["#one #two", "no tags"],
        ["#one #two #three", "####"],
    ),
    Case(
        "language:response_language",
        {"language": "de"},
        ["Heute regnet es den ganzen Tag, deshalb bleiben wir zu Hause.", "Ich weiß nicht, wo mein Schlüssel liegt."],
        [ENGLISH, "12345 !!!", "Le chat dort sur le canapé toute la journée."],
    ),
    Case(
        "language:response_language",
        {"language": "mr"},
        ["मला तुमचे नाव माहीत नाही, पण तुम्ही कुठे राहता हे मला सांगा."],
        ["मुझे आपका नाम नहीं पता, लेकिन बताइए कि आप कहाँ रहते हैं।", ENGLISH],
    ),
    Case(
        "length_constraints:number_sentences",
        at_least("num_sentences", 3),
        ["One. Two! Three?", "He met Dr. Smith. They spoke. She left."],
        ["One. Two!", "He met Dr. Smith. They spoke, e.g. of bread."],
    ),
    Case(
        "length_constraints:number_sentences",
        less_than("num_sentences", 3),
        ["One. Two!", "no mark at all\nand a line break"],
        ["One. Two! Three?", "One. Two! and a rest without a mark"],
    ),
    Case(
        "length_constraints:number_paragraphs",
        {"num_paragraphs": 2},
        ["One\n***\nTwo", "***\nOne\n\n***\n\nTwo\n***", "One *** Two"],
        ["One", "One\n***\nTwo\n***\nThree", "One\n***\n \n***\nTwo", "One\n******\nTwo"],
    ),
    Case(
        "length_constraints:number_words",
        at_least("num_words", 5),
        ["one two three four five", "don't count-me 1_2 x"],
        ["one two three four", "- - - - - one!"],
    ),
    Case(
        "length_constraints:number_words",
        less_than("num_words", 5),
        ["one two three four", "!!!"],
        ["one two three four five", "don't count-me 1_2 x"],
    ),
    Case(
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 3, "nth_paragraph": 2, "first_word": "Weekend"},
        ["One.\n\nweekend! two.\n\nThree.", "One\nstill one\n\n'WEEKEND' two\n\nThree\n\n"],
        [
            "One.\n\nWeekends two.\n\nThree.",
            "One.\n\nWeekend two.",
            "Weekend.\n\nTwo.\n\nThree.",
            "One.\n\nWeekend.\n\nThree.\n\nFour.",
            "One.\n\n\n\nWeekend.\n\nThree.",
        ],
    ),
    Case(
        "detectable_content:number_placeholders",
        {"num_placeholders": 3},
        ["[name] [street name] [x]", "[a][b][c][d]", "[] [] []"],
        ["[name] [street]", "[a\n] [b\n] [c\n]", "[[[a]"],
    ),
    Case(
        "detectable_content:postscript",
        {"postscript_marker": "P.S."},
        ["Bye.\n\nP.S. Write soon.", "bye p. s. more", "Bye P.P.S. more"],
        ["Bye.", "Bye PS more", "P.S more"],
    ),
    Case(
        "detectable_content:postscript",
        {"postscript_marker": "P.P.S"},
        ["Bye.\n\nP.P.S Write soon.", "bye p. p. s."],
        ["Bye. P.S. Write.", "PPS"],
    ),
    Case(
        "detectable_content:postscript",
        {"postscript_marker": "N.B."},
        ["Bye. n.b. Write.", "N.B."],
        ["Bye. NB Write.", "Nxbx"],
    ),
    Case(
        "detectable_format:number_bullet_lists",
        {"num_bullets": 2},
        ["* one\n* two", "Here:\n\n  * one\n  - two\n**bold** end", "-one\n*two"],
        ["* one", "* one\n* two\n* three", "1. one\n2. two", "**one**\n**two**", "a * b\nc - d"],
    ),
    Case(
        "detectable_format:constrained_response",
        {},
        ["My answer is yes.", "Well then. My answer is maybe."],
        ["My answer is yes", "my answer is no.", "No."],
    ),
    Case(
        "detectable_format:number_highlighted_sections",
        {"num_highlights": 2},
        ["*one* and *two*", "**one** and *two*", "**one**\n**two**"],
        ["*one* and two", "** ** and * *", "*one\n* and two*\n", "* one\n* two"],
    ),
    Case(
        "detectable_format:multiple_sections",
        {"section_spliter": "SECTION", "num_sections": 3},
        ["SECTION 1\na\nSECTION 2\nb\nSECTION 3\nc", "SECTION1 SECTION2 SECTION3 SECTION4"],
        ["SECTION 1\na\nSECTION 2\nb", "Section 1 Section 2 Section 3", "SECTION A SECTION B SECTION C"],
    ),
    Case(
        "detectable_format:json_format",
        {},
        ['{"a": [1, null]}', '```json\n{"a": 1}\n```', '```\n["a"]\n```', ' "text" '],
        ["{'a': 1}", 'Here it is: {"a": 1}', '{"a": 1', "```json\n```", '{"a": 1} That is all.'],
    ),
    Case(
        "detectable_format:title",
        {},
        ["<<A day>>\nText", "Text <<x>> text", "<<<A>>>"],
        ["<A day>", "<<>>", "<< >>", "<<A\nday>>", ">>A<<"],
    ),
    Case(
        "combination:two_responses",
        {},
        ["One\n******\nTwo", "******\nOne ****** Two\n******"],
        ["One", "Same\n******\nSame ", "One\n******\nTwo\n******\nThree", "One\n***\nTwo", "A\n******\n\n******\nB"],
    ),
    Case(
        "combination:repeat_prompt",
        {"prompt_to_repeat": "Write a song.\nMake it short. "},
        ["Write a song.\nMake it short. La la.", "  WRITE a song.\nmake it short.\n\nLa"],
        ["Sure! Write a song.\nMake it short.", "Write a song. Make it short.", "Write a song."],
    ),
    Case(
        "startend:end_checker",
        {"end_phrase": " Is that all?"},
        ["Yes. Is that all?", 'So: "Yes. IS THAT ALL?"\n'],
        ["Is that all? Yes.", "Yes. Is that all", "Yes. Is that all?'"],
    ),
    Case(
        "startend:quotation",
        {},
        ['"All of it."', ' "a"\n', '""'],
        ['"', '"All" of it', "'All of it.'", "“All of it.”"],
    ),
    Case(
        "change_case:english_capital",
        {},
        [ENGLISH.upper(), "OK.", "MY ANSWER IS NO, AND IT IS 42."],
        [ENGLISH, ENGLISH.upper() + "s", "1234", "HEUTE REGNET ES DEN GANZEN TAG UND WIR BLEIBEN ZU HAUSE."],
    ),
    Case(
        "change_case:english_lowercase",
        {},
        [ENGLISH.lower(), "ok.", "my answer is no, and it is 42."],
        [ENGLISH, "1234", "heute regnet es den ganzen tag und wir bleiben zu hause.", ENGLISH.lower() + " I"],
    ),
    Case(
        CAPITALS,
        at_least("capital_frequency", 3, "capital_relation"),
        ["I saw NASA and COVID-19.", "**STOP** (NOW) A.M.", "NASA's ESA's JAXA's"],
        ["I saw NASA.", "Stop Now Please", "NASAs ESAs I A"],
    ),
    Case(
        CAPITALS,
        less_than("capital_frequency", 3, "capital_relation"),
        ["I saw NASA.", "none here"],
        ["I saw NASA and COVID-19.", "STOP IT NOW"],
    ),
    Case("punctuation:no_comma", {}, ["No stops; none.", "全角,也可以"[:2] + "、", "a ، b"], ["Yes, one.", ","]),
]


def each(outcome: str) -> list[Any]:
    return [
        pytest.param(case.id, case.kwargs, text, id=f"{case.id}-{number}-{i}")
        for number, case in enumerate(CASES)
        for i, text in enumerate(getattr(case, outcome))
    ]


@pytest.mark.parametrize(("instruction_id", "kwargs", "text"), each("passing"))
def test_completion_that_follows_the_instruction_passes(follows, instruction_id, kwargs, text):
    assert follows(instruction_id, kwargs, text)


@pytest.mark.parametrize(("instruction_id", "kwargs", "text"), each("failing"))
def test_completion_that_does_not_follow_the_instruction_fails(follows, instruction_id, kwargs, text):
    assert not follows(instruction_id, kwargs, text)


def test_there_are_25_families_each_with_two_passing_and_two_failing_completions():
    assert len(FAMILIES) == 25
    for family in FAMILIES:
        cases = [case for case in CASES if case.id == family]
        assert sum(len(case.passing) for case in cases) >= 2, family
        assert sum(len(case.failing) for case in cases) >= 2, family


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
@pytest.mark.parametrize("empty", ["", " \n\t", "\u00a0"])
def test_empty_completion_fails_every_instruction(follows, case, empty):
    assert not follows(case.id, case.kwargs, empty)
