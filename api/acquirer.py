"""The RLAR graph as an acquirer for training: unknown tasks get a tool on rank 0 while the policy trains on.

    RoutedReward(library=default_library, router=default_router, on_unknown="acquire",
                 acquirer=RlarAcquirer(probes="probes.jsonl", settings={"model": "openai:gpt-5-mini"}))

Training has no labels, and nothing is adopted without evidence: probes come from a file, or, where a language model
says that a task's reference decides, from the references of the prompts themselves. A task that has neither ends as
`insufficient_probes`, and its completions stay unscored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ravelar.calls import acquire
from ravelar.task_rows import example_of, read_probe_rows
from ravelar.tools.columns import Columns
from ravelar.tools.errors import InputError
from ravelar.tools.recognition.recogniser import column_label
from ravelar.tools.reward import Triple
from ravelar.training.acquisition import AcquisitionOutcome


@dataclass(frozen=True)
class RlarAcquirer:
    """An acquirer (`training.acquisition.Acquirer`), picklable.

    Attributes:
        probes: A file of labelled completions or preference pairs. A row with a column `task` counts for the task of
            that label alone; rows without one count for every task.
        settings: Fields of `ravelar.graphs.rlar_state.RlarContext`: `model`, `base_url`, `search_hub`, budgets ...

    Raises:
        InputError: if the file can't be read, or a setting is none.
    """

    probes: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from ravelar.graphs.rlar_state import RlarContext  # noqa: PLC0415  langgraph takes 0.5 s

        wrong = sorted(set(self.settings) - set(RlarContext.__slots__))
        if wrong:
            raise InputError(f"no setting {wrong[0]!r}; settings: {', '.join(RlarContext.__slots__)}")
        self.rows()

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of the probes file; none without a file.

        Raises:
            InputError: if it can't be read.
        """
        return [] if self.probes is None else read_probe_rows(Path(self.probes), Columns())

    def __call__(self, label: str, triples: Sequence[Triple]) -> AcquisitionOutcome:
        """Run the graph on prompts of one task; return how it ended.

        Raises:
            InputError: if the library can't be used.
        """
        probes = [row for row in self.rows() if column_label(row) in (None, label)]
        result = acquire([example_of(triple) for triple in triples], probes, **self.settings)
        return AcquisitionOutcome(
            adopted=(result.get("adopted") or {}).get("tool"),
            end=str(result.get("end")),
            because=str(result.get("because") or ""),
            task=str((result.get("task") or {}).get("label") or label),
        )
