"""RLAR, the reward agent, as a part of other applications: the graph, its settings, its tools for agents.

    from ravelar.rlar import Parts, RlarContext, build_rlar, reward_tools

`ravelar.score` and `ravelar.acquire` are the same as calls. See docs/embedding.md.
"""

from ravelar.graphs.rlar import RlarGraph, build_rlar
from ravelar.graphs.rlar_parts import Parts
from ravelar.graphs.rlar_state import RlarContext, RlarInput, RlarOutput
from ravelar.graphs.rlar_tools import acquire_reward_tool, reward_tools

__all__ = [  # noqa: RUF022  in the order in which they are needed
    "build_rlar",
    "RlarContext",
    "Parts",
    "RlarInput",
    "RlarOutput",
    "RlarGraph",
    "reward_tools",
    "acquire_reward_tool",
]
