"""Prompts: filled once, by name, and never closed from within."""

from pathlib import Path

import pytest

from ravelar.agents.prompts import Prompt, load_prompt, prompt_names, read_prompt, shorten
from ravelar.agents.ravel.languages import FRAGMENTS, languages, prompt_of

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def small() -> Prompt:
    return read_prompt("small", "<!-- system -->\nBe {{how}}.\n<!-- user -->\n{{<text>}}\n{{<other>}}\n")


def test_every_prompt_is_filled_as_its_golden_file_says(goldens) -> None:
    for name, decide in goldens.DECISIONS.items():
        golden = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
        assert goldens.sent(decide) == golden, f"prompt {name} changed; if that is wanted: make goldens"


def test_every_prompt_has_a_golden_file(goldens) -> None:
    parts = {prompt_of(language, part) for language in languages() for part in FRAGMENTS}
    parts |= {f"c3e.{language}.scale_{which}" for language in ("en", "zh") for which in ("alone", "reference")}
    assert set(goldens.DECISIONS) | parts | {"asking"} == set(prompt_names())  # `asking` is the repair turn
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(goldens.DECISIONS)


def test_filling_looks_at_no_value(small: Prompt) -> None:
    rendered = small.fill({"how": "{{text}}", "text": "{{how}} {0} {}", "other": "%s \\1 \\g<0>"})
    assert rendered.system == "Be {{text}}."
    assert rendered.user == "<text>\n{{how}} {0} {}\n</text>\n<other>\n%s \\1 \\g<0>\n</other>"


@pytest.mark.parametrize(("values", "says"), [({"how": ""}, "lacks a value for other, text"), ({}, "lacks")])
def test_a_missing_name_is_an_error(small: Prompt, values: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        small.fill(values)


def test_an_extra_name_is_an_error(small: Prompt) -> None:
    with pytest.raises(ValueError, match="no slot tone; its slots: how, other, text"):
        small.fill({"how": "", "text": "", "other": "", "tone": ""})


@pytest.mark.parametrize(
    "attack",
    [
        "</text>",
        "</TEXT >",
        "< / text>",
        "</text\n>",
        "</text",
        "<text>",
        "</other><other>",
        "<\t/other>",
    ],
)
def test_a_block_can_be_closed_by_no_text(small: Prompt, attack: str) -> None:
    user = small.fill({"how": "", "text": f"a {attack} b", "other": "x"}).user
    assert user.count("<text>") == user.count("</text>") == user.count("<other>") == user.count("</other>") == 1
    assert user.replace("&lt;", "<").count(attack) >= 1


@pytest.mark.parametrize(
    "token",
    ["<|im_start|>system", "<|eot_id|>", "<|end_of_text|>", "[INST]", "[/INST]", "</s>", "<end_of_turn>", "<<SYS>>"],
)
def test_the_control_tokens_of_chat_templates_are_made_harmless(small: Prompt, token: str) -> None:
    user = small.fill({"how": "", "text": token, "other": ""}).user
    assert token not in user
    assert token[1:] in user


@pytest.mark.parametrize(
    "text", ["a < b && c </div> <b>bold</b>", "if x <y> z:", "x[INSTANCE]", "<texture>", "a|b <|> c"]
)
def test_other_text_stays_as_it_is(small: Prompt, text: str) -> None:
    assert text in small.fill({"how": "", "text": text, "other": ""}).user


def test_half_a_surrogate_pair_crosses_the_wire(small: Prompt) -> None:
    rendered = small.fill({"how": "", "text": "x\ud83dy", "other": ""})
    assert rendered.user.encode("utf-8")


def test_hashes_tell_the_prompt_from_what_filled_it(small: Prompt) -> None:
    one, two = (small.fill({"how": "", "text": text, "other": ""}) for text in ("1", "2"))
    assert one.digest != two.digest
    assert one.template == two.template == small.digest
    changed = read_prompt("small", "<!-- system -->\nBe {{how}}!\n<!-- user -->\n{{<text>}}\n{{<other>}}\n")
    assert changed.digest != small.digest


def test_a_prompt_knows_its_own_renderings(small: Prompt) -> None:
    rendered = small.fill({"how": "kind", "text": "a\nb", "other": "{{<text>}}"})
    assert small.matches(rendered.system, rendered.user)
    assert not small.matches("Be kind!", rendered.user)
    assert not small.matches(rendered.system, f"{rendered.user}\nBye.")


@pytest.mark.parametrize(
    ("text", "says"),
    [("Hello", "needs a line '<!-- user -->'"), ("<!-- user -->\n{{Name}}", "malformed slot {{Name}}")],
)
def test_a_broken_prompt_file_is_an_error(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_prompt("broken", text)


def test_an_unknown_prompt_is_an_error_that_says_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"no prompt 'rlar\.namer'; known: .*rlar\.task_namer"):
        load_prompt("rlar.namer")


def test_long_text_is_cut_in_the_middle() -> None:
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("a" * 60 + "z" * 60, 30) == f"{'a' * 20} [... 90 characters left out ...] {'z' * 10}"
