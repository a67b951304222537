"""Reading the caller's labels: rows with a label, and rows with a better and a worse completion."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any

from ravelar.tools.columns import Columns
from ravelar.tools.errors import InputError
from ravelar.tools.evidence.probes import Probe, ProbeSet
from ravelar.tools.reward import Triple
from ravelar.tools.rows import BadRow, Row, RowFormat, read_rows

CHOSEN, REJECTED = "chosen", "rejected"
DIALOGUE_TURN = (
    "\n\nAssistant:"  # what goes before each turn of the policy in a dialogue that is one text, as HH-RLHF has it
)


def read_probe_file(
    path: str | Path, columns: Columns | None = None, *, row_format: RowFormat | None = None
) -> ProbeSet:
    """Read a file of labelled rows; see `read_probes`.

    Raises:
        InputError: as `read_probes` and `read_rows` do, and if the file holds no row.
    """
    probes = read_probes(read_rows(str(path), row_format), columns)
    if not probes.probes:
        raise InputError(f"{path}: no rows; a probe is {{prompt, completion, reference, label}}")
    return probes


def read_probes(rows: Iterable[Row | BadRow | Mapping[str, Any]], columns: Columns | None = None) -> ProbeSet:
    """Turn labelled rows into probes, in order.

    A row is `{prompt, completion, reference?, label}`, the label a truth value, 0 or 1; or a preference
    `{prompt?, chosen, rejected, reference?}` (without a prompt, what both sides begin with is it), which makes two
    probes that are compared with one another alone. A mapping named `metadata`, and all further columns, become the
    triple's metadata; the label never does. Rows that repeat another are dropped: the same evidence does not count
    twice.

    Raises:
        InputError: for a row that can't be read, lacks a column, has no usable label, or contradicts another one; the
            message names the row.
    """
    names = columns or Columns()
    labels: dict[str, tuple[bool, str]] = {}
    probes: dict[str, Probe] = {}
    for number, row in enumerate(rows, start=1):
        place, values = _values(row, number)
        try:
            found = list(_probes_of(values, names))
        except InputError as error:
            raise InputError(f"{place}: {error}") from None
        for probe in found:
            content = repr((probe.triple, probe.pair))
            good, before = labels.setdefault(content, (probe.good, place))
            if good != probe.good:
                raise InputError(f"{place}: labelled {probe.good}, but the same triple is labelled {good} at {before}")
            probes.setdefault(content, probe)
    return ProbeSet(probes.values())


def _values(row: Row | BadRow | Mapping[str, Any], number: int) -> tuple[str, Mapping[str, Any]]:
    if isinstance(row, BadRow):
        raise InputError(f"{row.place}: {row.reason}")
    if isinstance(row, Row):
        return row.place, row.values
    if not isinstance(row, Mapping):
        raise InputError(f"row {number}: a probe is a mapping of columns, got {type(row).__name__}")
    return f"row {number}", row


def _probes_of(values: Mapping[str, Any], columns: Columns) -> Iterator[Probe]:
    values = _flattened(values)
    if CHOSEN in values or REJECTED in values:
        if "prompt" not in columns.row(values):
            values, columns = with_prompt(values), replace(columns, prompt="prompt")
        yield from _pair(values, columns)
        return
    good = columns.truth(values)
    triple = _triple(values, columns)
    if good is None:
        there = columns.label in values
        said = f"label: {values[columns.label]!r:.60} is no label" if there else f"label: no column {columns.label!r}"
        raise InputError(f"{said}; true, false, 0 or 1 is needed, or the columns 'chosen' and 'rejected'")
    yield Probe(triple, good)


def _pair(values: Mapping[str, Any], columns: Columns) -> Iterator[Probe]:
    for side in (CHOSEN, REJECTED):
        if values.get(side) is None:
            raise InputError(f"{side}: no such column, or empty; a preference row has both 'chosen' and 'rejected'")
    if values[CHOSEN] == values[REJECTED]:
        raise InputError("chosen and rejected are the same completion: it prefers nothing")
    rest = {key: value for key, value in values.items() if key not in {CHOSEN, REJECTED}}
    better, worse = (_triple({**rest, columns.completion: values[side]}, columns) for side in (CHOSEN, REJECTED))
    pair = f"{hash_of(better)}>{hash_of(worse)}"
    yield Probe(better, True, "preferred", pair)
    yield Probe(worse, False, "rejected", pair)


def with_prompt(row: Mapping[str, Any]) -> dict[str, Any]:
    """Take the prompt of a preference row out of its two sides, if it is only there: what both begin with.

    Of chat messages those that are the same; of a dialogue as text (HH-RLHF) all up to the last "Assistant:" that both
    have; of any other text what is common up to the last white space. TRL calls such a prompt implicit. Both sides
    keep at least one message; a row in which nothing is common stays as it is.
    """
    better, worse = row.get(CHOSEN), row.get(REJECTED)
    if type(better) is not type(worse) or not isinstance(better, str | list) or not isinstance(worse, str | list):
        return dict(row)
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(better, worse, strict=False)))
    at = _end_of_prompt(better[:shared]) if isinstance(better, str) else min(shared, len(better) - 1, len(worse) - 1)
    return {**row, "prompt": better[:at], CHOSEN: better[at:], REJECTED: worse[at:]} if at > 0 else dict(row)


def _end_of_prompt(shared: str) -> int:
    """Return where the prompt ends in what two texts begin with; 0 if nothing but white space is shared."""
    turn = shared.rfind(DIALOGUE_TURN)
    end = turn + len(DIALOGUE_TURN) if turn >= 0 else max(shared.rfind(" "), shared.rfind("\n")) + 1
    return end if shared[:end].strip() else 0


def hash_of(triple: Triple) -> str:
    """Name a triple by its content."""
    return ProbeSet([Probe(triple, True)]).digest.removeprefix("sha256:")


def _triple(values: Mapping[str, Any], columns: Columns) -> Triple:
    """Make the triple; no label may reach a tool through its metadata."""
    label = columns.label.partition(".")[0]
    triple = columns.triple(values)
    metadata = {key: value for key, value in triple.metadata.items() if key not in {label, columns.reference}}
    return Triple(triple.prompt, triple.completion, triple.reference, metadata)


def _flattened(values: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = values.get("metadata")
    if not isinstance(inner, Mapping):
        return values
    return {**inner, **{key: value for key, value in values.items() if key != "metadata"}}
