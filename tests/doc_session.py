"""One page of the documentation as a reader works through it: a folder, a home, and what the page has them type."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from doc_blocks import Block, Command, agrees, comparable

ROOT = Path(__file__).resolve().parents[1]
_MODEL = """
import sys; sys.path.insert(0, "tests/training")
import tiny_trl
tiny_trl.model().save_pretrained("model"); tiny_trl.tokenizer().save_pretrained("model")
"""
_LINKED = ("tests", "langgraph.json")


class Session:
    """A copy of the examples beside links to the project, a home of its own, and the programs of this environment.

    Args:
        folder: An empty one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        shutil.copytree(ROOT / "examples", self.folder / "examples")
        for name in _LINKED:
            (self.folder / name).symlink_to(ROOT / name)
        programs = Path(sys.executable).parent
        self.environment = {
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}",
            "HOME": str(folder),
            "RAVELAR_LIBRARY": str(folder / "library.sqlite"),
            "RAVELAR_CACHE": str(folder / "cache"),
            "COLUMNS": "80",
            "OMP_NUM_THREADS": "1",
            "PIP_NO_INDEX": "1",
            "HF_HUB_OFFLINE": "1",
            "PYTHONUNBUFFERED": "1",
            "TERM": "dumb",
        }

    def run(self, block: Block) -> None:
        """Run a block; AssertionError if it fails, or prints something else than the page says."""
        if "with a model of random weights" in block.marks:
            self._start([sys.executable, "-c", _MODEL], block)
        if block.language == "python":
            done = self._start([sys.executable, "-c", block.text], block)
            _compare(block, block.text, block.said, done)
            return
        if "serves" in block.marks:
            self._serve(block)
            return
        for command in block.commands():
            self._enter(block, command)

    def _enter(self, block: Block, command: Command) -> None:
        _compare(
            block, command.typed, command.said, self._start(["bash", "-euo", "pipefail", "-c", command.typed], block)
        )

    def _start(self, command: list[str], block: Block) -> str:
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            printed, _ = process.communicate(timeout=600 if "slow" in block.marks else 100)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it left running too
        assert process.returncode == 0, f"{block.place} ended with {process.returncode}:\n{command[-1]}\n{printed}"
        return printed

    def _serve(self, block: Block) -> None:
        """Start the block's first command on a free port, ask it what the others ask, and end it."""
        first, *others = block.commands()
        said = first.said or ""
        named = re.search(r"http://127\.0\.0\.1:(\d+)", said)
        assert named, f"{block.place}: a server says where it serves"
        port = str(_free_port())
        log = self.folder.parent / f"server-{port}.log"
        with log.open("wb") as out:
            server = subprocess.Popen(
                ["bash", "-c", f"exec {first.typed} --port {port}"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait_for(server, f"http://127.0.0.1:{port}", log, lines=said.count("\n"))
            among_others = f"...\n{said.replace(named[1], port).strip()}\n..."  # a server logs what it likes beside it
            _compare(block, first.typed, among_others, log.read_text())
            for other in others:
                if other.typed.startswith("curl") and shutil.which("curl") is None:
                    pytest.skip("no curl here")
                asked = other.typed.replace(named[1], port).replace("curl ", "curl -sS ")
                self._enter(block, Command(asked, other.said))
        finally:
            server.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                server.wait(40)
            server.kill()


def _compare(block: Block, typed: str, said: str | None, printed: str) -> None:
    if said is None:
        return
    figures = "figures vary" not in block.marks
    if re.fullmatch(r"\s*[\[{].*", said, re.S) and said.split() == printed.split():
        return
    expected, found = comparable(said, figures=figures), comparable(printed, figures=figures)
    assert agrees(expected, found), "\n".join(
        [f"{block.place} does not print what it says:", typed, "--- says", *expected, "--- prints", *found]
    )


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(server: "subprocess.Popen[bytes]", url: str, log: Path, *, lines: int) -> None:
    """Wait until a server is ready, as ours (`/ready`) or LangGraph's (`/ok`) says so, and has said its lines."""
    for _ in range(600):
        assert server.poll() is None, log.read_text()
        with suppress(httpx.TransportError):
            answers = [httpx.get(url + path, timeout=2, trust_env=False).status_code for path in ("/ready", "/ok")]
            if 200 in answers and log.read_text().count("\n") >= lines:
                return
        time.sleep(0.1)
    raise AssertionError(f"{url} does not answer:\n{log.read_text()}")
