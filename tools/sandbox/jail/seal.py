"""The parent's seal: every layer that the machine allows, in the order in which one does not hinder the next."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ravelar.tools.sandbox.jail import landlock, namespaces, privileges, rlimits, seccomp
from ravelar.tools.sandbox.jail.syscalls import this_machine


@dataclass(frozen=True, slots=True)
class Sealed:
    """What workers must know of their sealed parent.

    Attributes:
        report: What became of each layer that was wanted: "" for on, else why not.
        address_space: The parent's own, in bytes; a worker's limit counts from there.
        tasks: How many tasks the kernel counts for the parent's user id that are none of ours.
        readable: Whether there is anything to read for lazy imports.
    """

    report: dict[str, str]
    address_space: int
    tasks: int
    readable: bool

    def on(self, layer: str) -> bool:
        """Say whether a layer holds."""
        return self.report.get(layer) == ""

    @property
    def files(self) -> bool:
        """Whether a worker may open files for lazy imports: only where another layer says which."""
        return self.readable and (self.on("landlock") or self.on("mount"))


def seal(wanted: Sequence[str], readable: Sequence[Path], entered: dict[str, str]) -> Sealed:
    """Seal the calling process, which has imported all that it needs.

    Args:
        wanted: Layers to try.
        readable: What workers may read, for lazy imports.
        entered: What became of the namespaces.
    """
    report = dict(entered)
    privileges.forbid_new()
    space, tasks = rlimits.address_space_bytes(), _foreign_tasks(report)  # before /proc is out of sight
    facts = Sealed(report, space, tasks, bool(readable))
    if report.get("mount") == "":
        report["mount"] = namespaces.attempt(partial(namespaces.change_root, readable))
    steps: dict[str, Callable[[], object]] = {
        "landlock": partial(landlock.restrict, readable),
        "capabilities": privileges.drop_bounding_set,
        "ids": privileges.drop_ids,
    }
    for layer, step in steps.items():
        if layer in wanted:
            report[layer] = namespaces.attempt(step)
    if "capabilities" in wanted:
        report["capabilities"] = namespaces.attempt(privileges.drop_capabilities)
    rlimits.forbid_extras()
    privileges.hide_memory()
    privileges.die_with_parent()
    if "seccomp" in wanted:
        report["seccomp"] = namespaces.attempt(partial(_install_filter, files=facts.files))
    return facts


def _foreign_tasks(report: dict[str, str]) -> int:
    """Return how many tasks of others count against our id: none behind a user namespace or a fresh id."""
    uid = os.getuid()
    return 0 if uid == 0 or report.get("user") == "" else rlimits.tasks_of_user(uid)


def _install_filter(*, files: bool) -> None:
    """Put the parent under its filter."""
    seccomp.Filter(seccomp.parent_filter(this_machine(), files=files)).install()
