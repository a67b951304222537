"""The store of adopted tools, in memory, on SQLite and on PostgreSQL."""

import math
import multiprocessing
import os
import pickle
from typing import Any

import pytest
from langgraph.store.base import PutOp
from langgraph.store.memory import InMemoryStore

from ravelar.tools.adopted.entry import CompositeRecipe, HubRecipe, WrittenRecipe
from ravelar.tools.adopted.place import Place
from ravelar.tools.adopted.store import AdoptedStore, Unreadable, open_store
from ravelar.tools.calibration import LogisticMap
from ravelar.tools.card import ToolCard
from ravelar.tools.errors import InputError, LibraryUnusable, UnknownName


def test_an_adopted_entry_comes_back_as_it_was(any_store, make_entry):
    card = ToolCard(
        name="haiku",
        kind="reward_model",
        task="haiku",
        summary="NUL \0, a lone \ud800, and ünïcode.",
        low=-math.inf,
        high=math.inf,
        calibration=LogisticMap(slope=1.5, intercept=1e-300, n=3),
    )
    recipe = HubRecipe(repo="a/b", revision="0" * 40, adapter="sequence", options={"index": 1, "x": 0.1, "y": True})
    entry = make_entry(card=card, recipe=recipe)
    any_store.adopt(entry)
    any_store._read.clear()
    assert any_store.entry("haiku") == entry
    assert any_store.entry("haiku").version == entry.version
    assert any_store.entries() == [entry]
    assert any_store.active() == {"haiku": entry.version}


def test_a_run_that_is_resumed_adopts_once(any_store, make_entry):
    first = any_store.adopt(make_entry(), run="r1", reason="passed", why=["n = 60"])
    again = any_store.adopt(make_entry(), run="r1", reason="passed", why=["n = 60"])
    assert again == first
    assert any_store.history("haiku") == [first]
    any_store.adopt(make_entry(), run="r2")
    assert len(any_store.history("haiku")) == 2


def test_a_run_resumed_after_someone_retired_its_tool_does_not_bring_it_back(store, make_entry):
    store.adopt(make_entry(), run="r1")
    store.retire("haiku", "wrong on fire")
    store.adopt(make_entry(), run="r1")
    assert store.active() == {}


def test_records_say_who_when_and_why(store, make_entry):
    record = store.adopt(make_entry(), run="r1", reason="passed", why=["a", "b"])
    assert (record.by.run, record.by.who, record.reason, record.why) == ("r1", "tests", "passed", ("a", "b"))
    assert record.by.process.endswith(f":{os.getpid()}")


def test_nothing_is_overwritten(store, make_entry):
    store.adopt(make_entry(), run="r1", reason="first")
    other = make_entry(trial=make_entry().trial.model_copy(update={"n": 7}))
    store.adopt(other, run="r2")
    assert store.entry("haiku").trial.n == 120, "the same version, measured again, stays as it was"
    assert store.adopt(other, run="r1", reason="second").reason == "first"


def test_a_version_can_be_retired_rolled_back_suspended_and_resumed(any_store, make_entry):
    one, two = make_entry(), make_entry(source="two")
    any_store.adopt(one)
    any_store.adopt(two)
    assert any_store.active() == {"haiku": two.version}
    any_store.rollback("haiku", "two is slow")
    assert any_store.active() == {"haiku": one.version}
    any_store.suspend("haiku", "drifts")
    assert any_store.active() == {}
    any_store.resume("haiku")
    assert any_store.active() == {"haiku": one.version}
    any_store.retire("haiku", "no use")
    assert any_store.entries() == []
    any_store.rollback("haiku", to=two.version[:6])
    assert any_store.entry("haiku") == two
    actions = [record.action for record in any_store.history("haiku")]
    assert actions == ["adopted", "adopted", "restored", "suspended", "resumed", "retired", "restored"]


def test_what_a_resumed_run_did_already_is_not_done_again(store, make_entry):
    for source in ("one", "two", "three"):
        store.adopt(make_entry(source=source))
    assert store.rollback("haiku", run="r") == store.rollback("haiku", run="r")
    assert store.active() == {"haiku": make_entry(source="two").version}
    assert store.retire("haiku", "x", run="r") == store.retire("haiku", "x", run="r")
    assert store.rollback("haiku", run="s") == store.rollback("haiku", run="s")
    assert store.suspend("haiku", "x", run="r") == store.suspend("haiku", "x", run="r")
    assert store.resume("haiku", run="r") == store.resume("haiku", run="r")
    assert store.active() == {"haiku": make_entry(source="one").version}


def test_what_cannot_be_done_says_so(store, make_entry):
    with pytest.raises(UnknownName, match="no adopted tool 'haiku'"):
        store.retire("haiku", "x")
    store.adopt(make_entry())
    with pytest.raises(UnknownName, match="did you mean 'haiku'"):
        store.entry("haikus")
    with pytest.raises(InputError, match="no earlier version"):
        store.rollback("haiku")
    with pytest.raises(InputError, match="not suspended"):
        store.resume("haiku")
    with pytest.raises(UnknownName, match="no version of haiku 'zz'"):
        store.rollback("haiku", to="zz")
    store.retire("haiku", "x")
    with pytest.raises(InputError, match="no version in use"):
        store.retire("haiku", "again")
    with pytest.raises(InputError, match="no version in use"):
        store.entry("haiku")


@pytest.mark.parametrize("label", ["math_answer", "exact", "gsm8k", "code"])
def test_built_in_names_and_their_labels_cannot_be_taken(store, make_entry, label):
    with pytest.raises(InputError, match=f"{label}.*built-in"):
        store.adopt(make_entry(label))
    assert not store.place.exists or store.standings() == {}


def test_a_tool_bears_its_tasks_name(store, make_entry):
    card = make_entry("dates").card
    with pytest.raises(InputError, match="bears its task's name"):
        store.adopt(make_entry("haiku", card=card))


def test_a_clock_that_runs_behind_does_not_undo_what_it_has_seen(make_entry):
    base, times = InMemoryStore(), iter([2000.0, 1000.0, 500.0])
    store = AdoptedStore(Place("memory"), store=base, clock=lambda: next(times))
    store.adopt(make_entry())
    store.adopt(make_entry(source="two"))
    store.retire("haiku", "x")
    assert store.active() == {}
    assert [record.action for record in store.history("haiku")] == ["adopted", "adopted", "retired"]


def test_refusals_are_kept_with_reason_recipe_and_trial(any_store, make_entry):
    lazy = WrittenRecipe(source="def verify(p, c, r):\n    return 1.0\n")
    trial = make_entry().trial
    first = any_store.refuse("haiku", "written, attempt 1", run="r", reason="lazy", why=["x"], recipe=lazy, trial=trial)
    again = any_store.refuse("haiku", "written, attempt 1", run="r", reason="lazy", why=["x"], recipe=lazy, trial=trial)
    gated = any_store.refuse("dates", "owner/gated@main", run="r", reason="gated")
    assert again == first
    assert any_store.refused() == [first, gated]
    assert any_store.refused("haiku") == [first]
    assert any_store.refused("haiku")[0].recipe == lazy
    assert [record.reason for record in any_store.history("haiku")] == ["lazy"]
    assert any_store.active() == {}


def test_an_unchecked_version_is_kept_and_not_in_use_until_adopted_with_evidence_of_our_own(store, make_entry):
    entry = make_entry()
    store.keep_unchecked(entry, reason="from elsewhere")
    assert store.active() == {}
    assert store.entry("haiku", entry.version) == entry
    assert store.present("haiku") == entry.version
    ours = entry.model_copy(update={"trial": entry.trial.model_copy(update={"n": 9})})
    store.adopt(ours)
    assert store.entry("haiku").trial.n == 9
    assert store.standings()["haiku"].unchecked == frozenset()


def test_documents_are_added_once_and_read_whole(any_store):
    assert any_store.append("names", "a", {"label": "haiku", "n": [1, None]})
    assert not any_store.append("names", "a", {"label": "dates"})
    any_store.append("other", "a", "b")
    assert any_store.read("names", "a") == {"label": "haiku", "n": [1, None]}
    assert any_store.read("names", "b") is None
    assert any_store.read_all("names") == {"a": {"label": "haiku", "n": [1, None]}}
    assert any_store.read_all("none") == {}


@pytest.mark.parametrize("kind", ["", "Names", "a.b", "../x"])
def test_a_kind_of_documents_is_a_plain_word(store, kind):
    with pytest.raises(InputError, match="no kind of document"):
        store.append(kind, "k", 1)


@pytest.mark.parametrize("value", [math.nan, {1, 2}, object()])
def test_what_is_no_json_is_no_document(store, value):
    with pytest.raises(InputError, match="can't be kept"):
        store.append("names", "k", value)


@pytest.mark.parametrize("page", [100, 262, 10_000])
def test_thousands_of_documents_are_all_read(any_store, monkeypatch, page):
    monkeypatch.setattr("ravelar.tools.adopted.shelf._PAGE", page)
    any_store.append("names", "00000", 0)
    where = ("ravelar", "library", "documents", "names")
    puts = [PutOp(where, f"{i:05}", {"json": str(i)}) for i in range(1, 1_050)]
    any_store._shelf._ask(lambda base: base.batch(puts))  # at once: all of one time, which pages get wrong
    assert list(any_store.read_all("names").values()) == list(range(1_050))


class Stingy(InMemoryStore):
    """A store that gives 10 items a page, whatever is asked, and moves them about between two looks."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    def search(self, namespace_prefix: tuple[str, ...], /, **how: Any) -> list[Any]:
        self.looks += 1
        found = super().search(namespace_prefix, limit=10_000)
        turn = self.looks * 7 % len(found) if found else 0
        return (found[turn:] + found[:turn])[how["offset"] : how["offset"] + min(how["limit"], 10)]


def test_items_that_move_from_page_to_page_while_they_are_read_are_found(make_entry):
    store = AdoptedStore.over(Stingy())
    for i in range(95):
        store.append("names", str(i), i)
    assert sorted(store.read_all("names").values()) == list(range(95))


def test_it_stands_on_any_open_langgraph_store(make_entry):
    base = InMemoryStore()
    AdoptedStore.over(base).adopt(make_entry())
    assert AdoptedStore.over(base).active() == {"haiku": make_entry().version}


def test_an_entry_of_a_later_ravelar_is_named_and_harms_no_other(store, make_entry):
    store.adopt(make_entry())
    later = make_entry("dates").model_dump(mode="json") | {"novelty": 1}
    store._shelf.add(("ravelar", "library", "entries"), make_entry("dates").version, later)
    store.adopt(make_entry("dates"))
    good, bad = sorted(store.readable(), key=lambda one: isinstance(one, Unreadable))
    assert good == make_entry()
    assert isinstance(bad, Unreadable)
    assert "novelty" in bad.reason
    assert store.entries() == [make_entry()]
    with pytest.raises(LibraryUnusable, match=r"can't read.*novelty"):
        store.entry("dates")


def test_a_composite_comes_back_with_its_weights(any_store, make_entry):
    entry = make_entry("both", recipe=CompositeRecipe(weights={"haiku": 2.0, "exact": 1.0}))
    any_store.adopt(entry)
    any_store._read.clear()
    assert any_store.entry("both").recipe.weights == {"haiku": 2.0, "exact": 1.0}


def test_a_handle_may_be_pickled_and_one_in_memory_says_why_not(url, make_entry):
    with open_store(url, who="me") as store:
        store.adopt(make_entry())
        with pickle.loads(pickle.dumps(store)) as copy:
            assert copy.active() == store.active()
            assert copy.adopt(make_entry("dates")).by.who == "me"
    for handle in (open_store("memory:"), AdoptedStore.over(InMemoryStore())):
        with pytest.raises(InputError, match="another process"):
            pickle.dumps(handle)


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.slow
def test_a_worker_process_opens_the_store_for_itself(url, make_entry, method):
    with open_store(url) as store:
        store.adopt(make_entry())
        child = multiprocessing.get_context(method).Process(target=store.adopt, args=(make_entry("dates"),))
        child.start()
        child.join(60)
        assert child.exitcode == 0
        assert set(store.active()) == {"haiku", "dates"}
        store.adopt(make_entry("units"))
        assert len(store.active()) == 3


def test_a_closed_store_opens_again(url, make_entry):
    store = open_store(url)
    store.adopt(make_entry())
    store.close()
    store.close()
    assert store.active() == {"haiku": make_entry().version}
    store.close()
