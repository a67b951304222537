"""Scoring triples one by one, each on its own: what can't be scored is returned in its place."""

from collections.abc import Callable, Sequence

from ravelar.tools.errors import RewardToolError
from ravelar.tools.reward import RawScore, Scored, Triple


def each(judge: Callable[[Triple], float | Scored], triples: Sequence[Triple]) -> list[RawScore]:
    """Score n triples with a function of one; return n raw scores in order, its `RewardToolError`s in their place."""
    return [_attempt(judge, triple) for triple in triples]


def _attempt(judge: Callable[[Triple], float | Scored], triple: Triple) -> RawScore:
    try:
        return judge(triple)
    except RewardToolError as error:
        return error


def shown(given: object) -> str:
    """Show a value in a message: its type, and its first 60 characters."""
    if given is None:
        return "missing"
    if isinstance(given, str) and not given.strip():
        return "empty text"
    return f"{type(given).__name__} {given!r:.60}"
