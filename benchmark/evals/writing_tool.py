"""`evaluate_writing`, a LangChain tool for agents: what gates say of a text, and what a judge says, if there is one.

What a caller gets wrong comes back as the tool's error message, so that an agent can correct itself.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, Field

from ravelar.agents.asking import Method
from ravelar.agents.reading import explain
from ravelar.benchmark.evals.c3e.items import BLANK, Brief, Item, Language, Task
from ravelar.benchmark.evals.c3e.judged import Question, ajudge_once, judge_once, question
from ravelar.benchmark.evals.measures.grounding import Sources
from ravelar.benchmark.evals.measures.row import measure
from ravelar.tools.chat.meter import Meter
from ravelar.tools.errors import InputError, RavelarError
from ravelar.tools.scoring import describe
from ravelar.tools.tracing.leaving_out import MARK

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

LONGEST = 400_000  # characters; ours: a book
_UNMEASURED = ("grounding: it shows only beside the sources of many items",)
_NAMES: Mapping[Task, Mapping[str, str]] = {
    "cloze": {"context": "the text, its blank marked [fill in the blank]"},
    "condition": {"outline": "the outline"},
    "edit": {"draft": "the draft", "critique": "the critique"},
    "end2end": {},
}
"""What each task needs beside its instruction."""


class WritingArguments(BaseModel):
    """What `evaluate_writing` is given."""

    text: Annotated[str, Field(max_length=LONGEST, description="The text to evaluate.")]
    instruction: Annotated[str, Field(min_length=1, max_length=LONGEST, description="What was asked for.")]
    task: Annotated[
        Task,
        Field(
            description="end2end: from the instruction alone; condition: from an outline; edit; cloze: fill a blank."
        ),
    ] = "end2end"
    language: Annotated[Language, Field(description="The language that was asked for.")] = "en"
    words: Annotated[str, Field(description="The length asked for, such as '800' or '700-900', if one was.")] = ""
    outline: Annotated[str, Field(max_length=LONGEST, description="Of task condition: the outline.")] = ""
    draft: Annotated[str, Field(max_length=LONGEST, description="Of task edit: the draft.")] = ""
    critique: Annotated[str, Field(max_length=LONGEST, description="Of task edit: the critique.")] = ""
    context: Annotated[
        str, Field(max_length=LONGEST, description="Of task cloze: the text, its blank marked [fill in the blank].")
    ] = ""
    reference: Annotated[
        str, Field(max_length=LONGEST, description="A professional text to judge against, at 6 of 10, if there is one.")
    ] = ""


def evaluate_writing(
    judge: "Callable[[], BaseChatModel | None]" = lambda: None,
    *,
    meter: Meter | None = None,
    method: Method = "text",
) -> BaseTool:
    """Return a tool that says of a text which gates refuse it, and what a judge gives it, with reasons.

    Args:
        judge: Who judges, asked for at each call; None, as by default, only measures.
        meter: What counts the judge's calls over all uses of the tool; it may refuse one.
        method: How the judge's replies take their form.
    """
    counted = meter or Meter()

    def run(**given: Any) -> dict[str, Any]:
        found, asked = _prepared(WritingArguments(**given))
        chat = judge()
        if chat is None:
            return {**found, "judgement": _NO_JUDGE}
        try:
            return {**found, "judgement": judge_once(chat, asked, meter=counted, method=method)}
        except RavelarError as error:
            return {**found, "judgement": _unscored(error)}

    async def arun(**given: Any) -> dict[str, Any]:
        found, asked = _prepared(WritingArguments(**given))
        chat = judge()
        if chat is None:
            return {**found, "judgement": _NO_JUDGE}
        try:
            return {**found, "judgement": await ajudge_once(chat, asked, meter=counted, method=method)}
        except RavelarError as error:
            return {**found, "judgement": _unscored(error)}

    return StructuredTool.from_function(
        run,
        arun,
        name="evaluate_writing",
        metadata=dict(MARK),
        description="Evaluate a text for what it was asked for: program checks that refuse it by name (repetition, "
        "wrong language, wrong length, leaked format, broken off, empty), and, if a judge is configured, a score from "
        "1 to 10 with reasons. A score of null is unknown, not zero.",
        args_schema=WritingArguments,
        handle_tool_error=True,
        handle_validation_error=_wrong,
    )


def _wrong(error: Any) -> str:
    return f"wrong arguments: {explain(error)}"


_NO_JUDGE = {"score": None, "why": "no judge is configured"}


def _unscored(error: RavelarError) -> dict[str, Any]:
    return {"score": None, "why": describe(error)}


def _prepared(given: WritingArguments) -> tuple[dict[str, Any], Question]:
    """Return what the measures say, and what a judge would be asked.

    Raises:
        ToolException: if something that the task needs is missing.
    """
    try:
        item = _item(given)
        found = measure(item, given.text, Sources([item]), drift=False)
        asked = question(item.brief, given.text, reference=given.reference or None)
    except RavelarError as error:
        raise ToolException(str(error)) from error
    figures = {name: getattr(found, name) for name in ("words", "coverage", "repeated", "script", "length")}
    refused = found.refusals()
    return {"passes": not refused, "refused": refused, "figures": figures, "not_measured": list(_UNMEASURED)}, asked


def _item(given: WritingArguments) -> Item:
    for name, what in _NAMES[given.task].items():
        if not getattr(given, name).strip():
            raise InputError(f"task {given.task!r} needs {name!r}: {what}")
    if given.task == "cloze" and len(BLANK.findall(given.context)) != 1:
        marks = len(BLANK.findall(given.context))
        raise InputError(f"context has {marks} marks of a blank; exactly one [fill in the blank] is needed")
    brief = Brief("given", given.language, given.task, "", given.instruction, _inputs(given))
    return Item(brief, given.reference, "given")


def _inputs(given: WritingArguments) -> dict[str, str]:
    """Return the arguments under the names that items have them by."""
    inputs = {"word": given.words} if given.words.strip() else {}
    if given.task == "cloze":
        prefix, suffix = BLANK.split(given.context)
        halves = {"prefix": prefix, "suffix": suffix}
        return inputs | (halves if given.language == "en" else {"content": given.context})
    if given.task == "condition":
        return inputs | {"condition" if given.language == "en" else "outline": given.outline}
    return inputs | ({"content": given.draft, "critique": given.critique} if given.task == "edit" else {})
