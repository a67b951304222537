"""Repair a verifier that was refused, by the report of its check."""

from functools import partial

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from pydantic import Field

from ravelar.agents.asking import ask
from ravelar.agents.prompts import shorten
from ravelar.agents.rlar.scout import task_json
from ravelar.agents.rlar.verifier_writer import (
    Lint,
    ProgramReply,
    WrittenVerifier,
    as_written,
    read_plan_and_code,
)
from ravelar.tools.chat.meter import Meter
from ravelar.tools.task import TaskSpec

PROMPT = "rlar.verifier_repairer"
_LONGEST_REPORT = 20_000


class _Repair(ProgramReply):
    change: str = Field(min_length=1)


def repair_verifier(  # noqa: PLR0913  how to ask
    chat: BaseChatModel,
    spec: TaskSpec,
    source: str,
    report_text: str,
    *,
    meter: Meter,
    profile: str = "core",
    lint: Lint | None = None,
    config: RunnableConfig | None = None,
) -> WrittenVerifier:
    """Write a refused verifier anew.

    Args:
        chat: Whom to ask.
        spec: The task.
        source: The refused program.
        report_text: Why it was refused; it holds shown probes only, which whoever writes it sees to.
        meter: What counts the calls.
        profile: Which libraries the refused program had.
        lint: Objections to the new source, which get the repair turn.
        config: Callbacks, tags and metadata of the caller's.

    Raises:
        AgentError: if there is no usable reply; see `agents.asking.ask`.
    """
    values = {
        "task": task_json(spec),
        "source": source,
        "report": shorten(report_text, _LONGEST_REPORT),
        "profile": profile,
    }
    read = partial(read_plan_and_code, model=_Repair, lint=lint)
    answer = ask(chat, PROMPT, values, read, meter=meter, config=config)
    repair, repaired = answer.value
    return as_written(repaired, repair, chosen=repair.change, schemes=(), answer=answer)
