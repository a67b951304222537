"""The names that prompts were given, kept in the store beside the adopted tools: shared by all processes."""

from ravelar.tools.adopted.store import AdoptedStore
from ravelar.tools.recognition.names import NamedExample

_KIND = "names"


class StoredNames:
    """A `NameLog` over a store of adopted tools: append-only, and the same name appended twice is there once."""

    def __init__(self, store: AdoptedStore) -> None:
        self._store = store

    def append(self, example: NamedExample) -> None:
        """Keep a name."""
        self._store.append(_KIND, example.id, example.as_row())

    def read(self) -> list[NamedExample]:
        """Return all names."""
        return [NamedExample.from_row(row) for row in self._store.read_all(_KIND).values()]
