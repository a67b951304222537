r"""C3EBench's stages, as jobs and what is done with each: writing, judging, comparing. `running.run_stage` does them.

    items x writer x samples -> outputs.jsonl -> x judges x repeats -> judgements.jsonl
                                              \-> pairs of writers x both orders -> comparisons.jsonl

Each row says of which item, by whom, with which prompt, at which cost; a row is found again by its key.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from ravelar.agents.asking import Method, aask
from ravelar.agents.c3e.judging import Comparison, compare_prompt
from ravelar.benchmark.evals.c3e.items import Brief, Item
from ravelar.benchmark.evals.c3e.judged import ajudge_once, ajudge_published, cut, materials_of, question
from ravelar.benchmark.evals.c3e.messages import MessageSet, fixed_message, published_message
from ravelar.benchmark.evals.c3e.published_rubrics import Rubrics, published_prompt
from ravelar.benchmark.evals.c3e.writers import Writer
from ravelar.benchmark.evals.kept_replies import KeptReplies, Place
from ravelar.benchmark.evals.models import ModelSettings, close_model, default_retries, open_model
from ravelar.benchmark.evals.rows import Row
from ravelar.benchmark.evals.running import Stage
from ravelar.tools.chat.meter import Meter
from ravelar.tools.errors import InputError

OUTPUTS, JUDGEMENTS, COMPARISONS = "outputs.jsonl", "judgements.jsonl", "comparisons.jsonl"


@dataclass(frozen=True, slots=True)
class WritingJob:
    """One text to be written."""

    item: Item
    sample: int


@dataclass(frozen=True, slots=True)
class JudgingJob:
    """One text to be judged, for the `repeat`-th time."""

    item: Item
    output: Row
    repeat: int


@dataclass(frozen=True, slots=True)
class ComparingJob:
    """Two texts for one item, to be compared in this order."""

    item: Item
    first: Row
    second: Row


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """Who judges, and how.

    Attributes:
        model: The model; a temperature above 0 where there are repeats, or they can't differ.
        with_reference: Whether the judge sees the reference.
        repeats: How often each text is judged.
        method: How replies take their form.
        rubrics: The published rubrics, from the user's copy of the published repository; None means ours.
    """

    model: ModelSettings
    with_reference: bool = True
    repeats: int = 1
    method: Method = "text"
    rubrics: Rubrics | None = None

    @property
    def name(self) -> str:
        """What the judge is called in rows and reports."""
        model = self.model.model.partition(":")[2] or self.model.model
        model = model if self.rubrics is None else f"{model} by the published rubrics"
        return model if self.with_reference else f"{model} without reference"


def writing_stage(
    items: Iterable[Item], writer: Writer, *, messages: MessageSet, samples: int = 1, at_once: int = 8
) -> Stage[WritingJob]:
    """Return the stage that has texts written: a row per item and sample."""
    jobs = {
        f"{writer.name}|{item.key}|{sample}": WritingJob(item, sample) for item in items for sample in range(samples)
    }

    async def work(job: WritingJob) -> Mapping[str, Any]:
        brief = job.item.brief
        message = fixed_message(brief) if messages == "fixed" else published_message(job.item)
        return (await writer.write(brief, message, job.sample)).as_row()

    def named(job: WritingJob) -> dict[str, Any]:
        return {**_kind(job.item.brief), "system": writer.name, "sample": job.sample}

    return Stage(jobs, named, work, at_once, writer.close, name="write")


def judging_stage(  # noqa: PLR0913  what a stage stands on
    items: Iterable[Item],
    outputs: Iterable[Row],
    judge: JudgeSettings,
    *,
    meter: Meter,
    kept: KeptReplies,
    at_once: int = 8,
) -> Stage[JudgingJob]:
    """Return the stage that has texts judged: a row per text and repeat.

    Raises:
        InputError: if a text is of an item that is not given, or repeats are asked of a judge that can't differ.
        ModelUnavailable: if the judge can't be opened.
    """
    if judge.rubrics is not None and not judge.with_reference:
        raise InputError("the published rubrics compare with the reference: they can't judge without it")
    if judge.repeats > 1 and judge.model.temperature == 0:
        raise InputError(f"{judge.repeats} repeats at temperature 0 say the same; give a temperature above 0")
    there = {item.key: item for item in items}
    jobs = {
        f"{judge.name}|{output['key']}|{repeat}": JudgingJob(_item_of(output, there), output, repeat)
        for output in outputs
        if output.get("error") is None
        for repeat in range(judge.repeats)
    }
    chat, retries = open_model(judge.model), default_retries()

    async def work(job: JudgingJob) -> Mapping[str, Any]:
        how = {"meter": meter, "journal": Place(kept, judge.model.as_row(), job.repeat), "retries": retries}
        text = str(job.output["text"])
        if judge.rubrics is not None:
            sent = published_prompt(judge.rubrics, job.item, cut(text))
            return await ajudge_published(chat, sent, method=judge.method, **how)
        reference = job.item.reference if judge.with_reference else None
        return await ajudge_once(chat, question(job.item.brief, text, reference=reference), method=judge.method, **how)

    def named(job: JudgingJob) -> dict[str, Any]:
        of = {"system": job.output["system"], "sample": job.output["sample"], "output": job.output["key"]}
        return {**_kind(job.item.brief), **of, "judge": judge.name, "repeat": job.repeat}

    return Stage(jobs, named, work, at_once, lambda: close_model(chat), name="judge")


def comparing_stage(  # noqa: PLR0913  what a stage stands on
    items: Iterable[Item],
    outputs: Iterable[Row],
    judge: JudgeSettings,
    *,
    meter: Meter,
    kept: KeptReplies,
    at_once: int = 8,
) -> Stage[ComparingJob]:
    """Return the stage that has each two writers' texts for an item compared, in both orders: two rows per pair.

    Only the first sample of each writer is compared.

    Raises:
        InputError: if a text is of an item that is not given, or there are fewer than two writers.
        ModelUnavailable: if the judge can't be opened.
    """
    there = {item.key: item for item in items}
    by_item: dict[str, list[Row]] = {}
    for output in outputs:
        if output.get("error") is None and output.get("sample", 0) == 0:
            by_item.setdefault(output["item"], []).append(output)
    jobs: dict[str, ComparingJob] = {}
    for texts in by_item.values():
        for a, b in combinations(sorted(texts, key=lambda row: str(row["system"])), 2):
            for first, second in ((a, b), (b, a)):
                key = f"{judge.name}|{first['key']}|{second['key']}"
                jobs[key] = ComparingJob(_item_of(first, there), first, second)
    if not jobs:
        raise InputError("there is no item with texts of two writers: nothing can be compared")
    chat, retries = open_model(judge.model), default_retries()

    async def work(job: ComparingJob) -> Mapping[str, Any]:
        brief, reference = job.item.brief, job.item.reference if judge.with_reference else None
        prompt, values = compare_prompt(
            brief.language, _task_text(brief), reference=reference,
            first=cut(str(job.first["text"])), second=cut(str(job.second["text"])),
        )  # fmt: skip
        answer = await aask(
            chat, prompt, values, Comparison, meter=meter, method=judge.method, retries=retries,
            journal=Place(kept, judge.model.as_row()),
        )  # fmt: skip
        better = {"first": job.first["system"], "second": job.second["system"], "tie": None}[answer.value.better]
        reasons = [reason.model_dump() for reason in answer.value.reasons]
        return {"better": answer.value.better, "winner": better, "reasons": reasons, **answer.cost()}

    def named(job: ComparingJob) -> dict[str, Any]:
        systems = {"first": job.first["system"], "second": job.second["system"]}
        return {**_kind(job.item.brief), **systems, "judge": judge.name}

    return Stage(jobs, named, work, at_once, lambda: close_model(chat), name="compare")


def _task_text(brief: Brief) -> str:
    return "\n\n".join([brief.instruction, *materials_of(brief).values()])


def _item_of(output: Row, items: Mapping[str, Item]) -> Item:
    try:
        return items[output["item"]]
    except KeyError:
        raise InputError(f"the text {output['key']!r} is of no item among the {len(items)} given") from None


def _kind(brief: Brief) -> dict[str, Any]:
    return {"item": brief.key, "task": brief.task, "language": brief.language}
