"""One score from a whole conversation: single-label sequence classifiers, and heads with code of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ravelar.tools.errors import ToolCrashed, UnusablePrompt
from ravelar.tools.hub.adapters.engine import Encoded, Engine, Side, numbers
from ravelar.tools.hub.adapters.options import AdapterOptions
from ravelar.tools.hub.adapters.text import Chat, Disarm, conversation, disarming, fill, prompt_text
from ravelar.tools.reward import RawScore, Triple
from ravelar.tools.scoring import describe

_SCORES = ("score", "scores", "rewards", "reward", "end_scores", "logits")  # ArmoRM; QRM, URM; beaver; the usual


@dataclass(frozen=True, slots=True)
class ChatClassifier:
    """Renders a conversation by the model's own chat template and reads one number of the head's output.

    The template's text is taken as it is: no special token is added to it, so that none stands there twice.
    """

    engine: Engine
    options: AdapterOptions
    score_index: int

    @property
    def disarm(self) -> Disarm:
        """What breaks the tokenizer's special tokens up."""
        return disarming(self.engine.specials)

    def encode(self, triple: Triple) -> Encoded:
        """Turn a triple into tokens.

        Raises:
            UnusablePrompt: if the model's chat template refuses the messages.
        """
        chat = conversation(triple, self.disarm)
        ids = self.engine.tokenizer(self.text(chat), add_special_tokens=False, verbose=False)["input_ids"]
        ids = with_bos(ids, self.engine.tokenizer) if self.options.add_bos else ids
        kept = cut_ids(ids, self.engine.max_tokens, self.options.cut, keep_first=self.engine.tokenizer.bos_token_id)
        note = cut_note(len(ids), len(kept), self.options.cut)
        return Encoded(tuple(kept), cut=len(ids) - len(kept), note=note, chat=chat)

    def text(self, chat: Chat) -> str:
        """Return the conversation as the model was taught to read it."""
        if self.options.format is not None:
            return fill(self.options.format, prompt=prompt_text(chat), completion=chat[-1]["content"])
        try:
            return str(self.engine.tokenizer.apply_chat_template(chat, tokenize=False))
        except Exception as error:  # jinja's errors, and whatever a template calls
            raise UnusablePrompt(f"the model's chat template refuses the messages: {describe(error)}") from error

    def raws(self, rows: Sequence[Encoded], *, side: Side = "right", extra: int = 0) -> Sequence[RawScore]:
        """Score a batch."""
        return numbers(self.engine.forward(rows, side=side, extra=extra).logits, len(rows), self.score_index)


@dataclass(frozen=True, slots=True)
class CustomHead(ChatClassifier):
    """As `ChatClassifier`, for heads with code of their own: a `get_score` method, or an output that holds a score."""

    def raws(self, rows: Sequence[Encoded], *, side: Side = "right", extra: int = 0) -> Sequence[RawScore]:
        """Score a batch by whatever the model offers.

        Raises:
            ToolCrashed: if its output holds no score that is known.
        """
        ask = getattr(self.engine.model, "get_score", None)
        if callable(ask):
            return [_plain(ask(self.engine.tokenizer, row.chat)) for row in rows]
        said = self.engine.forward(rows, side=side, extra=extra)
        found = said if hasattr(said, "ndim") else next((said[key] for key in _SCORES if _holds(said, key)), None)
        if found is None:
            raise ToolCrashed(f"the model's output {type(said).__name__} holds none of {', '.join(_SCORES)}")
        return numbers(found, len(rows), self.score_index)


def _holds(said: Any, key: str) -> bool:
    return hasattr(said, "keys") and key in said and hasattr(said[key], "ndim")


def _plain(given: Any) -> float:
    return float(given.item() if hasattr(given, "item") else given)


def with_bos(ids: list[int], tokenizer: Any) -> list[int]:
    """Put the beginning-of-sequence token first, unless it stands there already."""
    bos = tokenizer.bos_token_id
    return ids if bos is None or ids[:1] == [bos] else [bos, *ids]


def cut_ids(ids: list[int], limit: int, end: str, *, keep_first: int | None = None) -> list[int]:
    """Cut tokens at an end; a first token that is `keep_first` stays."""
    if len(ids) <= limit:
        return ids
    if end == "end":
        return ids[:limit]
    if keep_first is not None and ids[0] == keep_first:
        return [ids[0], *ids[len(ids) - limit + 1 :]]
    return ids[len(ids) - limit :]


def cut_note(before: int, after: int, end: str) -> str | None:
    """Say how much was cut and where; None if nothing was."""
    return None if after == before else f"cut to {after:,} of {before:,} tokens, at the {end}"
