"""What servers of reward models are asked and how they answer: one dialect each.

vllm_classify  vLLM, POST /classify        a sequence classifier; messages (one a request) or texts
vllm_pooling   vLLM, POST /pooling         a reward model's raw output; messages (one a request) or texts
vllm_score     vLLM, POST /score           a cross-encoder; prompt and completion as a pair
tei            text-embeddings-inference, POST /predict   a sequence classifier; texts, or pairs
ravelar        any address                 {"triples": [...]} -> {"scores": [...], "reasons": [...]}
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ravelar.tools.errors import InputError, RewardToolError, ToolCrashed, ToolUnavailable
from ravelar.tools.hub.adapters.options import OptionValue
from ravelar.tools.hub.adapters.text import Disarm, conversation, fill, prompt_text
from ravelar.tools.reward import RawScore, Triple

RemoteProtocol = Literal["vllm_classify", "vllm_pooling", "vllm_score", "tei", "ravelar"]
_AS_IT_IS = Disarm(())  # the server's special tokens are not known here


class RemoteOptions(BaseModel):
    """Options of a remote reward model; kept in its recipe.

    Attributes:
        direction: Whether a higher or a lower raw score is better.
        low: Least raw score; None if unbounded.
        high: Greatest raw score; None if unbounded.
        timeout_s: Longest time for one request, from its start to the last byte of its answer.
        retries: How often a request is made again after a fault that may pass.
        batch: Most completions in one request, where the dialect takes several.
        concurrency: Most requests under way at once, over all threads.
        api_key_env: The environment variable that holds the key, sent as a bearer token.
        format: A text with `{prompt}` and `{completion}`: send that instead of messages (vllm_classify,
            vllm_pooling), or instead of the pair (tei).
        score_index: Which of several outputs is the score.
        label: Which label's score it is (tei).
        activation: Whether the server applies its activation function; raw logits if not (vLLM, tei).
        truncate: Whether the server cuts what is too long, unseen; otherwise it refuses it, and it is unscored.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    direction: Literal["higher", "lower"] = "higher"
    low: float | None = Field(default=None, allow_inf_nan=False)
    high: float | None = Field(default=None, allow_inf_nan=False)
    timeout_s: float = Field(default=60.0, gt=0)
    retries: int = Field(default=2, ge=0, le=10)
    batch: int = Field(default=32, ge=1)
    concurrency: int = Field(default=4, ge=1)
    api_key_env: str | None = None
    format: str | None = Field(default=None, pattern=r"(?s)\{completion\}")
    score_index: int | None = Field(default=None, ge=0)
    label: str | None = None
    activation: bool = False
    truncate: bool = False


def read_remote_options(given: Mapping[str, OptionValue | None]) -> RemoteOptions:
    """Check options; those that are None are left at their defaults.

    Raises:
        InputError: if one is unknown or its value is not allowed; the message names it.
    """
    try:
        return RemoteOptions.model_validate({key: value for key, value in given.items() if value is not None})
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(
            f"options of a remote reward model: {said}; known: {', '.join(RemoteOptions.model_fields)}"
        ) from error


Ask = Callable[[Sequence[Triple], str | None, RemoteOptions], Mapping[str, Any]]
Read = Callable[[Any, RemoteOptions], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of server is spoken to.

    Attributes:
        path: What is put after its address.
        ask: Makes a request's body out of triples and the model's name.
        read: Reads an answer into one number, or error, for each triple.
        several: Whether one request can hold several triples with these options.
    """

    path: str
    ask: Ask
    read: Read
    several: Callable[[RemoteOptions], bool] = lambda options: True


def as_score(value: Any, where: str) -> RawScore:
    """Take a number that a server sent; anything else is an error that shows it."""
    if isinstance(value, RewardToolError):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ToolCrashed(f"{where} sent {value!r:.100} where a number belongs")
    if not math.isfinite(value):
        return ToolCrashed(f"{where} sent {value}, which is no finite number")
    return float(value)


def pick(values: Any, options: RemoteOptions) -> Any:
    """Return the one value of a head's outputs that is the score; an error where that can't be told."""
    if not isinstance(values, list) or not values:
        return values
    if isinstance(values[-1], list):  # one row a token: the last one has read everything
        return pick(values[-1], options)
    if options.score_index is not None and options.score_index < len(values):
        return values[options.score_index]
    if len(values) == 1:
        return values[0]
    return ToolCrashed(f"{len(values)} outputs ({values!r:.80}); the option score_index names the score")


def _text(triple: Triple, form: str) -> str:
    chat = conversation(triple, _AS_IT_IS)
    return fill(form, prompt=prompt_text(chat), completion=chat[-1]["content"])


def _vllm(body: dict[str, Any], model: str | None, options: RemoteOptions) -> Mapping[str, Any]:
    body["use_activation"] = options.activation
    if model is not None:
        body["model"] = model
    if options.truncate:
        body["truncate_prompt_tokens"] = -1
    return body


def _ask_vllm(triples: Sequence[Triple], model: str | None, options: RemoteOptions) -> Mapping[str, Any]:
    if options.format is None:
        return _vllm({"messages": conversation(triples[0], _AS_IT_IS)}, model, options)
    return _vllm({"input": [_text(triple, options.format) for triple in triples]}, model, options)


def _ask_vllm_score(triples: Sequence[Triple], model: str | None, options: RemoteOptions) -> Mapping[str, Any]:
    chats = [conversation(triple, _AS_IT_IS) for triple in triples]
    pairs = {"text_1": [prompt_text(chat) for chat in chats], "text_2": [chat[-1]["content"] for chat in chats]}
    return _vllm(dict(pairs), model, options)


def _data(answer: Any) -> list[Mapping[str, Any]]:
    """Return vLLM's `data`, in the order of its indices."""
    rows = list(answer["data"])
    if sorted(row["index"] for row in rows) != list(range(len(rows))):
        raise ToolCrashed(f"indices {[row['index'] for row in rows]!r:.100} are not 0 to {len(rows) - 1}")
    return sorted(rows, key=lambda row: int(row["index"]))


def _read_classify(answer: Any, options: RemoteOptions) -> Sequence[Any]:
    return [pick(row["probs"], options) for row in _data(answer)]


def _read_pooling(answer: Any, options: RemoteOptions) -> Sequence[Any]:
    return [pick(row["data"], options) for row in _data(answer)]


def _read_score(answer: Any, options: RemoteOptions) -> Sequence[Any]:
    return [row["score"] for row in _data(answer)]


def _ask_tei(triples: Sequence[Triple], model: str | None, options: RemoteOptions) -> Mapping[str, Any]:
    chats = [conversation(triple, _AS_IT_IS) for triple in triples]
    inputs = (
        [[prompt_text(chat), chat[-1]["content"]] for chat in chats]
        if options.format is None
        else [[_text(triple, options.format)] for triple in triples]
    )
    return {"inputs": inputs, "raw_scores": not options.activation, "truncate": options.truncate}


def _read_tei(answer: Any, options: RemoteOptions) -> Sequence[Any]:
    rows = [answer] if isinstance(answer, list) and answer and isinstance(answer[0], dict) else answer
    return [_tei_score(row, options) for row in rows]


def _tei_score(row: Sequence[Mapping[str, Any]], options: RemoteOptions) -> Any:
    """Return the score of the label that was named; the server sorts labels by score, so an index says nothing."""
    wanted = options.label or (f"LABEL_{options.score_index}" if options.score_index is not None else None)
    if wanted is None and len(row) == 1:
        return row[0]["score"]
    named = [entry["score"] for entry in row if entry["label"] == wanted]
    labels = ", ".join(str(entry["label"]) for entry in row)
    return named[0] if named else ToolCrashed(f"labels {labels:.100}; the option label names the score")


def _ask_ravelar(triples: Sequence[Triple], model: str | None, options: RemoteOptions) -> Mapping[str, Any]:
    rows = [
        {"prompt": t.prompt, "completion": t.completion, "reference": t.reference, "metadata": dict(t.metadata)}
        for t in triples
    ]
    return {"triples": rows} if model is None else {"model": model, "triples": rows}


def _read_ravelar(answer: Any, options: RemoteOptions) -> Sequence[Any]:
    scores = list(answer["scores"])
    reasons = list(answer.get("reasons") or []) + [None] * len(scores)
    return [
        ToolUnavailable(f"the server left it unscored: {reasons[i] or 'no reason given'!s:.200}")
        if score is None
        else score
        for i, score in enumerate(scores)
    ]


def _of_texts(options: RemoteOptions) -> bool:
    return options.format is not None


DIALECTS: Mapping[str, Dialect] = {
    "vllm_classify": Dialect("/classify", _ask_vllm, _read_classify, _of_texts),
    "vllm_pooling": Dialect("/pooling", _ask_vllm, _read_pooling, _of_texts),
    "vllm_score": Dialect("/score", _ask_vllm_score, _read_score),
    "tei": Dialect("/predict", _ask_tei, _read_tei),
    "ravelar": Dialect("", _ask_ravelar, _read_ravelar),
}
