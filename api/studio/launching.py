"""Start LangGraph's development server in this process, with the graphs of this package.

Its state (assistants, threads, runs) is kept in `.langgraph_api/` of a folder, and is there again at the next start.
The server itself sends nothing anywhere: usage figures and the look for a newer version are off unless their variables
say otherwise, and runs are traced only where LangSmith's variables ask for it.
"""

import importlib
import json
import logging
import os
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ravelar.studio.settings import PORT, SETTINGS
from ravelar.tools.adopted.place import data_folder
from ravelar.tools.errors import InputError
from ravelar.tools.extras import need
from ravelar.tools.listening import address_of, open_port

STATE = ".langgraph_api"
GRACE = "RAVELAR_STUDIO_GRACE_S"
"""Variable with the seconds in which the process has ended after its server, whatever its runs still wait for; what
they did is kept by then. Not set: it waits for them, as `langgraph dev` does."""

_AT_ONCE = 10  # runs; at one, a graph that calls its own server would wait for itself
_DEFAULTS = {
    "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    "LANGGRAPH_NO_VERSION_CHECK": "true",
    "LOG_LEVEL": "WARNING",
    GRACE: "3",
}
_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Launch:
    """Where the server listens, and where it keeps its state.

    Attributes:
        host: The address; beyond the loopback, everybody who reaches it may run the graphs.
        port: The port; 0 takes a free one, None LangGraph's own, or a free one if that is taken.
        folder: Where the state is kept, the server's working folder: a run's relative paths start there, and `.env`
            is read there. None means the user's own, so that runs are found again from wherever one starts.
        reload: Whether the server starts again when a Python file below the folder changes.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    folder: Path | None = None
    reload: bool = False

    @property
    def place(self) -> Path:
        """The folder's absolute path."""
        return (self.folder or data_folder() / "studio").expanduser().absolute()


def serve(launch: Launch, started: Callable[[str], None]) -> None:
    """Serve until a signal ends it; the process's working folder and environment are the server's from then on.

    Args:
        launch: Where.
        started: Told the server's address, in a thread of its own, once it answers.

    Raises:
        InputError: if the server is not installed, the port is taken, or the folder can't be used.
    """
    need("langgraph_api", extra="studio", what="the server")
    url = _free_address(launch.host, launch.port)
    with _held(launch.place) as settings:
        settings.write_text(json.dumps(SETTINGS, indent=2), encoding="utf-8")
        os.chdir(launch.place)
        threading.Thread(target=_tell, args=(url, started), daemon=True).start()
        _run(launch, settings, url)


def _free_address(host: str, port: int | None) -> str:
    """Return an address to listen at; the server itself would take another port than it is told, and not say so.

    Raises:
        InputError: if the port can't be had.
    """
    if port is None:
        try:
            return _free_address(host, PORT)
        except InputError:
            port = 0
    with open_port(host, port) as opened:
        return address_of(opened)


def _run(launch: Launch, settings: Path, url: str) -> None:
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    from langgraph_cli.cli import cli  # noqa: PLC0415  an extra

    importlib.import_module("langgraph_api.cli")  # it sets up logging when it is imported

    logging.getLogger("langgraph_api.cli").setLevel(os.environ["LOG_LEVEL"].upper())  # its banner names no local page
    given = ["dev", "--config", str(settings), "--host", launch.host, "--port", url.rpartition(":")[2]]
    given += ["--no-browser", "--n-jobs-per-worker", str(_AT_ONCE), *([] if launch.reload else ["--no-reload"])]
    cli.main(given, prog_name="langgraph", standalone_mode=False)


@contextmanager
def _held(folder: Path) -> Iterator[Path]:
    """Hold a folder for this server alone; yield the file for its settings.

    Raises:
        InputError: if it can't be written, or another server keeps its state there.
    """
    state = folder / STATE
    try:
        state.mkdir(parents=True, exist_ok=True)
        lock = FileLock(state / "served.lock", blocking=False)
        lock.acquire()
    except Timeout:
        raise InputError(f"another server keeps its state in {folder}; end it, or name another --folder") from None
    except OSError as error:
        raise InputError(f"no state can be kept in {folder}: {error.strerror or error}") from None
    with lock:
        yield state / "served.json"


def _tell(url: str, started: Callable[[str], None]) -> None:
    """Tell the address once the server answers; it is never told where it does not start."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            with direct.open(f"{url}/ok", timeout=2):
                break
        except OSError:
            time.sleep(_POLL_S)
    started(url)
