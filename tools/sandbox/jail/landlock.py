"""Landlock: no file but those named, read-only; no TCP; no signals and abstract sockets to the outside.

The kernel's version decides how much of that it enforces (files from 5.13, TCP from 6.7, the rest from 6.12).
Source: Linux, Documentation/userspace-api/landlock.rst.
"""

import ctypes
import os
import struct
from collections.abc import Sequence
from pathlib import Path

from ravelar.tools.sandbox.jail.libc import syscall
from ravelar.tools.sandbox.jail.syscalls import this_machine

_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_ASK_VERSION = 1
_RULE_PATH_BENEATH = 1
_FILE_RIGHTS_BY_VERSION = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many bits are known
_TCP_RIGHTS, _SCOPES = 0b11, 0b11
_TCP_FROM, _SCOPES_FROM = 4, 6


def version() -> int:
    """Return the kernel's Landlock version.

    Raises: OSError: if it has none, or it is switched off.
    """
    return syscall(this_machine().numbers["landlock_create_ruleset"], 0, 0, _ASK_VERSION)


def restrict(readable: Sequence[Path]) -> int:
    """Restrict the process and all that it starts to reading beneath `readable`; return Landlock's version.

    Raises: OSError: if the kernel has no Landlock.
    """
    known = version()
    ruleset = _create_ruleset(known)
    try:
        for path in readable:
            _allow(ruleset, path)
        syscall(this_machine().numbers["landlock_restrict_self"], ruleset, 0)
    finally:
        os.close(ruleset)
    return known


def _create_ruleset(known: int) -> int:
    """Return a descriptor of rules that refuse everything the kernel's version can refuse."""
    rights = (1 << _FILE_RIGHTS_BY_VERSION.get(known, 16)) - 1
    fields = [rights]
    if known >= _TCP_FROM:
        fields.append(_TCP_RIGHTS)
    if known >= _SCOPES_FROM:
        fields.append(_SCOPES)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    number = this_machine().numbers["landlock_create_ruleset"]
    return syscall(number, ctypes.c_char_p(attributes), len(attributes), 0)


def _allow(ruleset: int, path: Path) -> None:
    """Allow reading beneath a path."""
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = _READ_FILE | (_READ_DIR if path.is_dir() else 0)
        rule = struct.pack("=Qi", rights, descriptor)
        number = this_machine().numbers["landlock_add_rule"]
        syscall(number, ruleset, _RULE_PATH_BENEATH, ctypes.c_char_p(rule), 0)
    finally:
        os.close(descriptor)
