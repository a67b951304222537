"""A system-call filter, assembled by hand: an allow-list in classic BPF, no library needed.

A call that is not on the list fails with EPERM, so that a program meets an exception and not its death.
clone3 fails with ENOSYS: its flags lie in memory where no filter sees them, and with ENOSYS the C library
falls back to clone, whose flags we check. A call made by another architecture's entry kills the process.
"""

import ctypes
import errno
import struct
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

Instruction = tuple[int, int, int, int]


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
_PLAIN = tuple(
    """
    read write readv writev pread64 pwrite64 lseek close close_range fstat ftruncate dup dup2 dup3 poll ppoll select
    pselect6 munmap mremap madvise brk futex exit exit_group set_robust_list rseq sched_yield sched_getaffinity gettid
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack pause
    restart_syscall nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time alarm getitimer setitimer
    times getrusage getpid getppid getpgrp getpgid getsid getuid geteuid getgid getegid getresuid getresgid getgroups
    uname getrlimit getrandom getcpu getcwd
    """.split()
)
# Lazy imports: looking, and opening for reading (checked below). Only beneath Landlock or a mount namespace.
_LOOKING = ("stat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat",
            "getdents", "getdents64")  # fmt: skip
# What the parent does between its own seal and a worker's: take requests, fork, reap, limit and filter the child.
_PARENT = ("clone", "fork", "vfork", "wait4", "waitid", "recvmsg", "sendmsg", "sendto", "recvfrom", "prctl", "seccomp",
           "prlimit64", "setrlimit", "memfd_create", "unshare", "kill", "tgkill", "set_tid_address", "pipe2", "fcntl",
           "ioctl")  # fmt: skip

_MEMORY = {"mmap": Check(2, _PROT_EXEC, (0,)), "mprotect": Check(2, _PROT_EXEC, (0,))}
_DESCRIPTORS = {
    # No F_SETFL (O_ASYNC), F_SETOWN or F_SETSIG: those send signals to others.
    "fcntl": Check(1, _LOW_WORD, (0, 1, 2, 3, 1030)),  # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC
    "ioctl": Check(1, _LOW_WORD, (_TCGETS, _FIONREAD), error=errno.ENOTTY),
}
_OPENING = {"open": Check(1, _WRITING, (0,)), "openat": Check(2, _WRITING, (0,))}


def worker_rules(pid: int, *, files: bool) -> dict[str, Check | None]:
    """Return what a worker may call: a name alone, or with a check.

    Args:
        pid: The worker's own process id, the only one it may signal.
        files: Whether it may look at files and open them for reading (another layer says which).
    """
    rules: dict[str, Check | None] = dict.fromkeys(_PLAIN)
    rules |= _MEMORY | _DESCRIPTORS
    rules["clone"] = Check(0, _CLONE_THREAD | _CLONE_NEW_ANY, (_CLONE_THREAD,))
    rules["kill"] = rules["tgkill"] = Check(0, _LOW_WORD, (pid,))
    rules["prlimit64"] = Check(2, _LOW_WORD, (0,), whole=True)  # reading limits is fine, setting them is not
    if files:
        rules |= dict.fromkeys(_LOOKING)
        rules |= _OPENING
    return rules


def parent_rules(*, files: bool) -> dict[str, Check | None]:
    """Return what the sealed parent may call: no new program, socket, file or executable memory."""
    return worker_rules(0, files=files) | dict.fromkeys(_PARENT)


def assemble(rules: dict[str, Check | None], machine: Machine) -> bytes:
    """Return the filter as BPF instructions."""
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_JUMP_IF_EQUAL, 1, 0, machine.audit_arch),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    for name, check in rules.items():
        number = machine.numbers.get(name)
        if number is not None:
            block = _checked(check) if check else [(_RETURN, 0, 0, _ALLOW)]
            program += [(_JUMP_IF_EQUAL, 0, len(block), number), *block]
    program += [(_JUMP_IF_EQUAL, 0, 1, machine.numbers["clone3"]), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    program.append((_RETURN, 0, 0, _ERRNO | errno.EPERM))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)


def _checked(check: Check) -> list[Instruction]:
    """Return the block that allows a call whose argument passes, and refuses it otherwise."""
    low_at = _ARGUMENTS_AT + 8 * check.argument  # both machines are little-endian: the low word comes first
    refuse: Instruction = (_RETURN, 0, 0, _ERRNO | check.error)
    block: list[Instruction] = []
    if check.whole:
        block += [(_LOAD, 0, 0, low_at + 4), (_JUMP_IF_EQUAL, 1, 0, 0), refuse]
    block += [(_LOAD, 0, 0, low_at), (_AND, 0, 0, check.mask)]
    for value in check.values:
        block += [(_JUMP_IF_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW)]
    return [*block, refuse]


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def install(rules: dict[str, Check | None]) -> None:
    """Put the calling thread, and all that it starts, under the filter; for good.

    Raises: OSError: if the kernel has no filters or refuses this one.
    """
    code = assemble(rules, this_machine())
    program = _Program(len(code) // 8, code)
    prctl(PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))
