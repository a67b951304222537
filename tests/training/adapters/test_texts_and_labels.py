"""What rollout engines send: the prompt in front, special tokens behind, one column for everything."""

import pytest

from ravelar.tools.errors import InputError, NumberNeeded
from ravelar.tools.reward import Reward
from ravelar.training.adapters.labels import triple_of
from ravelar.training.adapters.texts import completion_of, without_end_tokens
from ravelar.training.adapters.unscored import number_of, unscored_of

CHAT = "<|im_start|>user\nWhat is 6*7?<|im_end|>\n<|im_start|>assistant\n"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("It is 42.<|im_end|>", "It is 42."),
        ("It is 42.<|eot_id|>\n<|end_of_text|>", "It is 42."),
        ("It is 42.</s><pad><pad>", "It is 42."),
        ("It is 42.<end_of_turn>\n", "It is 42."),
        ("It is 42.<｜end▁of▁sentence｜>", "It is 42."),
        ("<|im_end|> is a token", "<|im_end|> is a token"),
        ("a <b>bold</b>", "a <b>bold</b>"),
        ("It is 42.  ", "It is 42.  "),
        ("", ""),
    ],
)
def test_special_tokens_go_from_the_end_alone(text: str, left: str) -> None:
    assert without_end_tokens(text) == left


def test_ten_thousand_special_tokens_cost_no_time() -> None:
    assert without_end_tokens("<|a|>" * 10_000 + "x") == "<|a|>" * 10_000 + "x"


@pytest.mark.parametrize(
    ("query", "prompt", "completion"),
    [
        (CHAT + "It is 42.<|im_end|>", CHAT, "It is 42."),
        ("<s>" + CHAT + "It is 42.", CHAT, "It is 42."),
        ("6*7? 42", "6*7?", " 42"),
        ("anything", "", "anything"),
        (CHAT + CHAT, CHAT, CHAT.removesuffix("assistant\n") + "assistant\n"),
    ],
)
def test_a_completion_is_what_follows_the_prompt(query: str, prompt: str, completion: str) -> None:
    assert completion_of(query, prompt) == completion


def test_a_prompt_that_decoding_has_changed_is_found_by_its_end() -> None:
    first = "<|im_start|>user\nHello ,  world<|im_end|>\n<|im_start|>assistant\nHi.<|im_end|>\n"
    end = "<|im_start|>user\nAnd what would you say the number six times seven is?<|im_end|>\n<|im_start|>assistant\n"
    assert completion_of(first.replace(" ,  ", ", ") + end + "42", first + end) == "42"


def test_the_end_counts_where_the_prompt_has_it_and_not_where_the_policy_repeats_it() -> None:
    turn = "<|im_start|>user\n" + "Once more, please, from the very beginning." + CHAT[CHAT.index("<|im_end|>") :]
    prompt = "A  note\n" + turn + "42" + turn
    assert completion_of(prompt.replace("A  note", "A note") + "43" + turn + "44", prompt) == "43" + turn + "44"


def test_a_prompt_that_was_cut_is_refused_and_not_guessed() -> None:
    with pytest.raises(InputError, match="allow longer prompts"):
        completion_of("times seven?\nanswer: 42", "What is six " + "times seven? " * 9)


@pytest.mark.parametrize(
    ("label", "reference", "metadata"),
    [
        ("42", "42", {}),
        (42, 42, {}),
        ("", None, {}),
        (None, None, {}),
        ({"reference": 42, "task": "math"}, 42, {"task": "math"}),
        ('{"reference": "B", "options": ["x", "y"]}', "B", {"options": ["x", "y"]}),
        ({"inputs": [1], "outputs": [2]}, {"inputs": [1], "outputs": [2]}, {}),
        ('{"type": "object"}', '{"type": "object"}', {}),
        ('{"reference": broken', '{"reference": broken', {}),
    ],
)
def test_a_label_is_the_reference_or_names_it(label: object, reference: object, metadata: dict[str, object]) -> None:
    triple = triple_of("p", "c", label)
    assert (triple.reference, triple.metadata) == (reference, metadata)


def test_an_unscored_reward_is_refused_unless_something_is_named_for_it() -> None:
    lost = Reward(None, "judge", "ToolUnavailable: no model")
    with pytest.raises(NumberNeeded, match=r"unscored by judge: ToolUnavailable: no model.*`unscored`"):
        number_of(lost)
    assert number_of(lost, "null") is None
    assert number_of(lost, 0.25) == 0.25
    assert number_of(Reward(0.5, "judge"), "error") == 0.5


@pytest.mark.parametrize(("given", "read"), [("error", "error"), ("null", "null"), ("-0.5", -0.5), (1, 1.0)])
def test_the_setting_is_read_from_text_or_number(given: object, read: object) -> None:
    assert unscored_of(given) == read


@pytest.mark.parametrize("given", ["nan", "inf", "zero", True, None, [], 10**400])
def test_what_no_trainer_can_read_is_refused(given: object) -> None:
    with pytest.raises(InputError, match="'error', 'null', or a finite number"):
        unscored_of(given)
