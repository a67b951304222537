"""C3EBench's items: what a writer may see (a brief), and what only judging sees (the reference).

The task "condition" of the published files is reported as Expand.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ravelar.tools.errors import InputError, UnusablePrompt
from ravelar.tools.rows import BadRow, read_rows
from ravelar.tools.verifiers.length import Asked, asked_in

Task = Literal["cloze", "condition", "edit", "end2end"]
Language = Literal["en", "zh"]
TASKS: tuple[Task, ...] = get_args(Task)
_NEEDED: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("cloze", "en"): ("prefix", "suffix"),
    ("cloze", "zh"): ("content",),
    ("condition", "en"): ("condition", "audience", "word"),
    ("condition", "zh"): ("outline",),
    ("edit", "en"): ("content", "critique"),
    ("edit", "zh"): ("content", "critique"),
    ("end2end", "en"): ("audience", "word"),
    ("end2end", "zh"): (),
}
_KEY = re.compile(r"_(?P<language>cn|en)_\d+$")
_LANGUAGES: Mapping[str, Language] = {"cn": "zh", "en": "en"}
LANGUAGE_FILES: Mapping[str, tuple[str, ...]] = {
    "en": ("english_dataset.jsonl", "english.jsonl.gz", "english.jsonl"),
    "zh": ("chinese_dataset_v2.jsonl", "chinese.jsonl.gz", "chinese.jsonl"),
}
"""How a folder's files of items may be called."""
BLANK = re.compile(r"\[fill[ _]in[ _]the[ _]blanks?\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Brief:
    """What a writer may see of an item. It has no reference, and nothing here is made from one.

    Attributes:
        key: The item's key, such as "cloze_cn_246".
        language: "en" or "zh".
        task: Which of the four.
        genre: The published `sub_task`, such as "poetry".
        instruction: What is asked for.
        given: The item's inputs by their published names (content, outline, critique, prefix, suffix, word ...).
    """

    key: str
    language: Language
    task: Task
    genre: str
    instruction: str
    given: Mapping[str, str]

    @property
    def source(self) -> str:
        """What a text for this brief must take up: the article around the blank, the outline, the draft, the task."""
        given = self.given
        parts = {
            "cloze": [given.get("prefix", ""), given.get("content", ""), given.get("suffix", "")],
            "condition": [given.get("outline", ""), given.get("condition", "")],
            "edit": [given.get("content", "")],
            "end2end": [given.get("brief", ""), self.instruction],
        }[self.task]
        return BLANK.sub("\n", "\n".join(filter(None, parts)))

    @property
    def asked(self) -> Asked | None:
        """How many words are asked for, by the inputs or else the instruction; None if no number is."""
        stated = self.given.get("word", "").strip()
        try:
            return asked_in(f"{stated} words" if stated else self.instruction)
        except UnusablePrompt:
            return None


@dataclass(frozen=True, slots=True)
class Item:
    """One item: what is asked, and the professional text to judge against.

    Attributes:
        brief: What a writer may see.
        reference: What only judging may see.
        cluster: What it shares with other items of the same source text.
    """

    brief: Brief
    reference: str
    cluster: str

    @property
    def key(self) -> str:
        """The item's key."""
        return self.brief.key


def read_items(path: str | Path, clusters: str | Path | None = None) -> list[Item]:
    """Read a published file of items, of either language, in the file's order.

    Args:
        path: JSON lines (.gz too) with infer_id, task_type, sub_task, instruction, input and reference.
        clusters: A table of tab-separated values with the columns infer_id and cluster_id; None puts every item in a
            cluster of its own.

    Raises:
        InputError: if a row or the table can't be read; names file and line.
    """
    cluster_of = {} if clusters is None else _read_clusters(Path(clusters))
    items = []
    for row in read_rows(str(path)):
        if isinstance(row, BadRow):
            raise InputError(f"{row.place}: {row.reason}")
        items.append(_item(row.values, row.place, cluster_of))
    return items


def item_files(source: Path, language: str | None = None) -> list[Path]:
    """Return the files of items that are meant: a file itself, or those of a folder that `fetch` filled.

    Raises:
        InputError: if there are none.
    """
    if source.is_file():
        return [source]
    wanted = [language] if language else list(LANGUAGE_FILES)
    found = [next((source / name for name in LANGUAGE_FILES[one] if (source / name).is_file()), None) for one in wanted]
    if not any(found):
        names = ", ".join(name for one in wanted for name in LANGUAGE_FILES[one][:1])
        raise InputError(f"{source} holds no items ({names}); `ravelar eval c3e fetch` gets them, or name --items")
    return [path for path in found if path is not None]


def choose_items(
    items: Iterable[Item], *, language: str | None = None, tasks: Iterable[str] = (), limit: int | None = None
) -> list[Item]:
    """Return the items of a language and of some tasks; with a limit, the first so many of each task and language.

    Raises:
        InputError: if a task is unknown, an item is there twice, or nothing is left.
    """
    there, wanted = list(items), set(tasks)
    if unknown := wanted - set(TASKS):
        raise InputError(f"no task {sorted(unknown)[0]!r}; known: {', '.join(TASKS)}")
    kept: dict[str, Item] = {}
    counts: dict[tuple[str, str], int] = {}
    for item in there:
        group = (item.brief.language, item.brief.task)
        if (wanted and item.brief.task not in wanted) or language not in (None, item.brief.language):
            continue
        counts[group] = counts.get(group, 0) + 1
        if limit is not None and counts[group] > limit:
            continue
        if item.key in kept:
            raise InputError(f"the item {item.key!r} is there twice")
        kept[item.key] = item
    if not kept:
        raise InputError(
            f"none of the {len(there)} items is of {language or 'any language'}, {', '.join(wanted) or 'any task'}"
        )
    return list(kept.values())


def _item(values: Mapping[str, Any], place: str, cluster_of: Mapping[str, str]) -> Item:
    for name in ("infer_id", "task_type", "sub_task", "instruction", "reference"):
        if not isinstance(values.get(name), str):
            raise InputError(f"{place}: {name} is {values.get(name)!r:.80}; allowed: a text")
    key, task = values["infer_id"], values["task_type"]
    language = _KEY.search(key)
    if language is None or task not in TASKS:
        raise InputError(f"{place}: infer_id {key!r}, task_type {task!r}; allowed: ..._cn_N or ..._en_N, {TASKS}")
    inputs = values.get("input")
    if not isinstance(inputs, Mapping):
        raise InputError(f"{place}: input is {inputs!r:.80}; allowed: an object")
    if missing := [name for name in _NEEDED[task, _LANGUAGES[language["language"]]] if inputs.get(name) is None]:
        there = ", ".join(sorted(map(str, inputs))) or "none"
        raise InputError(f"{place}: a {task} item needs the input {missing[0]!r}; there: {there}")
    if not values["reference"].strip():
        raise InputError(f"{place}: the item {key!r} has an empty reference")
    brief = Brief(
        key=key,
        language=_LANGUAGES[language["language"]],
        task=task,
        genre=values["sub_task"],
        instruction=values["instruction"],
        given={name: str(value) for name, value in inputs.items() if value is not None},
    )
    return Item(brief, values["reference"], cluster_of.get(key, key))


def _read_clusters(path: Path) -> dict[str, str]:
    try:
        head, *lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"{path}: can't be read as a table of clusters: {error}") from None
    columns = head.split("\t")
    if not {"infer_id", "cluster_id"} <= set(columns):
        raise InputError(f"{path}: columns are {columns}; infer_id and cluster_id are needed")
    rows = [dict(zip(columns, line.split("\t"), strict=False)) for line in lines if line.strip()]
    # The two languages number their clusters apart.
    return {row["infer_id"]: f"{_language_of(row['infer_id'])}{row['cluster_id']}" for row in rows}


def _language_of(key: str) -> str:
    found = _KEY.search(key)
    return found["language"] if found else ""
