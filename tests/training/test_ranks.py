"""The ranks' notice board and the library in step, on a store in memory: no process group is needed for these."""

import threading
import time

import pytest

from ravelar.tools.errors import InputError, NotInStep
from ravelar.tools.library import Library
from ravelar.tools.routing import Route
from ravelar.training import library_in_step, ranks
from ravelar.training.library_in_step import LibraryInStep, versions_of
from ravelar.training.ranks import Ranks, ranks_now


class Store:
    """torch.distributed's key-value store, as far as ranks use it."""

    def __init__(self):
        self.values = {}
        self.broken = False

    def set(self, key, value):
        if self.broken:
            raise RuntimeError("Connection reset by peer")
        self.values[key] = value if isinstance(value, bytes) else value.encode()

    def get(self, key):
        return self.values[key]

    def check(self, keys):
        if self.broken:
            raise RuntimeError("Connection reset by peer")
        return all(key in self.values for key in keys)

    def delete_key(self, key):
        return self.values.pop(key, None) is not None


@pytest.fixture
def board():
    store = Store()
    return Ranks(0, 2, store, "test"), Ranks(1, 2, store, "test")


def test_what_one_rank_says_the_other_hears(board):
    main, other = board
    assert other.hear("a", wait_s=0) is None
    main.say("a", {"step": 3})
    assert other.hear("a", wait_s=0) == {"step": 3}
    assert (main.main, other.main) == (True, False)


def test_a_notice_is_waited_for_and_no_longer_than_allowed(board):
    main, other = board
    late = threading.Timer(0.2, main.say, ["late", 1])
    late.start()
    assert other.hear("late", wait_s=20) == 1
    started = time.monotonic()
    assert other.hear("never", wait_s=0.2) is None
    assert 0.2 <= time.monotonic() - started < 5
    late.join()


def test_large_values_are_said_in_pieces(board):
    main, other = board
    value = bytes(3 * ranks._CHUNK + 5)
    main.say("large", value)
    assert max(map(len, main.store.values.values())) <= ranks._CHUNK
    assert other.hear("large", wait_s=0) == value


def test_old_notices_are_taken_down_and_kept_ones_are_not(board, monkeypatch):
    main, other = board
    monkeypatch.setattr(ranks, "_KEPT", 3)
    main.say("router/1", "kept", keep=True)
    for i in range(10):
        main.say(f"call/{i}", i)
    assert other.hear("router/1", wait_s=0) == "kept"
    assert [other.hear(f"call/{i}", wait_s=0) for i in range(10)] == [None] * 7 + [7, 8, 9]
    assert len(main.store.values) == 8


def test_a_store_that_is_gone_is_no_notice_and_no_error(board, caplog):
    main, other = board
    main.store.broken = True
    main.say("a", 1)
    assert other.hear("a", wait_s=5) is None
    assert "could not say 'a'" in caplog.text
    assert "could not hear 'a'" in caplog.text


def test_a_value_that_can_not_be_pickled_is_not_said(board, caplog):
    main, other = board
    main.say("a", lambda: None)
    assert other.hear("a", wait_s=0) is None
    assert "could not say 'a'" in caplog.text


def test_a_process_alone_has_no_ranks():
    assert ranks_now() is None


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(library_in_step, "_NOTICE_S", 0.2)
    monkeypatch.setattr(library_in_step, "_CATCH_UP_S", 0.2)


def pair(source, others_source=None, router=None):
    quiet = [].append
    return LibraryInStep(source, router, quiet), LibraryInStep(others_source or source, router, quiet)


def test_a_rank_whose_library_differs_does_not_score(fake_tool, board, short):
    mains, others = pair(Library([fake_tool("one")]), Library([fake_tool("two")]))
    mains.at("call/0", board[0])
    with pytest.raises(NotInStep, match="rank 0 scores with another library; here are: two"):
        others.at("call/0", board[1])
    started = time.monotonic()
    mains.at("call/1", board[0])
    with pytest.raises(NotInStep):
        others.at("call/1", board[1])
    assert time.monotonic() - started < 0.2, "what was waited for once is not waited for at every step"


def test_a_rank_that_hears_nothing_does_not_score(fake_tool, board, short):
    _, others = pair(Library([fake_tool("one")]))
    with pytest.raises(NotInStep, match=r"rank 0 has not said within 0\.2 s"):
        others.at("call/0", board[1])


def test_a_rank_that_is_ahead_keeps_what_rank_0_uses(fake_tool, board, short):
    older, newer = Library([fake_tool("one")]), Library([fake_tool("one", high=2.0)])
    libraries = {"main": older, "other": older}
    mains, others = pair(lambda: libraries["main"], lambda: libraries["other"])
    mains.at("call/0", board[0])
    others.at("call/0", board[1])
    libraries["other"] = newer
    mains.at("call/1", board[0])
    assert others.at("call/1", board[1]).library is older
    libraries["main"] = newer
    mains.at("call/2", board[0])
    assert others.at("call/2", board[1]).versions == versions_of(newer) != versions_of(older)


def to_one(prompt, reference, metadata):
    return Route("one", "")


def to_two(prompt, reference, metadata):
    return Route("two", "")


def test_rank_0s_router_is_used_and_sent_once(fake_tool, board):
    libraries, routers = [Library([fake_tool("one"), fake_tool("two")])], [to_one]
    mains = LibraryInStep(lambda: libraries[-1], lambda: routers[-1], [].append)
    others = LibraryInStep(lambda: libraries[-1], None, [].append)
    for call in range(3):
        mains.at(f"call/{call}", board[0])
        assert others.at(f"call/{call}", board[1]).router is to_one
    assert "test/router/2" not in board[0].store.values
    routers.append(to_two)
    libraries.append(Library([fake_tool("two")]))
    mains.at("call/3", board[0])
    assert others.at("call/3", board[1]).router is to_two


def test_a_new_process_group_is_told_everything_again(fake_tool):
    mains, others = pair(Library([fake_tool("one")]), router=to_one)
    for _ in range(2):
        store = Store()
        mains.at("call/0", Ranks(0, 2, store, "test"))
        assert others.at("call/0", Ranks(1, 2, store, "test")).router is to_one


def test_versions_tell_tools_apart_by_name_range_and_version(fake_tool):
    class Entry:
        def __init__(self, version):
            self.version = version

    one, again, wider, renewed = fake_tool("one"), fake_tool("one"), fake_tool("one", high=2.0), fake_tool("one")
    renewed.entry = Entry("abc")
    assert versions_of(Library([one])) == versions_of(Library([again]))
    assert len({versions_of(Library([tool])) for tool in (one, wider, renewed, fake_tool("two"))}) == 4


def test_a_source_that_fails_is_told_when_nothing_was_opened_before():
    with pytest.raises(InputError, match="returned NoneType, no Library"):
        LibraryInStep(lambda: None, None, [].append).open()
