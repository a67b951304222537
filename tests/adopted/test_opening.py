"""Many processes at one library, killed processes, and places that can't hold one."""

import builtins
import gc
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
from contextlib import closing

import pytest

from ravelar.tools.adopted.opening import open_place
from ravelar.tools.adopted.place import place_of
from ravelar.tools.adopted.store import AdoptedStore, open_store
from ravelar.tools.errors import InputError, LibraryUnusable

PROCESSES = 8
EACH = 5


@pytest.mark.slow
def test_eight_processes_adopting_at_once_lose_nothing_and_agree(url, adopter):
    """They also make the file, or the tables, at once: none was there before."""
    said, _ = adopter(url, str(EACH), "--processes", str(PROCESSES)).communicate(timeout=100)
    seen = said.split()
    assert len(seen) == PROCESSES
    with open_store(url) as store:
        assert set(seen) == {store.active()["contested"]}
        assert len(store.history("contested")) == PROCESSES * EACH
        assert all(len(store.history(f"own_p{i}")) == EACH for i in range(PROCESSES))
        assert len(store.read_all("names")) == PROCESSES * EACH
        assert len(store.entries()) == 1 + PROCESSES


def test_threads_of_one_process_may_adopt_at_once(url, make_entry):
    with open_store(url) as store:
        threads = [
            threading.Thread(target=store.adopt, args=(make_entry(source=str(i)),), kwargs={"run": str(i)})
            for i in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(store.history("haiku")) == 8


@pytest.mark.parametrize("after", [0, 1, 4])
@pytest.mark.slow
def test_a_process_killed_while_writing_leaves_all_that_it_said_was_done(url, adopter, make_entry, after):
    process = adopter(url, "p", "100000")
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()
    done = [process.stdout.readline() for _ in range(after)]
    process.kill()
    done += process.communicate(timeout=60)[0].splitlines(keepends=True)
    said = sum(line.startswith("done") for line in done)
    with open_store(url) as store:
        assert len(store.history("contested")) in (said, said + 1)
        for name in store.active():
            assert store.entry(name), "no record without its entry"
        store.adopt(make_entry(), run="after")
        assert "haiku" in store.active()


def test_processes_killed_while_making_the_file_leave_none_or_a_whole_one(tmp_path, adopter, make_entry):
    place = tmp_path / "library.sqlite"
    for i in range(2):
        adopter(str(place), f"p{i}", "0")
    started = [adopter(str(place), f"q{i}", "1") for i in range(2)]
    for process in started:
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        process.kill()
    with open_store(place) as store:
        store.adopt(make_entry(), run="after")
        assert "haiku" in store.active()


def test_a_half_made_file_of_another_program_is_completed(tmp_path, make_entry):
    place = tmp_path / "library.sqlite"
    place.touch()
    with open_store(place) as store:
        store.adopt(make_entry())
        assert store.active()


def test_nothing_is_left_beside_the_file(tmp_path, make_entry):
    with open_store(tmp_path / "library.sqlite") as store:
        store.adopt(make_entry())
    assert [path.name for path in tmp_path.iterdir()] == ["library.sqlite"]


def test_where_links_are_not_to_be_had_the_file_is_made_in_place(tmp_path, make_entry, monkeypatch):
    def no_links(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", no_links)
    with open_store(tmp_path / "library.sqlite") as store:
        store.adopt(make_entry())
        assert store.active()


def test_making_a_handle_touches_nothing(tmp_path):
    AdoptedStore(place_of(tmp_path / "a" / "library.sqlite")).close()
    assert not (tmp_path / "a").exists()


def unusable(tmp_path, kind):
    path = tmp_path / "library.sqlite"
    if kind == "garbage":
        path.write_bytes(b"this is no database" * 1000)
    elif kind == "folder":
        path.mkdir()
    elif kind == "below a file":
        (tmp_path / "file").touch()
        path = tmp_path / "file" / "library.sqlite"
    elif kind == "unwritable":
        path = path.parent / "closed" / "library.sqlite"
        path.parent.mkdir(mode=0o500)
        if os.access(path.parent, os.W_OK):
            path = place_of("/proc/nowhere/library.sqlite").where  # root may write everywhere but here
    return path


@pytest.mark.parametrize("kind", ["garbage", "folder", "below a file", "unwritable"])
def test_a_place_that_holds_no_library_is_named(tmp_path, make_entry, kind):
    path = unusable(tmp_path, kind)
    with pytest.raises(LibraryUnusable, match=str(path)):
        open_store(path).adopt(make_entry())
    assert issubclass(LibraryUnusable, InputError)


def test_a_file_damaged_while_it_is_open_is_named(tmp_path, make_entry):
    path = tmp_path / "library.sqlite"
    with open_store(path) as store:
        store.adopt(make_entry())
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    with open_store(path) as store, pytest.raises(LibraryUnusable, match=str(path)):
        store.active()


def test_what_is_not_ours_in_the_same_database_is_left_alone_and_named_where_it_is_in_our_place(tmp_path, make_entry):
    with open_store(tmp_path / "library.sqlite") as store:
        store.adopt(make_entry())
        opened = open_place(store.place)
        opened.store.put(("somebody", "else"), "k", {"a": 1})
        opened.store.put(("ravelar",), "k", {"a": 1})
        assert store.active()
        opened.store.put(("ravelar", "library", "records", "haiku"), "k", {"a": 1})
        opened.close()
        with pytest.raises(LibraryUnusable, match=r"not ours at ravelar\.library\.records\.haiku/k"):
            store.active()


def test_a_writer_waits_while_another_holds_the_file(tmp_path, make_entry):
    with open_store(tmp_path / "library.sqlite") as store:
        store.adopt(make_entry())
        with closing(
            sqlite3.connect(tmp_path / "library.sqlite", isolation_level=None, check_same_thread=False)
        ) as held:
            held.execute("BEGIN IMMEDIATE")
            release = threading.Timer(0.5, lambda: held.execute("COMMIT"))
            release.start()
            store.adopt(make_entry("dates"))
            release.join()
        assert len(store.active()) == 2


def test_without_the_extra_the_message_names_it(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **named):
        if name.startswith("psycopg"):
            raise ImportError(f"No module named {name!r}")
        return real(name, *rest, **named)

    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(LibraryUnusable, match=r"pip install 'ravelar\[postgres\]'"):
        open_store("postgresql://me:s3cret@127.0.0.1:1/db").active()


def test_a_database_that_does_not_answer_is_named_without_its_password():
    pytest.importorskip("psycopg")
    with pytest.raises(LibraryUnusable, match=r"127\.0\.0\.1:1/db") as raised:
        open_store("postgresql://me:s3cret@127.0.0.1:1/db").active()
    assert "s3cret" not in str(raised.value)


def test_a_lost_connection_is_opened_again(postgres_url, make_entry):
    import psycopg  # noqa: PLC0415

    with open_store(postgres_url) as store:
        store.adopt(make_entry())
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        assert store.active()


def test_a_forked_worker_leaves_its_parents_connection_alone(postgres_url, make_entry):
    with open_store(postgres_url) as store:
        store.adopt(make_entry())
        pid = store._shelf._ask(lambda base: base.conn.info.backend_pid)
        child = multiprocessing.get_context("fork").Process(target=store.active)
        child.start()
        child.join(60)
        assert child.exitcode == 0
        assert store.active()
        assert store._shelf._ask(lambda base: base.conn.info.backend_pid) == pid


def test_a_store_that_nobody_holds_any_longer_is_closed(tmp_path):
    store = open_store(tmp_path / "library.sqlite")
    assert store.active() == {}
    connection = store._shelf._opened.store.conn
    del store
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


@pytest.mark.slow
def test_a_store_that_is_held_to_the_last_is_closed_with_the_interpreter(tmp_path):
    held = """
        import ctypes, sys
        from ravelar.tools.adopted.store import open_store
        store = open_store(sys.argv[1])
        store.append("tasks", "doubling", {})
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(store))  # as by an extension that never lets go
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(held), str(tmp_path / "library.sqlite")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert done.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["library.sqlite"], "SQLite's log was left beside it"
