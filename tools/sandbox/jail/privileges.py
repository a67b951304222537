"""Privileges: none are kept. Ids, groups, capabilities, and what a process may ever gain again."""

import contextlib
import ctypes
import os
import signal
import struct

from ravelar.tools.sandbox.jail import libc
from ravelar.tools.sandbox.jail.syscalls import this_machine

_NOBODY = 65534
_UNUSED_IDS_FROM = 1_000_000_000  # above what systems hand out; one per parent, so the kernel counts its tasks alone
_LAST_CAPABILITY = 63
_CAPABILITY_VERSION_3 = 0x20080522


def forbid_new() -> None:
    """Give up gaining privileges by executing anything (also what lets an ordinary user install filters)."""
    libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)


def hide_memory() -> None:
    """Refuse core dumps, ptrace and /proc/PID/mem, also to processes of the same user."""
    libc.prctl(libc.PR_SET_DUMPABLE, 0)


def die_with_parent() -> None:
    """Ask for SIGKILL when the parent dies; changing ids forgets this, so it comes after."""
    libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)


def drop_ids() -> None:
    """Leave root for an id that nobody else has, or for nobody where such ids are not mapped.

    Raises: OSError: if we are root and can't.
    """
    if os.geteuid() != 0:
        return
    os.setgroups([])
    for uid in (_UNUSED_IDS_FROM + int.from_bytes(os.urandom(3), "big"), _NOBODY):
        try:
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        except OSError as error:
            failed = error
        else:
            return
    raise failed


def drop_bounding_set() -> None:
    """Take every capability out of what could ever be regained; without CAP_SETPCAP there is nothing to take."""
    for capability in range(_LAST_CAPABILITY):
        try:
            libc.prctl(libc.PR_CAPBSET_DROP, capability)
        except OSError:
            break


def drop_capabilities() -> None:
    """Empty the ambient, effective, permitted and inheritable sets."""
    with contextlib.suppress(OSError):  # kernels before 4.3 have no ambient set
        libc.prctl(libc.PR_CAP_AMBIENT, libc.PR_CAP_AMBIENT_CLEAR_ALL)
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    nothing = bytes(24)
    libc.syscall(this_machine().numbers["capset"], ctypes.c_char_p(header), ctypes.c_char_p(nothing))
