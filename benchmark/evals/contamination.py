"""Has a model seen these texts? Perplexity, Min-K %, and word-for-word continuation, beside control texts.

A figure says nothing by itself: short, plain or famous texts are likely without having been seen. So each figure is
set beside the same figure of control texts that the model can't have seen, of the same kind and length; the area
under the curve says how well a figure tells the two apart (0.5: not at all). It is evidence, not proof: a model may
have seen a paraphrase, and controls may differ from the items in other ways.

Perplexity and Min-K % want a local model (`transformers`). Continuations may come from any model.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ravelar.tools.errors import InputError, ToolUnavailable

MIN_K_SHARE = 0.2  # source: Min-K % Prob (arXiv 2310.16789), which found 20 % best
NGRAM = 5  # units; ours
MOST_TOKENS = 2_048
_CONTINUED_SHARE = 0.5  # of the text is shown, the rest is to be continued; ours
_MOST_NEW_TOKENS = 128
_UNIT = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W\d_]+|\d+")


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a model makes of one text.

    Attributes:
        perplexity: exp of the mean negative log-probability per token; low where the text is expected.
        min_k: Mean log-probability of the 20 % least likely tokens, source: arXiv 2310.16789; near 0 where even these
            are expected.
        overlap: Share of the 5-grams of the continuation that stand in the text's own continuation, in [0, 1]; a unit
            is a word, or one Chinese character. None if there is no continuation to compare.
        verbatim: The longest run of units that the continuation repeats from its first unit on.
        tokens: How many tokens were looked at.
    """

    perplexity: float
    min_k: float
    overlap: float | None
    verbatim: int
    tokens: int

    def as_row(self) -> dict[str, Any]:
        """Return the fields as plain JSON."""
        return asdict(self)


class LocalModel:
    """A causal language model on this machine.

    Args:
        path: A folder with a model and its tokenizer, loaded from safetensors, without remote code.
        device: "cpu", "cuda" ...

    Raises:
        InputError: if there is no such folder.
        ToolUnavailable: if the model can't be loaded; says why.
    """

    def __init__(self, path: str, device: str = "cpu") -> None:
        from pathlib import Path  # noqa: PLC0415

        if not Path(path).is_dir():
            raise InputError(f"no such folder: {path}; a local model is needed, its files in one folder")
        try:
            import torch  # noqa: PLC0415  seconds
            from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415

            self._torch: Any = torch
            self._tokenizer: Any = AutoTokenizer.from_pretrained(path)
            loaded: Any = AutoModelForCausalLM.from_pretrained(path, use_safetensors=True)
            self._model = loaded.to(device).eval()
        except ImportError as error:
            raise ToolUnavailable(f"local models need a package: {error}; pip install 'ravelar[models]'") from error
        except Exception as error:
            raise ToolUnavailable(f"{path} can't be loaded: {type(error).__name__}: {error}") from error

    def exposure(self, text: str) -> Exposure:
        """Measure one text.

        Raises:
            InputError: if the text has fewer than two tokens.
        """
        ids = self._ids(text)
        logprobs = self._logprobs(ids)
        shown = max(1, int(len(ids) * _CONTINUED_SHARE))
        said = self._continue(ids[:shown], min(_MOST_NEW_TOKENS, len(ids) - shown))
        truth = self._tokenizer.decode(ids[shown:], skip_special_tokens=True)
        return Exposure(
            perplexity=perplexity(logprobs),
            min_k=min_k(logprobs),
            overlap=overlap(said, truth),
            verbatim=verbatim_units(said, truth),
            tokens=len(ids),
        )

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, truncation=True, max_length=MOST_TOKENS)["input_ids"]
        if len(ids) < 2:
            raise InputError(f"a text of {len(ids)} tokens is too short to be measured: {text!r:.80}")
        return ids

    def _logprobs(self, ids: Sequence[int]) -> list[float]:
        torch = self._torch
        given = torch.tensor([ids], device=self._model.device)
        with torch.inference_mode():
            logits = self._model(given).logits[0, :-1].float()
        chosen = torch.log_softmax(logits, dim=-1).gather(1, given[0, 1:, None])
        return [float(value) for value in chosen[:, 0]]

    def _continue(self, ids: Sequence[int], new_tokens: int) -> str:
        torch = self._torch
        given = torch.tensor([ids], device=self._model.device)
        with torch.inference_mode():
            out = self._model.generate(
                given, attention_mask=torch.ones_like(given), max_new_tokens=new_tokens, do_sample=False,
                pad_token_id=self._tokenizer.pad_token_id or self._tokenizer.eos_token_id or 0,
            )  # fmt: skip
        return str(self._tokenizer.decode(out[0, len(ids) :], skip_special_tokens=True))


def perplexity(logprobs: Sequence[float]) -> float:
    """Return exp of the mean negative log-probability of n tokens."""
    return math.exp(-sum(logprobs) / len(logprobs))


def min_k(logprobs: Sequence[float], share: float = MIN_K_SHARE) -> float:
    """Return the mean of the least log-probabilities: a share of them, at least one. Source: arXiv 2310.16789."""
    least = sorted(logprobs)[: max(1, int(len(logprobs) * share))]
    return sum(least) / len(least)


def units(text: str) -> list[str]:
    """Split a text into words, numbers and single Chinese characters, in lower case."""
    return [unit.lower() for unit in _UNIT.findall(text)]


def overlap(said: str, truth: str, n: int = NGRAM) -> float | None:
    """Return the share of the n-grams of what was said that stand in the truth; None if it has fewer than n units."""
    grams, there = _grams(units(said), n), set(_grams(units(truth), n))
    return sum(gram in there for gram in grams) / len(grams) if grams and there else None


def verbatim_units(said: str, truth: str) -> int:
    """Return how many units agree from the first one on."""
    agreed = 0
    for ours, theirs in zip(units(said), units(truth), strict=False):
        if ours != theirs:
            break
        agreed += 1
    return agreed


def area_under_curve(items: Sequence[float], controls: Sequence[float]) -> float:
    """Return how often a figure of an item is above that of a control, ties counted half; 0.5 tells nothing apart."""
    above = sum((item > control) + 0.5 * (item == control) for item in items for control in controls)
    return above / (len(items) * len(controls))


def separation(items: Sequence[Mapping[str, Any]], controls: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Return the area under the curve of each figure, turned so that above 0.5 points to items that were seen.

    Args:
        items: Rows of `Exposure.as_row` of the texts in question.
        controls: The same of control texts.

    Raises:
        InputError: if either side is empty.
    """
    if not items or not controls:
        raise InputError(f"{len(items)} items and {len(controls)} controls: at least one of each is needed")
    found: dict[str, float | None] = {}
    for name, sign in (("perplexity", -1), ("min_k", 1), ("overlap", 1), ("verbatim", 1)):
        ours = [sign * row[name] for row in items if row[name] is not None]
        theirs = [sign * row[name] for row in controls if row[name] is not None]
        found[name] = area_under_curve(ours, theirs) if ours and theirs else None
    return found


def _grams(given: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(given[i : i + n]) for i in range(len(given) - n + 1)]
