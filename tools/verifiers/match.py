"""Two ways of being the same: exactly, or once case, punctuation and articles are taken off."""

import contextlib
import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from ravelar.tools.card import Provenance, ToolCard
from ravelar.tools.errors import UnusableReference
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.verifiers.each import each, shown
from ravelar.tools.verifiers.final_statement import stated
from ravelar.tools.verifiers.json_text import MAX_DEPTH, NotJson, depth_beyond, read_json, read_json_answer


class Exact:
    """1 for a completion equal to the reference, else 0.

    Text is compared character by character once outer white space is off. Any other reference (mapping,
    list, number, truth value), and a text that is itself a JSON object or array, is compared as JSON:
    strictly by type (true is not 1, "1" is not 1), save that 1 equals 1.0. A reference `{"name",
    "arguments"}`, or a list of them, is compared with the completion's tool calls where it makes any.
    """

    card = ToolCard(
        name="exact",
        kind="verifier",
        task="exact match",
        summary="1 if the answer equals the reference, else 0: text up to outer white space; mappings, lists, numbers "
        "and truth values as JSON (the whole answer or its one fenced block), type for type; tool calls by name and "
        "arguments, in order. Knows no paraphrase.",
        needs=("reference",),
        provenance=Provenance(note="rules are ours; docs/metrics.md states them"),
    )

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return n scores of 0 or 1."""
        return each(_exactly, triples)


class Normalized:
    """1 for a completion that equals the reference, or one of them, in normal form, else 0.

    The normal form is SQuAD's (arXiv 1606.05250, evaluation script: case, punctuation, articles, white
    space) on NFKC, with what changes a value kept: signs, decimal points, %, #, & and +.
    """

    card = ToolCard(
        name="normalized",
        kind="verifier",
        task="short answer",
        summary="1 if the stated answer equals the reference (or any of a list) once case, punctuation, articles and "
        "white space are normalized, else 0. What follows the last 'The answer is', or stands in a box or in <answer>, "
        "is the stated answer; otherwise the whole completion is. Never a substring match; knows no synonyms.",
        needs=("reference",),
        provenance=Provenance(note="after SQuAD's evaluation script, arXiv 1606.05250"),
    )

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return n scores of 0 or 1."""
        return each(_normally, triples)


def normal_form(text: str) -> str:
    """Return a text's normal form; two texts of one form count as the same answer.

    >>> normal_form("The  Eiffel-Tower!"), normal_form("$1,000.50"), normal_form("Vitamin A")
    ('eiffel tower', '1000.50', 'vitamin a')
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    folded = _JOINED_WORDS.sub(" ", _THOUSANDS.sub("", folded.replace("−", "-")))
    kept = _PUNCTUATION.sub("", folded) if folded.isascii() else "".join(_kept(folded))
    return " ".join(_ARTICLE.sub(" ", kept).split())


_MAX_CHARS = 20_000  # characters of an answer that are compared; a longer one equals no short answer
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_JOINED_WORDS = re.compile(r"(?<=[^\W\d])[-‐‑–—/](?=\w)|[-‐‑–—/](?=[^\W\d])(?<=\w.)|[–—_]")
_SIGN_OR_POINT = r"(?<!\w)-(?=\.?\d)|(?<=\d)[-./:](?=\d)|(?<!\w)\.(?=\d)"
_PUNCTUATION = re.compile(rf"(?!{_SIGN_OR_POINT})[^\w\s%#&+<=>~^|@]|_")
_ARTICLE = re.compile(r"(?<!\S)(?:an?|the)(?=\s+\S)")
_VALUED = re.compile(_SIGN_OR_POINT)


def _kept(text: str) -> list[str]:
    """Drop punctuation and currency signs of any script, save what belongs to a number or changes a value."""
    valued = {match.start() for match in _VALUED.finditer(text)}
    return [
        char for i, char in enumerate(text) if i in valued or char in "%#&@" or char.isspace() or not _dropped(char)
    ]


def _dropped(char: str) -> bool:
    return char in "$€£¥`" or unicodedata.category(char)[0] in "PC"  # punctuation, control and format characters


def _normally(triple: Triple) -> float:
    accepted = {normal_form(text) for text in _texts(triple.reference)}
    answer = triple.answer.strip()
    if len(answer) > _MAX_CHARS:
        answer = answer[-_MAX_CHARS:] if "\n" in answer[-_MAX_CHARS:] else ""
    return float(any(normal_form(text) in accepted for text in stated(answer)))


def _texts(reference: Any) -> list[str]:
    """Return the texts that count as right.

    Raises:
        UnusableReference: if there are none, or one of them is no text or number, or has no normal form.
    """
    given = list(reference) if isinstance(reference, list | tuple) else [reference]
    for text in given:
        if isinstance(text, bool) or not isinstance(text, str | int | float) or not normal_form(str(text)):
            raise UnusableReference(
                f"reference is {shown(text)}; allowed: a text with a letter or digit, a number, or a list of them"
            )
    if not given:
        raise UnusableReference("reference is an empty list; allowed: a text, a number, or a list of them")
    return [str(text) for text in given]


def _exactly(triple: Triple) -> float | Scored:
    reference = triple.reference
    if reference is None or (isinstance(reference, str) and not reference.strip()):
        raise UnusableReference(f"reference is {shown(reference)}; allowed: any text or JSON value but null")
    if isinstance(reference, str):
        return float(triple.answer.strip() == reference.strip()) or _as_json(triple, _structure(reference))
    wanted = _checked(reference)
    return _as_json(triple, wanted)


def _structure(text: str) -> Any:
    """Return the object or array that a reference text holds, None if it holds none."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return read_json(text)
    except NotJson:
        return None


def _checked(reference: Any) -> Any:
    """Return the reference as JSON holds it.

    Raises:
        UnusableReference: if it is no JSON value (NaN, a date, a key that is no text) or is nested too deeply.
    """
    try:
        if depth_beyond(reference, MAX_DEPTH):
            raise ValueError(f"nested more than {MAX_DEPTH} levels deep")
        return json.loads(json.dumps(reference, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise UnusableReference(f"reference is {shown(reference)}, no JSON value: {error}") from None


def _as_json(triple: Triple, wanted: Any) -> float | Scored:
    """Compare as JSON; the lowest where nothing structured is wanted, or the completion is not JSON."""
    if wanted is None:
        return 0.0
    calls = _calls(wanted)
    if calls is not None and (made := triple.tool_calls):
        return float(same_json([_call(call) for call in made], calls))
    try:
        said = read_json_answer(triple.answer)
    except NotJson as error:
        return Scored(0.0, str(error))
    said_calls = _calls(said) if calls is not None else None
    return float(same_json(said, wanted) or (said_calls is not None and same_json(said_calls, calls)))


def _calls(value: Any) -> list[Any] | None:
    """Return a value as a list of tool calls if it is one call or a list of calls, else None."""
    calls = value if isinstance(value, list) else [value]
    read = [_call(call) for call in calls]
    return read if calls and all(call is not None for call in read) else None


def _call(call: Any) -> dict[str, Any] | None:
    """Bring one tool call to `{"name", "arguments"}`, arguments given as JSON text read; None if it is none."""
    if isinstance(call, Mapping) and isinstance(call.get("function"), Mapping):
        call = call["function"]
    if not isinstance(call, Mapping) or set(call) != {"name", "arguments"}:
        return None
    arguments = call["arguments"]
    if isinstance(arguments, str):
        with contextlib.suppress(NotJson):
            arguments = read_json(arguments)
    return {"name": call["name"], "arguments": arguments}


def same_json(one: Any, other: Any) -> bool:
    """Say whether two JSON values are equal type for type; integers and floats are one type, NaN equals nothing."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other and not math.isnan(one)
    return type(one) is type(other) and bool(one == other)
