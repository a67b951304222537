"""Which models are worth a download: a pure function of their facts, with a sentence for each that is not."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ravelar.tools.hub.facts import ModelFacts
from ravelar.tools.hub.search import PIPELINES

GB = 1_000_000_000
PARAMETER_BYTES = 2  # bf16
OVERHEAD = 1.2  # ours: activations of a short batch and the tokenizer come to less than a fifth from 100 M upwards
LEAST_OVERHEAD = 200_000_000  # bytes; what a small model needs beside its weights
PIPELINES_OF_TEXT = frozenset(
    {*PIPELINES, "text-generation", "text2text-generation", "token-classification", "feature-extraction"}
    | {"sentence-similarity", "reinforcement-learning", "zero-shot-classification", "fill-mask"}
)
PAIRWISE = re.compile(r"pair[-_]?(?:rm|rank|wise)|pair[-_]preference", re.IGNORECASE)  # in a class or a name
PAIRWISE_TAG = re.compile(r"pair[-_]?(?:rm|ranker)", re.IGNORECASE)  # a model *trained* on pairs may say so too
PROCESS = re.compile(r"ForTokenClassification|ProcessReward", re.IGNORECASE)
TAGGING = re.compile(r"[BIES]-")  # labels of a tagger: B-PER, I-PER
SENTIMENT = frozenset({"positive", "negative", "neutral", "joy", "anger", "sadness", "toxic", "non-toxic", "hate"})


class Refusal(NamedTuple):
    """A model that is not worth a download, and why."""

    repo: str
    reason: str


class Shortlist(NamedTuple):
    """Models kept, in the order in which they came, and models refused."""

    kept: tuple[ModelFacts, ...]
    refused: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a model may be.

    Attributes:
        memory_bytes: What the model may take when loaded in bf16; None for no limit.
        max_bytes: What its weights may have on disk; None for no limit.
        allow_remote_code: Repositories, by name, whose own code may run.
        score_index: For a classifier of several labels, which of them is the score, by repository.
    """

    memory_bytes: int | None = None
    max_bytes: int | None = None
    allow_remote_code: Collection[str] = ()
    score_index: Mapping[str, int] | None = None


def shortlist(  # noqa: PLR0913  limits, all by keyword
    facts: Iterable[ModelFacts],
    *,
    max_candidates: int,
    memory_bytes: int | None = None,
    max_bytes: int | None = None,
    allow_remote_code: Collection[str] = (),
    score_index: Mapping[str, int] | None = None,
) -> Shortlist:
    """Keep the first `max_candidates` models that nothing speaks against; say of all others why not.

    The order is the caller's: a search ranks, this only refuses. A repository that comes twice counts once.
    The limits are those of `Limits`.
    """
    limits = Limits(memory_bytes, max_bytes, allow_remote_code, score_index)
    kept: list[ModelFacts] = []
    refused: list[Refusal] = []
    seen: set[str] = set()
    for each in facts:
        if each.repo in seen:
            continue
        seen.add(each.repo)
        reason = refusal(each, limits)
        if reason is None and len(kept) >= max_candidates:
            reason = f"not looked at further: {max_candidates} candidates before it are as many as the budget allows"
        if reason is None:
            kept.append(each)
        else:
            refused.append(Refusal(each.repo, reason))
    return Shortlist(tuple(kept), tuple(refused))


def refusal(facts: ModelFacts, limits: Limits = Limits()) -> str | None:
    """Say why a model must not be used, or None if nothing is known against it.

    Nothing known is not a proof: an untrained head has the right name and shape; only the model's self-test
    and its evidence on probes tell.
    """
    for check in CHECKS:
        if (reason := check(facts, limits)) is not None:
            return reason
    return None


def _closed(facts: ModelFacts, _: Limits) -> str | None:
    if facts.disabled:
        return "disabled by the Hub"
    if facts.gated and any("is gated" in why for why in facts.unread.values()):
        return "gated: its owner must grant access to the token's user before its files can be read"
    return None


def _other_task(facts: ModelFacts, _: Limits) -> str | None:
    tag = facts.pipeline_tag
    if tag is None or tag in PIPELINES_OF_TEXT or any("reward" in tag.lower() for tag in facts.tags):
        return None
    return f"wrong pipeline: it is tagged {tag}; a reward model of text has none, or {', '.join(PIPELINES)} ..."


def _pairwise(facts: ModelFacts, _: Limits) -> str | None:
    name = facts.repo.split("/")[-1]
    found = [place for place in (*facts.architectures, facts.model_type or "", name) if PAIRWISE.search(place)]
    found += [tag for tag in facts.tags if PAIRWISE_TAG.fullmatch(tag)]
    if not found:
        return None
    return f"pairwise only ({found[0]}): it compares two completions and gives none a score of its own"


def _adapter(facts: ModelFacts, _: Limits) -> str | None:
    if facts.peft_base is None:
        return None
    return f"an adapter (LoRA or the like) of {facts.peft_base}, no model by itself; merge it and publish the result"


def _unread(facts: ModelFacts, _: Limits) -> str | None:
    if "config.json" in facts.unread:
        return f"config.json can't be used: {facts.unread['config.json']}"
    if facts.file("config.json") is None:
        return "no config.json: nothing says how its weights are to be loaded"
    return None


def _remote_code(facts: ModelFacts, limits: Limits) -> str | None:
    if not facts.needs_remote_code:
        return None
    if facts.repo not in limits.allow_remote_code:
        classes = ", ".join(sorted(set(facts.auto_map.values())))[:150]
        return f"needs its own code ({classes}), which runs only where {facts.repo} is allowed by name"
    if strangers := sorted(facts.foreign_code - set(limits.allow_remote_code)):
        return f"needs the code of {', '.join(strangers)[:150]}, which is not allowed by name"
    return None


def _no_weights(facts: ModelFacts, _: Limits) -> str | None:
    if facts.safetensors:
        return None
    if why := next((why for path, why in facts.unread.items() if path.endswith(".index.json")), None):
        return f"its index of weights can't be used: {why}"
    if facts.weight_bytes.get("pickle"):
        return f"pickle only ({facts.weight_bytes['pickle'] / GB:.2f} GB): loading a pickle can run anything"
    others = ", ".join(facts.weight_bytes) or "none"
    return f"no weights as model.safetensors or its shards; formats found: {others}"


def _no_head(facts: ModelFacts, _: Limits) -> str | None:
    if facts.needs_remote_code or facts.score_head:
        return None  # code of its own may name its head as it likes
    unread = {path: why for path, why in facts.unread.items() if path.endswith(".safetensors")}
    if unread or not facts.headers_read:
        return f"no safetensors header could be read: {next(iter(unread.values()), 'none was sent')}"
    if facts.lm_head or any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in facts.architectures):
        return "no score head: a plain language model, whose weights end in a vocabulary (as a judge it might serve)"
    shown = ", ".join(facts.architectures) or "unnamed architecture"
    return f"no score head among its weights ({shown}): loading it would make up an untrained one"


def _several_labels(facts: ModelFacts, limits: Limits) -> str | None:
    outputs = facts.head_outputs or facts.num_labels
    if facts.needs_remote_code or outputs is None or outputs == 1:
        return None
    labels = [facts.id2label[key] for key in sorted(facts.id2label)]
    if any(PROCESS.search(name) for name in facts.architectures):
        tagger = outputs > 2 or any(TAGGING.match(label) for label in labels)
        return f"tags tokens with {outputs} labels ({_listed(labels)}), no steps with one score" if tagger else None
    index = (limits.score_index or {}).get(facts.repo)
    if index is not None:
        return None if 0 <= index < outputs else f"score_index is {index}; allowed: 0 to {outputs - 1}"
    kind = "sentiment " if SENTIMENT & {label.lower() for label in labels} else ""
    return (
        f"a {kind}classifier of {outputs} labels ({_listed(labels)}), no reward model: it gives no single score; "
        "needed: score_index, to say which label is the score"
    )


def _listed(labels: list[str]) -> str:
    return ", ".join(labels[:5]) + (", ..." if len(labels) > 5 else "") if labels else "unnamed"


def _too_large(facts: ModelFacts, limits: Limits) -> str | None:
    weights = facts.weight_bytes.get("safetensors", 0)
    if limits.max_bytes is not None and weights > limits.max_bytes:
        return f"too large to download: {weights / GB:.2f} GB of weights; allowed: {limits.max_bytes / GB:.2f} GB"
    needed = memory_needed(facts)
    if limits.memory_bytes is not None and needed is not None and needed > limits.memory_bytes:
        return (
            f"too large for memory: about {needed / GB:.1f} GB in bf16 ({facts.parameters:,} parameters of 2 bytes, "
            f"and room to work); allowed: {limits.memory_bytes / GB:.1f} GB"
        )
    return None


def memory_needed(facts: ModelFacts) -> int | None:
    """Estimate what a model takes when loaded in bf16, in bytes; None if its size is unknown."""
    if facts.parameters is None:
        return None
    weights = facts.parameters * PARAMETER_BYTES
    return max(int(weights * OVERHEAD), weights + LEAST_OVERHEAD)


CHECKS: tuple[Callable[[ModelFacts, Limits], str | None], ...] = (
    _closed,
    _other_task,
    _pairwise,
    _adapter,
    _unread,
    _remote_code,
    _no_weights,
    _no_head,
    _several_labels,
    _too_large,
)
"""What is asked of each model, in this order; the first that finds something gives the reason."""
