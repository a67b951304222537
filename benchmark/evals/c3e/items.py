r"""C3EBench's items, and the part of an item that a writer may see.

    file -> Item -- brief (no reference in it) -> messages -> writer
              \-- reference ------------------------------> judge, measures

The published files are JSON lines of `infer_id, task_type, sub_task, instruction, input, reference`.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from ravelar.agents.reading import explain
from ravelar.tools.errors import InputError

Task = Literal["cloze", "expand", "edit", "end2end"]
Language = Literal["en", "zh"]
TASKS: tuple[Task, ...] = get_args(Task)
LANGUAGES: tuple[Language, ...] = get_args(Language)

_PUBLISHED_TASKS: Mapping[str, Task] = {"cloze": "cloze", "condition": "expand", "edit": "edit", "end2end": "end2end"}
_LANGUAGE_OF: Mapping[str, Language] = {"en": "en", "cn": "zh"}
_NEEDED: Mapping[tuple[Task, Language], tuple[str, ...]] = {
    ("cloze", "en"): ("prefix", "suffix"),
    ("cloze", "zh"): ("content",),
    ("expand", "en"): ("genre", "brief", "condition", "audience", "word"),
    ("expand", "zh"): ("outline",),
    ("edit", "en"): ("content", "critique"),
    ("edit", "zh"): ("content", "critique"),
    ("end2end", "en"): ("genre", "brief", "audience", "word"),
    ("end2end", "zh"): (),
}


@dataclass(frozen=True, slots=True)
class ItemBrief:
    """What a writer may see of an item: everything but the reference.

    Attributes:
        id: The item's name, such as "edit_cn_868".
        task: "cloze", "expand" (the published files say "condition"), "edit" or "end2end".
        language: "en" or "zh".
        genre: The published sub-task, such as "essay".
        instruction: What is asked for, in the item's language.
        inputs: What else belongs to it: `prefix` and `suffix`, or `content`, `outline`, `critique`, `word` ...
    """

    id: str
    task: Task
    language: Language
    genre: str
    instruction: str
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Item:
    """An item of C3EBench.

    Attributes:
        brief: What a writer may see.
        reference: The professional text; for judges and measures only.
        cluster: The name of the source text: items that share it are resampled together.
    """

    brief: ItemBrief
    reference: str
    cluster: str

    @property
    def id(self) -> str:
        """The item's name."""
        return self.brief.id


class _Line(BaseModel):
    model_config = ConfigDict(strict=True)  # further fields, such as `meta`, are passed over

    infer_id: str
    task_type: Literal["cloze", "condition", "edit", "end2end"]
    sub_task: str
    instruction: str
    input: dict[str, str | int | float | None]
    reference: str


def read_items(path: Path, clusters: Mapping[str, str] | None = None) -> list[Item]:
    """Read a file of items: JSON lines in the published format, gzip-compressed or not.

    Args:
        path: The file.
        clusters: The source text of each item by its name; an item that is not in it stands alone.

    Raises:
        InputError: if the file is not there, or a line is no item; names the line and what is wrong.
    """
    items: dict[str, Item] = {}
    for number, text in numbered_lines(path):
        place = f"{path}, line {number}"
        item = _item(text, place, clusters or {})
        if item.id in items:
            raise InputError(f"{place}: the item {item.id!r} is there twice")
        items[item.id] = item
    if not items:
        raise InputError(f"{path} holds no items")
    return list(items.values())


def read_clusters(path: Path) -> dict[str, str]:
    """Read a table of `infer_id` and `cluster_id`, separated by tabs.

    Raises:
        InputError: if the file is not there, or lacks one of the columns.
    """
    rows = [line.split("\t") for line in _text(path).splitlines() if line]
    if not rows or not {"infer_id", "cluster_id"} <= set(rows[0]):
        raise InputError(f"{path}: the columns infer_id and cluster_id are needed, found {rows[0] if rows else 'none'}")
    name, cluster = rows[0].index("infer_id"), rows[0].index("cluster_id")
    return {row[name]: row[cluster] for row in rows[1:]}


def choose_items(
    items: Iterable[Item],
    *,
    tasks: Iterable[str] = (),
    limit: int | None = None,
    ids: Iterable[str] = (),
) -> list[Item]:
    """Return the items of some tasks, or of some names; with a limit, the first so many of each task and language.

    Raises:
        InputError: if a task or a name is unknown, or nothing is left.
    """
    there = list(items)
    wanted, named = set(tasks), set(ids)
    if unknown := wanted - set(TASKS):
        raise InputError(f"no task {sorted(unknown)[0]!r}; known: {', '.join(TASKS)}")
    if unknown := named - {item.id for item in there}:
        raise InputError(f"no item {sorted(unknown)[0]!r} in the {len(there)} items read")
    kept: list[Item] = []
    counts: dict[tuple[str, str], int] = {}
    for item in there:
        group = (item.brief.language, item.brief.task)
        if (wanted and item.brief.task not in wanted) or (named and item.id not in named):
            continue
        counts[group] = counts.get(group, 0) + 1
        if limit is None or counts[group] <= limit:
            kept.append(item)
    if not kept:
        raise InputError(f"none of the {len(there)} items is of the tasks {', '.join(sorted(wanted)) or 'asked for'}")
    return kept


def _item(text: str, place: str, clusters: Mapping[str, str]) -> Item:
    try:
        line = _Line.model_validate(json.loads(text))
    except json.JSONDecodeError as error:
        raise InputError(f"{place} is no JSON: {error}") from None
    except ValidationError as error:
        raise InputError(f"{place} is no item of C3EBench:\n{explain(error)}") from None
    parts = line.infer_id.split("_")
    language = _LANGUAGE_OF.get(parts[1] if len(parts) == 3 else "")
    if language is None:
        raise InputError(f"{place}: the name {line.infer_id!r} tells no language; allowed: TASK_en_N and TASK_cn_N")
    task = _PUBLISHED_TASKS[line.task_type]
    inputs = {name: "" if value is None else str(value) for name, value in line.input.items()}
    if missing := [name for name in _NEEDED[task, language] if name not in inputs]:
        there = ", ".join(sorted(inputs)) or "none"
        raise InputError(f"{place}: a {task} item in {language} needs the input {missing[0]!r}; there: {there}")
    if not line.reference.strip():
        raise InputError(f"{place}: the item {line.infer_id!r} has an empty reference")
    brief = ItemBrief(line.infer_id, task, language, line.sub_task, line.instruction, inputs)
    return Item(brief, line.reference, clusters.get(line.infer_id, f"alone {line.infer_id}"))


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file that are not blank, each with its number, from 1; a `.gz` is unpacked."""
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if line.strip():
            yield number, line


def _text(path: Path) -> str:
    try:
        data: bytes | Any = path.read_bytes()
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    except FileNotFoundError:
        raise InputError(f"no such file: {path}") from None
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read: {error}") from None
