"""A regular expression that an answer must match, with a time limit."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ravelar.tools.card import Provenance, ToolCard
from ravelar.tools.errors import UnusableReference
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.verifiers.each import each, shown

_ALLOWED = 'allowed: a pattern, or {"regex": pattern, "flags": letters of "imsx", "match": "search" or "fullmatch"}'
_MAX_PATTERN_CHARS = 10_000  # ours


class Regex:
    """1 for an answer that the reference's pattern matches, else 0.

    The pattern comes from the column `regex`, or else from the reference: a text, or a mapping with
    `regex`, and perhaps `flags` and `match` ("search", the default, or "fullmatch", which is tried on the
    answer without outer white space). Syntax is that of the `regex` package, which is Python's and more.

    Args:
        timeout_s: How long a match may take; an answer that takes longer earns 0.
    """

    card = ToolCard(
        name="regex",
        kind="verifier",
        task="pattern match",
        summary="1 if the pattern of the column regex, or of the reference, matches the answer, else 0; an answer on "
        "which the pattern runs past its time limit earns 0. Only as telling as its pattern: one that searches for a "
        "word also accepts every answer that lists all words.",
        needs=("reference or regex",),
        provenance=Provenance(note="the regex package"),
    )

    def __init__(self, *, timeout_s: float = 0.5) -> None:
        self._timeout_s = timeout_s

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return n scores of 0 or 1."""
        return each(self._judged, triples)

    def _judged(self, triple: Triple) -> float | Scored:
        pattern, flags, match = _request(triple)
        compiled = _compiled(pattern, flags)
        answer = triple.answer
        if not answer.strip():
            return Scored(0.0, "empty answer")
        try:
            if match == "fullmatch":
                return float(compiled.fullmatch(answer.strip(), timeout=self._timeout_s) is not None)
            return float(compiled.search(answer, timeout=self._timeout_s) is not None)
        except (TimeoutError, MemoryError):
            return Scored(0.0, f"the pattern took more than {self._timeout_s} s on this answer")


def _request(triple: Triple) -> tuple[str, str, str]:
    """Return the pattern, its flags and the way to match.

    Raises:
        UnusableReference: if one of them is missing or not allowed.
    """
    given: Any = triple.metadata.get("regex")
    given = triple.reference if given is None else given
    asked: Mapping[str, Any] = given if isinstance(given, Mapping) else {"regex": given}
    pattern, flags, match = asked.get("regex"), asked.get("flags") or "", asked.get("match") or "search"
    if not isinstance(pattern, str) or not pattern or len(pattern) > _MAX_PATTERN_CHARS:
        raise UnusableReference(f"pattern is {shown(pattern)}; {_ALLOWED}, of at most {_MAX_PATTERN_CHARS} characters")
    if unknown := set(asked) - {"regex", "flags", "match"}:
        raise UnusableReference(f"unknown keys {sorted(map(str, unknown))}; {_ALLOWED}")
    if not isinstance(flags, str) or set(flags) - set("imsx"):
        raise UnusableReference(f"flags are {shown(flags)}; {_ALLOWED}")
    if match not in ("search", "fullmatch"):
        raise UnusableReference(f"match is {shown(match)}; {_ALLOWED}")
    return pattern, flags, match


@lru_cache(maxsize=256)
def _compiled(pattern: str, flags: str) -> Any:
    import regex  # noqa: PLC0415  loaded when a pattern is first needed

    try:
        return regex.compile(f"(?{flags})" * bool(flags) + pattern)
    except (regex.error, RecursionError, OverflowError, ValueError) as error:
        raise UnusableReference(f"pattern {pattern!r:.60} is no regular expression: {error}") from None
