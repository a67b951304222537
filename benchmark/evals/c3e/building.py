r"""Items from texts of one's own, as C3EBench's were made: a model proposes, rules decide, rejects keep their reasons.

    text -> segment -> cloze item ------------> draft of the segment -> critique -> audit -> edit item
        \-> assignment with outline -> expand item
        \-> short assignment -> end-to-end item

Each kind of item is a row of its own: one that fails takes no other with it, and a stopped build goes on where it was.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from langchain_core.language_models.chat_models import BaseChatModel

from ravelar.agents.asking import aask
from ravelar.agents.c3e.making import Assignment, Audit, OutlinedAssignment, Segment
from ravelar.benchmark.evals.c3e.checks import (
    SEGMENT_SHARE,
    Rejected,
    check_assignment,
    check_critique,
    check_draft,
    check_text,
    cut_segment,
)
from ravelar.benchmark.evals.c3e.items import Language, Task
from ravelar.benchmark.evals.kept_replies import KeptReplies, Place
from ravelar.benchmark.evals.models import ModelSettings, close_model, default_retries, open_model
from ravelar.benchmark.evals.rows import Row
from ravelar.benchmark.evals.running import Stage
from ravelar.tools.chat.meter import Meter
from ravelar.tools.errors import InputError
from ravelar.tools.writing.text_measures import script_share

T = TypeVar("T")

KINDS: tuple[Task, ...] = ("cloze", "condition", "edit", "end2end")
_INSTRUCTIONS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "cloze": "Fill in the blank that is marked with [fill in the blank] in this text.",
        "edit": "Rewrite the draft by the critique. Keep what it is about; improve how it is said.",
    },
    "zh": {
        "cloze": "请补全文中以 [fill in the blank] 标出的空缺。",
        "edit": "请按照点评改写初稿：保留题材与主旨，改进写法。",
    },
}
_SUFFIXES = (".txt", ".md")
_CONTEXT = 1_500  # characters on either side of a passage that its drafter sees; ours


@dataclass(frozen=True, slots=True)
class Text:
    """A text that items are made from.

    Attributes:
        name: Its file's name without the ending.
        text: It.
        language: "en" or "zh", by its script.
    """

    name: str
    text: str
    language: Language


@dataclass(frozen=True, slots=True)
class BuildingJob:
    """One item to be made."""

    text: Text
    kind: Task


def read_texts(folder: Path) -> list[Text]:
    """Read the `.txt` and `.md` files below a folder, in the order of their names.

    Raises:
        InputError: if there is no such folder, it holds none, two bear one name, or one is no UTF-8.
    """
    if not folder.is_dir():
        raise InputError(f"no such folder: {folder}")
    texts: dict[str, Text] = {}
    for path in sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES and path.is_file()):
        try:
            said = path.read_text(encoding="utf-8").strip()
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is no UTF-8 text: {error}") from None
        name = "-".join(path.relative_to(folder).with_suffix("").parts)
        if name in texts:
            raise InputError(f"{path}: two texts are named {name!r}")
        texts[name] = Text(name, said, "zh" if (script_share(said, "zh") or 0) >= 0.5 else "en")
    if not texts:
        raise InputError(f"{folder} holds no texts; allowed: files that end in {' or '.join(_SUFFIXES)}")
    return list(texts.values())


def building_stage(  # noqa: PLR0913  what a stage stands on
    texts: Iterable[Text],
    model: ModelSettings,
    *,
    meter: Meter,
    kept: KeptReplies,
    kinds: Iterable[Task] = KINDS,
    at_once: int = 8,
) -> Stage[BuildingJob]:
    """Return the stage that makes items: a row per text and kind, with the item, or with the rule that it breaks.

    Raises:
        ModelUnavailable: if the model can't be opened.
    """
    wanted = list(kinds)
    jobs = {f"{text.name}|{kind}": BuildingJob(text, kind) for text in texts for kind in wanted}
    chat = open_model(model)
    maker = _Maker(chat, meter, Place(kept, model.as_row()))

    async def work(job: BuildingJob) -> Mapping[str, Any]:
        check_text(job.text.text)
        make = {"cloze": maker.cloze, "edit": maker.edit}.get(job.kind)
        made = await (make(job.text) if make else maker.assigned(job.text, job.kind))
        return {"made": made}

    def named(job: BuildingJob) -> dict[str, Any]:
        return {"text": job.text.name, "task": job.kind, "language": job.text.language}

    return Stage(jobs, named, work, at_once, lambda: close_model(chat), name="make item")


def items_of(rows: Iterable[Row]) -> dict[str, str]:
    """Return the items that were made as files in the published format: by name, their JSON lines."""
    files: dict[str, list[str]] = {}
    numbers: dict[str, int] = {}
    for row in sorted(rows, key=lambda row: str(row["key"])):
        if row.get("error") is not None:
            continue
        code = "cn" if row["language"] == "zh" else "en"
        number = numbers[code] = numbers.get(code, -1) + 1
        item = {"infer_id": f"{row['task']}_{code}_{number}", "task_type": row["task"], **row["made"]}
        files.setdefault(f"items_{row['language']}.jsonl", []).append(json.dumps(item, ensure_ascii=False))
    return {name: "\n".join(lines) + "\n" for name, lines in files.items()}


@dataclass(frozen=True, slots=True)
class _Maker:
    chat: BaseChatModel
    meter: Meter
    place: Place

    async def cloze(self, text: Text) -> dict[str, Any]:
        before, passage, after = await self._segment(text)
        gap = {"prefix": before, "suffix": after}
        given = gap if text.language == "en" else {"content": f"{before}[fill in the blank]{after}"}
        return _item(text, _INSTRUCTIONS[text.language]["cloze"], given, passage)

    async def edit(self, text: Text) -> dict[str, Any]:
        before, passage, after = await self._segment(text)
        context = f"{before[-_CONTEXT:]}[...]{after[:_CONTEXT]}"
        draft = await self._said(text, "rewrite", {"context": context, "passage": passage})
        check_draft(draft, passage)
        critique = await self._said(text, "critique", {"better": passage, "draft": draft})
        check_critique(critique, draft, passage)
        audit = await self._asked(text, "audit", {"draft": draft, "critique": critique, "reference": passage}, Audit)
        if audit.failed:
            why = "; ".join(f"{name}: {audit.reasons.get(name, 'no reason given')}" for name in audit.failed)
            raise Rejected("audit", why)
        return _item(text, _INSTRUCTIONS[text.language]["edit"], {"content": draft, "critique": critique}, passage)

    async def assigned(self, text: Text, kind: Task) -> dict[str, Any]:
        form: type[Assignment] = OutlinedAssignment if kind == "condition" else Assignment
        made = await self._asked(text, f"derive_{kind}", {"text": text.text}, form)
        check_assignment(kind, made, text.text)
        given = {"genre": made.genre, "brief": made.brief, "audience": made.audience, "word": made.word}
        if isinstance(made, OutlinedAssignment):
            given["condition" if text.language == "en" else "outline"] = made.structure
        return _item(text, made.query, given, text.text, genre=made.genre)

    async def _segment(self, text: Text) -> tuple[str, str, str]:
        length = len(text.text)
        least, most = (f"{round(share * length)}" for share in SEGMENT_SHARE)
        values = {"text": text.text, "least": least, "most": most, "length": str(length)}
        found = await self._asked(text, "segment", values, Segment)
        return cut_segment(text.text, found.begins, found.ends)

    async def _asked(self, text: Text, prompt: str, values: Mapping[str, str], form: type[T]) -> T:
        answer = await aask(
            self.chat, f"c3e.{text.language}.{prompt}", values, form,
            meter=self.meter, journal=self.place, retries=default_retries(),
        )  # fmt: skip
        return answer.value

    async def _said(self, text: Text, prompt: str, values: Mapping[str, str]) -> str:
        answer = await aask(
            self.chat, f"c3e.{text.language}.{prompt}", values, str.strip,
            meter=self.meter, journal=self.place, retries=default_retries(),
        )  # fmt: skip
        return answer.value


def _item(
    text: Text, instruction: str, given: Mapping[str, str], reference: str, *, genre: str = "text"
) -> dict[str, Any]:
    return {
        "sub_task": genre,
        "instruction": instruction,
        "input": dict(given),
        "reference": reference,
        "source": text.name,
    }
