"""The sandboxes by name: `local` (the default), `e2b`, and `unsafe`, which nobody gets without asking."""

from functools import cache

from ravelar.tools.errors import UnknownName
from ravelar.tools.sandbox.local import LocalSandbox
from ravelar.tools.sandbox.protocol import Sandbox

BACKENDS = ("local", "e2b", "unsafe")


@cache
def open_sandbox(name: str = "local") -> Sandbox:
    """Return the process's sandbox of that name, opening it at the first call.

    Raises:
        UnknownName: if there is no such backend.
        SandboxUnavailable: if it can't be had here; the message says why and what to do.
    """
    if name == "local":
        return LocalSandbox()
    if name == "e2b":
        from ravelar.tools.sandbox.e2b_backend import E2bSandbox  # noqa: PLC0415  an extra

        return E2bSandbox()
    if name == "unsafe":
        from ravelar.tools.sandbox.unsafe import UnsafeSandbox  # noqa: PLC0415  never by itself

        return UnsafeSandbox()
    raise UnknownName("sandbox", name, BACKENDS)
