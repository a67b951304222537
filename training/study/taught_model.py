"""Reward models trained here: a warm policy with a score head, taught by noisy preference pairs."""

import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ravelar.tools.reward import RewardTool
from ravelar.training.study.families import BY_NAME, Question
from ravelar.training.study.policy import asked, new_tokenizer, save

PAIRS = 32
"""Pairs in a batch."""

RATE = 3e-3
_CHAT = "{% for message in messages %}{{ message['content'] }}{% endfor %}{{ eos_token }}"


def teach(warm: Path, questions: Sequence[Question], *, seed: int, steps: int, folder: Path) -> None:
    """Teach a warm policy with a score head to prefer as a reader does, and write it where reward models are read.

    A pair is two demonstrations for one question, one of them right; which is preferred is drawn by the
    Bradley-Terry model on their merits, so that about one label in ten is the wrong way round.

    Args:
        warm: Folder of the warm policy.
        questions: Training questions; of one family or of all.
        seed: Decides pairs and the head's first weights.
        steps: Batches of `PAIRS` pairs.
        folder: Where to write the model.
    """
    import torch  # noqa: PLC0415  heavy
    from transformers import Qwen2ForSequenceClassification  # noqa: PLC0415

    torch.manual_seed(seed)
    tokenizer = new_tokenizer()
    tokenizer.padding_side = "right"
    tokenizer.chat_template = _CHAT
    model = Qwen2ForSequenceClassification.from_pretrained(warm, num_labels=1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0)
    decay = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    pairs = preferences(questions, random.Random(seed))
    model.train()
    for _ in range(steps):
        batch = [next(pairs) for _ in range(PAIRS)]
        texts = [f"{asked(question)}{said}{tokenizer.eos_token}" for question, *both in batch for said in both]
        given = tokenizer(texts, return_tensors="pt", padding=True)
        scores = model(input_ids=given["input_ids"], attention_mask=given["attention_mask"]).logits.view(-1, 2)
        loss = -torch.nn.functional.logsigmoid(scores[:, 0] - scores[:, 1]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay.step()
    save(model, tokenizer, folder)


def preferences(questions: Sequence[Question], rng: random.Random) -> Iterator[tuple[Question, str, str]]:
    """Yield (question, preferred, other) without end, each family as often as the others."""
    by_family: dict[str, list[Question]] = {}
    for question in questions:
        by_family.setdefault(question.family, []).append(question)
    while True:
        question = rng.choice(rng.choice(list(by_family.values())))
        family = BY_NAME[question.family]
        good, bad = (family.demonstration(question, rng, right=right) for right in (True, False))
        ahead = family.merit(question, good) - family.merit(question, bad)
        agrees = rng.random() < 1 / (1 + math.exp(-ahead))
        yield (question, good, bad) if agrees else (question, bad, good)


def opened(folder: Path, name: str) -> RewardTool:
    """Return a taught model as a reward tool, read by the code that reads reward models of the Hub; uncalibrated."""
    from ravelar.tools.hub.reward_model import open_reward_model  # noqa: PLC0415  heavy

    model = open_reward_model(folder, repo=f"study/{name}", revision="taught-here", device="cpu", dtype="float32")
    return model.with_card(model.card.model_copy(update={"name": name}))

