"""A system-call filter, assembled by hand: an allow-list in classic BPF, no library needed.

A call that is not on the list fails with EPERM, so that a program meets an exception and not its death.
clone3 fails with ENOSYS: its flags lie in memory where no filter sees them, and with ENOSYS the C library
falls back to clone, whose flags we check. A call made by another architecture's entry kills the process.
"""

import ctypes
import errno
import re
import struct
import sys
from dataclasses import dataclass

from ravelar.tools.sandbox.jail.libc import PR_SET_SECCOMP, prctl
from ravelar.tools.sandbox.jail.syscalls import Machine, this_machine

_LOAD, _AND, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x06
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16
_SECCOMP_MODE_FILTER = 2

_PROT_EXEC = 0x4
_CLONE_THREAD = 0x10000
_CLONE_NEW_ANY = 0x7E020080  # every CLONE_NEW* flag, CLONE_NEWTIME among them
_WRITING = 0o3 | 0o100 | 0o1000 | 0o2000 | 0o20000000  # access mode, O_CREAT, O_TRUNC, O_APPEND, __O_TMPFILE
_TCGETS, _FIONREAD = 0x5401, 0x541B
_LOW_WORD = 0xFFFFFFFF
_AT_EMPTY_PATH = 0x1000

_INSTRUCTION_BYTES = 8
_UNKNOWN_PID = 0x5EC0_0F1D  # no process has it: ids end at 2 ** 22

Instruction = tuple[int, int, int, int]
_ALLOW_BLOCK: list[Instruction] = [(_RETURN, 0, 0, _ALLOW)]
_REFUSE: Instruction = (_RETURN, 0, 0, _ERRNO | errno.EPERM)


@dataclass(frozen=True, slots=True)
class Check:
    """A condition on one argument: `argument & mask` is one of `values`, in the low and the high word.

    Attributes:
        argument: Which argument, from 0.
        mask: Bits of the low word that count.
        values: What they may be.
        whole: Whether the high word must be zero as well (pointers).
        error: errno for a call that does not pass.
    """

    argument: int
    mask: int
    values: tuple[int, ...]
    whole: bool = False
    error: int = errno.EPERM


# Reading and writing what is open, memory without execution, threads, clocks, signals to oneself.
_PLAIN_TEXT = """
    read write readv writev pread64 pwrite64 lseek close close_range fstat ftruncate dup dup2 dup3 poll ppoll select
    pselect6 munmap mremap madvise brk futex exit exit_group set_robust_list rseq sched_yield sched_getaffinity gettid
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack pause
    restart_syscall nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time alarm getitimer setitimer
    times getrusage getpid getppid getpgrp getpgid getsid getuid geteuid getgid getegid getresuid getresgid getgroups
    uname getrlimit getrandom getcpu getcwd
"""
_PLAIN = tuple(_PLAIN_TEXT.split())
# Lazy imports: looking, and opening for reading (checked below). Only beneath Landlock or a mount namespace.
_LOOKING = ("stat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat",
            "getdents", "getdents64")  # fmt: skip
# What the parent does between its own seal and a worker's: take requests, fork, reap, limit and filter the child.
_PARENT_ONLY = ("fork", "wait4", "waitid", "recvmsg", "sendmsg", "sendto", "recvfrom", "prctl", "seccomp", "setrlimit",
                "memfd_create", "set_tid_address")  # fmt: skip
_NARROWED = ("clone", "kill", "tgkill", "prlimit64")  # the parent's freely, a worker's by `_narrowed`

_CHECKED = {
    # fstat, as the C library spells it. A path could be smuggled in and looked at, not opened; see the threat model.
    "newfstatat": Check(3, _LOW_WORD, (_AT_EMPTY_PATH,)),
    "mmap": Check(2, _PROT_EXEC, (0,)),
    "mprotect": Check(2, _PROT_EXEC, (0,)),
    # No F_SETFL (O_ASYNC), F_SETOWN or F_SETSIG: those send signals to others.
    "fcntl": Check(1, _LOW_WORD, (0, 1, 2, 3, 1030)),  # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC
    "ioctl": Check(1, _LOW_WORD, (_TCGETS, _FIONREAD), error=errno.ENOTTY),
}
_OPENING = {"open": Check(1, _WRITING, (0,)), "openat": Check(2, _WRITING, (0,))}


def _narrowed(pid: int) -> dict[str, Check]:
    """Return what a worker may do with calls that its parent needs whole."""
    return {
        "clone": Check(0, _CLONE_THREAD | _CLONE_NEW_ANY, (_CLONE_THREAD,)),
        "kill": Check(0, _LOW_WORD, (pid,)),
        "tgkill": Check(0, _LOW_WORD, (pid,)),
        "prlimit64": Check(2, _LOW_WORD, (0,), whole=True),  # reading limits is fine, setting them is not
    }


def parent_filter(machine: Machine, *, files: bool) -> bytes:
    """Return the allow-list that the sealed parent lives under, and every worker with it.

    Args:
        machine: Its system-call numbers.
        files: Whether files may be looked at and opened for reading (another layer says which).
    """
    blocks = dict.fromkeys((*_PLAIN, *_NARROWED, *_PARENT_ONLY), _ALLOW_BLOCK)
    blocks |= {name: _check_block(check) for name, check in _CHECKED.items()}
    blocks["clone3"] = [(_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    if files:
        blocks |= dict.fromkeys(_LOOKING, _ALLOW_BLOCK)
        blocks |= {name: _check_block(check) for name, check in _OPENING.items()}
    return _assemble(blocks, machine, otherwise=_REFUSE)


def worker_filter(machine: Machine, pid: int) -> bytes:
    """Return what a worker adds: it takes away or narrows what only the parent needs.

    The kernel asks both filters and the stricter answer holds. This one is short because the kernel compiles it
    again for every fork.

    Args:
        machine: Its system-call numbers.
        pid: The worker's own process id, the only one it may signal.
    """
    blocks = {name: _check_block(check) for name, check in _narrowed(pid).items()}
    blocks |= {name: [_REFUSE] for name in _PARENT_ONLY}
    return _assemble(blocks, machine, otherwise=_ALLOW_BLOCK[0])


def _assemble(blocks: dict[str, list[Instruction]], machine: Machine, *, otherwise: Instruction) -> bytes:
    """Return a filter as BPF: the block of a call that is named, `otherwise` for the rest."""
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_JUMP_IF_EQUAL, 1, 0, machine.audit_arch),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    for name, block in blocks.items():
        number = machine.numbers.get(name)
        if number is not None:
            program += [(_JUMP_IF_EQUAL, 0, len(block), number), *block]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in [*program, otherwise])


def _check_block(check: Check) -> list[Instruction]:
    """Return the block that allows a call whose argument passes, and refuses it otherwise."""
    low_at = _ARGUMENTS_AT + 8 * check.argument  # both machines are little-endian: the low word comes first
    refuse: Instruction = (_RETURN, 0, 0, _ERRNO | check.error)
    block: list[Instruction] = []
    if check.whole:
        block += [(_LOAD, 0, 0, low_at + 4), (_JUMP_IF_EQUAL, 1, 0, 0), refuse]
    block += [(_LOAD, 0, 0, low_at), (_AND, 0, 0, check.mask)]
    for value in check.values:
        block += [(_JUMP_IF_EQUAL, 0, 1, value), *_ALLOW_BLOCK]
    return [*block, refuse]


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


class Filter:
    """A filter that is ready to be installed, in memory that the kernel can read.

    Args:
        code: What it consists of.
    """

    def __init__(self, code: bytes) -> None:
        self._code = ctypes.create_string_buffer(code, len(code))
        self._program = _Program(len(code) // _INSTRUCTION_BYTES, ctypes.addressof(self._code))
        self._address = ctypes.addressof(self._program)

    def install(self) -> None:
        """Put the calling thread, and all that it starts, under the filter; for good.

        Raises: OSError: if the kernel has no filters or refuses this one.
        """
        prctl(PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, self._address)


class WorkerFilter(Filter):
    """The filter of a worker, prepared in its parent: only the process id is filled in after the fork."""

    def __init__(self) -> None:
        code = worker_filter(this_machine(), _UNKNOWN_PID)
        super().__init__(code)
        unknown = _UNKNOWN_PID.to_bytes(4, sys.byteorder)
        self._places = [match.start() for match in re.finditer(re.escape(unknown), code)]

    def install_for(self, pid: int) -> None:
        """Install it for a process that may signal itself alone."""
        known = pid.to_bytes(4, sys.byteorder)
        for place in self._places:
            ctypes.memmove(ctypes.byref(self._code, place), known, len(known))
        self.install()
