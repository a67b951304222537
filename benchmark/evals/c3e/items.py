"""C3EBench's items: what a writer may see (a brief), and what only judging sees (the reference)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ravelar.tools.errors import InputError, UnusablePrompt
from ravelar.tools.rows import BadRow, read_rows
from ravelar.tools.verifiers.length import Asked, asked_in

Task = Literal["cloze", "condition", "edit", "end2end"]
Language = Literal["en", "zh"]
TASKS: tuple[Task, ...] = get_args(Task)
_KEY = re.compile(r"_(?P<language>cn|en)_\d+$")
_LANGUAGES: Mapping[str, Language] = {"cn": "zh", "en": "en"}
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
