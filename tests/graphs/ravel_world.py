"""What the tests of the RAVEL graph share: a scripted language model that knows who is asked of what."""

import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage

from ravelar.agents.prompts import load_prompt
from ravelar.agents.ravel.languages import ROLES, prompt_of
from ravelar.graphs.ravel import RavelGraph, build_ravel
from ravelar.graphs.ravel_parts import Parts
from ravelar.graphs.ravel_state import RavelContext
from ravelar.tools.chat.retrying import NO_RETRIES
from ravelar.tools.chat.scripted import ScriptedChat

BRIEF = {"instruction": "Write about the harbours of the North Sea."}
SUBJECTS = (
    "herring", "pilots", "lighthouses", "dredging", "containers", "ferries", "storms", "customs", "tides", "cranes",
    "shipyards", "warehouses", "gulls", "wharves", "anchors", "radar", "tugboats", "salt", "timber", "coal",
    "fog", "ropes", "sails", "engines", "canals", "locks",
)  # fmt: skip
_SECTION = re.compile(r"<section>\n(s\d+) ")
Answer = str | Exception


def role_of(messages: Sequence[BaseMessage]) -> str:
    """Say which role is asked, by the prompt that its messages were rendered from."""
    return role_of_texts([str(message.content) for message in messages])


def role_of_texts(texts: Sequence[str]) -> str:
    system, user = [*texts, "", ""][:2]
    for role, language in itertools.product(ROLES, ("en", "zh")):
        if load_prompt(prompt_of(language, role)).matches(system, user):
            return role
    raise AssertionError(f"no prompt of RAVEL's is like {system[:80]!r}")


def section_of(user: str) -> str | None:
    found = _SECTION.search(user)
    return found[1] if found else None


def action(operation: str, section: str | None = None) -> str:
    return json.dumps({"thought": "it is next", "operation": operation, "section": section})


def outline(count: int, *, words: int | None = None) -> str:
    sections = [
        {"title": f"Of {subject}", "points": [f"what {subject} did", f"who paid for {subject}"], "words": words}
        for subject in SUBJECTS[:count]
    ]
    return json.dumps({"thought": "by trade", "title": "North Sea harbours", "sections": sections})


def prose(subject: str, *, more: str = "", words: int = 60) -> str:
    """Make a text about a subject that repeats neither itself nor another one."""
    body = " ".join(f"{subject}{i} stood by quay {subject[0]}{i};" for i in range(words // 5))
    return f"The harbour and its {subject} had a year of their own. {body} {more}".strip()


def text_of(content: str, summary: str = "It tells of a trade.", changes: str | None = None) -> str:
    parts = [f"<changes>{changes}</changes>"] if changes else []
    return "\n".join([*parts, f"<content>\n{content}\n</content>", f"<summary>{summary}</summary>"])


def review(score: float, feedback: str = "") -> str:
    verdict = "met" if score >= 8 else "partly" if score >= 6.5 else "missed"
    judged = {name: {"comment": "the first sentence", "verdict": "met"} for name in ("brief", "points", "coherence")}
    judged |= {"substance": {"comment": "the second", "verdict": verdict}}
    judged |= {"language": {"comment": "throughout", "verdict": "met"}}
    said = feedback or ("" if score >= 8 else "Say who paid.")
    return json.dumps({**judged, "feedback": said, "score": score})


class Writer:
    """Answers each role by a function of (section, how often it was asked of that section, the user's text).

    Left out, the outliner plans `sections` ones, the drafter writes about their subjects, the reviewer gives 9, and
    the planner does what protocol fixed would do. `asked` is who was asked about what, in order.
    """

    def __init__(self, sections: int = 3, **answers: Callable[[str | None, int, str], Answer]) -> None:
        self.sections = sections
        self.asked: list[tuple[str, str | None]] = []
        self.prompts: list[str] = []
        self.answers: dict[str, Callable[[str | None, int, str], Answer]] = {**self._usual(), **answers}

    def __call__(self, messages: Sequence[BaseMessage]) -> Any:
        return self.says([str(message.content) for message in messages])

    def says(self, texts: Sequence[str]) -> Answer:
        role, section = role_of_texts(texts), section_of(texts[1])
        nth = self.asked.count((role, section))
        self.asked.append((role, section))
        self.prompts.append("\n".join(texts))
        return self.answers[role](section, nth, "\n".join(texts[1:]))

    def count(self, role: str) -> int:
        return sum(asked == role for asked, _ in self.asked)

    def _usual(self) -> Mapping[str, Callable[[str | None, int, str], Answer]]:
        def subject(section: str | None) -> str:
            return SUBJECTS[int((section or "s1")[1:]) - 1]

        return {
            "planner": lambda _, nth, __: in_turn(self.sections)[nth],
            "outliner": lambda *_: outline(self.sections),
            "drafter": lambda section, *_: text_of(prose(subject(section))),
            "reviewer": lambda *_: review(9),
            "refiner": lambda section, nth, _: text_of(prose(subject(section), more=f"Now {nth}."), changes="Payer."),
        }


def in_turn(count: int) -> list[str]:
    """Return a planner's replies that outline, draft and review one section after another, and finish."""
    names = [f"s{i}" for i in range(1, count + 1)]
    steps = [action(operation, name) for name in names for operation in ("draft", "review")]
    return [action("outline"), *steps, action("finish")]


def graph_of(writer: Writer, **more: Any) -> RavelGraph:
    return build_ravel(parts=Parts(chat=ScriptedChat(writer), retries=NO_RETRIES), **more)


def run(writer: Writer, given: Mapping[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """Run it to its end in memory; return what it returns."""
    return dict(graph_of(writer).invoke({"brief": BRIEF, **(given or {})}, context=RavelContext(**settings)))
