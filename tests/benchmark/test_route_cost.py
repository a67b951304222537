"""The cost of routing: bounds on a small stream, honest counting, and what docs/routing.md publishes."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from ravelar.benchmark import route_cost
from ravelar.benchmark.route_cost import SEED, late_families, stream, wilson
from ravelar.benchmark.route_prompts import FAMILIES, LATE_FAMILIES, FamilyPrompt, mixed_prompts
from ravelar.benchmark.route_real import EIGHT, real_prompts
from ravelar.cli.bench import command
from ravelar.tools.recognition.learning import Learning

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def short() -> route_cost.Run:
    return stream(mixed_prompts(1_500, SEED + 7))


def test_few_prompts_of_a_short_stream_cause_a_call_and_routes_are_right(short: route_cost.Run) -> None:
    assert len(FAMILIES) == 8
    assert short.calls <= 0.1 * 1_500  # learning costs the same in a short stream: 1 % of 10,000 is 7 % of this
    assert short.calls_last_half <= 0.05 * 750
    assert short.right >= 0.99 * short.known


def test_every_prompt_is_counted_once(short: route_cost.Run) -> None:
    assert short.known == 1_500 - 8
    assert short.right + sum(n for *_, n in short.confused) == short.known
    assert sum(short.calls_by_family.values()) == short.calls
    assert short.unasked == short.right - (short.calls - 8)


@pytest.mark.slow
def test_new_families_are_met_with_calls_not_with_wrong_names() -> None:
    late = stream(mixed_prompts(800, SEED, late=LATE_FAMILIES))
    assert all(late.calls_by_family[family] >= 3 for family in LATE_FAMILIES)
    assert late.right >= 0.98 * late.known


def test_an_abstention_is_a_call_and_a_mistake_is_one_for_good() -> None:
    never_sure = SimpleNamespace(label=None, reason="no")
    always_a = SimpleNamespace(label="a", reason="yes")

    class Fixed:
        """Learns nothing and always says the same."""

        fits = 1

        def __init__(self, said: Any) -> None:
            self.recogniser = SimpleNamespace(recognise=lambda *_: said)

        def name(self, *_: Any, **__: Any) -> None: ...
        def refit(self) -> None: ...

    given = [FamilyPrompt("ab"[i % 2], f"p{i}", None) for i in range(10)]
    asked, wrong = stream(given, Fixed(never_sure)), stream(given, Fixed(always_a))  # type: ignore[arg-type]
    assert (asked.calls, asked.right, asked.unasked, asked.known) == (10, 8, 0, 8)
    assert (wrong.calls, wrong.right, wrong.known) == (0, 4, 8)


def test_one_call_for_a_group_names_its_members_on_trust() -> None:
    same = [FamilyPrompt(family, "Sort the words: a b c", None) for family in ("a", "b", "a", "a")]
    run = stream(same, batch=4)
    assert run.calls == 1
    assert run.confused == (("b", "a", 1),)


def test_prompts_are_the_same_for_the_same_seed_and_hardly_ever_repeat() -> None:
    given = list(mixed_prompts(500, 3, late=LATE_FAMILIES))
    assert given == list(mixed_prompts(500, 3, late=LATE_FAMILIES))
    assert given != list(mixed_prompts(500, 4, late=LATE_FAMILIES))
    assert {one.family for one in given[:250]} == set(FAMILIES)
    assert {one.family for one in given[250:]} == {*FAMILIES, *LATE_FAMILIES}
    assert len({one.prompt for one in given}) > 490


@pytest.mark.slow
def test_real_prompts_of_eight_sets_are_mostly_recognised(shared: Callable[[str], Path]) -> None:
    data = shared("gsm8k/train.jsonl.gz").parents[1]
    given = real_prompts(800, SEED, data=data, families=EIGHT)
    if len({one.family for one in given}) < len(EIGHT):
        pytest.skip("not all eight sets are here")
    run = stream(given)
    assert run.calls < 0.18 * len(given)
    assert run.right > 0.97 * run.known


def test_late_families_come_in_the_second_half_only() -> None:
    given = list(mixed_prompts(400, 1))
    moved = late_families(given, ("haiku", "sentiment"))
    assert sorted(moved) == sorted(given)
    assert not {one.family for one in moved[:120]} & {"haiku", "sentiment"}


def test_the_interval_of_no_failure_is_not_empty() -> None:
    low, high = wilson(100, 100)
    assert low == pytest.approx(0.963, abs=1e-3)
    assert high == 1.0


def test_the_command_prints_a_table_or_json(monkeypatch: pytest.MonkeyPatch) -> None:
    run = stream(mixed_prompts(120, 1), Learning()).row()
    asked: list[int] = []

    def measured(*, prompts: int) -> dict[str, Any]:
        asked.append(prompts)
        return {"default": {**run, "confused": [["haiku", "sql_query", 3]]}, "default_frozen": {"us_per_prompt": 61.5}}

    monkeypatch.setattr(route_cost, "measure", measured)
    said = CliRunner().invoke(command, ["route", "--prompts", "120"])
    assert said.exit_code == 0, said.output
    assert "61.5" in said.output
    assert "haiku as sql_query: 3" in said.output
    said = CliRunner().invoke(command, ["route", "--json"])
    assert json.loads(said.output)["default"]["prompts"] == 120
    assert asked == [120, 10_000]


def test_the_published_table_keeps_the_promise() -> None:
    rows: Sequence[tuple[str, ...]] = re.findall(
        r"^\| `(\w+)` \|[^|]*\| ([\d,]+) \| ([\d.]+) \|[^|]*\| ([\d.]+) \(",
        (ROOT / "docs/routing.md").read_text(),
        re.M,
    )
    published = {name: (n, float(calls), float(right)) for name, n, calls, right in rows}
    assert {"default", "two_late", "real", "real_late"} <= set(published)
    n, calls, right = published["default"]
    assert n == "10,000"
    assert calls <= 2.0
    assert right >= 99.0
