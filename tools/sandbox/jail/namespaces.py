"""Namespaces: our own processes, network, mounts, System V IPC and host name.

Root may make them at once; anybody else makes a user namespace first, in which they may. Distributions and
containers forbid one or the other, so each is tried by itself and what failed is reported.
"""

import ctypes
import os
import socket
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ravelar.tools.sandbox.jail import libc
from ravelar.tools.sandbox.jail.syscalls import this_machine

_FLAGS = {
    "pid": libc.CLONE_NEWPID,
    "network": libc.CLONE_NEWNET,
    "mount": libc.CLONE_NEWNS,
    "ipc": libc.CLONE_NEWIPC,
    "uts": libc.CLONE_NEWUTS,
}
_ATIME_FLAGS = 1024 | 2048 | 1 << 21  # MS_NOATIME, MS_NODIRATIME, MS_RELATIME
_HOST_NAME = "ravelar"
_MOUNT_POINTS = ("/mnt", "/media", "/srv", "/opt", "/tmp", "/var", "/usr")  # any directory serves: we leave it


def enter(wanted: Sequence[str]) -> dict[str, str]:
    """Enter new namespaces; return what became of each: "" for entered, else why not."""
    report: dict[str, str] = {}
    if "user" in wanted and os.geteuid() != 0:  # root drops its id instead, which a user namespace would forbid
        report["user"] = attempt(_enter_user)
    for name, flag in _FLAGS.items():
        if name in wanted:
            report[name] = attempt(partial(libc.unshare, flag))
    if report.get("uts") == "":
        socket.sethostname(_HOST_NAME)
    return report


def attempt(action: Callable[[], object]) -> str:
    """Return "" if the action did what it should, else the system's words."""
    try:
        action()
    except OSError as error:
        return str(error)
    return ""


def _enter_user() -> None:
    """Enter a user namespace in which we keep our ids."""
    uid, gid = os.geteuid(), os.getegid()
    libc.unshare(libc.CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", encoding="ascii")


def change_root(readable: Sequence[Path]) -> None:
    """Make an empty, read-only root that holds nothing but the readable directories.

    Raises: OSError: where mounts are forbidden even inside our namespaces (AppArmor).
    """
    libc.mount(None, "/", None, libc.MS_REC | libc.MS_PRIVATE)
    root = _mount_point(readable)
    guarded = libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC
    libc.mount("tmpfs", str(root), "tmpfs", guarded, "size=1m,mode=0755")
    for path in readable:
        _bind(path, root / path.relative_to("/"))
    libc.mount(None, str(root), None, libc.MS_REMOUNT | libc.MS_BIND | libc.MS_RDONLY | guarded)
    os.chdir(root)
    here = ctypes.c_char_p(b".")
    libc.syscall(this_machine().numbers["pivot_root"], here, here)
    libc.checked(libc.libc.umount2(b".", libc.MNT_DETACH), "umount")
    os.chdir("/")


def _mount_point(readable: Sequence[Path]) -> Path:
    """Return a directory that none of the readable ones lies in: a mount would hide them."""
    for name in _MOUNT_POINTS:
        point = Path(name)
        if point.is_dir() and not any(path.is_relative_to(point) for path in readable):
            return point
    raise OSError("no directory to mount the new root on")


def _bind(source: Path, target: Path) -> None:
    """Show a directory (or a file) in the new root, read-only."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    libc.mount(str(source), str(target), None, libc.MS_BIND)
    flags = libc.MS_BIND | libc.MS_REMOUNT | libc.MS_RDONLY | libc.MS_NOSUID | libc.MS_NODEV
    libc.mount(None, str(target), None, flags | _locked_flags(target))


def _locked_flags(target: Path) -> int:
    """Return the mount's own flags, which a user namespace must not take away when it remounts."""
    return os.statvfs(target).f_flag & (libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC | _ATIME_FLAGS)
