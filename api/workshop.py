"""What adopted tools are built with, put together from every part of Ravelar; nothing is loaded before it is needed."""

from functools import partial

from ravelar.tools.adopted.build import Workshop
from ravelar.tools.sandbox.backends import open_sandbox


def default_workshop(sandbox: str = "local") -> Workshop:
    """Return what the command line and `ravelar.score` build adopted tools with.

    Args:
        sandbox: Where written verifiers run: "local", "e2b" or "unsafe".
    """
    return Workshop(open_sandbox=partial(open_sandbox, sandbox))
