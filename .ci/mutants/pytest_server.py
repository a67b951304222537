"""Runs pytest again and again without paying for imports: one process has the libraries, a fork of it runs the tests.

    python pytest_server.py SOCKET MODULE TEST...    serves; writes "ready" once the tests have passed unchanged

A client (`ask.py`) connects, and is told pytest's exit status. A client that leaves has its fork killed, so that a
mutant that never ends costs no more than cosmic-ray's time limit. Nothing of the project is imported before a fork.
"""

import importlib
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path.cwd()
OPTIONS = ["-x", "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider"]
OPTIONS += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # plugins are imported before pytest in the forks


def foreign_modules() -> list[str]:
    """Name what is loaded and is not the project's, its tests' or pytest's own view of them."""
    found = []
    for name, module in sorted(sys.modules.items()):
        path = str(getattr(module, "__file__", None) or "")
        ours = name.split(".")[0] in {"ravelar", "tests", "__main__", "conftest"} or path.startswith(str(ROOT))
        if path and not ours:
            found.append(name)
    return found


def in_fork(tests: list[str], names_to: int | None = None) -> int:
    """Run the tests in a fork with its own session; return its process id."""
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2) if names_to is None else (0,):
        os.dup2(nowhere, stream)
    if names_to is not None:
        os.dup2(2, 1)  # standard output is for "ready" alone
    import pytest  # noqa: PLC0415 - a fork's own, with its plugins

    status = int(pytest.main([*OPTIONS, *tests]))
    if names_to is not None:
        os.write(names_to, "\n".join(foreign_modules()).encode())
    os._exit(status)


def warm_up(module: Path, tests: list[str]) -> None:
    """Pass the tests once, keep their bytecode except the mutated module's, and import the libraries they need."""
    names, their_end = Path(f"{sys.argv[1]}.names"), os.open(f"{sys.argv[1]}.names", os.O_CREAT | os.O_WRONLY)
    _, status = os.waitpid(in_fork(tests, their_end), 0)
    if status:
        sys.exit(f"the tests of {module} fail without any mutation: {' '.join(tests)}")
    for name in names.read_text().split():
        with suppress(Exception):  # it only costs time: a fork that needs it imports it
            importlib.import_module(name)
    for stale in (module.parent / "__pycache__").glob(f"{module.stem}.*.pyc"):
        stale.unlink()
    sys.dont_write_bytecode = True
    _, status = os.waitpid(in_fork(tests), 0)
    if status:
        sys.exit(
            f"the tests of {module} pass in a process of their own, and fail in a fork: nothing could be concluded"
        )


def answer(client: socket.socket, tests: list[str]) -> None:
    """Run the tests for one client; kill them when it leaves."""
    pid = in_fork(tests)
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            client.sendall(bytes([os.waitstatus_to_exitcode(status) & 0xFF]))
            return
        if select.select([client], [], [], 0.01)[0]:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return


def main() -> None:
    """Warm up, then serve one client after another until the process is ended."""
    path, module, *tests = sys.argv[1:]
    started = time.monotonic()
    warm_up(Path(module), tests)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        print(f"ready {time.monotonic() - started:.1f}", flush=True)
        while True:
            with server.accept()[0] as client:
                answer(client, tests)


if __name__ == "__main__":
    main()
