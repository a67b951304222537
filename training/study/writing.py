"""What a policy writes to questions, and how much of it is true."""

from collections.abc import Sequence
from typing import Any

from ravelar.training.study.families import BY_NAME, Question
from ravelar.training.study.policy import LONGEST_COMPLETION, asked, new_tokenizer

_AT_ONCE = 1_024


def written(policy: Any, questions: Sequence[Question], *, samples: int, seed: int) -> list[str]:
    """Return completions at temperature 1, so many of each question, all of a question side by side.

    The state of torch's random numbers is afterwards what it was.
    """
    import torch  # noqa: PLC0415  heavy

    state, training = torch.get_rng_state(), policy.training
    torch.manual_seed(seed)
    policy.eval()
    prompts = [asked(question) for question in questions for _ in range(samples)]
    texts = [text for at in range(0, len(prompts), _AT_ONCE) for text in _batch(policy, prompts[at : at + _AT_ONCE])]
    policy.train(training)
    torch.set_rng_state(state)
    return texts


def accuracy(questions: Sequence[Question], completions: Sequence[str]) -> dict[str, float]:
    """Return true accuracy per family; completions of a question stand side by side, equally many of each."""
    samples = len(completions) // len(questions)
    right: dict[str, list[bool]] = {}
    for i, completion in enumerate(completions):
        question = questions[i // samples]
        right.setdefault(question.family, []).append(BY_NAME[question.family].right(question, completion))
    return {name: round(sum(found) / len(found), 4) for name, found in right.items()}


def _batch(policy: Any, prompts: Sequence[str]) -> list[str]:
    import torch  # noqa: PLC0415  heavy

    tokenizer = new_tokenizer()
    given = tokenizer(list(prompts), return_tensors="pt", padding=True)
    with torch.inference_mode():
        ids = policy.generate(
            input_ids=given["input_ids"],
            attention_mask=given["attention_mask"],
            max_new_tokens=LONGEST_COMPLETION,
            do_sample=True,
            temperature=1.0,
            top_k=0,
        )
    texts: list[str] = tokenizer.batch_decode(ids[:, given["input_ids"].shape[1] :], skip_special_tokens=True)
    return texts
