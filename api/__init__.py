"""Ravelar: rewards from an agent, and a writing agent with its benchmark.

    >>> import ravelar
    >>> ravelar.score([{"prompt": "What is 6 * 7?", "completion": "It is 42.", "reference": 42}])[0].value
    1.0

Names are imported when they are first used, so that `import ravelar` costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ravelar.calls import acquire, ascore, default_library, default_router, route, score
    from ravelar.tools.adopted.store import open_store
    from ravelar.tools.card import Evidence, Provenance, ToolCard
    from ravelar.tools.composite import Composite
    from ravelar.tools.errors import (
        AgentError,
        HubError,
        InputError,
        LibraryUnusable,
        RavelarError,
        RewardToolError,
        ToolCrashed,
        ToolTimeout,
        ToolUnavailable,
        Uncalibrated,
        UnknownName,
        UnusablePrompt,
        UnusableReference,
    )
    from ravelar.tools.library import Library
    from ravelar.tools.reward import RawScore, Reward, RewardTool, Scored, Triple
    from ravelar.tools.routing import Route
    from ravelar.training.routed_reward import RoutedReward
    from ravelar.writing import awrite, fork, write

__version__ = "0.1.0.dev0"

_HOMES = {
    "ravelar.calls": ("acquire", "ascore", "default_library", "default_router", "route", "score"),
    "ravelar.tools.adopted.store": ("open_store",),
    "ravelar.tools.card": ("Evidence", "Provenance", "ToolCard"),
    "ravelar.tools.composite": ("Composite",),
    "ravelar.tools.errors": (
        "AgentError",
        "HubError",
        "InputError",
        "LibraryUnusable",
        "RavelarError",
        "RewardToolError",
        "ToolCrashed",
        "ToolTimeout",
        "ToolUnavailable",
        "Uncalibrated",
        "UnknownName",
        "UnusablePrompt",
        "UnusableReference",
    ),
    "ravelar.tools.library": ("Library",),
    "ravelar.tools.reward": ("RawScore", "Reward", "RewardTool", "Scored", "Triple"),
    "ravelar.tools.routing": ("Route",),
    "ravelar.training.routed_reward": ("RoutedReward",),
    "ravelar.writing": ("awrite", "fork", "write"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

_RENAMED: dict[str, str] = {}
"""Old public names, each with its notice; see `tools.deprecation`."""

__all__ = [  # noqa: RUF022  in the order of the vocabulary
    "score",
    "ascore",
    "route",
    "acquire",
    "RoutedReward",
    "write",
    "awrite",
    "fork",
    "open_store",
    "Triple",
    "Reward",
    "Scored",
    "RawScore",
    "RewardTool",
    "ToolCard",
    "Evidence",
    "Provenance",
    "Library",
    "default_library",
    "default_router",
    "Composite",
    "Route",
    "RavelarError",
    "InputError",
    "UnknownName",
    "LibraryUnusable",
    "HubError",
    "AgentError",
    "RewardToolError",
    "UnusableReference",
    "UnusablePrompt",
    "ToolTimeout",
    "ToolUnavailable",
    "Uncalibrated",
    "ToolCrashed",
    "__version__",
]


if not TYPE_CHECKING:  # a type checker takes every name for there where it sees a module's `__getattr__`

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first asked for (PEP 562)."""
        if name in _RENAMED:
            from ravelar.tools.deprecation import renamed  # noqa: PLC0415  for old names only

            return renamed(f"ravelar.{name}", _RENAMED[name])
        if name not in _HOME_OF:
            raise AttributeError(f"module 'ravelar' has no attribute {name!r}")
        value = getattr(importlib.import_module(_HOME_OF[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted({*globals(), *__all__})
