"""Crews of language models and of reward tools: RAVEL's own agents, and any tool as a reviewer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ravelar.agents.asking import How, Method
from ravelar.agents.ravel.drafter import draft
from ravelar.agents.ravel.outliner import outline
from ravelar.agents.ravel.refiner import refine
from ravelar.agents.ravel.reviewer import review
from ravelar.tools.chat.meter import Meter
from ravelar.tools.chat.opening import open_chat
from ravelar.tools.chat.retrying import Retries
from ravelar.tools.errors import InputError, ToolCrashed
from ravelar.tools.reward import RewardTool, Triple
from ravelar.tools.scoring import score_or_abstain
from ravelar.tools.writing.detectors import findings_of
from ravelar.tools.writing.limits import HIGHEST_SCORE
from ravelar.tools.writing.view import section_view
from ravelar.training.writing_env.crew import Assignment, Crew, Plan, Reviewed, Text

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

ROLES = ("outliner", "drafter", "reviewer", "refiner")


@dataclass(frozen=True)
class ChatCrew:
    """RAVEL's own outliner, drafter, reviewer and refiner, asked one after another.

    TRL calls the tools of its rollouts one after another, so that a batch waits for the sum of all calls. Calls are
    kept in the episode's event log. Picklable where models are named and not given.

    Attributes:
        model: The language model of every role, "provider:name".
        models: Others by role.
        base_url: Where an OpenAI-compatible server of one's own listens.
        chats: Open chat models by role, or one under "" for all; they go before the names.
        method: How replies take their form.
        retries: How often a call that a provider's trouble ended is tried again.
        timeout_s: Seconds that one call may take.
    """

    model: str | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    base_url: str | None = None
    chats: "Mapping[str, BaseChatModel]" = field(default_factory=dict)
    method: Method = "text"
    retries: Retries = field(default_factory=Retries)
    timeout_s: float = 120.0

    def __post_init__(self) -> None:
        for role in ROLES:
            if not (self.model or self.models.get(role) or self.chats.get(role) or self.chats.get("")):
                raise InputError(f"no language model is set for the {role}; name one: model='openai:gpt-5-mini'")

    def crew(self) -> Crew:
        """Return the crew."""
        return Crew(self.outline, self.draft, self.review, self.refine)

    def outline(self, given: Assignment) -> Plan:
        """Have the article planned."""
        chat = self._chat("outliner")
        plan = outline(chat, given.state["brief"], given.limits, **self._how(given, "outliner")).value
        return Plan(plan.title, plan.planned())

    def draft(self, given: Assignment) -> Text:
        """Have a section written."""
        chat, how = self._chat("drafter"), self._how(given, "drafter")
        wrote = draft(chat, given.state, given.section, given.limits, **how).value
        return Text(wrote.content, wrote.summary)

    def review(self, given: Assignment) -> Reviewed:
        """Have a section reviewed."""
        findings = _findings(given)
        chat, how = self._chat("reviewer"), self._how(given, "reviewer")
        said = review(chat, given.state, given.section, findings, **how).value
        return Reviewed(said.score, said.feedback, findings)

    def refine(self, given: Assignment) -> Text:
        """Have a section mended."""
        chat, how = self._chat("refiner"), self._how(given, "refiner")
        wrote = refine(chat, given.state, given.section, given.limits, **how).value
        return Text(wrote.content, wrote.summary, wrote.changes)

    def _chat(self, role: str) -> "BaseChatModel":
        found = self.chats.get(role) or self.chats.get("")
        if found is not None:
            return found
        name = self.models.get(role) or self.model or ""
        return open_chat(name, base_url=self.base_url, timeout_s=self.timeout_s, max_retries=0)

    def _how(self, given: Assignment, role: str) -> How:
        journal = given.log.at(role, given.step, given.section or None)
        return How(meter=Meter(), method=self.method, journal=journal, retries=self.retries)


@dataclass(frozen=True, slots=True)
class ScoredReviewer:
    """A reward tool as reviewer: its reward of a section's text, times ten, is the score.

    It sees what the section was planned to be as the prompt and the text as the completion. Where it can't say, the
    review fails, and the episode is unscored.

    Attributes:
        tool: The tool.
        feedback: What a text below tau is told, given its score; a tool has no words of its own.
    """

    tool: RewardTool
    feedback: Callable[[float], str] = "score {:.1f} of 10".format

    def __call__(self, given: Assignment) -> Reviewed:
        """Score a section's text.

        Raises: ToolCrashed: if the tool can't say; with its reason.
        """
        section = given.state["sections"][given.section]
        asked = {"words": section["words"]} if section["words"] else {}
        (reward,) = score_or_abstain(self.tool, [Triple(section_view(section), section["content"], None, asked)])
        if reward.value is None:
            raise ToolCrashed(f"reward tool {self.tool.card.name} does not review {given.section}: {reward.reason}")
        score = HIGHEST_SCORE * reward.value
        return Reviewed(score, self.feedback(score), _findings(given))


def _findings(given: Assignment) -> list[str]:
    return findings_of(given.state, given.section, given.state["sections"][given.section]["content"])
