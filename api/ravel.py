"""RAVEL, the writing agent, as a part of other applications: the graph, its settings, its tool for agents.

    from ravelar.ravel import Parts, RavelContext, build_ravel, write_article

`ravelar.write` is the same as a call, with a folder to resume from. See docs/embedding.md.
"""

from ravelar.graphs.ravel import RavelGraph, build_ravel
from ravelar.graphs.ravel_parts import Parts
from ravelar.graphs.ravel_state import RavelContext, RavelInput, RavelOutput
from ravelar.graphs.ravel_tools import write_article

__all__ = [  # noqa: RUF022  in the order in which they are needed
    "build_ravel",
    "RavelContext",
    "Parts",
    "RavelInput",
    "RavelOutput",
    "RavelGraph",
    "write_article",
]
