"""What can go wrong on our side of the wall; what a program does wrong is an `Outcome`.

SandboxError
├── SandboxUnavailable   this machine can't jail programs, or an essential layer is open
├── SandboxClosed        it was closed, and then asked to run something
└── SandboxBroken        workers can't be started, or die before they reach the program
"""


class SandboxError(Exception):
    """Base of the sandbox's own failures."""


class SandboxUnavailable(SandboxError):
    """Untrusted code won't be run here; the message names the layer, why it is missing and what to do."""


class SandboxClosed(SandboxError):
    """The sandbox was closed before the run."""


class SandboxBroken(SandboxError):
    """Our own part failed, again and again: the run has no outcome."""
