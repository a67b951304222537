"""The filters, run by an interpreter of the kernel's little machine: on both processors, call by call."""

import errno
import re
import struct
from pathlib import Path

import pytest

from ravelar.tools.sandbox.jail.seccomp import parent_filter, worker_filter
from ravelar.tools.sandbox.jail.syscalls import MACHINES

PID = 4242
ALLOW, KILL = 0x7FFF0000, 0x80000000
REFUSED = 0x50000 | errno.EPERM
HEADERS = {"x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "/usr/include/asm-generic/unistd.h"}


def decide(code, number, arguments=(), arch=None):
    """Return what a filter says of a call."""
    data = struct.pack("=IIQ6Q", number & 0xFFFFFFFF, arch, 0, *(list(arguments) + [0] * 6)[:6])
    program = list(struct.iter_unpack("HBBI", code))
    at, accumulator = 0, 0
    while True:
        operation, jump_true, jump_false, value = program[at]
        at += 1
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif operation == 0x54:
            accumulator &= value
        elif operation == 0x15:
            at += jump_true if accumulator == value else jump_false
        else:
            assert operation == 0x06
            return value


@pytest.fixture(params=sorted(MACHINES))
def ask(request):
    """Ask both filters as the kernel does: the stricter answer holds."""
    machine = MACHINES[request.param]

    def ask(name, *arguments, files=False, worker=True, arch=machine.audit_arch, number=None):
        codes = [parent_filter(machine, files=files)] + ([worker_filter(machine, PID)] if worker else [])
        number = machine.numbers.get(name) if number is None else number
        if number is None:
            pytest.skip(f"{request.param} has no {name}")
        answers = [decide(code, number, arguments, arch) for code in codes]
        return next((answer for answer in answers if answer != ALLOW), ALLOW)

    return ask


@pytest.mark.parametrize("name", ["read", "write", "futex", "munmap", "exit_group", "clock_nanosleep", "getrandom"])
def test_what_every_program_needs_is_allowed(ask, name):
    assert ask(name) == ALLOW


@pytest.mark.parametrize(
    "name",
    ["fork", "vfork", "wait4", "recvmsg", "sendmsg", "sendto", "prctl", "seccomp", "setrlimit", "memfd_create",
     "unshare", "setsid", "setresuid", "landlock_create_ruleset", "pivot_root", "capset", "pidfd_open", "openat",
     "open", "newfstatat", "statx", "getdents64", "readlinkat", "umask", "pipe2"],
)  # fmt: skip
def test_what_no_program_needs_is_refused(ask, name):
    assert ask(name) == REFUSED


@pytest.mark.parametrize(("flags", "allowed"), [(0x1000, True), (0, False), (0x100, False)])
def test_open_descriptors_are_looked_at_and_paths_are_not(ask, flags, allowed):
    assert (ask("newfstatat", 3, 1, 1, flags) == ALLOW) == allowed


def test_every_other_number_is_refused(ask):
    known = {number for machine in MACHINES.values() for number in machine.numbers.values()}
    assert {ask("", number=number) for number in set(range(1024)) - known} == {REFUSED}


def test_the_x32_numbers_are_refused(ask):
    assert {ask("", number=0x40000000 | number) for number in range(600)} == {REFUSED}


def test_another_architectures_calls_kill(ask):
    assert ask("read", arch=0x40000003) == KILL


def test_clone3_is_unknown_so_that_clone_is_used(ask):
    assert ask("clone3") == 0x50000 | errno.ENOSYS


THREAD = 0x3D0F00


@pytest.mark.parametrize(
    ("flags", "allowed"),
    [(THREAD, True), (0x11, False), (0x4111, False), (THREAD | 0x10000000, False), (THREAD | 0x80, False), (0, False)],
)
def test_clone_makes_threads_and_nothing_else(ask, flags, allowed):
    assert (ask("clone", flags) == ALLOW) == allowed


@pytest.mark.parametrize("name", ["mmap", "mprotect"])
@pytest.mark.parametrize(("protection", "allowed"), [(1, True), (3, True), (4, False), (7, False), (5, False)])
def test_no_memory_becomes_executable(ask, name, protection, allowed):
    assert (ask(name, 0, 4096, protection) == ALLOW) == allowed


@pytest.mark.parametrize("name", ["kill", "tgkill"])
@pytest.mark.parametrize(
    ("target", "allowed"), [(PID, True), (1, False), (0, False), (2**64 - 1, False), (PID + 1, False)]
)
def test_a_worker_signals_nobody_but_itself(ask, name, target, allowed):
    assert (ask(name, target, 9) == ALLOW) == allowed


@pytest.mark.parametrize(("pointer", "allowed"), [(0, True), (1, False), (1 << 32, False), (0x7FFF00000000, False)])
def test_limits_are_read_and_not_set(ask, pointer, allowed):
    assert (ask("prlimit64", 0, 7, pointer, 1) == ALLOW) == allowed


@pytest.mark.parametrize("flags", [0o1, 0o2, 0o100, 0o1000, 0o2000, 0o20200000, 0o3, 0o1101])
def test_files_are_never_opened_for_writing(ask, flags):
    assert ask("openat", 0, 0, flags, files=True) == REFUSED


@pytest.mark.parametrize("flags", [0, 0o2000000, 0o200000])
def test_files_are_opened_for_reading_only_where_another_layer_says_which(ask, flags):
    assert ask("openat", 0, 0, flags, files=True) == ALLOW
    assert ask("openat", 0, 0, flags, files=False) == REFUSED


@pytest.mark.parametrize(
    ("command", "allowed"), [(1, True), (3, True), (4, False), (8, False), (10, False), (1031, False)]
)
def test_descriptors_send_no_signals(ask, command, allowed):
    assert (ask("fcntl", 0, command) == ALLOW) == allowed


@pytest.mark.parametrize("command", [0x5412, 0x5413, 0x541C, 0x5450, 0xC0045401])
def test_terminals_take_no_commands(ask, command):
    assert ask("ioctl", 0, command) == 0x50000 | errno.ENOTTY


def test_the_parent_keeps_what_it_needs_to_fork(ask):
    assert [ask(name, 0x11, worker=False) for name in ("clone", "wait4", "recvmsg", "prctl", "seccomp")] == [ALLOW] * 5
    assert ask("unshare", worker=False) == REFUSED


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_the_numbers_are_the_kernels(name):
    header = Path(HEADERS[name])
    if not header.exists():
        pytest.skip(f"no {header}")
    found = dict(re.findall(r"#define (__NR(?:3264)?_\w+)\s+(\w+)", header.read_text()))
    for call, number in MACHINES[name].numbers.items():
        value = found.get(f"__NR_{call}", found.get(f"__NR3264_{call.removeprefix('new')}"))
        assert value is None or found.get(value, value) == str(number), call
