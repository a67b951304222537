"""Whatever is sent, the application answers with a status of its own choice, and never with 500."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravelar.tools.card import ToolCard
from ravelar.tools.reward import Reward, Triple
from ravelar.training.service.app import create_app
from ravelar.training.service.replies import rewards_json

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=8)
NAMES = st.sampled_from(
    ["triples", "tool", "prompt", "completion", "reference", "query", "prompts", "labels", "response", "label", "role"]
)
JSON = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=6)
)
ROW = st.fixed_dictionaries({"prompt": st.text() | JSON, "completion": st.text() | JSON}, optional={"reference": JSON})
BODY = JSON | st.fixed_dictionaries({"triples": st.lists(ROW | JSON, max_size=3)}, optional={"tool": JSON})


class Backend:
    """Scores everything with one half, and looks at what it was given."""

    async def score(self, triples: Sequence[Triple], *, tool: str | None = None) -> list[Reward]:
        return [Reward(0.5, "half", None, 0.5, {"seen": [triple.text, triple.reference]}) for triple in triples]

    def tools(self) -> list[ToolCard]:
        return []

    async def health(self) -> Mapping[str, Any]:
        return {}

    async def close(self) -> None:
        return None


APP = create_app(Backend())


async def ask(path: str, body: bytes) -> tuple[int, bytes]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": path,
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http", "headers": [],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
    }  # fmt: skip
    await APP(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(path=st.sampled_from(["/score", "/openrlhf", "/slime"]), body=BODY)
def test_any_json_is_answered(path: str, body: Any) -> None:
    status, reply = asyncio.run(ask(path, json.dumps(body).encode()))
    assert status in {200, 400, 413, 422}
    said = json.loads(reply)
    assert status == 200 or said["detail"]


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(path=st.sampled_from(["/score", "/openrlhf", "/slime"]), body=st.binary(max_size=64))
def test_any_bytes_are_answered(path: str, body: bytes) -> None:
    status, reply = asyncio.run(ask(path, body))
    assert status in {400, 422}
    assert json.loads(reply)["detail"]


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(detail=st.dictionaries(st.text(), JSON | st.binary() | st.just(object), max_size=4))
def test_any_detail_of_a_tool_becomes_json(detail: Any) -> None:
    [row] = json.loads(rewards_json([Reward(0.5, "t", None, 0.5, detail)]))["rewards"]
    assert row["value"] == 0.5
