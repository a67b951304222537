"""JSON that must fit a schema."""

from collections.abc import Mapping, Sequence
from typing import Any

from ravelar.tools.card import Provenance, ToolCard
from ravelar.tools.errors import UnusableReference
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.verifiers.each import each, shown
from ravelar.tools.verifiers.json_text import NotJson, read_json, read_json_answer
from ravelar.tools.verifiers.schema_check import SchemaCheck, TooSlow, schema_check


class JsonSchema:
    """1 for a completion that is JSON and fits the schema, else 0.

    The schema is the column `json_schema`, or else the reference: a mapping, or JSON text of one. Its
    draft is what `$schema` says, 2020-12 without it. References outside the schema are never fetched. The
    JSON is the whole answer, or its one fenced block, or the arguments of its one tool call where the
    completion only calls a tool.

    Args:
        timeout_s: How long one check may take; an answer that takes longer earns 0.
    """

    card = ToolCard(
        name="json_schema",
        kind="verifier",
        task="structured output",
        summary="1 if the answer (whole, its one fenced block, or its one tool call's arguments) is strict JSON that "
        "fits the schema of the column json_schema or the reference, else 0. Checks form, not truth. Formats checked: "
        "date, time, date-time, email, ipv4, ipv6, uuid; others are annotations.",
        needs=("reference or json_schema",),
        provenance=Provenance(note="the jsonschema package"),
    )

    def __init__(self, *, timeout_s: float = 1.0) -> None:
        self._timeout_s = timeout_s

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return n scores of 0 or 1, the first misfit's path and message in `detail`."""
        return each(self._judged, triples)

    def _judged(self, triple: Triple) -> float | Scored:
        check = _check_for(triple)
        try:
            value = _said(triple)
            misfit = check.misfit(value, timeout_s=self._timeout_s)
        except (NotJson, TooSlow) as error:
            return Scored(0.0, str(error))
        return Scored(0.0, "does not fit the schema", misfit) if misfit else 1.0


def _check_for(triple: Triple) -> SchemaCheck:
    """Return the check of a triple's schema.

    Raises:
        UnusableReference: if there is no schema, or it is none.
    """
    given: Any = triple.metadata.get("json_schema")
    given = triple.reference if given is None else given
    if isinstance(given, str) and given.strip():
        try:
            given = read_json(given)
        except NotJson as error:
            raise UnusableReference(f"schema is {shown(given)}: {error}; allowed: a mapping, or JSON of one") from None
    if not isinstance(given, Mapping):
        raise UnusableReference(f"schema is {shown(given)}; allowed: a mapping, or JSON text of one")
    return schema_check(given)


def _said(triple: Triple) -> Any:
    answer = triple.answer
    calls = triple.tool_calls if not answer.strip() else []
    if not calls:
        return read_json_answer(answer)
    if len(calls) > 1:
        raise NotJson(f"{len(calls)} tool calls; exactly one is read")
    arguments = calls[0]["arguments"]
    return read_json(arguments) if isinstance(arguments, str) else arguments
