"""The trusted end in the remote kernel: one child at a time, its frames passed on, its time kept.

It reports on the kernel's standard output, which no program can reach: a child has none of the kernel's
descriptors. Every report stands on a line of its own behind the batch's nonce. Standard library only.
"""

import base64
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ravelar.tools.sandbox.frames import BadFrame, FrameBuffer, dump, pack, parse

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from ravelar.tools.sandbox.remote.child import main; main()"
_READ_BYTES = 1 << 18
_REAPED_WITHIN_S = 2.0
_OWN_IDS_FROM = 1_000_000_000  # ids that only a child of ours bears: see jail/privileges.py
_REASON_FIELD = 5


def serve(text: str, archive: str) -> None:
    """Run the batch that the text describes, and report each step.

    Args:
        text: The request: base64 over JSON; see payload.py for its fields.
        archive: Path of the zip that holds this module and the child's.
    """
    request = parse(base64.b64decode(text))

    def report(*event: Any) -> None:
        sys.stdout.write(f"\n{request['nonce']} {dump(event).decode('utf-8', 'backslashreplace')}\n")
        sys.stdout.flush()

    _Batch(request, archive, report).run()


class _Ended(Exception):
    """The child will say no more."""

    def __init__(self, *, late: bool) -> None:
        super().__init__(late)
        self.late = late


class _Batch:
    """Calls of one program, made one after the other.

    Args:
        request: What was asked for.
        archive: Path of the zip with our modules.
        report: Takes an event's name and its particulars.
    """

    def __init__(self, request: dict[str, Any], archive: str, report: Callable[..., None]) -> None:
        self._request = request
        self._archive = archive
        self._report = report

    def run(self) -> None:
        """Make every call, in as many children as that takes."""
        position, count = 0, len(self._request["calls"])
        while position < count:
            position = self._fly(position)
        self._report("done")

    def _fly(self, start: int) -> int:
        """Make the calls from `start` on in a new child; return the position to go on from."""
        child = _Child(self._archive, self._request)
        try:
            ready = parse(child.next_body(time.monotonic() + self._request["boot_s"]))
            self._report(*ready)
            if ready[0] != "ready":
                return len(self._request["calls"])
            return self._relay(child, start)
        except (BadFrame, _Ended) as error:  # nothing of the program has run yet: the fault is ours
            self._report("stumbled", f"the child ended while it was prepared: {error!r} {child.end(patient=True)}")
            return len(self._request["calls"])
        finally:
            child.end(patient=False)

    def _relay(self, child: "_Child", start: int) -> int:
        """Send the program and its calls, pass each frame on; return the position to go on from."""
        request, position = self._request, -1
        last = len(request["calls"])
        stop = start + 1 if request["solo"] else last
        child.send(pack(request["load"]) + pack([*request["run"], request["calls"][start:stop]]))
        try:
            body = child.next_body(time.monotonic() + request["load_s"])
            self._pass_on(body)
            if not _says_loaded(body):
                return last
            for position in range(start, stop):  # noqa: B007 - the handlers ask how far it came
                self._pass_on(child.next_body(time.monotonic() + request["wall_s"]))
            if not child.quiet:
                raise BadFrame("half a frame too many")
        except BadFrame as error:
            self._report("flood", str(error))
            stop = last if position < 0 or not request["solo"] else stop
        except _Ended as ended:
            if position > start and not ended.late:
                self._report("again")  # an earlier call of this process may have done it: ask the call alone
                return position
            self._report("ended", ended.late, child.end(patient=not ended.late))
            return position + 1 if position >= 0 else last
        return stop

    def _pass_on(self, body: bytes | bytearray) -> None:
        """Report a frame as it is; it is judged elsewhere."""
        self._report("frame", base64.b64encode(body).decode("ascii"))


class _Child:
    """A process with a channel, in a session of its own.

    Args:
        archive: Path of the zip with the child's modules.
        request: Holds what the child must know to prepare itself.
    """

    def __init__(self, archive: str, request: dict[str, Any]) -> None:
        self._channel, theirs = socket.socketpair()
        command = [sys.executable, "-I", "-c", _BOOT, archive, str(theirs.fileno()), dump(request["child"]).decode()]
        quiet = subprocess.DEVNULL
        with theirs:
            self._process = subprocess.Popen(
                command,
                stdin=quiet,
                stdout=quiet,
                stderr=quiet,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                env={},
                cwd="/",
            )
        self._channel.setblocking(False)
        self._incoming = FrameBuffer(request["frame_bytes"])
        self._outgoing = b""
        self._status: dict[str, Any] | None = None
        self._kills = _oom_kills()

    def send(self, data: bytes) -> None:
        """Give the child bytes; what it does not take now goes out while frames are awaited."""
        self._outgoing += data

    @property
    def quiet(self) -> bool:
        """Whether everything that came was read."""
        return self._incoming.empty

    def next_body(self, deadline: float) -> bytearray:
        """Return the next frame's body.

        Raises: _Ended: when the child died or its time is up. BadFrame: for a frame of an impossible length.
        """
        while (body := self._incoming.next_body()) is None:
            wait_s = deadline - time.monotonic()
            writers = [self._channel] if self._outgoing else []
            readable, writable, _ = select.select([self._channel], writers, [], max(0.0, wait_s))
            if not readable and wait_s <= 0:
                raise _Ended(late=True)
            if writable:
                self._write()
            if readable:
                self._read()
        return body

    def _write(self) -> None:
        """Write what the channel takes."""
        try:
            sent = self._channel.send(self._outgoing, socket.MSG_NOSIGNAL)
        except OSError:
            sent = len(self._outgoing)  # it is dead: reading will say so
        self._outgoing = self._outgoing[sent:]

    def _read(self) -> None:
        """Take what the channel gives."""
        try:
            data = self._channel.recv(_READ_BYTES)
        except OSError:
            data = b""
        if not data:
            raise _Ended(late=False)
        self._incoming.feed(data)

    def end(self, *, patient: bool) -> dict[str, Any]:
        """End the child and whatever it left behind; return its status as wait4(2) gives it.

        Args:
            patient: Whether to let it finish dying, so that the status is its own and not our SIGKILL's.
        """
        if self._status is None:
            uid = _user_of(self._process.pid)
            status, used, lived_on = self._reap(patient)
            _kill_user(uid)
            self._channel.close()
            self._status = {
                "status": status,
                "peak_kb": used.ru_maxrss,
                "cpu_s": used.ru_utime + used.ru_stime,
                "oom": _oom_kills() > self._kills,
                "lived_on": lived_on,
            }
        return self._status

    def _reap(self, patient: bool) -> tuple[int, Any, bool]:
        """Collect the child; return its status, its use of resources, and whether it had to be killed."""
        pid, until = self._process.pid, time.monotonic() + (_REAPED_WITHIN_S if patient else 0.0)
        gone, status, used = os.wait4(pid, os.WNOHANG)
        while not gone and time.monotonic() < until:
            time.sleep(0.002)
            gone, status, used = os.wait4(pid, os.WNOHANG)
        with suppress(OSError):  # nobody may be left in the group
            os.killpg(pid, signal.SIGKILL)
        if not gone:
            _, status, used = os.wait4(pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)  # else subprocess would wait for it again
        return status, used, not gone


def _says_loaded(body: bytes | bytearray) -> bool:
    """Say whether a frame, which the program may have written, speaks of a load that went well."""
    message = parse(body)
    return type(message) is list and len(message) > _REASON_FIELD and message[_REASON_FIELD] is None


def _user_of(pid: int) -> int:
    """Return the user id that a process runs under; -1 where that is not known."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Uid:"))
    except (OSError, StopIteration):
        return -1


def _kill_user(uid: int) -> None:
    """Kill what a child left running in other sessions: its user id is nobody else's."""
    if uid < _OWN_IDS_FROM:
        return
    for folder in Path("/proc").glob("[0-9]*"):
        if _user_of(int(folder.name)) == uid:
            try:
                os.kill(int(folder.name), signal.SIGKILL)
            except OSError:
                continue  # it ended meanwhile


def _oom_kills() -> int:
    """Return how many processes this machine has killed for want of memory."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
    except (OSError, StopIteration):
        return 0
