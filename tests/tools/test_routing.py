import inspect
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravelar.tools.reward import Triple
from ravelar.tools.routing import Held, route

SHAPES = {
    "a number": ("How many?", 42, {}, "math_answer"),
    "a float": ("How much?", 3.5, {}, "math_answer"),
    "a number as text": ("How many?", "1,234", {}, "math_answer"),
    "money": ("How much?", "$18.50", {}, "math_answer"),
    "a fraction": ("Which part?", "3/4", {}, "math_answer"),
    "a solution that ends in a box": ("Solve.", "We get $x=2$, so \\boxed{2}.", {}, "math_answer"),
    "a GSM8K solution": ("Solve.", "6 * 7 = 42\n#### 42", {}, "math_answer"),
    "a solution that ends in A:": ("Solve.", "6 * 7 = 42\nA: 42", {}, "math_answer"),
    "a formula": ("Simplify.", "\\frac{x}{2}", {}, "math_answer"),
    "an interval": ("Which x?", "(0, 1]", {}, "math_answer"),
    "an expression where the prompt is mathematics": ("Simplify $x+x$.", "2x", {}, "math_answer"),
    "roots": ("Solve $x^2=4$.", "-2,2", {}, "math_answer"),
    "money with escapes": ("How much?", "\\$32,\\!348", {}, "math_answer"),
    "a number in base eight": ("Compute $6_8 \\cdot 7_8.$", "52_8", {}, "math_answer"),
    "a letter among options": ("Which?\nA) red\nB) blue", "B", {}, "choice"),
    "an option's text": ("Which? (A) red (B) blue", "blue", {}, "choice"),
    "options in a column": ("Which?", "blue", {"options": ["red", "blue"]}, "choice"),
    "a number among options": ("How many?\nA) 12\nB) 15", "15", {}, "choice"),
    "an instruction list": ("Write.", None, {"instruction_id_list": ["punctuation:no_comma"]}, "instructions"),
    "an instruction mapping": ("Write.", {"instruction_id_list": [], "kwargs": []}, {}, "instructions"),
    "a JSON schema": ("Give JSON.", {"type": "object", "properties": {}}, {}, "json_schema"),
    "a pattern": ("Write a date.", {"regex": r"\d{4}"}, {}, "regex"),
    "a target language": ("Guten Tag.", "Good day.", {"target_language": "en"}, "translation"),
    "a request to translate": ("Translate this into German: Hello.", "Hallo.", {}, "translation"),
    "a request to translate, in Chinese": ("请把下面的句子翻译成英文。", "Hello.", {}, "translation"),
    "a request to summarise": ("Summarize the text: ...", "It rained.", {}, "overlap"),
    "a request for one word": ("Capital of France? Answer with one word.", "Paris", {}, "normalized"),
    "JSON asked for and given": ("Reply as JSON.", '{"a": 1}', {}, "exact"),
    "a list where JSON is asked for": ("Reply as JSON.", [1, 2], {}, "exact"),
    "an index of listed options": ("Which?", 1, {"choices": ["red", "blue"]}, "choice"),
    "the first index of listed options": ("Which?", 0, {"choices": ["red", "blue"]}, "choice"),
    "an index before the first option": ("Which?", -1, {"choices": ["red", "blue"]}, "math_answer"),
    "an index behind the last option": ("Which?", 2, {"choices": ["red", "blue"]}, "math_answer"),
    "a tool call": ("What is the weather?", {"name": "weather", "arguments": {}}, {}, "exact"),
    "tags": ("Think first.", {"tags": ["think", "answer"]}, {}, "format"),
    "several translations": ("Translate into German: Hi.", ["Hallo.", "Hi."], {}, "translation"),
    "a HumanEval row": ("def f(x):", None, {"test": "def check(f): ...", "entry_point": "f"}, "unit_tests"),
    "an MBPP row": ("Write f.", None, {"test_list": ["assert f(1) == 2"]}, "unit_tests"),
    "asserts": ("Write f.", ["assert f(1) == 2"], {}, "unit_tests"),
    "an assert as text": ("Write f.", "assert f(1) == 2", {}, "unit_tests"),
    "asserts further down in a text": ("Write f.", "x = 1\nassert f(x) == 2", {}, "unit_tests"),
    "a check as text": ("Write f.", "def check(f):\n    pass", {}, "unit_tests"),
    "the longest formula": ("Simplify.", "\\frac{x}{2}" + "+" * 989, {}, "math_answer"),
    "a request at the end of a long prompt": (
        "It rained. " * 500 + "Summarize the text above.",
        "It rained.",
        {},
        "overlap",
    ),
    "a request at the end of a prompt of twice the length that is read": (
        "Answer with one word.".rjust(4_000, "x"),
        "Paris",
        {},
        "normalized",
    ),
    "several answers, of which the first is short": (
        "Capital of France? Answer with one word.",
        ["Paris", "the city on the Seine that has been the seat of its government for centuries"],
        {},
        "normalized",
    ),
    "several answers that are one": ("Capital of France? Answer with one word.", ["Paris"], {}, "normalized"),
    "tool calls": ("Weather?", [{"name": "weather", "arguments": {"place": "Oslo"}}], {}, "exact"),
    "tool calls with their ids": ("Weather?", [{"name": "weather", "arguments": {}, "id": "1"}], {}, "exact"),
    "a formula of six words": ("Which x?", "\\text{any odd number but not one}", {}, "math_answer"),
    "the longest short answer": ("Answer with one word.", "x" * 60, {}, "normalized"),
    "a request before a word of another one": (
        "Yes or no: was he there? " + "It rained. " * 20 + "He was the only one.",
        "Yes",
        {},
        "normalized",
    ),
    "cases": ("Write f.", [{"args": [1], "expected": 2}], {}, "unit_tests"),
    "inputs and outputs": ("Read a number.", {"inputs": ["1"], "outputs": ["2"]}, {}, "unit_tests"),
    "a task": ("Say it.", "Paris", {"task": "Exact-Match"}, "exact"),
    "a task that is a tool": ("Say it.", "Paris", {"task": "normalized"}, "normalized"),
    "a tool before a task": ("Say it.", 42, {"tool": "exact", "task": "math"}, "exact"),
    "a label that says nothing": ("How many?", 42, {"task": "batch 7"}, "math_answer"),
}
UNKNOWN = {
    "nothing at all": ("Tell me a joke.", None, {}),
    "an open answer": ("Why is the sky blue?", "Because of Rayleigh scattering.", {}),
    "a letter without options": ("Which is it?", "B", {}),
    "a truth value": ("Is it so?", True, {}),
    "an empty reference": ("How many?", " ", {}),
    "a mapping of something": ("Do it.", {"a": 1}, {}),
    "a list of something": ("Do it.", [1, 2], {}),
    "a word about translation": ("Translate the word problem into an equation.", "x plus y", {}),
    "prose with prices": ("Tell a story.", "She paid $5 for the hat and $6 for the coat, and went home happy.", {}),
    "an expression without mathematics around": ("What did he shout?", "x-y", {}),
    "a word about summaries": ("He wrote a summary of it and left. What then?", "He slept.", {}),
    "总结 in a text": ("他在会上作了总结报告。", "He gave a report.", {}),
    "a formula that is too long": ("Simplify.", "\\frac{x}{2}" + "+" * 990, {}),
    "a task that is no text": ("Say it.", "Because of Rayleigh scattering.", {"task": 5}),
    "an empty task": ("Say it.", "Because of Rayleigh scattering.", {"task": ""}),
    "a lone sign": ("How much?", "%", {}),
    "a test without the name of what it tests": ("Write f.", None, {"test": "def check(f): ..."}),
    "the name of what is tested without a test": ("Write f.", None, {"entry_point": "f", "test": ""}),
    "a column for a language that names none": ("Guten Tag.", "Good day.", {"target_language": ""}),
    "JSON asked for and something else given": ("Reply as JSON.", "It rained.", {}),
    "JSON given that nobody asked for": ("Say it.", '{"a": 1}', {}),
    "a list of calls, one of them without arguments": ("Do it.", [{"name": "f", "arguments": {}}, {"name": "g"}], {}),
    "a formula of seven words": ("Which x?", "\\text{any odd number but not one two}", {}),
    "an answer that is too long for a short one": ("Answer with one word.", "x" * 61, {}),
    "a request to summarise amid a prompt": (
        "It rained. " * 30 + "Please summarize. " + "It rained. " * 30,
        "It rained.",
        {},
    ),
    "a request in the middle of a long prompt, which is not read": (
        "It rained. " * 300 + "Answer with one word. " + "It rained. " * 300,
        "Paris",
        {},
    ),
}


@pytest.mark.parametrize(("prompt", "reference", "metadata", "tool"), SHAPES.values(), ids=SHAPES.keys())
def test_what_reference_and_prompt_show_decides(prompt, reference, metadata, tool):
    assert route(prompt, reference, metadata).tool == tool


@pytest.mark.parametrize(("prompt", "reference", "metadata"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_where_nothing_fits_there_is_no_guess_but_a_reason(prompt, reference, metadata):
    chosen = route(prompt, reference, metadata)
    assert chosen.tool is None
    assert chosen.reason


def test_an_unknown_tool_is_refused_with_a_hint():
    chosen = route("?", 1, {"tool": "math_anser"}, names={"math_answer"})
    assert chosen == (None, "no reward tool 'math_anser'; did you mean 'math_answer'? known: math_answer (column tool)")


def test_a_mapping_that_shows_no_task_is_told_by_its_first_eight_keys():
    assert route("Do it.", dict.fromkeys("ihgfedcba")).reason == (
        "a mapping with the keys ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] shows no task; name a task or a tool"
    )


def test_only_a_row_that_names_its_tool_is_held_when_that_is_not_there():
    assert isinstance(route("?", 1, {"tool": "math_anser"}, names={"math_answer"}), Held)
    assert not isinstance(route("?", 42, names={"exact"}), Held)
    assert not isinstance(route("?", 1, {"tool": "math_answer"}, names={"math_answer"}), Held)


def test_a_tool_that_the_library_lacks_is_not_routed_to():
    assert route("?", 42, names={"exact"}).tool is None


def test_of_messages_the_last_user_message_decides():
    prompt = [{"role": "system", "content": "Translate into German"}, {"role": "user", "content": "Which? (A) x (B) y"}]
    assert route(prompt, "A").tool == "choice"


def test_the_router_cannot_see_the_completion():
    assert "completion" not in inspect.signature(route).parameters
    assert "completion" in Triple.__slots__


def test_routes_are_the_same_in_every_process():
    code = "from ravelar.tools.routing import route; print([route(p, r).tool for p, r in %r])"
    queries = [(prompt, reference) for prompt, reference, _, _ in SHAPES.values()]
    command = [sys.executable, "-c", code % queries]
    seen = {
        subprocess.run(command, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True).stdout
        for seed in ("0", "1", "2")
    }
    assert len(seen) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.text(max_size=200), JSON, st.dictionaries(st.text(max_size=8), JSON, max_size=3))
def test_any_query_gets_a_route(prompt, reference, metadata):
    chosen = route(prompt, reference, metadata)
    assert chosen.reason
