"""A writer on the wire: a loopback server that answers RAVEL's roles, for runs over a real client or in processes."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "agents"))

from cassette_server import LoopbackServer, texts
from ravel_world import Writer


class WriterServer(LoopbackServer):
    """A writer on the wire, for runs in other processes."""

    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self.writer = writer

    def answer(self, body: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        with self._lock:
            return 200, {"role": "assistant", "content": self.writer.says(texts(body))}
