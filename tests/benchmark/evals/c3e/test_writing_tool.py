"""`evaluate_writing` as an agent uses it: gates without a model, a judge with reasons, wrong input told as such."""

import asyncio
import json
from typing import Any

import pytest
from langchain_core.messages import ToolMessage

from ravelar.benchmark.evals.writing_tool import evaluate_writing
from ravelar.tools.chat.meter import Meter
from ravelar.tools.chat.scripted import ScriptedChat

GOOD = {"reasons": [{"about": "substance", "finding": "it has tides in it"}], "score": 7, "verdict": "equal"}
TEXT = "The tide took the harbour with it, and left the boats where they lay."
ASKED = {"text": TEXT, "instruction": "Write about tides."}


def test_without_a_judge_it_says_which_gates_refuse_a_text() -> None:
    tool = evaluate_writing()
    assert tool.name == "evaluate_writing"
    fine = tool.invoke(ASKED)
    assert (fine["passes"], fine["refused"], fine["judgement"]["score"]) == (True, {}, None)
    assert fine["judgement"]["why"] == "no judge is configured"
    short = tool.invoke({**ASKED, "words": "2000"})
    assert set(short["refused"]) == {"length"}
    assert short["figures"]["words"] == 14
    doubled = tool.invoke({**ASKED, "text": f"{TEXT} {TEXT}", "language": "zh"})
    assert {"repetition", "script"} <= set(doubled["refused"])
    assert "empty" in tool.invoke({**ASKED, "text": ""})["refused"]


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_judge_gives_a_score_with_reasons_by_the_benchmarks_own_prompt(way: str) -> None:
    chat, meter = ScriptedChat([json.dumps(GOOD)]), Meter()
    tool = evaluate_writing(lambda: chat, meter=meter)
    given = {**ASKED, "reference": "The moon pulls."}
    said = tool.invoke(given) if way == "invoke" else asyncio.run(tool.ainvoke(given))
    judgement = said["judgement"]
    assert (judgement["score"], judgement["verdict"]) == (7, "equal")
    assert judgement["reasons"] == GOOD["reasons"]
    assert judgement["prompt"] == "c3e.en.judge_end2end"
    assert meter.spent()["calls"] == 1
    (call,) = chat.calls
    assert "<reference>\nThe moon pulls.\n</reference>" in str(call.messages[-1].content)


def test_a_judge_without_a_verdict_leaves_the_score_unknown_and_the_gates_told() -> None:
    said = evaluate_writing(lambda: ScriptedChat(["seven", "7!"])).invoke(ASKED)
    assert said["passes"]
    assert said["judgement"]["score"] is None
    assert said["judgement"]["why"].startswith("BrokenReply: prompt c3e.en.judge_end2end")
    spent = evaluate_writing(lambda: ScriptedChat([]), meter=Meter(calls=0)).invoke(ASKED)
    assert spent["judgement"]["why"].startswith("BudgetExhausted")


@pytest.mark.parametrize(
    ("task", "given", "shown"),
    [
        ("condition", {"outline": "First the moon."}, "<outline>\nFirst the moon.\n</outline>"),
        ("edit", {"draft": "The sea is nice.", "critique": "How?"}, "<critique>\nHow?\n</critique>"),
        ("cloze", {"context": "It rose. [fill in the blank] It fell."}, "It rose. [fill in the blank] It fell."),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_task_shows_the_judge_what_it_needs(task: str, given: dict[str, str], shown: str, language: str) -> None:
    chat = ScriptedChat([json.dumps({**GOOD, "verdict": "good"})])
    said = evaluate_writing(lambda: chat).invoke({**ASKED, "task": task, "language": language, **given})
    assert said["judgement"]["score"] == 7
    assert shown in str(chat.calls[0].messages[-1].content)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"task": "edit", "draft": "x"}, "task 'edit' needs 'critique': the critique"),
        ({"task": "condition"}, "task 'condition' needs 'outline'"),
        ({"task": "cloze", "context": "no mark"}, "0 marks of a blank"),
        ({"task": "poem"}, "task"),
        ({"instruction": ""}, "instruction"),
        ({"language": "fr"}, "language"),
    ],
)
def test_wrong_input_is_told_to_the_agent_and_asks_nobody(given: dict[str, Any], says: str) -> None:
    chat = ScriptedChat([])
    call = {"name": "evaluate_writing", "args": {**ASKED, **given}, "id": "1", "type": "tool_call"}
    answer = evaluate_writing(lambda: chat).invoke(call)
    assert isinstance(answer, ToolMessage)
    assert answer.status == "error"
    assert says in str(answer.content)
    assert chat.calls == []
