"""What a reward model does around its forward pass: batches, lack of memory, faults, threads. No torch model here."""

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from ravelar.tools.card import ToolCard
from ravelar.tools.errors import RewardToolError, ToolCrashed, ToolUnavailable, UnusablePrompt
from ravelar.tools.hub.adapters.choice import Plan
from ravelar.tools.hub.adapters.engine import Encoded
from ravelar.tools.hub.adapters.options import AdapterOptions
from ravelar.tools.hub.reward_model import HubRewardModel, card_name
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.scoring import score_or_abstain

pytestmark = pytest.mark.slow


class FakeAdapter:
    """Scores a completion by its length, remembers its batches, and fails as it is told."""

    def __init__(self, fails: Callable[[Sequence[Encoded]], None] = lambda rows: None, pad_id: int | None = 0) -> None:
        self.engine = SimpleNamespace(device="cpu", pad_id=pad_id, weight_bytes=8)
        self.fails = fails
        self.batches: list[list[int]] = []

    def encode(self, triple: Triple) -> Encoded:
        if triple.prompt == "refused":
            raise UnusablePrompt("no such role")
        if triple.prompt == "bug":
            raise KeyError("tokenizer")
        return Encoded(tuple(range(len(triple.answer))))

    def raws(self, rows: Sequence[Encoded], *, side: str = "right", extra: int = 0) -> list[RawScore]:
        self.batches.append([len(row.ids) for row in rows])
        self.fails(rows)
        return [math.nan if len(row.ids) == 13 else float(len(row.ids)) for row in rows]


def model_of(adapter: Any, **options: Any) -> HubRewardModel:
    return HubRewardModel(
        card=ToolCard(name="fake", kind="reward_model", task="t", summary="s", low=-math.inf, high=math.inf),
        repo="a/b",
        revision="0" * 40,
        plan=Plan("classifier", "AutoModel", 0, "higher", "default"),
        options=AdapterOptions(**options),
        adapter=adapter,
    )


def of_lengths(*lengths: int) -> list[Triple]:
    return [Triple("Hi", "x" * length) for length in lengths]


def out_of_memory(most: int) -> Callable[[Sequence[Encoded]], None]:
    def fail(rows: Sequence[Encoded]) -> None:
        if len(rows) > most:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    return fail


def test_batches_hold_like_lengths_within_the_budget_and_scores_come_back_in_order() -> None:
    adapter = FakeAdapter()
    lengths = [3, 50, 1, 20, 5, 100, 4, 30]
    assert model_of(adapter, batch_tokens=60).score(of_lengths(*lengths)) == lengths
    assert adapter.batches == [[100], [50], [30, 20], [5, 4, 3, 1]]
    assert all(max(batch) * len(batch) <= 60 for batch in adapter.batches[1:])


def test_without_a_padding_token_each_stands_alone() -> None:
    adapter = FakeAdapter(pad_id=None)
    model_of(adapter).score(of_lengths(3, 2))
    assert adapter.batches == [[3], [2]]


def test_a_lack_of_memory_makes_smaller_batches_once() -> None:
    adapter = FakeAdapter(fails=out_of_memory(2))
    assert model_of(adapter).score(of_lengths(*range(8, 0, -1))) == list(range(8, 0, -1))
    assert adapter.batches == [[8, 7, 6, 5, 4, 3, 2, 1], [8, 7], [6, 5], [4, 3], [2, 1]]


def test_a_lack_of_memory_that_stays_is_said_and_not_tried_for_ever() -> None:
    adapter = FakeAdapter(fails=out_of_memory(1))
    raws = model_of(adapter).score(of_lengths(*range(8, 0, -1)))
    assert all(isinstance(raw, ToolUnavailable) for raw in raws)
    assert "out of memory on cpu: 2 completions of up to 8 tokens" in str(raws[0])
    assert len(adapter.batches) == 5


def test_no_finite_number_concerns_its_triple_alone() -> None:
    one, odd, other = model_of(FakeAdapter()).score(of_lengths(12, 13, 14))
    assert (one, other) == (12, 14)
    assert isinstance(odd, ToolCrashed)
    assert "nan, which is no finite number" in str(odd)


def test_a_model_that_breaks_on_one_completion_scores_the_others() -> None:
    def fail(rows: Sequence[Encoded]) -> None:
        if any(len(row.ids) == 7 for row in rows):
            raise IndexError("index out of range in self")

    first, broken, last = model_of(FakeAdapter(fails=fail)).score(of_lengths(6, 7, 8))
    assert (first, last) == (6, 8)
    assert isinstance(broken, ToolCrashed)
    assert "IndexError: index out of range" in str(broken)


def test_an_error_of_the_adapter_speaks_for_its_batch() -> None:
    def fail(rows: Sequence[Encoded]) -> None:
        raise ToolCrashed("three values for one completion")

    adapter = FakeAdapter(fails=fail)
    raws = model_of(adapter).score(of_lengths(1, 2))
    assert [str(raw) for raw in raws] == ["three values for one completion"] * 2
    assert len(adapter.batches) == 1


def test_a_triple_that_cannot_be_encoded_is_left_out_with_its_reason() -> None:
    refused, bug, fine = model_of(FakeAdapter()).score([Triple("refused", "x"), Triple("bug", "x"), Triple("Hi", "x")])
    assert isinstance(refused, UnusablePrompt)
    assert isinstance(bug, ToolCrashed)
    assert fine == 1.0


def test_uncalibrated_scores_earn_no_reward_and_keep_their_raw_value() -> None:
    (reward,) = score_or_abstain(model_of(FakeAdapter()), of_lengths(3))
    assert (reward.value, reward.raw) == (None, 3.0)
    assert "no calibration" in reward.reason


def test_nothing_to_score_asks_nothing() -> None:
    adapter = FakeAdapter()
    assert model_of(adapter).score([]) == []
    assert adapter.batches == []


def test_a_closed_model_says_so() -> None:
    model = model_of(FakeAdapter())
    model.close()
    with pytest.raises(ToolUnavailable, match="a/b was closed"):
        model.score(of_lengths(1))
    with pytest.raises(ToolUnavailable, match="a/b was closed"):
        model.with_card(model.card)
    assert model.weight_bytes == 0


def test_threads_take_turns_on_one_model() -> None:
    inside, most = 0, 0
    lock = threading.Lock()

    def watch(rows: Sequence[Encoded]) -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        threading.Event().wait(0.002)
        with lock:
            inside -= 1

    model = model_of(FakeAdapter(fails=watch))
    twin = model.with_card(model.card)
    with ThreadPoolExecutor(8) as threads:
        said = list(threads.map(lambda n: (model, twin)[n % 2].score(of_lengths(n, n + 1)), range(20, 44)))
    assert said == [[n, n + 1] for n in range(20, 44)]
    assert most == 1


def test_what_was_cut_is_noted_beside_a_plain_score() -> None:
    class Cutting(FakeAdapter):
        def encode(self, triple: Triple) -> Encoded:
            return Encoded((1,), cut=4, note="cut to 1 of 5 tokens, at the start")

    model = model_of(Cutting())
    assert model.score(of_lengths(1)) == [Scored(1.0, note="cut to 1 of 5 tokens, at the start")]
    assert model.truncated == 1


def test_every_repository_has_a_name_that_a_card_allows() -> None:
    for repo in ("Skywork/Skywork-Reward-V2", "0x/Äb c", "a/b"):
        card = ToolCard(name=card_name(repo), kind="reward_model", task="t", summary="s")
        assert card.name.startswith("hub/")
    assert issubclass(ToolUnavailable, RewardToolError)
