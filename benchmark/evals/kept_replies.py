"""Replies that were paid for, kept on disk: a run that is killed or repeated asks for none of them again.

The key of a reply covers the model, how it was asked (temperature, limits ...), all that was sent, and which sample
it is: the second sample of one question is another call, never the first one's answer.
"""

import json
import sqlite3
import threading
import weakref
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ravelar.benchmark.evals.manifest import digest_of
from ravelar.tools.chat.journal import Asked, Said
from ravelar.tools.errors import InputError


class KeptReplies:
    """A SQLite file of replies. Safe between threads and processes; closed when nobody holds it any more, or before.

    Args:
        path: The file; made if need be. None keeps nothing beyond this process.

    Raises:
        InputError: if it can't be opened.
    """

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None, timeout=30)
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=OFF")  # a killed process loses nothing; a lost machine may
            self._base.execute("CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, said TEXT NOT NULL)")
        except (OSError, sqlite3.Error) as error:
            raise InputError(f"{path}: replies can't be kept there: {error}") from None
        weakref.finalize(self, self._base.close)

    def get(self, key: str) -> Said | None:
        """Return what is kept under a key."""
        with self._lock:
            found = self._base.execute("SELECT said FROM replies WHERE key = ?", (key,)).fetchone()
        return None if found is None else Said(**json.loads(found[0]))

    def put(self, key: str, said: Said) -> None:
        """Keep a reply."""
        with self._lock:
            text = json.dumps(asdict(said), ensure_ascii=False)
            self._base.execute("INSERT OR IGNORE INTO replies VALUES (?, ?)", (key, text))

    def __len__(self) -> int:
        with self._lock:
            return int(self._base.execute("SELECT COUNT(*) FROM replies").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        self._base.close()


@dataclass(slots=True)
class Place:
    """The journal of one sample of one model: what was said before is found again, what is new is kept.

    Attributes:
        kept: Where.
        settings: How the model is asked, as plain JSON.
        sample: Which sample it is, from 0.
        recalled: How many replies were found instead of asked for.
        retries: How often calls were tried again.
    """

    kept: KeptReplies
    settings: Mapping[str, Any]
    sample: int = 0
    recalled: int = 0
    retries: int = 0

    def recall(self, asked: Asked) -> Said | None:
        """Return what was said to this very call."""
        said = self.kept.get(self._key(asked))
        self.recalled += said is not None
        return said

    def keep(self, asked: Asked, said: Said) -> None:
        """Keep a reply before anybody uses it."""
        self.kept.put(self._key(asked), said)

    def retrying(self, asked: Asked, why: str, wait_s: float) -> None:
        """Count a retry."""
        self.retries += 1

    def failed(self, asked: Asked, error: Exception, *, seconds: float, retries: int) -> None:
        """Keep nothing: a call that failed is made again when its row is."""

    def _key(self, asked: Asked) -> str:
        return digest_of([asked.model, asked.sent_hash, asked.prompt, dict(self.settings), self.sample])
