"""The shipped exchange holds every reply that its own article needs, and none for another."""

import pytest

from ravelar.tools.errors import InputError, UnknownName
from ravelar.tools.writing.demo import demo_chat, reply_to, says_replay
from ravelar.writing import write


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("protocol", "steps", "scores"),
    [("autonomous", 12, [9.0, 8.5, 8.0, 9.2]), ("fixed", 12, [9.0, 8.5, 8.0, 9.2]), ("no_review", 6, [None] * 4)],
)
def test_the_exchange_plays_to_its_end(language: str, protocol: str, steps: int, scores: list) -> None:
    result = write("Anything.", model="scripted:demo", language=language, protocol=protocol)
    assert result["end"] == "finished"
    assert (result["step"], result["refused"]) == (steps, 0)
    assert [section["score"] for section in result["sections"].values()] == scores
    assert all(not section["findings"] for section in result["sections"].values())
    assert result["events"][0]["replay"] is True
    assert (result["spent"]["cost"], result["spent"]["unpriced"]) == (0.0, 0)


@pytest.mark.parametrize("protocol", ["no_refine"])
def test_a_section_that_is_not_refined_is_told_as_exhausted(protocol: str) -> None:
    result = write("Anything.", model="scripted:demo", protocol=protocol)
    assert result["end"] == "finished_with_exhausted_sections"
    assert result["sections"]["s2"]["status"] == "budget_exhausted"


def test_a_reply_that_does_not_exist_is_told_not_made_up() -> None:
    with pytest.raises(InputError, match="holds no another text of s1"):
        write("Anything.", model="scripted:demo", tau=9.9, protocol="fixed", at_once=1)
    outline = {"title": "T", "sections": [{"title": "My own", "points": ["p"]}]}
    with pytest.raises(InputError, match="knows no section 'My own'"):
        write("Anything.", model="scripted:demo", outline=outline)


def test_an_unknown_exchange_is_told() -> None:
    with pytest.raises(UnknownName, match="did you mean 'scripted:demo'"):
        demo_chat("scripted:demos")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_says_that_it_is_a_replay(language: str) -> None:
    assert "replay" in says_replay(language) or "重放" in says_replay(language)
    assert callable(reply_to)
