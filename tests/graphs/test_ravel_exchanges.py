"""Two whole autonomous articles, in English and Chinese, as they were held by hand and recorded; replayed over HTTP.

What is replayed is the language model alone: the client, the graph, its gates and its log are real. The replies are
messy on purpose, as real ones are: prose around JSON, fences, trailing commas, raw line breaks, scores as text, an
unknown operation, a finish too early, parts in another order, a reply without its parts, a steering note in a draft.
"""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import ravelar

TESTS = Path(__file__).resolve().parents[1]
ENGLISH: dict[str, Any] = {
    "instruction": "Explain to the residents of a small coastal town why their council wants to let part of the sea wall "
    "go and restore a salt marsh instead of raising the wall again. Four sections. Be fair to people who are against it.",
    "words": 700,
    "audience": "residents, no specialists",
    "style": "plain, concrete, no slogans",
}
CHINESE: dict[str, Any] = {
    "instruction": "写一篇介绍老城区修鞋铺的文章，给本地晚报的读者看。分四节，写清楚一天怎么过、手艺在哪里、为什么会消失、留下什么。",
    "words": 800,
    "audience": "晚报读者",
    "style": "朴素，有细节，不抒情",
    "language": "zh",
}


@pytest.fixture(scope="module")
def server_module() -> ModuleType:
    if "cassette_server" not in sys.modules:
        spec = importlib.util.spec_from_file_location("cassette_server", TESTS / "agents" / "cassette_server.py")
        module = sys.modules["cassette_server"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules["cassette_server"]


@pytest.fixture
def replay(server_module: ModuleType) -> Iterator[Any]:
    servers = []

    def start(name: str) -> Any:
        server = server_module.CassetteServer(TESTS / "cassettes" / f"{name}.jsonl")
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


def write(server: Any, brief: dict[str, Any], **more: Any) -> dict[str, Any]:
    result = ravelar.write(**brief, model="openai:desk", base_url=server.url, **more)
    assert not server.problems
    return result


def kinds(result: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [event for event in result["events"] if event["kind"] == kind]


def test_the_english_article_is_written_as_it_was_by_hand(replay, tmp_path: Path) -> None:
    server = replay("ravel_sea_wall")
    result = write(server, ENGLISH, out=tmp_path / "run")
    assert (result["end"], result["measures"]["refused"], result["measures"]["forced"]) == ("finished", 1, 0)
    assert result["order"] == ["s1", "s2", "s3", "s4"]
    assert {name: section["scores"] for name, section in result["sections"].items()} == {
        "s1": [9.0], "s2": [6.5, 8.5], "s3": [4.0, 9.0], "s4": [8.0]
    }  # fmt: skip
    assert result["measures"]["delta"] == pytest.approx((2.0 + 5.0) / 2)
    assert len(server.requests) == len(kinds(result, "call")) == 31
    assert sum(event["repair"] for event in kinds(result, "call")) == 3  # operation, score against verdicts, no parts
    assert (tmp_path / "run" / "article.md").read_text(encoding="utf-8").count("\n## ") == 4


def test_the_steering_note_in_a_draft_closed_no_block_and_is_not_in_the_article(replay) -> None:
    """Whoever reviewed saw it as text, and a program's finding about it; it was refined away, by hand, at a score of 4."""
    server = replay("ravel_sea_wall")
    result = write(server, ENGLISH)
    reviews = [request for request in server.requests if "output score 10" in str(request["messages"][-1]["content"])]
    assert reviews
    for request in reviews:
        assert str(request["messages"][-1]["content"]).count("</content>") == 1
    assert any("leaked_format" in str(request["messages"][-1]["content"]) for request in reviews)
    assert "score 10" not in result["article"]
    assert result["sections"]["s3"]["scores"][0] == 4.0


def test_the_chinese_article_is_written_as_it_was_by_hand(replay) -> None:
    server = replay("ravel_cobbler")
    result = write(server, CHINESE)
    assert (result["end"], result["measures"]["refused"]) == ("finished", 1)
    assert {name: section["scores"] for name, section in result["sections"].items()} == {
        "s1": [8.5], "s2": [5.0, 9.0], "s3": [9.0], "s4": [9.0]
    }  # fmt: skip
    assert "综上所述" not in result["article"]
    assert result["article"].count("\n## ") == 4
    assert len(server.requests) == 25


def test_no_call_sent_more_than_the_tokens_that_one_may(replay) -> None:
    for name, brief in (("ravel_sea_wall", ENGLISH), ("ravel_cobbler", CHINESE)):
        result = write(replay(name), brief)
        assert max(event["tokens_in"] for event in kinds(result, "call")) < 8_000
