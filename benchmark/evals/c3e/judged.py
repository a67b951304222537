"""One text judged: the same question whoever asks it, a stage, inspect_ai, LangSmith or an agent's tool."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ravelar.agents.asking import Answer, aask, aask_rendered, ask
from ravelar.agents.c3e.judging import Judgement, PublishedJudgement, agrees, judge_prompt
from ravelar.agents.prompts import Rendered
from ravelar.benchmark.evals.c3e.items import Brief
from ravelar.benchmark.evals.c3e.messages import cloze_text

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

_LONGEST_CANDIDATE = 60_000  # characters; ours: a text ten times longer than any reference but one is cut, and says so


class Question(NamedTuple):
    """What a judge is asked of one text.

    Attributes:
        prompt: The prompt's name.
        values: What fills it.
        check: Refuses a judgement whose verdict does not belong to its score.
    """

    prompt: str
    values: Mapping[str, str]
    check: Callable[[Judgement], object]


def question(brief: Brief, candidate: str, *, reference: str | None) -> Question:
    """Return what is asked of a text.

    Args:
        brief: What it was written for.
        candidate: The text; the end of one beyond 60,000 characters is left out, and its length told.
        reference: The professional text; None judges without one.
    """
    prompt, values = judge_prompt(
        brief.task, brief.language, materials_of(brief), reference=reference, candidate=cut(candidate)
    )
    return Question(prompt, values, lambda said: agrees(said, with_reference=reference is not None))


def judge_once(chat: "BaseChatModel", asked: Question, **options: Any) -> dict[str, Any]:
    """Ask a judge; return score, verdict, reasons and cost, as plain JSON.

    Args:
        chat: The judge.
        asked: What it is asked.
        options: As of `agents.asking.ask`: meter, method, retries, journal, config.

    Raises:
        AgentError: if there is no judgement; see `agents.asking.ask`.
    """
    return _told(ask(chat, asked.prompt, asked.values, Judgement, check=asked.check, **options))


async def ajudge_once(chat: "BaseChatModel", asked: Question, **options: Any) -> dict[str, Any]:
    """Ask a judge as `judge_once` does, without blocking the event loop."""
    return _told(await aask(chat, asked.prompt, asked.values, Judgement, check=asked.check, **options))


async def ajudge_published(chat: "BaseChatModel", rendered: Rendered, **options: Any) -> dict[str, Any]:
    """Ask a judge by a published rubric; what comes back is as of `ajudge_once`, its analysis the reasons."""
    return _told(await aask_rendered(chat, rendered, PublishedJudgement, **options))


def materials_of(brief: Brief) -> dict[str, str]:
    """Return what a judge is shown of an item besides reference and candidate, by the slots' names."""
    given = brief.given
    if brief.task == "cloze":
        return {"context": cloze_text(brief)}
    if brief.task == "edit":
        return {"draft": given["content"], "critique": given["critique"]}
    asked = {"instruction": brief.instruction}
    if brief.task == "condition":
        asked["outline"] = given["condition"] if brief.language == "en" else given["outline"]
    return asked


def cut(text: str) -> str:
    """Return a text without what no judge is shown of it."""
    return text if len(text) <= _LONGEST_CANDIDATE else f"{text[:_LONGEST_CANDIDATE]}\n[... {len(text):,} characters]"


def reasons_in_words(reasons: list[Mapping[str, str]]) -> str:
    """Return a judgement's reasons as lines."""
    return "\n".join(f"{reason['about']}: {reason['finding']}" for reason in reasons)


def _told(answer: Answer[Judgement] | Answer[PublishedJudgement]) -> dict[str, Any]:
    said = answer.value
    reasons = [reason.model_dump() for reason in said.reasons]
    return {"score": said.score, "verdict": said.verdict, "reasons": reasons, **answer.cost()}
