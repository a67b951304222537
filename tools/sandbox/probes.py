"""What the self-test runs inside the jail: each probe attacks one promise and says whether it got through.

The text of this file is the program; nothing here is imported by ours. A probe returns "" when it was held
off, else what it reached.
"""
# ruff: noqa: BLE001, D103, PTH108, PTH123 - raw calls are the point
# mypy: ignore-errors

import ctypes
import errno
import os
import platform
import resource
import socket
import sys
import threading

_X86 = platform.machine() == "x86_64"
_HELD = (errno.EPERM, errno.ENOSYS)


def probe(name, hints):
    """Run one probe."""
    return PROBES[name](hints)


def _reached(action, what):
    """Return what was reached if the action succeeds."""
    try:
        return what if action() is not False else ""
    except Exception:
        return ""


def _system_call(x86, arm, *arguments):
    """Return the errno of a raw system call, 0 if it succeeded."""
    libc = ctypes.CDLL(None, use_errno=True)
    converted = [ctypes.c_long(argument) for argument in arguments]
    return 0 if libc.syscall(x86 if _X86 else arm, *converted) >= 0 else ctypes.get_errno()


def files_read(hints):
    paths = ("/etc/passwd", "/etc/hostname", "/proc/1/environ", "/proc/self/environ", "/proc/self/maps", hints["file"])
    return "".join(_reached(lambda p=path: open(p, "rb").read(1) + b" ", f"{path} ") for path in paths)


def files_written(hints):
    def write(path):
        with open(path, "x"):
            os.unlink(path)

    places = ("/tmp", "/dev/shm", "/var/tmp", ".", "/", hints["folder"])
    return "".join(_reached(lambda p=place: write(f"{p}/ravelar-probe-{os.getpid()}"), f"{place} ") for place in places)


def environment(hints):
    return " ".join(name for name in os.environ if name not in ("LC_CTYPE",))


def descriptors(hints):
    return "".join(_reached(lambda d=number: bool(os.fstat(d)), f"{number} ") for number in range(4, 256))


def network(hints):
    reached = ""
    for kind, name in ((socket.SOCK_STREAM, "tcp "), (socket.SOCK_DGRAM, "udp ")):
        try:
            with socket.socket(socket.AF_INET, kind) as sock:
                sock.settimeout(0.5)
                sock.connect(("127.0.0.1", 9))
                sock.send(b"x")
            reached += name
        except ConnectionRefusedError:
            reached += name  # refused by a network that we should not reach
        except OSError:
            pass
    return reached


def unix_sockets(hints):
    def connect(address):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(0.5)
            sock.connect(address)

    return "".join(_reached(lambda a=address: connect(a), f"{address!r} ") for address in hints["sockets"])


def fork(hints):
    def attempt():
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)

    return _reached(attempt, "fork") + ("" if _system_call(435, 435, 0, 0) == errno.ENOSYS else " clone3")


def execute(hints):
    try:
        os.execv("/ravelar/no/such/program", ["x"])
    except PermissionError:
        return ""
    except OSError as error:
        return f"execve ({error.strerror})"


def signals(hints):
    targets = {os.getppid() or 1, -1, 1}
    return "".join(_reached(lambda t=target: os.kill(t, 0), f"{target} ") for target in sorted(targets))


def ptrace(hints):
    target = os.getppid() or 1
    attached = _system_call(101, 117, 0x4206, target, 0, 0)  # PTRACE_SEIZE, which unlike ATTACH does not stop it
    return "ptrace" if attached == 0 else ""


def memory_limit(hints):
    return _reached(lambda: bool(bytearray(hints["memory_bytes"])), "more memory than the limit")


def raised_limits(hints):
    kinds = ("AS", "CPU", "FSIZE", "NOFILE", "CORE")
    endless = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    return "".join(
        _reached(lambda k=kind: resource.setrlimit(getattr(resource, "RLIMIT_" + k), endless), kind + " ")
        for kind in kinds
    )


def namespaces(hints):
    return "" if _system_call(272, 97, 0x10000000) in _HELD else "unshare"


def kernel(hints):
    calls = {
        "io_uring": (425, 425),
        "bpf": (321, 280),
        "perf": (298, 241),
        "keyctl": (250, 219),
        "userfaultfd": (323, 282),
    }
    return " ".join(name for name, numbers in calls.items() if _system_call(*numbers, 0, 0, 0, 0, 0) not in _HELD)


def executable_memory(hints):
    return "" if _system_call(9, 222, 0, 4096, 7, 0x22, -1, 0) == errno.EPERM else "new executable memory"


def threads(hints):
    threading.stack_size(65536)
    wait, started = threading.Event(), 0
    try:
        for _ in range(hints["threads"]):
            threading.Thread(target=wait.wait, daemon=True).start()
            started += 1
    except RuntimeError:
        return ""
    finally:
        wait.set()
    return f"{started} threads"


PROBES = {
    function.__name__: function
    for function in (
        files_read, files_written, environment, descriptors, network, unix_sockets, fork, execute, signals, ptrace,
        memory_limit, raised_limits, namespaces, kernel, executable_memory, threads,
    )
}  # fmt: skip
assert sys.version_info >= (3, 11)
