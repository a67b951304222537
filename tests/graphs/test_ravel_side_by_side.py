"""Sections side by side, and the seam pass that follows: bounded, repeatable, and at most one refinement a section."""

import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from ravel_world import SUBJECTS, Writer, prose, review, run, text_of

from ravelar.tools.chat.scripted import ScriptedChat
from ravelar.tools.writing.seams import seams
from ravelar.writing import write

PLANTED = (
    "On the ninth of March the pilot boat came back with nine men and a crate of oranges, and nobody asked why; "
    "the keeper gave one to each child on the mole and wrote the rest down as ballast."
)
TWO = {
    "drafter": lambda section, *_: text_of(
        f"{prose(SUBJECTS[int(section[1:])])}\n\n{PLANTED if section in {'s1', 's3'} else ''}"
    )
}
SECTION: Any = {"title": "T", "points": [], "words": None, "status": "accepted", "summary": "", "score": 9.0}


def written(*texts: str) -> Any:
    sections = [{**SECTION, "id": f"s{i}", "content": text} for i, text in enumerate(texts, 1)]
    return {"order": [one["id"] for one in sections], "sections": {one["id"]: one for one in sections}}


def statuses(result: Any) -> list[str]:
    return [result["sections"][name]["status"] for name in result["order"]]


def prompts_to(role: str, writer: Writer) -> dict[str | None, str]:
    """Return what a role was asked of each section, the last time."""
    return {who[1]: said for who, said in zip(writer.asked, writer.prompts, strict=True) if who[0] == role}


class Crowd(Writer):
    """Notes how many are asked at once, and takes its time."""

    def __init__(self, sections: int, seconds: tuple[float, float] = (0.02, 0.02), **answers: Any) -> None:
        super().__init__(sections, **answers)
        self.lock, self.now, self.most, self.seconds = threading.Lock(), 0, 0, seconds

    def __call__(self, messages: Any) -> Any:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(random.uniform(*self.seconds))
        with self.lock:
            self.now -= 1
            return super().__call__(messages)


@pytest.mark.parametrize(("at_once", "protocol", "most"), [(1, "fixed", 1), (3, "fixed", 3), (8, "autonomous", 1)])
@pytest.mark.slow
def test_no_more_are_asked_at_once_than_the_context_says(at_once, protocol, most):
    crowd = Crowd(6)
    result = write("Harbours.", chat=ScriptedChat(crowd), protocol=protocol, at_once=at_once)
    assert result["end"] == "finished"
    assert crowd.most == most


def test_eight_at_once_means_eight_on_any_machine():
    crowd = Crowd(8, (0.2, 0.2))
    write("Harbours.", chat=ScriptedChat(crowd), protocol="no_review", at_once=8)
    assert crowd.most == 8


def test_what_is_asked_does_not_depend_on_who_was_quicker():
    def reviewer(section: str, nth: int, _: str) -> str:
        return review(9 if nth or section != "s2" else 6)

    prompts, results = [], []
    for _ in range(3):
        crowd = Crowd(5, (0.0, 0.02), reviewer=reviewer)
        results.append(write("Harbours.", chat=ScriptedChat(crowd), protocol="fixed"))
        prompts.append(sorted(crowd.prompts))
    assert prompts[0] == prompts[1] == prompts[2]
    assert results[0]["article"] == results[1]["article"] == results[2]["article"]


def test_side_by_side_stops_at_the_last_step_that_is_left():
    result = run(Writer(6), protocol="fixed", max_steps=4)
    assert (result["end"], result["step"]) == ("step_budget", 4)
    drafted = [name for name in result["order"] if result["sections"][name]["status"] == "drafted"]
    assert drafted == ["s1", "s2", "s3"]


def test_one_section_that_can_t_be_had_does_not_lose_the_others_beside_it():
    usual = Writer(4).answers["drafter"]
    broken = {"drafter": lambda section, nth, text: "never" if section == "s2" else usual(section, nth, text)}
    result = run(Writer(4, **broken), protocol="fixed")
    assert result["end"] == "failed:broken_reply"
    assert result["because"].startswith("draft s2: BrokenReply")
    assert statuses(result) == ["accepted", "pending", "accepted", "accepted"]
    assert result["article"] is None


@pytest.mark.parametrize("at_once", [1, 8])
def test_a_passage_told_in_two_sections_is_found_and_mended_once(at_once):
    mended = prose("dredging", more="The orange story is told above.")
    writer = Writer(4, **TWO, refiner=lambda *_: text_of(mended, changes="cut what s1 says"))
    result = run(writer, protocol="fixed", at_once=at_once)
    assert result["end"] == "finished"
    assert [who for who in writer.asked if who[0] == "refiner"] == [("refiner", "s3")]
    asked = prompts_to("refiner", writer)["s3"]
    assert 'repeats_section s1: 39 words stand there too: "on the ninth of march' in asked
    assert result["article"].count("nine men and a crate") == 1  # that of s1, which may keep it
    assert result["sections"]["s3"]["content"] == mended
    assert result["sections"]["s3"]["scores"] == [9, 9]


def test_the_reviewer_is_told_of_the_repetition_before_it_scores():
    writer = Writer(4, **TWO)
    run(writer, protocol="fixed")
    told = prompts_to("reviewer", writer)
    assert {name for name, said in told.items() if "repeats_section" in said} == {"s1", "s3"}


def test_a_clean_article_is_left_alone():
    writer = Writer(6)
    assert run(writer, protocol="fixed")["end"] == "finished"
    assert writer.count("refiner") == 0


def test_a_seam_costs_a_section_one_refinement_and_no_more():
    writer = Writer(
        3,
        drafter=lambda section, *_: text_of(f"{prose(section)} {PLANTED}"),
        reviewer=lambda _, nth, __: review(6 if nth else 9),
        refiner=lambda section, *_: text_of(f"{prose(section)} {PLANTED} Still.", changes="nothing"),
    )
    result = run(writer, protocol="fixed")
    assert sorted(who for who in writer.asked if who[0] == "refiner") == [("refiner", "s2"), ("refiner", "s3")]
    assert result["end"] == "finished_with_exhausted_sections"
    assert statuses(result) == ["accepted", "budget_exhausted", "budget_exhausted"]


@pytest.mark.parametrize("protocol", ["autonomous", "no_review", "no_refine"])
def test_only_protocol_fixed_has_a_seam_pass(protocol):
    writer = Writer(4, **TWO)
    assert run(writer, protocol=protocol)["end"] == "finished"
    assert writer.count("refiner") == 0


def test_a_join_that_says_the_same_on_both_sides_is_found_and_a_clean_one_is_not():
    end = "so the harbour master closed the old book and opened a new one that winter."
    found = seams(written(f"{prose('salt')} And {end}", f"In the end {end} {prose('coal')}", prose("fog")))
    said = "so the harbour master closed the old book and opened a new"
    assert found == {"s2": [f'join s1: its end and this beginning both say "{said}"']}
    assert seams(written(prose("salt"), prose("coal"), prose("fog"))) == {}


def test_a_chinese_join_is_found_and_a_long_name_is_no_join():
    name = "中华人民共和国交通运输部水运局"
    assert seams(written(f"港口在清晨醒来。最后由{name}批准。", f"{name}随后派人前来。船也到了。")) == {}
    said = "他们合上旧账本的那个冬天港口里没有一条船也没有一个人说话"
    assert list(seams(written(f"开头。{said}。", f"{said}，而后春天来了。"))) == ["s2"]


def test_a_text_that_begins_with_its_own_heading_is_found():
    assert list(seams(written("## T\n\nThe text.", "T is a letter."))) == ["s1"]
