"""Whether traces are on, which LangSmith's own variables say, and whether reference texts may go with them."""

import os
import sys
from functools import lru_cache

from ravelar.tools.errors import UnknownName

TEXTS = "RAVELAR_TRACE_TEXTS"
"""The variable that lets texts into traces; its values are those of `ALLOWED`, or nothing."""

ALLOWED = ("references",)
_SWITCHES = ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2", "LANGCHAIN_TRACING")


def tracing_is_on() -> bool:
    """Say whether runs are traced here and now: by LangSmith's variables, or by a trace that somebody began around us.

    As long as nobody has imported LangSmith, nobody has begun a trace, and the variables are all there is to ask.
    """
    if "langsmith.utils" not in sys.modules and not _switched_on(len(os.environ)):
        return False
    from langsmith.utils import tracing_is_enabled  # noqa: PLC0415  there already, or asked for

    return tracing_is_enabled() is True


@lru_cache(maxsize=1)
def _switched_on(variables: int) -> bool:
    """Say whether a variable turns traces on, looking again only when there are more or fewer variables.

    Four looks into the environment cost as much as scoring a number. LangSmith itself looks once in a process.
    """
    del variables
    return any(os.environ.get(name) == "true" for name in _SWITCHES)


def references_may_go() -> bool:
    """Say whether the caller lets reference texts into traces.

    Raises:
        UnknownName: if the variable has a value that means nothing.
    """
    said = os.environ.get(TEXTS, "").strip()
    if said and said not in ALLOWED:
        raise UnknownName(f"value of {TEXTS}", said, ALLOWED)
    return bool(said)
