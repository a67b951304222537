"""The layers of the jail by name, and what each is for.

None of them is trusted to be there: the self-test asks what a program can still do, whichever layers hold.
"""

from typing import Final

LAYERS: Final = {
    "user": "user namespace: the other namespaces for an ordinary user",
    "pid": "PID namespace: no other process to see or signal; all die with the first",
    "network": "network namespace: not even a loopback",
    "mount": "mount namespace: an empty, read-only root",
    "ipc": "IPC namespace: no shared memory or queues of others",
    "uts": "UTS namespace: the host's name stays unknown",
    "landlock": "Landlock: no file but the profile's libraries, read-only; no TCP; no outside signals",
    "ids": "an unused user id, no groups (when started as root)",
    "capabilities": "no capabilities, and none to regain",
    "seccomp": "system-call allow-list: no program, process, socket, written file, executable memory or ptrace",
}
"""Every layer, in the order in which it is put on. Limits, a clean environment, closed descriptors,
no_new_privs and an undumpable process are no layers: they work everywhere and are never left out."""

ALL_LAYERS: Final = frozenset(LAYERS)
NAMESPACES: Final = ("user", "pid", "network", "mount", "ipc", "uts")
