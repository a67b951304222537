"""An episode goes as the graph goes: the same decisions and replies come to the same end, by the same events."""

import json
import random
from typing import Any

import pytest
from ravel_world import BRIEF, Writer, action, review, text_of

from ravelar.graphs.ravel import build_ravel
from ravelar.graphs.ravel_parts import Parts
from ravelar.graphs.ravel_state import RavelContext
from ravelar.tools.chat.retrying import NO_RETRIES
from ravelar.tools.chat.scripted import ScriptedChat
from ravelar.tools.writing.events import EventLog
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.replay import state_of
from ravelar.training.ravel_env import RavelEnvironments
from ravelar.training.writing_env.chats import ChatCrew
from ravelar.training.writing_env.telling import tell_result

OPERATIONS = ("draft", "review", "refine", "finish", "outline")
STEPS = 40
LIMITS = Limits(max_steps=30, max_revisions=2)


def decisions(seed: int) -> list[dict[str, Any]]:
    """Return a planner's decisions, mostly such as come next; some impossible."""
    rng = random.Random(seed)
    said: list[dict[str, Any]] = [] if seed % 2 else [{"operation": "outline", "section": None}]
    while len(said) < STEPS:
        section = f"s{rng.randint(1, 3)}"
        operation = rng.choices(OPERATIONS, weights=(4, 5, 3, 1, 1))[0]
        said.append({"operation": operation, "section": None if operation in {"finish", "outline"} else section})
    return said


def replies(planned: list[dict[str, Any]], seed: int) -> Writer:
    """Return a writer whose reviews are drawn, so that some sections need revisions and some use them up."""
    rng = random.Random(f"reviews {seed}")
    scores = [rng.choice((5, 6.5, 9)) for _ in range(STEPS)]
    told = iter(scores)
    return Writer(
        2,
        planner=lambda _, nth, __: action(planned[nth]["operation"], planned[nth]["section"]),
        reviewer=lambda *_: review(next(told)),
        refiner=lambda section, nth, _: text_of(f"Text {nth} of {section}, mended by the quay.", changes="Payer."),
    )


@pytest.mark.parametrize("seed", range(6))
def test_the_same_decisions_come_to_the_same_end(seed: int) -> None:
    planned = decisions(seed)
    log = EventLog()
    parts = Parts(chat=ScriptedChat(replies(planned, seed)), retries=NO_RETRIES, log=log)
    context = RavelContext(max_steps=LIMITS.max_steps, max_revisions=LIMITS.max_revisions)
    of_graph = dict(build_ravel(parts=parts).invoke({"brief": BRIEF}, context=context))
    environment = RavelEnvironments(
        ChatCrew(chats={"": ScriptedChat(replies(planned, seed))}, retries=NO_RETRIES).crew(),
        "planner",
        LIMITS,
        tell_result,
    )()
    environment.reset(brief=BRIEF)
    for decided in planned:
        if environment.state["end"]:
            break
        arguments = {"section": decided["section"]} if decided["section"] else {}
        getattr(environment, decided["operation"])(**arguments)
    assert outcome(environment.events) == outcome(log.events)
    assert environment.measures.end == of_graph["end"]
    assert environment.measures.refused == of_graph["refused"]
    assert environment.state["sections"] == of_graph["sections"]
    assert environment.state["recent"] == state_of(log.events)["recent"]


def outcome(events: list[dict[str, Any]]) -> list[str]:
    """Return what happened, without when, by whose words, and which calls a planner took."""
    kinds = {"step", "outline", "text", "review", "end"}
    kept = ("kind", "step", "operation", "section", "refused", "content", "score", "status", "findings", "end")
    return [json.dumps({n: e.get(n) for n in kept if n != "thought"}) for e in events if e["kind"] in kinds]
