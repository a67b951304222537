"""What the command line and `ravelar.score` build adopted tools with."""

from ravelar.agents.workshop import make_workshop
from ravelar.tools.adopted.build import Workshop


def default_workshop(sandbox: str = "local") -> Workshop:
    """Return it; nothing is loaded before a tool first scores.

    Args:
        sandbox: Where written verifiers run: "local", "e2b" or "unsafe".
    """
    return make_workshop(sandbox=sandbox)
