"""The probes that follow from a run's state, made once for all its nodes."""

import hashlib
import json

from ravelar.graphs.rlar_state import RlarState
from ravelar.tools.evidence.labelled import read_probes
from ravelar.tools.evidence.make_probes import gather_probes
from ravelar.tools.evidence.probes import ProbeSet
from ravelar.tools.reward import Triple
from ravelar.tools.task import TaskSpec

_KEPT = 4  # runs that one graph may do side by side before their nodes make probes again; ours


def probes_of(state: RlarState) -> ProbeSet:
    """Return the task's probes: the labelled ones, and those that follow from examples and spec.

    Raises: InputError: if a labelled row can't be read.
    """
    spec = TaskSpec.model_validate(state["task"])
    labelled = read_probes([{**row.get("metadata", {}), **row} for row in state.get("probes") or []])
    examples = [
        Triple(row["prompt"], "", row["reference"], row.get("metadata", {}))
        for row in state.get("examples") or []
        if row.get("reference") is not None
    ]
    return gather_probes(spec, examples, labelled)


class KeptProbes:
    """Probes of the last few states; what they are made of decides whether they are the same."""

    def __init__(self) -> None:
        self._made: dict[str, ProbeSet] = {}

    def of(self, state: RlarState) -> ProbeSet:
        """Return `probes_of(state)`, made now or before; safe to call from several threads.

        Raises: InputError: if a labelled row can't be read.
        """
        try:
            made_of = json.dumps([state["task"], state.get("probes"), state.get("examples")])
        except TypeError:  # rows given in Python may hold anything
            return probes_of(state)
        key = hashlib.sha256(made_of.encode()).hexdigest()
        found = self._made.get(key)
        if found is None:
            for old in list(self._made)[: 1 - _KEPT]:
                self._made.pop(old, None)
            found = self._made[key] = probes_of(state)
        return found
