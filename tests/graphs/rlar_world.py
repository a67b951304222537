"""What the tests of the RLAR graph share: a scripted language model that knows which decision is asked of it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage

from ravelar.tools.chat.scripted import ScriptedChat
from ravelar.tools.task import TaskSpec

ROLES = {
    "task namer": "You are the task namer",
    "scout": "You are the scout of a system",
    "writer": "You are the verifier writer",
    "repairer": "You are the verifier repairer",
    "router": "You break ties",
}


def role_of(messages: Sequence[BaseMessage]) -> str:
    """Say which of RLAR's decisions is asked for, by the prompt's system part."""
    system = str(messages[0].content)
    return next((role for role, words in ROLES.items() if words in system), system[:80])


def chat_that_says(answers: Mapping[str, Sequence[str]]) -> ScriptedChat:
    """Return a model with a queue of replies for each role; one that runs dry fails loudly."""
    queues = {role: list(replies) for role, replies in answers.items()}

    def reply(messages: list[BaseMessage]) -> str:
        queue = queues.get(role_of(messages))
        assert queue, f"nothing is left to say as {role_of(messages)!r}"
        return queue.pop(0)

    return ScriptedChat(reply)


def named(spec: TaskSpec) -> str:
    return json.dumps({"reasoning": "they look alike", "known_label": None, "spec": spec.model_dump()})


def known_as(label: str) -> str:
    return json.dumps({"reasoning": "one of the known tasks", "known_label": label, "spec": None})


def written(source: str, *, profile: str = "core") -> str:
    plan = {
        "reasoning": "compare values",
        "schemes": [{"name": "by value", "idea": "read the value and compare", "weakness": "odd spellings"}],
        "chosen": "by value",
        "profile": profile,
        "cases": [],
    }
    return f"Here it is.\n{json.dumps(plan)}\n\n```python\n{source}\n```\n"


def repaired(source: str, *, profile: str = "core") -> str:
    plan = {"reasoning": "it was wrong", "change": "read the value", "profile": profile, "cases": []}
    return f"{json.dumps(plan)}\n\n```python\n{source}\n```\n"


def rows_of(made: Sequence[Any]) -> list[dict[str, Any]]:
    """Return triples without their labels."""
    return [{key: value for key, value in one.row.items() if key != "label"} for one in made]
