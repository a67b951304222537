"""The parent of all workers of one profile: holds no secret, imports once, seals itself, forks and reaps.

It speaks with the caller by datagrams. One comes in per worker: its limits, and two descriptors, the
worker's channel and its lease. The lease stays here: when the caller closes it (or dies), the worker is
killed; when the worker ends, its exit status goes out on it. No message can thus meet the wrong worker.
"""

import contextlib
import ctypes
import gc
import importlib
import os
import random
import resource
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from ravelar.tools.sandbox.frames import dump, parse
from ravelar.tools.sandbox.jail import libc, worker
from ravelar.tools.sandbox.jail.rehearsal import rehearse
from ravelar.tools.sandbox.jail.rlimits import worker_limits
from ravelar.tools.sandbox.jail.seal import Sealed, seal
from ravelar.tools.sandbox.jail.seccomp import WorkerFilter

_REQUEST_BYTES = 4096
_DESCRIPTORS = 4096
_fork_holding_gil = ctypes.PyDLL(None, use_errno=True).fork
_TASKS_OF_WORKERS = 64  # main threads of workers, beside which a program's threads are counted


class Parent:
    """Forks workers while the control socket is open.

    Args:
        control: Datagram socket to the caller.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._poll = select.poll()
        self._pids: dict[int, int] = {}
        self._leases: dict[int, int] = {}
        self._woken = -1
        self._filter: WorkerFilter | None = None

    def run(self, config: dict[str, Any], entered: dict[str, str]) -> None:
        """Import, seal, say that we are ready (or why not), and serve."""
        try:
            sealed = self._prepare(config, entered)
        except Exception as error:  # noqa: BLE001 - whatever a library raises on import, the caller must hear it
            self._control.send(dump({"error": f"{type(error).__name__}: {error}"[:2000]}))
            return
        self._control.send(dump({"report": sealed.report, "import_s": self._import_s}))
        self._serve(sealed)

    def _prepare(self, config: dict[str, Any], entered: dict[str, str]) -> Sealed:
        """Import the profile's modules and put the layers on."""
        started = time.monotonic()
        _limit_descriptors()
        sys.path += config["paths"]
        sys.modules.update(dict.fromkeys(config["absent"]))  # None: importing it fails as if it were not there
        for module in config["modules"]:
            importlib.import_module(module)
        random.seed(0)
        exec(config["warmup"], {"__name__": "warmup"})
        _refuse_threads()
        sys.path[:] = []  # what is not imported by now comes from its own package's path, or not at all
        os.environ.clear()
        time.tzset()
        self._import_s = time.monotonic() - started
        rehearse()
        self._listen()
        self._filter = WorkerFilter() if "seccomp" in config["layers"] else None
        sealed = seal(config["layers"], [Path(path) for path in config["readable"]], entered)
        self._filter = self._filter if sealed.on("seccomp") else None
        gc.collect()
        gc.freeze()  # a worker's collections then leave these pages shared
        return sealed

    def _listen(self) -> None:
        """Watch the control socket and the ends of children."""
        self._woken, waker = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._poll.register(self._control, select.POLLIN)
        self._poll.register(self._woken, select.POLLIN)

    def _serve(self, sealed: Sealed) -> None:
        """Answer requests until the caller closes the control socket or dies.

        The dead are reaped last: that closes leases, and a number that is free again must not meet an old event.
        """
        control = self._control.fileno()
        while True:
            ready = {descriptor for descriptor, _ in self._poll.poll()}
            for lease in ready - {self._woken, control}:
                self._kill(lease)
            if control in ready and not self._take_request(sealed):
                return self._end()
            if self._woken in ready:
                self._reap()

    def _take_request(self, sealed: Sealed) -> bool:
        """Fork one worker; return False at the end of requests."""
        data, descriptors, _, _ = socket.recv_fds(self._control, _REQUEST_BYTES, 2)
        if not data:
            return False
        request = parse(data)
        tasks = sealed.tasks + _TASKS_OF_WORKERS + request["threads"]
        request["rlimits"] = worker_limits(address_space=sealed.address_space, request=request, tasks=tasks)
        channel, lease = descriptors
        try:
            pid = _fork()
        except OSError as error:
            _tell(lease, {"error": str(error)})
        else:
            if pid == 0:
                self._control.detach()
                worker.main(channel, request, self._filter)
            self._pids[lease], self._leases[pid] = pid, lease
            self._poll.register(lease, select.POLLIN)
        os.close(channel)
        return True

    def _kill(self, lease: int) -> None:
        """Kill the worker whose lease was given up; it is reaped when the kernel says so."""
        self._poll.unregister(lease)
        os.kill(self._pids[lease], signal.SIGKILL)

    def _reap(self) -> None:
        """Collect the dead and send each one's end to whoever still holds its lease."""
        os.read(self._woken, 4096)
        while self._leases:
            pid, status, used = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            if pid in self._leases:
                self._report(self._leases.pop(pid), status, used)

    def _report(self, lease: int, status: int, used: resource.struct_rusage) -> None:
        """Send a worker's end on its lease, and close that."""
        del self._pids[lease]
        with contextlib.suppress(KeyError):  # killed on request: not watched any more
            self._poll.unregister(lease)
        _tell(lease, {"status": status, "cpu_s": used.ru_utime + used.ru_stime, "peak_kb": used.ru_maxrss})

    def _end(self) -> None:
        """Take every worker along."""
        for pid in self._leases:
            os.kill(pid, signal.SIGKILL)
        for _ in self._leases:
            os.wait()


def _tell(lease: int, message: dict[str, Any]) -> None:
    """Send the last message on a lease; the caller may have given it up meanwhile."""
    with contextlib.suppress(OSError):
        os.write(lease, dump(message))
    os.close(lease)


def _fork() -> int:
    """Fork without Python's hooks, which mend locks of other threads; there are none, and they cost a third of it.

    What they also do is seed `random` anew. Here it stays as it was: the same program draws the same numbers.
    """
    return libc.checked(_fork_holding_gil(), "fork")


def _limit_descriptors() -> None:
    """Bound our descriptors: a worker closes all it inherits, one by one on kernels before 5.9."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    bounded = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (bounded, bounded))


def _refuse_threads() -> None:
    """Refuse a profile that starts threads: they would not live on in a fork, but their locks would."""
    threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208 - names are enough
    if threads > 1:
        raise RuntimeError(f"the profile's modules started {threads - 1} threads; a parent that forks can't have any")
