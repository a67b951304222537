"""Old public names: each warns, with the new name, until the version in which it is gone (docs/versioning.md).

One sentence says it, for both kinds, and a test fails once its version has come:

    since 0.3, gone in 0.5: use ravelar.score

A function or class that goes bears it as `@typing_extensions.deprecated("...")`, which type checkers read as well; a
name that moved stands with it in its module's table of renamed names, which the module's `__getattr__` asks.
"""

import importlib
import re
import warnings
from typing import Any

NOTICE = re.compile(r"since (?P<since>\d+\.\d+), gone in (?P<gone>\d+\.\d+): use (?P<module>[\w.]+)\.(?P<name>\w+)")


def renamed(old: str, notice: str) -> Any:
    """Warn that a name is an old one, and return what it stands for.

    Args:
        old: The old name with its module, such as "ravelar.points".
        notice: The sentence of this module's form, which names the new one.
    """
    new = NOTICE.fullmatch(notice)
    assert new is not None, f"{old}: {notice!r} is no notice"
    warnings.warn(f"{old} is an old name {notice}", DeprecationWarning, stacklevel=3)  # of whoever asked for it
    return getattr(importlib.import_module(new["module"]), new["name"])


def is_due(notice: str, version: str) -> bool:
    """Whether a version of Ravelar, or one of its pre-releases, must not have the old name any more."""
    said = NOTICE.fullmatch(notice)
    assert said is not None, f"{notice!r} is no notice"
    gone, now = (tuple(int(part) for part in text.split(".")[:2]) for text in (said["gone"], version))
    return now >= gone
