"""Runs to test with: a brief, sections, texts that repeat nothing."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ravelar.tools.writing.events import EventLog
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.prices import Price, Prices
from ravelar.tools.writing.state import Brief, Section, WritingState, new_state
from ravelar.tools.writing.transitions import new_section

VOWELS, CONSONANTS = "aeiou", "bcdfghjklmnprstvwz"


def made_up(seed: int, words: int = 200) -> str:
    """Return a text of its own: made-up words, each seed others."""
    rng = random.Random(seed)
    return " ".join("".join(rng.choice(CONSONANTS) + rng.choice(VOWELS) for _ in range(3)) for _ in range(words)) + "."


@pytest.fixture
def prose() -> Callable[..., str]:
    """Make a text of its own, by a seed and a length in words."""
    return made_up


@pytest.fixture
def brief() -> Brief:
    return Brief(instruction="Write on harbours.", language="en")


@pytest.fixture
def written(brief: Brief) -> Callable[..., WritingState]:
    """Make a state of sections, each given as a status or as further fields."""

    def make(*sections: str | dict, protocol: str = "autonomous", **fields) -> WritingState:
        made: list[Section] = []
        for i, given in enumerate(sections, 1):
            section = new_section(i, f"Title {i}", [f"point {i}"])
            section["status"] = given if isinstance(given, str) else "pending"
            if section["status"] != "pending":
                section |= {"content": made_up(i), "summary": f"Summary {i}.", "drafts": 1}
            made.append({**section, **(given if isinstance(given, dict) else {})})
        state = new_state(brief, protocol)
        return {
            **state,
            "title": "Harbours",
            "order": [section["id"] for section in made],
            "sections": {section["id"]: section for section in made},
            **fields,
        }

    return make


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
def log(tmp_path: Path, brief: Brief) -> Iterator[EventLog]:
    """An event log of a run that has begun."""
    with EventLog(tmp_path / "events.jsonl", prices=Prices({"m": Price(input=1, output=2, cached=0.5)})) as opened:
        opened.write("run", run="r", brief=brief, protocol="fixed", limits={}, models={}, replay=False, version="0")
        yield opened
