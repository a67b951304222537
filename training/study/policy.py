"""The policy: a tiny decoder built from a config, a tokenizer of characters, and a warm start from demonstrations."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ravelar.training.study.families import BY_NAME, Question
from ravelar.training.study.on_cpu import tiny_config

ALPHABET = "\n !+,-./0123456789:?abcdefghijklmnopqrstuvwxyz"
PAD, END, UNKNOWN = "<pad>", "<end>", "<unk>"
IGNORED = -100  # PyTorch's index of positions that a cross entropy leaves out

WIDTH = 64
LAYERS = 2
HEADS = 4
LONGEST = 64
LONGEST_COMPLETION = 17
"""Characters and the end: the longest demonstration has sixteen."""

RIGHT_SHARE = 0.5
"""How many demonstrations are right: the warm policy knows what an answer looks like, and is often wrong."""

_HARD = {"arithmetic": 2, "programs": 2}  # shown twice as often as the others: they are learned more slowly
WARM_BATCH = 64
WARM_RATE = 2e-3


def asked(question: Question) -> str:
    """Return a question as the policy reads it."""
    return f"{question.prompt}\n"


def new_tokenizer() -> Any:
    """Return a tokenizer with one token a character, which pads on the left as generation needs it."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers  # noqa: PLC0415  heavy
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415

    names = [PAD, END, UNKNOWN, *ALPHABET]
    inner = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token=UNKNOWN))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    inner.decoder = decoders.Fuse()
    made: Any = PreTrainedTokenizerFast  # transformers types neither it nor `eval`
    return made(tokenizer_object=inner, pad_token=PAD, eos_token=END, unk_token=UNKNOWN, padding_side="left")


def new_policy(seed: int) -> Any:
    """Return a policy with random weights: some 85,000, two layers."""
    import torch  # noqa: PLC0415  heavy
    from transformers import Qwen2ForCausalLM  # noqa: PLC0415

    torch.manual_seed(seed)
    return Qwen2ForCausalLM(new_config())


def new_config() -> Any:
    """Return the config of policy and reward models."""
    return tiny_config(words=len(ALPHABET) + 3, width=WIDTH, layers=LAYERS, heads=HEADS, longest=LONGEST)


def warm_start(questions: Sequence[Question], *, seed: int, steps: int, right_share: float = RIGHT_SHARE) -> Any:
    """Return a policy that was taught by demonstrations, of which a share is right, a fresh one at each step.

    Args:
        questions: The training questions of all families.
        seed: Decides weights, questions and demonstrations.
        steps: Batches of `WARM_BATCH` demonstrations.
        right_share: How many of the demonstrations are right.
    """
    import torch  # noqa: PLC0415  heavy

    policy, tokenizer = new_policy(seed), new_tokenizer()
    optimizer = torch.optim.AdamW(policy.parameters(), lr=WARM_RATE, weight_decay=0.0)
    decay = torch.optim.lr_scheduler.OneCycleLR(optimizer, WARM_RATE, total_steps=steps, pct_start=0.1)
    demonstrations = _demonstrations(questions, random.Random(seed), right_share)
    policy.train()
    for _ in range(steps):
        loss = policy(**batch_of([next(demonstrations) for _ in range(WARM_BATCH)], tokenizer)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay.step()
    return policy.eval()


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write model and tokenizer as `from_pretrained` reads them."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def load(folder: Path) -> Any:
    """Return a policy that `save` wrote."""
    from transformers import Qwen2ForCausalLM  # noqa: PLC0415  heavy

    policy: Any = Qwen2ForCausalLM.from_pretrained(folder)
    return policy.eval()


def _demonstrations(questions: Sequence[Question], rng: random.Random, right_share: float) -> Iterator[tuple[str, str]]:
    by_family: dict[str, list[Question]] = {}
    for question in questions:
        by_family.setdefault(question.family, []).append(question)
    turns = [name for name in by_family for _ in range(_HARD.get(name, 1))]
    while True:
        question = rng.choice(by_family[rng.choice(turns)])
        family = BY_NAME[question.family]
        yield asked(question), family.demonstration(question, rng, right=rng.random() < right_share)


def batch_of(pairs: Sequence[tuple[str, str]], tokenizer: Any) -> dict[str, Any]:
    """Return ids, mask and labels of (prompt, completion) pairs; only the completion and its end are learned."""
    import torch  # noqa: PLC0415  heavy

    prompts, completions = (tokenizer(list(texts))["input_ids"] for texts in zip(*pairs, strict=True))
    rows = list(zip(prompts, completions, strict=True))
    width = max(len(prompt) + len(said) for prompt, said in rows) + 1
    ids = torch.zeros((len(rows), width), dtype=torch.long)
    mask = torch.zeros_like(ids)
    labels = torch.full_like(ids, IGNORED)
    for i, (prompt, said) in enumerate(rows):
        whole = [*prompt, *said, tokenizer.eos_token_id]
        ids[i, : len(whole)] = torch.tensor(whole)
        mask[i, : len(whole)] = 1
        labels[i, len(prompt) : len(whole)] = ids[i, len(prompt) : len(whole)]
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}
