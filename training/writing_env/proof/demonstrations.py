"""The warm start: a policy is taught to write calls by episodes in which most steps are drawn at random.

It learns what calls look like, and a little of which are right; what is right most of the time is left to GRPO.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Any

from ravelar.tools.writing.actions import Action, next_fixed
from ravelar.tools.writing.state import OPERATIONS
from ravelar.training.ravel_env import RavelEnvironments
from ravelar.training.study.policy import IGNORED
from ravelar.training.writing_env.proof.policy import SECTIONS, new_policy, new_tokenizer

RIGHT_SHARE = 0.4
"""How many steps of a demonstration are those of protocol fixed; the others are any operation of any section."""

STOPPING = 0.02
"""How often a demonstration just stops, at each step."""

BATCH, RATE = 16, 3e-3
ENDED = "ended"
"""What a policy says when it calls nothing more."""

Messages = list[dict[str, Any]]


def demonstration(environments: RavelEnvironments, row: dict[str, Any], rng: random.Random) -> Messages:
    """Return the conversation of one episode of which a share of the steps is right."""
    environment = environments()
    begun = environment.reset(**row) or ""
    first = row["prompt"][-1]
    messages: Messages = [{**first, "content": first["content"] + begun}]
    while not environment.state["end"] and rng.random() >= STOPPING:
        action = _drawn(next_fixed(environment.state, environments.limits), rng)
        arguments = {"section": action.section} if action.section else {}
        call = {"name": action.operation, "arguments": arguments}
        messages.append({"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": call}]})
        answer = getattr(environment, action.operation)(**arguments)
        messages.append({"role": "tool", "name": action.operation, "content": answer})
    return [*messages, {"role": "assistant", "content": ENDED}]


def warm_start(environments: RavelEnvironments, rows: Sequence[dict[str, Any]], *, seed: int, steps: int) -> Any:
    """Return a policy that was taught by fresh demonstrations, a batch at each step.

    Args:
        environments: Where they are played.
        rows: What is asked for, drawn from.
        seed: Decides weights, rows and demonstrations.
        steps: Batches of `BATCH` demonstrations.
    """
    import torch  # noqa: PLC0415  heavy

    policy, tokenizer = new_policy(seed), new_tokenizer()
    optimizer = torch.optim.AdamW(policy.parameters(), lr=RATE, weight_decay=0.0)
    decay = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    drawn = _drawn_demonstrations(environments, rows, random.Random(f"warm {seed}"))
    policy.train()
    for _ in range(steps):
        loss = policy(**batch_of([next(drawn) for _ in range(BATCH)], tokenizer)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay.step()
    return policy.eval()


def batch_of(conversations: Sequence[Messages], tokenizer: Any) -> dict[str, Any]:
    """Return ids, mask and labels; only what the assistant says is learned, its ends included."""
    import torch  # noqa: PLC0415  heavy

    texts = [tokenizer.apply_chat_template(messages, tokenize=False) for messages in conversations]
    rows = tokenizer(texts)["input_ids"]
    says, end = tokenizer.convert_tokens_to_ids("<assistant>"), tokenizer.eos_token_id
    width = max(map(len, rows))
    ids = torch.zeros((len(rows), width), dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, IGNORED)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = 1
        saying = False
        for j, token in enumerate(row):
            labels[i, j] = token if saying else IGNORED
            saying = (saying and token != end) or token == says
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def _drawn(right: Action, rng: random.Random) -> Action:
    if rng.random() < RIGHT_SHARE:
        return right
    operation = rng.choice(OPERATIONS)
    return Action(operation=operation, section=None if operation in {"outline", "finish"} else rng.choice(SECTIONS))


def _drawn_demonstrations(
    environments: RavelEnvironments, rows: Sequence[dict[str, Any]], rng: random.Random
) -> Iterator[Messages]:
    while True:
        yield demonstration(environments, rng.choice(rows), rng)
