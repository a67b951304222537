"""JSON that must fit a schema: nothing fetched, nothing endless."""

import json
import socket
import time
from typing import Any

import pytest

from ravelar.tools.errors import UnusableReference
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.verifiers.json_schema import JsonSchema

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 1}, "age": {"type": "integer"}},
    "required": ["name"],
    "additionalProperties": False,
}


def score(completion: Any, reference: object, **columns: object) -> RawScore:
    return JsonSchema().score([Triple("?", completion, reference, columns)])[0]


def raw(completion: Any, reference: object, **columns: object) -> float:
    scored = score(completion, reference, **columns)
    assert not isinstance(scored, Exception), scored
    return scored.raw if isinstance(scored, Scored) else scored


def call(*arguments: object) -> list[dict[str, Any]]:
    made = [{"function": {"name": "save", "arguments": each}} for each in arguments]
    return [{"role": "assistant", "content": "", "tool_calls": made}]


@pytest.mark.parametrize(
    "completion",
    [
        '{"name": "Ada", "age": 36}',
        ' {"name": "Ada"} \n',
        'Here you are:\n```json\n{"name": "Ada"}\n```\nAnything else?',
        '<think>{"no": 1}</think>{"name": "Ada"}',
        call('{"name": "Ada"}'),
        call({"name": "Ada"}),
    ],
)
def test_fitting_json_is_accepted(completion: Any) -> None:
    assert raw(completion, PERSON) == 1.0
    assert raw(completion, json.dumps(PERSON)) == 1.0
    assert raw(completion, "the gold answer", json_schema=PERSON) == 1.0


@pytest.mark.parametrize(
    "completion",
    [
        "",
        "null",
        "Ada",
        '{"name": "Ada"',
        '{"name": "Ada"} and more',
        '{"name": ""}',
        '{"name": "Ada", "age": "36"}',
        '{"name": "Ada", "age": true}',
        '{"name": "Ada", "age": NaN}',
        '{"name": "Ada", "x": 1}',
        '{"name": 1, "name": "Ada"}',
        '```json\n{"name": "Ada"}\n```\n```json\n{"name": "Bob"}\n```',
        call('{"name": "Ada"}', '{"name": "Bob"}'),
        call("{broken"),
        call(None),
    ],
)
def test_misfits_broken_json_and_several_documents_are_rejected(completion: Any) -> None:
    assert raw(completion, PERSON) == 0.0


def test_detail_names_the_first_misfit() -> None:
    scored = score('{"name": "Ada", "age": "36"}', PERSON)
    assert isinstance(scored, Scored)
    assert scored.detail == {"path": "$.age", "error": "'36' is not of type 'integer'"}


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        (None, "missing"),
        ("", "empty text"),
        ("not json", "no JSON"),
        ("[1]", "allowed: a mapping"),
        ([1], "list"),
        (True, "bool"),
        (3, "int"),
        ({}, "restricts nothing"),
        ({"name": "Ada"}, "restricts nothing"),
        ({"type": "objct"}, "no valid JSON schema"),
        ({"minimum": "3"}, "no valid JSON schema"),
        ({"type": "string", "pattern": "("}, "no regular expression"),
        ({"$schema": "https://example.org/mine", "type": "object"}, "draft unknown"),
        ({"$ref": "https://example.org/schema.json"}, "nothing is fetched"),
        ({"$ref": "file:///etc/passwd"}, "nothing is fetched"),
        ({"properties": {"a": {"$ref": "#/$defs/missing"}}}, "not in the schema"),
        ({"$ref": "#"}, "without end"),
        ({"properties": {"a": {"minimum": float("nan")}}}, "no JSON"),
        ({"patternProperties": {"a": {}}, "unevaluatedProperties": False}, "bounded time"),
    ],
)
def test_reference_that_is_no_usable_schema_is_unusable(reference: object, says: str) -> None:
    scored = score('{"a": 1}', reference)
    assert isinstance(scored, UnusableReference)
    assert says in str(scored)


def test_remote_references_open_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for url in ("http://127.0.0.1:9/x", "https://json-schema.org/draft/2020-12/other", "other.json"):
        for schema in ({"$ref": url}, {"properties": {"a": {"$ref": url}}}, {"allOf": [{"$dynamicRef": url}]}):
            assert isinstance(score('{"a": 1}', schema), UnusableReference)


def test_the_draft_is_what_the_schema_says() -> None:
    tuple_of_two = [{"type": "integer"}, {"type": "string"}]
    draft7 = {"$schema": "http://json-schema.org/draft-07/schema#", "items": tuple_of_two}
    assert raw('[1, "a"]', draft7) == 1.0
    assert raw("[1, 2]", draft7) == 0.0
    assert raw("[1, 2]", {"prefixItems": tuple_of_two}) == 0.0


def test_local_references_anchors_and_recursion_work() -> None:
    tree = {
        "$id": "https://example.org/tree",
        "$defs": {"node": {"$anchor": "node", "type": "object", "properties": {"kids": {"items": {"$ref": "#node"}}}}},
        "$ref": "#/$defs/node",
    }
    assert raw('{"kids": [{"kids": []}]}', tree) == 1.0
    assert raw('{"kids": [{"kids": [3]}]}', tree) == 0.0


@pytest.mark.parametrize(
    ("format_", "good", "bad"),
    [
        ("date", "2026-02-28", "2026-02-30"),
        ("time", "23:59:60Z", "25:00:00Z"),
        ("date-time", "2026-02-28T10:00:00+01:00", "2026-02-28"),
        ("email", "ada@example.org", "ada@"),
        ("ipv4", "127.0.0.1", "127.0.0.256"),
        ("ipv6", "::1", "::g"),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567"),
    ],
)
def test_formats_are_checked_whatever_is_installed(format_: str, good: str, bad: str) -> None:
    schema = {"type": "string", "format": format_}
    assert raw(json.dumps(good), schema) == 1.0
    assert raw(json.dumps(bad), schema) == 0.0
    assert raw(json.dumps(good * 1_000), schema) == 0.0


def test_unique_items_hold_one_and_one_point_zero_equal_but_not_true() -> None:
    unique = {"type": "array", "uniqueItems": True}
    assert raw("[1, 1.0]", unique) == 0.0
    assert raw('[1, true, "1"]', unique) == 1.0


@pytest.mark.parametrize(
    ("schema", "completion"),
    [
        ({"type": "string", "pattern": "^(a+)+$"}, '"' + "a" * 5_000 + '!"'),
        ({"patternProperties": {"^(a|a)+$": {}}, "additionalProperties": False}, '{"' + "a" * 5_000 + '!": 1}'),
        ({"type": "array", "uniqueItems": True}, "[" + "{}," * 300_000 + "{}]"),
        ({"unevaluatedProperties": False}, json.dumps({f"k{i}": 1 for i in range(60_000)})),
        ({"items": {"items": {}}}, "[" * 900_000),
        ({"multipleOf": 0.3}, "9" * 4_000),
        ({"multipleOf": 1e-300}, "1e300"),
    ],
    ids=["nested repeats", "alternatives", "unique items", "many members", "deep", "long number", "tiny divisor"],
)
def test_hostile_completions_earn_nothing_and_take_no_more_than_seconds(schema: object, completion: str) -> None:
    start = time.process_time()  # whatever else this machine does
    assert raw(completion, schema) == 0.0
    assert time.process_time() - start < 5


def test_patterns_may_use_unicode_classes_as_in_ecmascript() -> None:
    assert raw('"Ünï"', {"type": "string", "pattern": r"^\p{L}+$"}) == 1.0
