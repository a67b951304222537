"""What `ravelar doctor` says of a library that is in use, in a file or in PostgreSQL."""

from typing import Any

from ravelar.doctor.places import look_at_library
from ravelar.tools.adopted.shelf import Shelf
from ravelar.tools.adopted.store import open_store


def test_a_library_is_looked_at_before_and_after_something_is_adopted(url: str, make_entry: Any, monkeypatch: Any):
    monkeypatch.setenv("RAVELAR_LIBRARY", url)
    (before,) = look_at_library()
    assert before.state == "works"
    with open_store(url) as store:
        store.adopt(make_entry())
    (after,) = look_at_library()
    assert after.state == "works"
    assert after.found.endswith("tools in use: 1")


def test_an_entry_that_this_version_can_not_read_is_broken(url: str, make_entry: Any, monkeypatch: Any):
    monkeypatch.setenv("RAVELAR_LIBRARY", url)
    entry = make_entry()
    with open_store(url) as store:
        shelf: Shelf = store._shelf
        shelf.add(("ravelar", "library", "entries"), entry.version, {"of": "a later version"})
        store.adopt(entry)
    (finding,) = look_at_library()
    assert finding.state == "broken"
    assert finding.found.endswith("can't be read: haiku")
    assert "ravelar library retire" in finding.fix
