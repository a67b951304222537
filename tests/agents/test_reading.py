"""Messy replies: what is read out of them, and what is refused."""

import pytest
from pydantic import BaseModel, ConfigDict

from ravelar.agents.reading import fenced_blocks, read_code, read_object, visible


class Pair(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    size: float


GOOD = '{"name": "a {b} \\"c\\"", "size": 2}'
CODE = "import re\n\n\ndef verify(prompt, completion, reference):\n    return 1.0\n"


@pytest.mark.parametrize(
    "reply",
    [
        GOOD,
        f"Sure! Here it is:\n```json\n{GOOD}\n```\nHope that helps {{}}.",
        f"```\n{GOOD}\n```",
        f"~~~JSON\n{GOOD}\n~~~",
        f"```json\n{GOOD}",
        f"The set {{x, y}} comes first. {GOOD}",
        f"{GOOD}\n\nAgain: {GOOD}",
        '{"name": "a {b} \\"c\\"", "size": 2,}',
        '{\n "name": "a {b} \\"c\\"",\n "size": 2 ,\n}\n',
        f'An example would be {{"name": "x"}}. {GOOD}',
    ],
)
def test_json_is_found_within_what_models_write(reply: str) -> None:
    assert read_object(reply, Pair) == Pair(name='a {b} "c"', size=2)


def test_a_raw_line_break_within_a_string_is_read() -> None:
    assert read_object('{"name": "a\nb", "size": 1}', Pair).name == "a\nb"


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ("I would rather not.", "no JSON object"),
        ('{"name": "a", "size": ', "cut off: it never ends"),
        ('{"name": "a", "size', "cut off"),
        ('Well {hm}: {"pairs": [{"name": "a", "size": "b"}, {"name"', "cut off"),
        ('{"name": "a" "size": 2}', "malformed: .* at line 1"),
        ('{"name": "a", "size": NaN}', "NaN is no JSON"),
        ('{"name": "a", "size": "much", "x": 1}', r"does not fit:\n- size: .*number.*\n- x: Extra"),
        ('{"name": "a", "size": 1} or {"name": "a", "size": 2}', "2 different JSON objects"),
        ('{"name":' * 5_000, "cut off"),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, "nested too deeply|malformed|does not fit"),
    ],
    ids=lambda text: text[:40],
)
def test_a_reply_that_needs_a_guess_is_refused_with_the_reason(reply: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_object(reply, Pair)


@pytest.mark.parametrize(
    "reply",
    [
        f"```python\n{CODE}```",
        f"```py\n{CODE}```\nDone.",
        f"~~~python\n{CODE}~~~",
        f"```\n{CODE}```",
        f"````python3 title=x\n{CODE}````",
        f"```python\n{CODE}~~~\n",
        f"   ```python\n{CODE}   ```\n",
        CODE,
        f"Here is the program.\n\n{CODE}\nIt returns 1.0 for everything, which isn't good.",
        f"```python\ndef helper():\n    return 0\n```\nand\n```python\n{CODE}```",
        f"```python\n{CODE.replace('1.0', '0.5')}```\nOn second thought:\n```python\n{CODE}```",
    ],
)
def test_code_is_found_within_any_fences_or_none(reply: str) -> None:
    source, rest = read_code(reply, "verify")
    assert source == CODE
    assert "def verify" not in rest


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ("Nothing.", "no Python code block that defines verify"),
        ("```python\nverify = lambda p, c, r: 1.0\n```", "no Python code block"),
        (f"```python\n{CODE}", "never closed"),
        (
            "```python\ndef verify(prompt, completion, reference):\n    return (1.0\n```",
            "does not parse: '\\(' was never",
        ),
        ("def verify(prompt, completion, reference):\n    if (", "does not parse, or is cut off"),
        ("```python\n\0def verify():\n  pass\n```", "no Python code block|does not parse"),
    ],
)
def test_code_that_is_missing_or_cut_off_is_refused(reply: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_code(reply, "verify")


def test_blocks_know_their_language_and_place() -> None:
    text = "a\n```Python\nx\n```\nb\n~~~\ny\n"
    first, second = fenced_blocks(text)
    assert (first.language, first.text, first.closed) == ("python", "x\n", True)
    assert text[slice(*first.outside)] == "```Python\nx\n```\n"
    assert (second.language, second.text, second.closed) == ("", "y\n", False)


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        ("<think>{}</think>x", "x"),
        ("\n<Thinking>{}</Thinking>\nx", "\nx"),
        ("{} perhaps\n</think>\nx", "\nx"),
        ("<|channel|>analysis<|message|>{}<|end|><|channel|>final<|message|>x", "x"),
        ("x = s.split('<think>')[0] + s.split('</think>')[1]", "x = s.split('<think>')[0] + s.split('</think>')[1]"),
        ("x.rpartition('</think>')", "x.rpartition('</think>')"),
    ],
)
def test_only_reasoning_that_comes_first_is_taken_off(reply: str, shown: str) -> None:
    assert visible(reply) == shown


def test_reasoning_that_never_ends_is_a_reply_cut_off() -> None:
    with pytest.raises(ValueError, match="cut off within its reasoning"):
        visible('<think>perhaps {"name": "a", "size": 1}')


def test_a_block_whose_fence_was_forgotten_ends_where_the_next_begins() -> None:
    text = f"```json\n{GOOD}\n\n```python\n{CODE}```\n"
    assert [(block.language, block.closed) for block in fenced_blocks(text)] == [("json", False), ("python", True)]
    assert read_code(text, "verify")[0] == CODE
    assert read_object(text, Pair).size == 2
