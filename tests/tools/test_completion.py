import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravelar.tools.completion import opens_reasoning, tool_calls, without_reasoning
from ravelar.tools.errors import InputError
from ravelar.tools.reward import Triple

ANSWERED = {
    "no reasoning": ("The answer is 4.", "The answer is 4."),
    "a block before": ("<think>2+2</think>The answer is 4.", "The answer is 4."),
    "two blocks": ("<think>a</think>4<think>b</think>!", "4!"),
    "other tags": ("<Reasoning>a</Reasoning>4", "4"),
    "opened by the prompt": ("2 + 2 is 4</think>4", "4"),
    "opened by the prompt, then again": ("a</think>b<think>c</think>d", "bd"),
    "nested": ("<think>a<think>b</think>c</think>4", "4"),
    "Kimi": ("◁think▷a◁/think▷4", "4"),
    "Magistral": ("[THINK]a[/THINK]4", "4"),
    "Harmony": ("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>4<|return|>", "4"),
    "a comparison": ("3 < 4 and [1, 2]", "3 < 4 and [1, 2]"),
}
UNANSWERED = {
    "never closed": "<think>2+2 is 4",
    "closed, then opened again": "<think>a</think>4<think>or is it 5",
    "Harmony without final": "<|channel|>analysis<|message|>it is 4",
}


@pytest.mark.parametrize(("text", "answer"), ANSWERED.values(), ids=ANSWERED.keys())
def test_reasoning_is_taken_off(text: str, answer: str) -> None:
    assert without_reasoning(text) == answer


@pytest.mark.parametrize("text", UNANSWERED.values(), ids=UNANSWERED.keys())
def test_reasoning_that_never_ends_means_no_answer(text: str) -> None:
    assert without_reasoning(text) is None
    assert Triple("?", text).answer == ""


def test_reasoning_opened_by_the_prompt_and_never_closed_means_no_answer() -> None:
    assert opens_reasoning("Question\n<think>\n")
    assert not opens_reasoning("Question about <think> tags")
    assert Triple("Q <think>\n", "it may be 4").answer == ""
    assert Triple("Q <think>\n", "it may be 4</think>4").answer == "4"


@given(st.text(alphabet="<>/thinkTHINK[]◁▷ab|", max_size=60))
def test_any_text_is_read_without_error(text: str) -> None:
    kept = without_reasoning(text)
    assert kept is None or "<think>" not in kept


def test_a_message_list_speaks_through_its_last_assistant_message() -> None:
    completion = [
        {
            "role": "assistant",
            "content": "Let me look.",
            "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "content": "42"},
        {"role": "assistant", "content": [{"type": "text", "text": "It is "}, {"type": "text", "text": "42."}]},
    ]
    assert Triple([{"role": "user", "content": "?"}], completion).answer == "It is 42."


def test_a_message_that_only_calls_a_tool_has_no_answer_but_its_calls_are_there() -> None:
    completion = [{"role": "assistant", "content": None, "tool_calls": [{"name": "add", "arguments": {"a": 1}}]}]
    triple = Triple("?", completion)
    assert triple.answer == ""
    assert triple.tool_calls == tool_calls(completion) == [{"name": "add", "arguments": {"a": 1}}]


@pytest.mark.parametrize("wrong", [None, 7, {"role": "assistant"}, ["text"], [{"content": "no role"}]])
def test_a_completion_of_a_wrong_type_is_refused_by_name(wrong: object) -> None:
    with pytest.raises(InputError, match="completion"):
        Triple("?", wrong)  # type: ignore[arg-type]
