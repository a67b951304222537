"""OpenRLHF and slime: what they POST, and what they read, as their code of 2026 does it."""

from typing import Any

import pytest

from ravelar.tools.errors import InputError, NumberNeeded
from ravelar.tools.reward import Reward
from ravelar.training.adapters import openrlhf, slime

CHAT = "<|im_start|>user\nWhat is 6*7?<|im_end|>\n<|im_start|>assistant\n"
LOST = Reward(None, "math_answer", "UnusableReference: none")


def body(**changed: Any) -> dict[str, Any]:
    return {"query": [CHAT + "It is 42.<|im_end|>"], "prompts": [CHAT], "labels": ["42"]} | changed


def test_openrlhf_sends_prompt_and_completion_in_one_text() -> None:
    (triple,) = openrlhf.to_triples(body())
    assert (triple.prompt, triple.completion, triple.reference) == (CHAT, "It is 42.", "42")


def test_openrlhf_may_send_no_labels() -> None:
    (triple,) = openrlhf.to_triples({name: body()[name] for name in ("query", "prompts")})
    assert triple.reference is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (body(query="text"), "query is str; a list of texts is needed"),
        (body(prompts=None), "prompts is NoneType"),
        (body(prompts=[CHAT, CHAT]), "equally long, got 1, 2 and 1"),
        (body(labels="42"), "labels is str"),
        (body(query=[7]), r"query\[0\] is int; a text is needed"),
        (body(query=["something else"]), "does not begin with its prompt"),
        ({}, "query is NoneType"),
    ],
)
def test_what_openrlhf_would_never_send_is_named(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        openrlhf.to_triples(wrong)


def test_openrlhf_reads_rewards_scores_and_numbers_to_log() -> None:
    reply = openrlhf.from_rewards([Reward(0.5, "a"), LOST], unscored=0.0)
    assert reply == {"rewards": [0.5, 0.0], "scores": [0.5, 0.0], "extra_logs": {"scored": [1.0, 0.0]}}


def test_openrlhf_is_refused_a_number_that_nobody_named() -> None:
    with pytest.raises(NumberNeeded, match="UnusableReference"):
        openrlhf.from_rewards([Reward(0.5, "a"), LOST])
    assert openrlhf.from_rewards([LOST], unscored="null")["rewards"] == [None]


def test_slime_sends_one_sample_and_reads_a_number() -> None:
    triple = slime.to_triple({"prompt": CHAT, "response": "It is 42.<|im_end|>", "label": "42"})
    assert (triple.prompt, triple.completion, triple.reference) == (CHAT, "It is 42.", "42")
    assert slime.from_reward(Reward(1.0, "math_answer")) == 1.0
    assert slime.from_reward(LOST, unscored=-1.0) == -1.0
    with pytest.raises(NumberNeeded):
        slime.from_reward(LOST)


def test_slime_may_send_chat_messages() -> None:
    messages = [{"role": "user", "content": "6*7?"}]
    assert slime.to_triple({"prompt": messages, "response": "42", "label": None}).prompt == messages


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"prompt": "p"}, "response is NoneType"),
        ({"response": "r"}, "prompt is missing"),
        ({"prompt": 7, "response": "r"}, "prompt is int"),
    ],
)
def test_what_slime_would_never_send_is_named(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        slime.to_triple(wrong)
