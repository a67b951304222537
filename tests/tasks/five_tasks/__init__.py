"""Five tasks that nothing in the library was built for, with their probes, triples and verifiers.

    from five_tasks import TASKS
    TASKS["unit_conversion"].probes(320)

`rows.py` says how data are made; each task has a module with its generator and oracle, one with the generator of
the triples that are written apart, and an honest verifier in `honest/`; lazy ones are in `lazy.py`.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from five_tasks.lazy import LAZY, Lazy
from five_tasks.rows import Made, examples_of, pairs, singles
from five_tasks.specs import SPECS
from ravelar.tools.task import TaskSpec

PROBE_SEED, APART_SEED = 41, 97
PROBES = 320


@dataclass(frozen=True, slots=True)
class FiveTask:
    """One of the five.

    Attributes:
        label: Its name.
        module: Its module in this package.
    """

    label: str
    module: str

    @property
    def home(self) -> ModuleType:
        """The module with its generator and its `oracle(item, answer)`."""
        return importlib.import_module(f"five_tasks.{self.module}")

    def spec(self) -> TaskSpec:
        """Return what a good namer would say of it."""
        return SPECS[self.label]

    def examples(self, n: int = 60) -> list[dict[str, Any]]:
        """Return n rows {prompt, reference}; no probe has their prompts, up to 320 probes."""
        return examples_of(self.home.source, n, seed=PROBE_SEED, skip=PROBES // 2)

    def made_probes(self, n: int = PROBES) -> list[Made]:
        """Return n probes with what the oracle needs: a right and a wrong one of each of n / 2 prompts."""
        return pairs(self.home.source, n, seed=PROBE_SEED)

    def probes(self, n: int = PROBES) -> list[dict[str, Any]]:
        """Return n rows {prompt, completion, reference, label}, labelled as a user would."""
        return [made.row for made in self.made_probes(n)]

    def made_triples(self, n: int = 120) -> list[Made]:
        """Return n labelled triples of n prompts from the other generator, with what the oracle needs."""
        apart = importlib.import_module(f"five_tasks.{self.module}_apart")
        return singles(apart.source, n, seed=APART_SEED)

    def labelled_triples(self, n: int = 120) -> list[dict[str, Any]]:
        """Return n rows {prompt, completion, reference, label} written apart from the probes."""
        return [made.row for made in self.made_triples(n)]

    def lazy_verifiers(self) -> dict[str, Lazy]:
        """Return verifiers that must be refused, by name, each with the reason."""
        return LAZY[self.label]

    def honest_verifier(self) -> str:
        """Return the source of one that deserves adoption."""
        return (Path(__file__).parent / "honest" / f"{self.module}.py").read_text(encoding="utf-8")


TASKS = {
    task.label: task
    for task in (
        FiveTask("bracket_repair", "brackets"),
        FiveTask("date_normalisation", "dates"),
        FiveTask("sql_equivalence", "sql"),
        FiveTask("haiku_syllables", "haiku"),
        FiveTask("unit_conversion", "units"),
    )
}
