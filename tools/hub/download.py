"""Fetching a model at a pinned commit: only what is needed, only what cannot run, only what the Hub said it is."""

from dataclasses import dataclass
from pathlib import Path

from ravelar.tools.hub.facts import ModelFacts


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A model on this machine, every byte of it checked.

    Attributes:
        folder: Plain files in the layout that `from_pretrained` reads; no links.
        repo: "owner/name".
        revision: The commit, 40 hexadecimal digits.
        facts: What was known before the download.
        bytes: How many bytes the files hold.
        fetched: How many of them came over the network this time.
    """

    folder: Path
    repo: str
    revision: str
    facts: ModelFacts
    bytes: int = 0
    fetched: int = 0
