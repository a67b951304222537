"""What no completion may do to a built-in text tool: raise, leave the card's range, or take long."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ravelar.tools.errors import RewardToolError
from ravelar.tools.reward import RewardTool, Scored, Triple
from ravelar.tools.verifiers.choice import Choice
from ravelar.tools.verifiers.json_schema import JsonSchema
from ravelar.tools.verifiers.layout import Format
from ravelar.tools.verifiers.length import Length
from ravelar.tools.verifiers.match import Exact, Normalized
from ravelar.tools.verifiers.overlap import Overlap
from ravelar.tools.verifiers.overlength import Overlength
from ravelar.tools.verifiers.pattern import Regex
from ravelar.tools.verifiers.repetition import Repetition
from ravelar.tools.verifiers.translation import Bleu, Translation

TEXT = "The quick brown fox jumps over the lazy dog near the river bank. " * 10
SCHEMA = {"type": "array", "items": {"type": ["object", "string"]}, "uniqueItems": True}
PROMPT = "Which? Write 300 words.\nA) stone\nB) pear\nC) C++"
TOOLS: list[tuple[RewardTool, object]] = [
    (Choice(), "B"),
    (Exact(), {"a": 1}),
    (Exact(), "pear"),
    (Normalized(), ["pear", "a pear tree"]),
    (JsonSchema(), SCHEMA),
    (JsonSchema(), {"type": "string", "pattern": "^(a+)+$"}),
    (Regex(), r"(\s*\w+\s*)+="),
    (Format(), None),
    (Overlength(limit=100, buffer=50, unit="words"), None),
    (Length(), None),
    (Repetition(), None),
    (Translation(), TEXT),
    (Bleu(), TEXT),
    (Overlap(), TEXT),
]
MILLION = 1_000_000
HOSTILE = {
    "letters": "x" * MILLION,
    "spaces": " " * (MILLION - 1) + "b",
    "newlines": "\n" * MILLION,
    "articles": "A " * (MILLION // 2),
    "hedges": "A, B, C or " * (MILLION // 11),
    "han": "中文字" * (MILLION // 3),
    "boxes": "\\boxed{" * (MILLION // 7),
    "wrappers": "\\text{" * (MILLION // 6),
    "tags": "<think>" * (MILLION // 7),
    "answers": "<answer>" * (MILLION // 8),
    "lead-ins": "The answer is " * (MILLION // 14),
    "fences": "```json\n" * (MILLION // 8),
    "brackets": "[" * MILLION,
    "objects": "[" + "{}," * (MILLION // 3 - 1) + "{}]",
    "nul and surrogate": "\0\ud800" * (MILLION // 2),
    "ligatures": "\ufdfa" * MILLION,
    "numbers": " ".join(map(str, range(MILLION // 7))),
}


def ids(case: object) -> str:
    return case.card.name if isinstance(case, RewardTool) else ""


@pytest.mark.parametrize(("tool", "reference"), TOOLS, ids=ids)
@pytest.mark.parametrize("completion", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.slow
def test_a_million_hostile_characters_are_scored_in_seconds(
    tool: RewardTool, reference: object, completion: str
) -> None:
    start = time.monotonic()
    [score] = tool.score([Triple(PROMPT, completion, reference)])
    assert time.monotonic() - start < 10  # about one second alone; the bound only catches quadratic time
    assert isinstance(score, float | Scored)


# Overlength counts whatever was written; its own tests say what it makes of an empty completion.
@pytest.mark.parametrize(("tool", "reference"), [case for case in TOOLS if case[0].card.name != "overlength"], ids=ids)
@pytest.mark.parametrize("completion", ["", " \n", "<think>never ends", "\0", "\ud800"])
def test_a_completion_without_an_answer_earns_the_lowest(tool: RewardTool, reference: object, completion: str) -> None:
    [score] = tool.score([Triple(PROMPT, completion, reference)])
    assert (score.raw if isinstance(score, Scored) else score) == tool.card.worst


_MARKS = [
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    "```json\n",
    "```",
    "**",
    "\\boxed{",
    "The answer is ",
    "答案",
]
_PIECES = st.sampled_from([*'AB}{[":,\n $是\0\ud800', "pear", "answer", "or", "1e999", *_MARKS])


@pytest.mark.parametrize(("tool", "reference"), TOOLS, ids=ids)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(completion=st.lists(_PIECES, max_size=25).map("".join) | st.text(max_size=80))
def test_any_text_is_scored_within_the_cards_range(tool: RewardTool, reference: object, completion: str) -> None:
    first, again = (tool.score([Triple(PROMPT, completion, reference)])[0] for _ in range(2))
    assert isinstance(first, float | Scored)
    assert first == again
    assert tool.card.low <= (first.raw if isinstance(first, Scored) else first) <= tool.card.high


@pytest.mark.parametrize(("tool", "_reference"), TOOLS, ids=ids)
@settings(deadline=None, max_examples=60)
@given(
    reference=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    )
)
def test_any_reference_is_taken_or_refused_but_never_crashes(
    tool: RewardTool, _reference: object, reference: object
) -> None:
    [score] = tool.score([Triple(PROMPT, "The answer is B", reference)])
    assert isinstance(score, float | Scored | RewardToolError)
