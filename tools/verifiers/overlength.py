"""Soft overlength punishment: a penalty that grows over the last stretch before the limit."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

from ravelar.tools.card import Provenance, ToolCard
from ravelar.tools.errors import InputError, UnusablePrompt
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.verifiers.each import each, shown
from ravelar.tools.verifiers.words import words

Unit = Literal["tokens", "words", "characters"]


class Overlength:
    """0 up to `limit - buffer`, falling linearly to -1 at `limit`, -1 beyond.

    Lengths are in one unit and never mixed. Tokens are counted by the column `completion_ids` (a list, as
    TRL passes it) or `completion_tokens` (a count); a triple without them is unscored. Words and characters
    are counted in the completion as written, reasoning included. The columns `overlength_limit`,
    `overlength_buffer` and `overlength_unit` override the constructor's for one triple. An empty completion
    earns -1 (ours: the paper's term is added to a correctness reward, where emptiness fails anyway).

    Args:
        limit: L_max, where the penalty is full; the paper's is 20,480 tokens.
        buffer: L_cache, the stretch before it over which it grows; the paper's is 4,096 tokens.
        unit: What both are counted in: "tokens", "words" or "characters".

    Raises:
        InputError: unless 0 <= buffer <= limit, limit > 0, and the unit is one of the three.
    """

    card = ToolCard(
        name="overlength",
        kind="metric",
        task="length penalty",
        summary="0 up to limit - buffer, then linearly down to -1 at the limit and beyond it; in tokens (columns "
        "completion_ids or completion_tokens), words or characters. Says nothing of the content: join it with a tool "
        "that does.",
        needs=("completion_ids or completion_tokens",),
        low=-1.0,
        high=0.0,
        provenance=Provenance(source="arXiv 2503.14476", note="DAPO, equation 13"),
    )

    def __init__(self, *, limit: int = 20_480, buffer: int = 4_096, unit: Unit = "tokens") -> None:
        if fault := _fault(limit, buffer, unit):
            raise InputError(fault)
        self._limit, self._buffer, self._unit = limit, buffer, unit

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return n penalties in [-1, 0]."""
        return each(self._judged, triples)

    def _judged(self, triple: Triple) -> Scored:
        asked = triple.metadata
        limit, buffer = asked.get("overlength_limit", self._limit), asked.get("overlength_buffer", self._buffer)
        unit = asked.get("overlength_unit", self._unit)
        if fault := _fault(limit, buffer, unit):
            raise UnusablePrompt(fault)
        if not triple.text.strip() and not triple.tool_calls:
            return Scored(-1.0, "empty completion")
        length = _length(triple, unit)
        return Scored(penalty(length, limit=limit, buffer=buffer), None, {"length": length, "unit": unit})


def penalty(length: int, *, limit: int, buffer: int) -> float:
    """Return the soft overlength punishment of a length.

    Source: DAPO, arXiv 2503.14476, equation 13, with limit for L_max and buffer for L_cache.
    """
    if length <= limit - buffer:
        return 0.0
    return max(-1.0, ((limit - buffer) - length) / buffer) if length <= limit and buffer else -1.0


def _fault(limit: Any, buffer: Any, unit: Any) -> str | None:
    if unit not in get_args(Unit):
        return f"overlength unit is {shown(unit)}; allowed: {', '.join(get_args(Unit))}"
    if not (_is_count(limit) and _is_count(buffer) and 0 <= buffer <= limit and limit > 0):
        return f"overlength limit is {shown(limit)} and buffer {shown(buffer)}; needed: integers, 0 <= buffer <= limit"
    return None


def _is_count(given: Any) -> bool:
    return isinstance(given, int) and not isinstance(given, bool)


def _length(triple: Triple, unit: Unit) -> int:
    if unit == "characters":
        return len(triple.text)
    if unit == "words":
        return len(words(triple.text))
    ids, count = triple.metadata.get("completion_ids"), triple.metadata.get("completion_tokens")
    if isinstance(ids, list | tuple):
        return len(ids)
    if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
        return count
    raise UnusablePrompt(
        f"column completion_ids is {shown(ids)} and completion_tokens {shown(count)}; a list or a count is needed "
        "for a limit in tokens"
    )
