"""Reading one data set of a mixture: a local file, a folder or the Hub -> rows of prompt, reference and task."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ravelar.tools.columns import Columns, cell
from ravelar.tools.errors import InputError
from ravelar.tools.extras import need
from ravelar.tools.rows import BadRow, RowFormat, read_rows
from ravelar.tools.scoring import describe
from ravelar.training.recipes import Recipe, recipe_named
from ravelar.training.trainer_rows import NOT_COLUMNS

SourceRow = dict[str, Any]
_SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".parquet", ".gz")
NOT_FOR_TRAINING = ("completion", "label", "chosen", "rejected")
"""Columns that hold completions or what is thought of them: no tool may see them, and TRL drops or rejects them."""
_COLLIDES = frozenset({"prompts", "completions"}) | NOT_COLUMNS


class Source(BaseModel):
    """One data set of a mixture.

    Attributes:
        data: A local file (JSON lines, CSV, Parquet, `.gz`), a folder that `datasets` wrote or can load, or a data set
            on the Hub; None takes the one that the recipe is made for.
        recipe: How its rows are read; None takes columns named prompt, reference, task, and further ones as they are.
        columns: Ours or the recipe's column to the data set's, such as `{question: problem}`; dots reach into mappings.
        keep: Without a recipe, which further columns travel along as metadata; None keeps all.
        task: The label for all rows, instead of the recipe's or the data set's own.
        tool: The tool for all rows, instead of routing; the way to name a reward model or judge.
        arguments: What the recipe may be told, such as `{target: de}`.
        weight: Its share of the mixture beside the other sources' weights.
        limit: The most rows to draw from it.
        config: On the Hub, the configuration.
        split: On the Hub and of folders, the split; None takes the recipe's, or "train".
        revision: On the Hub, the commit, tag or branch.
        row_format: The format of a file whose suffix does not tell it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str | None = None
    recipe: str | None = None
    columns: Mapping[str, str] = {}
    keep: tuple[str, ...] | None = None
    task: str | None = None
    tool: str | None = None
    arguments: Mapping[str, str] = {}
    weight: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    limit: int | None = Field(default=None, ge=1)
    config: str | None = None
    split: str | None = None
    revision: str | None = None
    row_format: RowFormat | None = None

    @model_validator(mode="after")
    def _names_its_data(self) -> "Source":
        if self.data is None and self.recipe is None:
            raise ValueError("neither data nor recipe is given")
        return self

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.data if self.data is not None else str(self.recipe)


def read_source(source: Source) -> list[SourceRow]:
    """Read a whole data set; return its rows in order, each with `prompt`, `reference`, `task` and maybe more.

    Raises:
        UnknownName: if there is no such recipe.
        InputError: if the data can't be found or read, lacks a column, or a row can't be used; the message names the
            source, and the row by file and line.
    """
    recipe = None if source.recipe is None else recipe_named(source.recipe)
    _check_arguments(source, recipe)
    rows = [_made(source, recipe, place, values) for place, values in _values(source, recipe)]
    if not rows:
        raise InputError(f"data {source.name!r} holds no rows")
    return rows


def _check_arguments(source: Source, recipe: Recipe | None) -> None:
    if recipe is not None and recipe.hub is None and source.data is None:
        raise InputError(f"the recipe {source.recipe!r} stands for no data set of its own; data: FILE or a Hub name")
    allowed = recipe.arguments if recipe else ()
    for name in source.arguments:
        if name not in allowed:
            raise InputError(f"{source.name}: no argument {name!r}; allowed: {', '.join(allowed) or 'none'}")


def _values(source: Source, recipe: Recipe | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    data = source.data or (recipe.hub if recipe else None) or ""
    path = Path(data).expanduser()
    if path.is_dir() or not (path.exists() or data.startswith((".", "/", "~")) or data.endswith(_SUFFIXES)):
        split = source.split or (recipe.split if recipe else "train")
        config = source.config or (recipe.config if recipe and source.data in (None, recipe.hub) else None)
        yield from _library_rows(source, path if path.is_dir() else None, data, config, split)
        return
    for row in read_rows(str(path), source.row_format):
        if isinstance(row, BadRow):
            raise InputError(f"{row.place}: {row.reason}")
        yield row.place, row.values


def _library_rows(
    source: Source, folder: Path | None, data: str, config: str | None, split: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Read what the library `datasets` reads: a folder, or a data set on the Hub."""
    need("datasets", extra="train", what="data from a folder or the Hub")
    import datasets  # type: ignore[import-untyped]  # noqa: PLC0415  a second, only where it is used

    try:
        if folder is not None and (folder / "state.json").is_file():
            loaded: Iterable[Mapping[str, Any]] = datasets.load_from_disk(str(folder))
        else:
            where = str(folder) if folder else data
            loaded = datasets.load_dataset(where, config, split=split, revision=source.revision)
    except Exception as error:  # a hundred kinds, from HTTP to Arrow; all of them mean that there are no rows
        kind = f"the folder {folder}" if folder else f"no file {data!r}, and the data set of that name on the Hub"
        raise InputError(f"{kind} can't be read (split {split!r}): {describe(error)}") from error
    for number, values in enumerate(loaded):
        yield f"{data}:row {number}", values


def _made(source: Source, recipe: Recipe | None, place: str, values: Mapping[str, Any]) -> SourceRow:
    try:
        row = _by_columns(source, values) if recipe is None else _by_recipe(source, recipe, values)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
    row |= {role: given for role in ("task", "tool") if (given := getattr(source, role)) is not None}
    return row if isinstance(row.get("task"), str | None) else {**row, "task": str(row["task"])}


def _by_recipe(source: Source, recipe: Recipe, values: Mapping[str, Any]) -> SourceRow:
    for name in source.columns:
        if not any(name == known or name in known for known in recipe.columns):
            known = [one if isinstance(one, str) else " or ".join(one) for one in recipe.columns]
            raise InputError(f"the recipe {source.recipe!r} reads no column {name!r}; it reads: {', '.join(known)}")
    named = {**values, **{ours: cell(values, theirs, None) for ours, theirs in source.columns.items()}}
    for needed in recipe.columns:
        choices = (needed,) if isinstance(needed, str) else needed
        if all(named.get(choice) is None for choice in choices):
            raise _no_column(" or ".join(map(repr, choices)), values, choices[0], f"recipe {source.recipe!r}")
    return {"task": recipe.task, **recipe.make(named, source.arguments)}


def _by_columns(source: Source, values: Mapping[str, Any]) -> SourceRow:
    columns = Columns.renamed(source.columns)
    row = columns.row(values)
    further = row.pop("metadata", {})
    if "prompt" not in row and {"chosen", "rejected"} <= further.keys():
        raise InputError("no column for the prompt in a preference pair; recipe: preference takes it out of both sides")
    if "prompt" not in row:
        raise _no_column(repr(columns.prompt), values, "prompt", "a prompt")
    if source.keep is not None:
        for name in source.keep:
            if name not in values:
                raise _no_column(repr(name), values, None, "keep")
    kept = {name: value for name, value in further.items() if source.keep is None or name in source.keep}
    if collides := _COLLIDES & kept.keys():
        raise InputError(
            f"column {min(collides)!r} bears the name of what TRL passes itself; leave it out with keep: [...]"
        )
    return {
        name: value for name, value in {**kept, **row}.items() if name not in NOT_FOR_TRAINING and value is not None
    }


def _no_column(what: str, values: Mapping[str, Any], role: str | None, who: str) -> InputError:
    there = ", ".join(map(repr, list(values)[:12])) or "none"
    hint = f"; name it: columns: {{{role}: NAME}}" if role else ""
    return InputError(f"{who} needs the column {what}, which is not there or null; columns: {there}{hint}")
