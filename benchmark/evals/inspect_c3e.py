"""C3EBench in inspect_ai: the model under evaluation writes, another one judges by our prompts.

The reference is a sample's target, which inspect shows to scorers; nothing that a writer is sent is made from it
(with the message set `fixed`). A text or judgement that failed is unscored, with its reason, and enters no mean.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import get_model
from inspect_ai.scorer import Score, Scorer, Target, grouped, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver

from ravelar.benchmark.evals.c3e.items import Brief, Item, item_files
from ravelar.benchmark.evals.c3e.judged import ajudge_once, question, reasons_in_words
from ravelar.benchmark.evals.c3e.messages import MESSAGE_SETS, fixed_message, published_message
from ravelar.benchmark.evals.c3e.run_folder import read_chosen
from ravelar.benchmark.evals.c3e.writers import written_of
from ravelar.benchmark.evals.inspect_chat import InspectChat, message_of
from ravelar.tools.chat.journal import Said
from ravelar.tools.chat.meter import Meter
from ravelar.tools.errors import InputError, RavelarError
from ravelar.tools.scoring import describe

GRADER = "grader"


def c3e_dataset(
    items: str, *, language: str | None, tasks: str | list[str], limit: int | None, messages: str
) -> MemoryDataset:
    """Read items as samples: what a writer is sent, its length limit, and the reference as target.

    Raises:
        InputError: if the items can't be read, none is left, or there is no such message set.
    """
    if messages not in MESSAGE_SETS:
        raise InputError(f"no message set {messages!r}; known: {', '.join(MESSAGE_SETS)}")
    if language not in (None, "en", "zh"):
        raise InputError(f"no language {language!r}; known: en, zh")
    names = [name.strip() for name in tasks.split(",") if name.strip()] if isinstance(tasks, str) else tasks
    chosen = read_chosen(item_files(Path(items), language), language=language, tasks=names, limit=limit)
    return MemoryDataset([_sample(item, messages) for item in chosen], name="c3e")


@solver
def c3e_writer() -> Solver:
    """Have the text written: one call, at most as long as the item's message allows."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        return await generate(state, max_tokens=int(state.metadata["max_tokens"]))

    return solve


@scorer(metrics=[mean(), stderr(cluster="cluster"), grouped(mean(), "kind", all=False)])
def c3e_judge(judge: str | None = None, with_reference: bool = True) -> Scorer:
    """Judge a text by our prompts: a whole number from 1 to 10, the reference at 6.

    Args:
        judge: The judge's name, such as "openai/gpt-5.2"; None takes the model role "grader".
        with_reference: Whether the judge sees the reference.
    """

    async def score(state: TaskState, target: Target) -> Score:
        chat = InspectChat(asked=get_model(judge) if judge else get_model(role=GRADER, required=True))
        text = ""
        try:
            text = written_of(Said.of(message_of(state.output))).text
            asked = question(_brief(state.metadata, str(state.sample_id)), text, reference=_shown(target))
            said = await ajudge_once(chat, asked, meter=Meter())
        except RavelarError as error:
            chat.unless_limited()
            return Score.unscored(reason=type(error).__name__, answer=text, explanation=describe(error))
        return Score(value=said.pop("score"), answer=text, explanation=reasons_in_words(said["reasons"]), metadata=said)

    def _shown(target: Target) -> str | None:
        return target.text if with_reference else None

    return score


def _sample(item: Item, messages: str) -> Sample:
    brief = item.brief
    message = fixed_message(brief) if messages == "fixed" else published_message(item)
    return Sample(
        id=brief.key,
        input=message.text,
        target=item.reference,
        metadata={
            "language": brief.language,
            "task": brief.task,
            "kind": f"{brief.language} {brief.task}",
            "genre": brief.genre,
            "cluster": item.cluster,
            "instruction": brief.instruction,
            "given": dict(brief.given),
            "max_tokens": message.max_tokens,
        },
    )


def _brief(metadata: Mapping[str, Any], key: str) -> Brief:
    names = ("language", "task", "genre", "instruction", "given")
    return Brief(key, **{name: metadata[name] for name in names})
