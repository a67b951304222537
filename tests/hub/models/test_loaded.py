"""Models under a budget of memory: what is let go of, what never is, and what threads may do."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ravelar.tools.errors import RepositoryRefused, ToolUnavailable
from ravelar.tools.hub.loaded import LoadedModels
from ravelar.tools.hub.reward_model import open_reward_model
from ravelar.tools.reward import Triple
from ravelar.tools.scoring import score_or_abstain

pytestmark = pytest.mark.slow

COMMIT = "0" * 40


class FakeModel:
    """Remembers whether it was closed while it was used."""

    def __init__(self, key: str) -> None:
        self.key, self.open, self.used_after_close = key, True, False

    def score(self, triples: Sequence[Triple]) -> list[float]:
        self.used_after_close |= not self.open
        return [1.0] * len(triples)

    def close(self) -> None:
        self.open = False


class Loader:
    """Loads fakes and remembers them."""

    def __init__(self, models: LoadedModels) -> None:
        self.models, self.made = models, []

    def __call__(self, key: str, needs_bytes: int = 10) -> Any:
        return self.models.borrow(key, needs_bytes=needs_bytes, load=lambda: self._make(key))

    def _make(self, key: str) -> FakeModel:
        self.made.append(FakeModel(key))
        return self.made[-1]


@pytest.fixture
def loader() -> Callable[..., Loader]:
    return lambda memory_bytes, wait_s=5.0: Loader(LoadedModels(memory_bytes, wait_s=wait_s))


def use(loader: Loader, *keys: str, needs_bytes: int = 10) -> None:
    for key in keys:
        with loader(key, needs_bytes) as model:
            model.score([])


def test_a_model_is_loaded_once_and_kept(loader: Any) -> None:
    load = loader(30)
    use(load, "a", "b", "a", "a")
    assert [model.key for model in load.made] == ["a", "b"]
    assert load.models.keys == ("b", "a")
    assert load.models.used_bytes == 20


def test_the_least_recently_used_makes_room(loader: Any) -> None:
    load = loader(30)
    use(load, "a", "b", "c", "a", "d")
    assert load.models.keys == ("c", "a", "d")
    assert [model.key for model in load.made if not model.open] == ["b"]
    use(load, "b")
    assert [model.key for model in load.made] == ["a", "b", "c", "d", "b"]


def test_a_large_one_makes_several_go_and_no_more_than_it_needs(loader: Any) -> None:
    load = loader(30)
    use(load, "a", "b", "c")
    use(load, "large", needs_bytes=20)
    assert load.models.keys == ("c", "large")
    assert load.models.used_bytes == 30


def test_one_that_alone_exceeds_the_budget_is_refused_and_nothing_is_let_go_of(loader: Any) -> None:
    load = loader(30)
    use(load, "a")
    with pytest.raises(RepositoryRefused, match=r"huge is too large: 31 bytes, .* may take 30"):
        use(load, "huge", needs_bytes=31)
    assert load.models.keys == ("a",)


def test_one_in_use_is_never_let_go_of_and_the_wait_for_it_ends(loader: Any) -> None:
    load = loader(10, wait_s=0.05)
    with load("a") as held:
        with pytest.raises(ToolUnavailable, match=r"no room for b within 0.05 s: 10 bytes are needed, 10 of 10"):
            use(load, "b")
        assert held.open
    use(load, "b")
    assert not held.open


def test_who_waits_gets_the_room_when_it_is_given_back(loader: Any) -> None:
    load, inside = loader(10), threading.Event()
    with ThreadPoolExecutor(1) as thread:
        with load("a"):
            waiting = thread.submit(lambda: (inside.set(), use(load, "b")))
            assert inside.wait(5)
        waiting.result(timeout=5)
    assert load.models.keys == ("b",)


def test_a_load_that_fails_leaves_no_trace(loader: Any) -> None:
    load = loader(10)

    def fail() -> Any:
        raise RepositoryRefused("score head was not in the file")

    with pytest.raises(RepositoryRefused, match="score head"), load.models.borrow("a", needs_bytes=10, load=fail):
        pass
    assert load.models.used_bytes == 0
    use(load, "a")
    assert load.models.keys == ("a",)


def test_a_fault_of_the_user_gives_the_model_back(loader: Any) -> None:
    load = loader(10)
    with pytest.raises(ZeroDivisionError), load("a"):
        _ = 1 / 0
    use(load, "b")
    assert load.models.keys == ("b",)


def test_clearing_spares_what_is_in_use(loader: Any) -> None:
    load = loader(30)
    use(load, "a")
    with load("b") as held:
        load.models.clear()
        assert load.models.keys == ("b",)
        assert held.open


def test_many_threads_load_once_each_and_never_use_a_closed_one(loader: Any) -> None:
    load = loader(30)
    most: list[int] = []

    def work(n: int) -> None:
        with load(f"model {n % 5}") as model:
            most.append(load.models.used_bytes)
            model.score([])

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(work, range(300)))
    assert not any(model.used_after_close for model in load.made)
    assert max(most) <= 30
    still = [model.key for model in load.made if model.open]
    assert sorted(still) == sorted(load.models.keys)


def test_two_threads_that_ask_for_the_same_load_it_once() -> None:
    models, made, started = LoadedModels(10, wait_s=5), [], threading.Barrier(4)

    def slow() -> FakeModel:
        threading.Event().wait(0.02)
        made.append(FakeModel("a"))
        return made[-1]

    def work(_: int) -> None:
        started.wait(5)
        with models.borrow("a", needs_bytes=10, load=slow) as model:
            model.score([])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    assert len(made) == 1


def test_a_lent_model_scores_as_the_opened_one_and_is_loaded_only_then(candidates: Any) -> None:
    it, other = candidates["courtesy-rm"], candidates["listing-rm"]
    triples = [Triple("Ask Ann for the salt.", "give me the salt, Ann.")]
    models = LoadedModels(250_000)
    lent = models.tool(it.folder, repo=it.repo, revision=COMMIT, device="cpu")
    second = models.tool(other.folder, repo=other.repo, revision=COMMIT, device="cpu")
    assert models.keys == ()
    assert lent.card.name == "hub/tiny/courtesy-rm"
    opened = open_reward_model(it.folder, repo=it.repo, revision=COMMIT, device="cpu")
    assert lent.recipe == opened.recipe
    assert lent.needs_bytes == opened.weight_bytes
    assert list(lent.score(triples)) == opened.score(triples)
    second.score(triples)
    assert len(models.keys) == 1
    assert list(lent.score(triples)) == opened.score(triples)


def test_a_model_larger_than_the_budget_is_refused_before_it_is_loaded(candidates: Any) -> None:
    it = candidates["huge-rm"]
    with pytest.raises(RepositoryRefused, match=r"tiny/huge-rm is too large: 80,000,000,000 bytes"):
        LoadedModels(10**9).tool(it.folder, repo=it.repo, revision=COMMIT, device="cpu")


def test_a_lent_model_that_cannot_be_loaded_is_unscored(candidates: Any) -> None:
    it = candidates["untrained-head"]
    lent = LoadedModels(10**9).tool(it.folder, repo=it.repo, revision=COMMIT, device="cpu")
    (reward,) = score_or_abstain(lent, [Triple("Hi", "hello")])
    assert reward.value is None
    assert reward.reason == "ToolUnavailable: tiny/untrained-head: score head was not in the file (score.weight), " + (
        "it would be random"
    )
