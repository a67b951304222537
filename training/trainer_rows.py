"""From what a trainer hands to a reward function to triples.

prompts, completions, one list per data set column -> Triple | why the row is none
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ravelar.tools.columns import Columns
from ravelar.tools.errors import InputError
from ravelar.tools.reward import Triple
from ravelar.tools.scoring import describe

NOT_COLUMNS = frozenset({"completion_ids", "trainer_state", "log_extra", "log_metric", "environments"})
"""What TRL passes beside the data set's columns (trl 1.16, `GRPOTrainer._calculate_rewards`)."""

_GIVEN = ("prompt", "completion")  # a trainer hands these over under its own names


def check_roles(columns: Columns) -> None:
    """Check that each role can be played by the column it is given.

    Raises:
        InputError: if one can't.
    """
    if not isinstance(columns, Columns):
        raise InputError(f"columns is {type(columns).__name__}; ravelar.tools.columns.Columns are needed")
    for role in _GIVEN:
        if getattr(columns, role) != role:
            raise InputError(
                f"{role}: the trainer hands the {role} over as {role!r}, never as {getattr(columns, role)!r}; "
                f"rename the data set's column"
            )
    for role in ("reference", "task", "tool"):
        name = getattr(columns, role)
        if not isinstance(name, str) or not name or name.split(".")[0] in NOT_COLUMNS.union(_GIVEN):
            raise InputError(f"{role}: {name!r} can't be its column; allowed: the name of another data set column")


def check_columns(columns: Columns, names: Collection[str]) -> None:
    """Check, before training, that a data set has the columns that were named for it.

    A column under its default name may be missing; one that was named on purpose may not.

    Raises:
        InputError: if there is no prompt, or a named column is not there; the message says what is.
    """
    there = ", ".join(map(repr, sorted(names))) or "none"
    if "prompt" not in names:
        raise InputError(f"the data set has no column 'prompt'; columns: {there}")
    usual = Columns()
    for role in ("reference", "task", "tool"):
        name = getattr(columns, role)
        if name != getattr(usual, role) and name not in names and name.split(".")[0] not in names:
            raise InputError(f"{role}: the data set has no column {name!r}; columns: {there}")


def read_triples(
    prompts: Sequence[Any], completions: Sequence[Any], further: Mapping[str, Any], columns: Columns
) -> list[Triple | str]:
    """Read a trainer's batch; return one triple per completion, in order, or why the row is none.

    Args:
        prompts: Texts or lists of chat messages.
        completions: The same.
        further: Every other keyword argument; what is a list of the batch's length is a data set column, and its values
            go with the row unless they are null.
        columns: Which column is what.
    """
    n = len(completions)
    cells = {
        name: values
        for name, values in further.items()
        if name not in NOT_COLUMNS and isinstance(values, list | tuple) and len(values) == n
    }
    return [
        _triple(
            {"prompt": prompts[i] if i < len(prompts) else None, "completion": completions[i]},
            {name: values[i] for name, values in cells.items() if values[i] is not None},
            columns,
        )
        for i in range(n)
    ]


def _triple(given: Mapping[str, Any], cells: Mapping[str, Any], columns: Columns) -> Triple | str:
    try:
        return columns.triple({**cells, **given})
    except Exception as error:  # noqa: BLE001  whatever a row holds, it costs this row alone
        return f"unreadable row: {describe(error)}"
