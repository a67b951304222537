"""Measuring tools of the library again, and deciding about imported ones as about any other.

The measuring and the deciding are `ravelar.tools.evidence`'s; this joins them to the library's commands.
"""

import importlib
from pathlib import Path
from typing import Any

from ravelar.calls import default_library
from ravelar.tools.adopted.build import Workshop, build_tool
from ravelar.tools.adopted.entry import Entry, WrittenRecipe
from ravelar.tools.adopted.importing import Recheck, Rechecked
from ravelar.tools.adopted.store import AdoptedStore
from ravelar.tools.errors import InputError, ToolUnavailable
from ravelar.tools.evidence.probes import Half, ProbeSet
from ravelar.tools.evidence.trial import Trial
from ravelar.tools.sandbox.errors import SandboxError
from ravelar.tools.sandbox.protocol import Limits
from ravelar.workshop import default_workshop

_COMMAND = "ravelar library evaluate"


def read_probe_file(path: str | Path) -> ProbeSet:
    """Read labelled rows: prompt, completion, reference and label, or preference pairs.

    Raises:
        InputError: if a row can't be read, or has no usable label.
    """
    probes: ProbeSet = _evidence("labelled").read_probe_file(path)
    return probes


def evaluate_again(  # noqa: PLR0913  what is measured, on what, how
    store: AdoptedStore, name: str, probes: ProbeSet, *, half: Half, version: str | None = None, sandbox: str = "local"
) -> Trial:
    """Measure a tool of the library on probes; nothing is decided or kept.

    Raises:
        InputError: if there is no such tool or version, or if the tool can't be built here.
    """
    entry = store.entry(name, version)
    tool = build_tool(entry, workshop=default_workshop(sandbox), parts=lambda: default_library(sandbox))
    try:
        tool.ready()
    except ToolUnavailable as error:
        raise InputError(str(error)) from error
    trial: Trial = _evidence("measure").measure(tool, probes, half)
    return trial


def recheck_with(store: AdoptedStore, sandbox: str = "local") -> Recheck:
    """Return what checks an imported tool: as strictly as one acquired here, and against the one in use.

    Args:
        store: Where the tool in use is looked up.
        sandbox: Where written verifiers run.
    """
    workshop = default_workshop(sandbox)

    def recheck(entry: Entry, probes: ProbeSet) -> Rechecked:
        held_out, decision = _decided(entry, probes, workshop, lambda: default_library(sandbox))
        if not decision.adopt:
            return Rechecked(False, str(decision.reasons[0]), tuple(map(str, decision.reasons)), held_out)
        rival = store.active().get(entry.task.label)
        if rival is not None:
            lead = _lead(entry, store.entry(entry.task.label, rival), probes, workshop, sandbox)
            if not lead.adopt:
                return Rechecked(False, str(lead.reasons[0]), tuple(map(str, lead.reasons)), held_out)
        facts = _evidence("facts").card_evidence(held_out, "probes given at import", _COMMAND)
        return Rechecked(True, f"passed on {held_out.n} held-out probes", (), held_out, facts)

    return recheck


def _decided(entry: Entry, probes: ProbeSet, workshop: Workshop, parts: Any) -> tuple[Any, Any]:
    """Return the trial on the held-out half, if it came to that, and the decision; hostile probes are added."""
    recipe = entry.recipe
    probes = _evidence("make_probes").gather_probes(entry.task, (), probes)
    if isinstance(recipe, WrittenRecipe):
        if workshop.open_sandbox is None:
            raise ToolUnavailable("no sandbox is set up in this process")
        try:
            report = _evidence("check").check_verifier(
                recipe.source,
                entry.task,
                probes,
                sandbox=workshop.open_sandbox(),
                profile=recipe.profile,
                limits=Limits(wall_s=recipe.wall_s, cpu_s=recipe.cpu_s),
            )
        except SandboxError as error:
            raise ToolUnavailable(f"the sandbox failed: {error}") from error
        return report.held_out, report.decision
    tool = build_tool(entry, workshop=workshop, parts=parts)
    tool.ready()  # a tool that can't be built here says so, instead of failing on every probe
    measure = _evidence("measure")
    shown = measure.measure(tool, probes, "shown")
    held_out = measure.measure(tool, probes, "held_out")
    return held_out, _evidence("adoption").decide_reward_model(shown, held_out)


def _lead(entry: Entry, rival: Entry, probes: ProbeSet, workshop: Workshop, sandbox: str) -> Any:
    """Decide whether a tool replaces the one in use, on the held-out half."""
    measure = _evidence("measure")

    def values(one: Entry) -> Any:
        tool = build_tool(one, workshop=workshop, parts=lambda: default_library(sandbox))
        return measure.score_probes(tool, probes, "held_out", repeats=1)

    return _evidence("adoption").decide_replacement(measure.compare(values(entry), values(rival)))


def _evidence(name: str) -> Any:
    try:
        return importlib.import_module(f"ravelar.tools.evidence.{name}")
    except ImportError as error:
        raise InputError(f"probes can't be measured here: {error}") from error
