"""Scores as a table: systems by rows, each row in a cluster; what was not scored is unknown, and counted."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ravelar.benchmark.evals.resampling import Floats, Ints
from ravelar.tools.errors import InputError, UnknownName


class Score(NamedTuple):
    """One score as it was read.

    Attributes:
        system: What was scored.
        row: The item it was scored on; several scores of one system on one row are averaged.
        value: The score; None if it is unscored.
        cluster: What other rows it shares a source with; None means none.
    """

    system: str
    row: str
    value: float | None
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Scores of several systems on the same rows.

    Attributes:
        systems: The systems' names.
        rows: The rows' keys.
        values: Of shape (systems, rows); NaN where unscored, or where a system lacks the row.
        clusters: Each row's cluster, numbered from 0.
    """

    systems: tuple[str, ...]
    rows: tuple[str, ...]
    values: Floats
    clusters: Ints

    @classmethod
    def of(cls, scores: Iterable[Score]) -> "Table":
        """Build a table; systems and rows stand in the order of their names.

        Raises:
            InputError: if there is no score, a row is said to be in two clusters, or a value is infinite.
        """
        found: defaultdict[tuple[str, str], list[float | None]] = defaultdict(list)
        cluster_of: dict[str, str] = {}
        for score in scores:
            if score.value is not None and not np.isfinite(score.value):
                raise InputError(f"{score.system}, {score.row}: the score is {score.value}; allowed: a finite number")
            named = score.row if score.cluster is None else score.cluster
            if cluster_of.setdefault(score.row, named) != named:
                raise InputError(f"row {score.row} is in the clusters {cluster_of[score.row]!r} and {named!r}")
            found[score.system, score.row].append(score.value)
        if not found:
            raise InputError("there are no scores")
        systems = tuple(sorted({system for system, _ in found}))
        rows = tuple(sorted(cluster_of))
        values = np.array([[_mean(found.get((system, row), ())) for row in rows] for system in systems])
        _, clusters = np.unique([cluster_of[row] for row in rows], return_inverse=True)
        return cls(systems, rows, values, clusters.astype(np.int64))

    @property
    def cluster_count(self) -> int:
        """How many clusters there are."""
        return int(self.clusters.max()) + 1

    def place(self, system: str) -> int:
        """Return a system's place.

        Raises:
            UnknownName: if there is none of that name.
        """
        if system not in self.systems:
            raise UnknownName("system", system, self.systems)
        return self.systems.index(system)

    def where(self, chosen: Mapping[str, bool]) -> "Table":
        """Return the table of those rows that are chosen; its clusters are numbered anew.

        Raises:
            InputError: if none is.
        """
        kept = np.array([chosen.get(row, False) for row in self.rows])
        if not kept.any():
            raise InputError("no row is chosen")
        _, clusters = np.unique(self.clusters[kept], return_inverse=True)
        rows = tuple(row for row, keep in zip(self.rows, kept, strict=True) if keep)
        return Table(self.systems, rows, self.values[:, kept], clusters.astype(np.int64))


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else np.nan
