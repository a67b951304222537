"""Several data sets as one: `prompt, reference, task` and what tools need, by weights and limits, the same for a seed.

sources -> rows of each, shuffled by (seed, name) -> limits per source and task -> shares -> one order -> Dataset

A row is used once: the mixture is as large as the weights allow without repeating any, unless a size is asked for.
Which rows of a source are drawn first does not depend on the sources after it.
"""

import json
import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ravelar.tools.errors import InputError
from ravelar.tools.extras import need
from ravelar.training.sources import Source, SourceRow, read_source

if TYPE_CHECKING:
    from datasets import Dataset  # type: ignore[import-untyped]

Form = Literal["chat", "text"]
_FIRST = ("prompt", "reference", "task")


class Mixture(BaseModel):
    """What is mixed.

    Attributes:
        sources: The data sets.
        size: How many rows; None means as many as the weights allow without repeating a row. If more are asked for
            than a source has, its rows are repeated, each time in another order.
        task_limits: The most rows of a task, over all sources.
        seed: Decides which rows are drawn, and their order.
        form: Whether prompts are chat messages or text; None takes them as they are, and where both occur, chat.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: tuple[Source, ...] = Field(min_length=1)
    size: int | None = Field(default=None, ge=1)
    task_limits: Mapping[str, int] = {}
    seed: int = 42
    form: Form | None = None


def read_mixture(settings: Mapping[str, Any]) -> Mixture:
    """Check settings as they stand in a configuration.

    Raises:
        InputError: for a setting that is unknown or has a wrong value; the message names it.
    """
    try:
        return Mixture.model_validate(settings)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "mixture"
        allowed = Source.model_fields if "sources" in first["loc"] else Mixture.model_fields
        hint = f"; allowed: {', '.join(allowed)}" if first["type"] == "extra_forbidden" else f", got {first['input']!r}"
        raise InputError(f"mixture: {where}: {first['msg']}{hint}") from None


def load_mixture(mixture: Mixture) -> "Dataset":
    """Read, draw and mix; return one data set for a trainer, JSON-plain values in every column.

    Its columns are `prompt, reference, task`, and those that some source has more; where a source lacks one, it is
    None, which to a tool and the router is as if it were not there.

    Raises:
        InputError: as `read_source` does, for weights on some sources only, and for a prompt that can't be made text.
    """
    return as_dataset(mixed_rows(mixture))


def mixed_rows(mixture: Mixture) -> list[SourceRow]:
    """Return the rows of a mixture as `load_mixture` orders them, without the library `datasets`."""
    tables = _limited([_shuffled(source, mixture.seed, i) for i, source in enumerate(mixture.sources)], mixture)
    counts = _counts([len(table) for table in tables], [source.weight for source in mixture.sources], mixture.size)
    drawn = [
        row
        for i, (table, count) in enumerate(zip(tables, counts, strict=True))
        for row in _repeated(table, count, random.Random(f"{mixture.seed}:again:{i}"))
    ]
    random.Random(f"{mixture.seed}:order").shuffle(drawn)
    return _in_one_form(drawn, mixture.form)


def as_dataset(rows: Sequence[SourceRow]) -> "Dataset":
    """Return rows as a data set whose columns may hold any JSON value, numbers beside texts and lists.

    The feature `Json` takes a text for JSON that is written already ("18" would come back as a number), so that each
    value is written here. Lone surrogates are lost: Arrow holds UTF-8.
    """
    need("datasets", extra="train", what="a mixture")
    from datasets import Dataset, Features, Json, Value  # noqa: PLC0415  a second, only where it is used

    names = [*_FIRST, *sorted({name for row in rows for name in row} - set(_FIRST))]
    columns: dict[str, list[Any]] = {name: [_written(row.get(name)) for row in rows] for name in names}
    columns["task"] = [row.get("task") for row in rows]
    features = Features({name: Value("string") if name == "task" else Json() for name in names})
    return Dataset.from_dict(columns, features=features)


def _written(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _shuffled(source: Source, seed: int, index: int) -> list[SourceRow]:
    rows = read_source(source)
    random.Random(f"{seed}:{index}:{source.name}").shuffle(rows)
    return rows[: source.limit]


def _limited(tables: list[list[SourceRow]], mixture: Mixture) -> list[list[SourceRow]]:
    """Drop the rows of a task beyond its limit, one source after the other."""
    known = {row.get("task") for table in tables for row in table}
    for task in mixture.task_limits:
        if task not in known:
            raise InputError(f"task_limits: no task {task!r}; tasks: {', '.join(sorted(map(str, known)))}")
    taken: Counter[str | None] = Counter()
    kept: list[list[SourceRow]] = []
    for table in tables:
        kept.append([])
        for row in table:
            taken[row.get("task")] += 1
            if taken[row.get("task")] <= mixture.task_limits.get(str(row.get("task")), math.inf):
                kept[-1].append(row)
    return kept


def _counts(there: Sequence[int], weights: Sequence[float | None], size: int | None) -> list[int]:
    """Return how many rows each source gives; shares are met to within one row (largest remainders).

    Without a size, the mixture is as large as it can be with each row used once: min of rows / share.
    """
    given = [weight for weight in weights if weight is not None]
    if given and len(given) < len(weights):
        raise InputError("some sources have a weight and some none; give all of them one, or none")
    if not given and size is None:
        return list(there)
    parts = given or [float(n) for n in there]
    shares = [part / sum(parts) for part in parts]
    total = size if size is not None else min(n / share for n, share in zip(there, shares, strict=True))
    exact = [total * share for share in shares]
    counts = [math.floor(count + 1e-9) for count in exact]
    left = round(total - sum(counts)) if size is not None else 0
    for i in sorted(range(len(exact)), key=lambda i: (counts[i] - exact[i], i))[:left]:
        counts[i] += 1
    return counts


def _repeated(table: Sequence[SourceRow], count: int, order: random.Random) -> list[SourceRow]:
    """Take rows from the front; once all are taken, from the front of another order of them."""
    drawn = list(table[:count])
    while len(drawn) < count:
        drawn += order.sample(table, len(table))[: count - len(drawn)]
    return drawn


def _in_one_form(rows: list[SourceRow], form: Form | None) -> list[SourceRow]:
    """Make all prompts chat or all text: a trainer looks at the first of a batch and treats the rest alike."""
    chosen = form or ("text" if all(isinstance(row["prompt"], str) for row in rows) else "chat")
    change = _as_text if chosen == "text" else _as_chat
    return [{**row, "prompt": change(row["prompt"])} for row in rows]


def _as_chat(prompt: Any) -> Any:
    return [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt


def _as_text(prompt: Any) -> Any:
    """Return a prompt of one user message as its text.

    Raises: InputError: if it has more, for no template would be there to join them.
    """
    if isinstance(prompt, str):
        return prompt
    if len(prompt) == 1 and prompt[0].get("role") == "user" and isinstance(prompt[0].get("content"), str):
        return prompt[0]["content"]
    roles = ", ".join(str(message.get("role")) for message in prompt)
    raise InputError(f"a prompt of chat messages ({roles}) can't be made text; use a tokenizer with a chat template")
