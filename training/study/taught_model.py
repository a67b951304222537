"""Reward models trained here: policies tuned by noisy preference pairs of their own writing, read as rewards."""

import copy
import math
import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ravelar.tools.calibration import Calibration
from ravelar.tools.card import Provenance, ToolCard
from ravelar.tools.reward import RawScore, Triple
from ravelar.training.study.families import BY_NAME, Family, Question
from ravelar.training.study.policy import IGNORED, asked, batch_of, new_tokenizer
from ravelar.training.study.writing import written

BATCH = 32
"""Pairs in a batch."""

RATE = 1e-3
BETA = 0.5
_TRIES = 200  # of a policy that is always or never right, no two completions differ in merit


class Pair(NamedTuple):
    """Two completions of a question, the one that was preferred first."""

    question: Question
    preferred: str
    other: str


def preferences(
    policy: Any, questions: Sequence[Question], *, seed: int, samples: int = 12, pairs: int = 2_000
) -> list[Pair]:
    """Let the policy write so many completions of each question, and a reader prefer: so many pairs of each family.

    Only completions of different merit make a pair. Which one is preferred is drawn by the Bradley-Terry model on
    their merits, so that about one label in ten is the wrong way round, and stays so.
    """
    rng = random.Random(f"pairs {seed}")
    found: list[Pair] = []
    for name, family in BY_NAME.items():
        own = [question for question in questions if question.family == name]
        if not own:
            continue
        said = written(policy, own, samples=samples, seed=seed)
        by_question = [said[at : at + samples] for at in range(0, len(said), samples)]
        found += [pair_of(own, by_question, family, rng) for _ in range(pairs)]
    return found


def teach(warm: Any, pairs: Sequence[Pair], *, seed: int, steps: int) -> Any:
    """Return a copy of a warm policy that was taught what readers prefer, by direct preference optimisation.

    Source: Rafailov et al. 2023 (arXiv 2305.18290), equation 7.

    Args:
        warm: The warm policy; left as it is.
        pairs: What readers preferred.
        seed: Decides the order of pairs.
        steps: Batches of `BATCH` pairs.
    """
    import torch  # noqa: PLC0415  heavy

    rng, tokenizer = random.Random(seed), new_tokenizer()
    model = copy.deepcopy(warm).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0)
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, total_iters=steps)
    for _ in range(steps):
        batch = rng.choices(pairs, k=BATCH)
        texts = [(asked(pair.question), said) for pair in batch for said in (pair.preferred, pair.other)]
        rows = batch_of(texts, tokenizer)
        with torch.no_grad():
            before = log_likelihoods(warm, rows)
        gains = BETA * (log_likelihoods(model, rows) - before).view(-1, 2)
        loss: Any = -torch.nn.functional.logsigmoid(gains[:, 0] - gains[:, 1]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay.step()
    return model.eval()


class ImplicitRewardModel:
    """The reward that a preference-tuned policy stands for: how much likelier it finds a completion than before.

    Args:
        name: The tool's name.
        tuned: The policy after `teach`.
        warm: The policy before.
        calibration: The map to [0, 1]; None while there is none.
    """

    def __init__(self, name: str, *, tuned: Any, warm: Any, calibration: Calibration | None = None) -> None:
        self._tuned, self._warm, self._tokenizer = tuned, warm, new_tokenizer()
        self.card = ToolCard(
            name=name,
            kind="reward_model",
            task="what readers prefer, in the study",
            summary="log pi(completion | prompt) - log pi_warm(completion | prompt) of a policy tuned by DPO on pairs",
            needs=("prompt",),
            low=-math.inf,
            high=math.inf,
            calibration=calibration,
            provenance=Provenance(source="taught here", note="arXiv 2305.18290"),
        )

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return n differences of log likelihoods."""
        import torch  # noqa: PLC0415  heavy

        if not triples:
            return []
        rows = batch_of([(triple.question, triple.text) for triple in triples], self._tokenizer)
        with torch.inference_mode():
            tuned, warm = (log_likelihoods(model, rows) for model in (self._tuned, self._warm))
        return [float(gain) for gain in tuned - warm]


def log_likelihoods(policy: Any, batch: Mapping[str, Any]) -> Any:
    """Return log pi(completion and its end | prompt) of each row of `batch_of`, as a tensor of shape (n,)."""
    logits = policy(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1]
    labels = batch["labels"][:, 1:]
    learned = labels != IGNORED
    picked = logits.log_softmax(-1).gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    return (picked * learned).sum(-1)


def pair_of(questions: Sequence[Question], said: Sequence[Sequence[str]], family: Family, rng: random.Random) -> Pair:
    """Draw two completions of one question that differ in merit, and who is preferred; two demonstrations at need."""
    for _ in range(_TRIES):
        at = rng.randrange(len(questions))
        one, other = rng.sample(said[at], 2)
        ahead = family.merit(questions[at], one) - family.merit(questions[at], other)
        if ahead:
            agrees = rng.random() < 1 / (1 + math.exp(-ahead))
            return Pair(questions[at], *((one, other) if agrees else (other, one)))
    question = rng.choice(questions)
    return Pair(question, *(family.demonstration(question, rng, right=right) for right in (True, False)))
