"""Recorded exchanges: replayed as such, and stale by the name of the prompt that changed."""

import importlib.util
import json
import logging
from pathlib import Path
from types import ModuleType

import pytest

from ravelar.agents.prompts import load_prompt, read_prompt
from ravelar.agents.rlar.scout import plan_search
from ravelar.tools.chat.meter import Meter
from ravelar.tools.chat.opening import open_chat
from ravelar.tools.errors import ModelUnavailable
from ravelar.tools.task import TaskSpec

TESTS = Path(__file__).resolve().parents[1]
GOOD = '{"reasoning": "r", "queries": [{"text": "reward", "reason": "any"}]}'
BROKEN = "I need more time."


@pytest.fixture(scope="session")
def cassettes() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cassettes", TESTS / "cassettes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tape(tmp_path: Path, serve, cassette_server, spec: TaskSpec) -> Path:
    """Record one question with a repair turn, as a recorder does."""
    server = serve(BROKEN, GOOD)
    plan_search(open_chat("openai:any", base_url=server.url), spec, meter=Meter())
    path = tmp_path / "search.jsonl"
    lines = [
        {
            "key": cassette_server.request_key(request),
            "request": request,
            "message": {"role": "assistant", "content": text},
        }
        for request, text in zip(server.requests, (BROKEN, GOOD), strict=True)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch):
    """Change the wording of one prompt."""

    def change(name: str, old: str, new: str) -> None:
        prompt = load_prompt(name)
        parts = [f"<!-- system -->\n{prompt.system}\n"] if prompt.system else []
        text = "".join([*parts, f"<!-- user -->\n{prompt.user}"]).replace(old, new)
        other = read_prompt(name, text)
        assert other.digest != prompt.digest

        def load(wanted: str):
            return other if wanted == name else load_prompt(wanted)

        monkeypatch.setattr("cassette_server.load_prompt", load)
        monkeypatch.setattr("ravelar.agents.asking.load_prompt", load)

    return change


def test_the_key_is_that_of_the_recorder(cassette_server) -> None:
    body = {"model": "m", "temperature": 0, "messages": [{"role": "user", "content": "é"}], "tools": []}
    assert cassette_server.request_key(body) == "6de01f397bbe1f1b02cf57da"
    assert cassette_server.request_key(body) == cassette_server.request_key({**body, "model": "n", "user": "x"})
    assert cassette_server.request_key(body) != cassette_server.request_key({**body, "tool_choice": "any"})


def test_a_replay_answers_and_says_that_it_is_one(tape, cassette_server, spec, caplog) -> None:
    caplog.set_level(logging.INFO, logger="ravelar.replay")
    with cassette_server.CassetteServer(tape, unanswered=None) as server:
        chat = open_chat("openai:replay", base_url=server.url)
        plan = plan_search(chat, spec, meter=Meter())
        assert chat.invoke(recorded_messages(tape)).response_metadata["model_name"] == "replay"
    assert (plan.answer.calls, plan.answer.model) == (2, "replay")
    assert "replayed search.jsonl:2 for prompt rlar.scout" in caplog.text


def recorded_messages(tape: Path) -> list[tuple[str, str]]:
    request = json.loads(tape.read_text().splitlines()[0])["request"]
    return [(message["role"], message["content"]) for message in request["messages"]]


def test_a_good_cassette_is_not_stale(tape, cassettes) -> None:
    assert cassettes.stale([tape]) == []


def test_a_stale_cassette_names_the_prompt_that_changed(tape, cassettes, cassette_server, spec, changed) -> None:
    changed("rlar.scout", "Short queries find more", "Long queries find more")
    lines = cassettes.stale([tape])
    assert len(lines) == 2
    assert lines[0].startswith("search.jsonl:1: prompt rlar.scout changed; 'The task, as JSON:")
    with cassette_server.CassetteServer(tape, unanswered=None) as server:
        chat = open_chat("openai:replay", base_url=server.url, max_retries=0)
        with pytest.raises(
            ModelUnavailable, match=r"HTTP 404.*no recorded answer for key \w{24} of prompt rlar\.scout"
        ):
            plan_search(chat, spec, meter=Meter())
    assert "rlar.scout changed since the recording" in server.problems[0]


def test_a_changed_repair_turn_is_named(tape, cassettes, changed) -> None:
    changed("asking", "Answer again", "Try again")
    (line,) = cassettes.stale([tape])
    assert line.startswith("search.jsonl:2: prompt asking changed")
    assert line.endswith("(repair turn)")


def test_other_values_are_told_from_a_changed_prompt(tape, tmp_path, cassettes, cassette_server, spec) -> None:
    kept = tmp_path / "unanswered.jsonl"
    with cassette_server.CassetteServer(tape, unanswered=kept) as server:
        chat = open_chat("openai:replay", base_url=server.url, max_retries=0)
        with pytest.raises(ModelUnavailable, match="no recorded answer"):
            plan_search(chat, spec.model_copy(update={"label": "other"}), meter=Meter())
    assert "the prompt is unchanged, what fills it is not" in server.problems[0]
    assert '"other"' in server.problems[0].replace('\\"', '"')
    (line,) = cassettes.unanswered(kept)
    assert line.startswith(f"{cassette_server.request_key(server.requests[0])}: prompt rlar.scout;")


def test_no_recorded_exchange_is_stale(cassettes) -> None:
    lines = cassettes.stale(sorted((TESTS / "cassettes").glob("*.jsonl")))
    assert not lines, "these must be answered again (make cassettes):\n" + "\n".join(lines)
