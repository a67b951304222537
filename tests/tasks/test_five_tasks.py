"""The five tasks' data: labels that the oracles confirm, splits that are large enough, verifiers that can be told."""

import importlib
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from five_tasks import TASKS, FiveTask
from five_tasks.brackets import balanced, least_insertions, repairs
from five_tasks.haiku import KNOWN
from five_tasks.rows import Item, Made
from five_tasks.write_examples import FOLDER, files

from ravelar.tools.evidence.probes import Probe, ProbeSet
from ravelar.tools.reward import Triple
from ravelar.tools.sandbox.local import LocalSandbox
from ravelar.tools.scoring import score_or_abstain
from ravelar.tools.verifiers.written import Written

LEAST_ACCURACY = 0.95


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest) -> FiveTask:
    return TASKS[request.param]


@pytest.fixture(scope="module")
def probes() -> dict[str, list[Made]]:
    return {label: task.made_probes() for label, task in TASKS.items()}


@pytest.fixture(scope="module")
def triples() -> dict[str, list[Made]]:
    return {label: task.made_triples() for label, task in TASKS.items()}


def accuracies(source: str, made: list[Made], jail: LocalSandbox) -> tuple[float, float]:
    """Return the shares of right completions accepted and of wrong ones refused; unscored is wrong."""
    tool = Written(source, name="under_test", sandbox=jail)
    rewards = score_or_abstain(tool, [Triple(m.item.prompt, m.completion, m.item.reference) for m in made])
    good = [r.value is not None and r.value >= 0.5 for r, m in zip(rewards, made, strict=True) if m.label]
    bad = [r.value is not None and r.value < 0.5 for r, m in zip(rewards, made, strict=True) if not m.label]
    return sum(good) / len(good), sum(bad) / len(bad)


@pytest.mark.slow
def test_labels_agree_with_the_oracle(task: FiveTask, probes: Any, triples: Any) -> None:
    for made in (*probes[task.label], *triples[task.label]):
        right = made.answer is not None and task.home.oracle(made.item, made.answer)
        assert right is made.label, made
        if made.answer is not None:
            assert made.answer in made.completion


def test_references_are_right_by_the_oracle(task: FiveTask, probes: Any, triples: Any) -> None:
    for made in (*probes[task.label], *triples[task.label]):
        assert task.home.oracle(made.item, made.item.reference), made.item


@pytest.mark.slow
def test_the_same_data_are_made_each_time(task: FiveTask, probes: Any, triples: Any) -> None:
    assert task.made_probes() == probes[task.label]
    assert task.labelled_triples() == [made.row for made in triples[task.label]]
    assert task.probes(10) == task.probes()[:10]


@pytest.mark.slow
def test_prompts_are_distinct_and_shared_by_no_two_sets(task: FiveTask) -> None:
    probe_prompts = Counter(row["prompt"] for row in task.probes())
    apart = [row["prompt"] for row in task.labelled_triples()]
    examples = [row["prompt"] for row in task.examples(60)]
    assert set(probe_prompts.values()) == {2}
    assert len(set(apart)) == len(apart) >= 100
    assert len({*probe_prompts, *apart, *examples}) == 160 + len(apart) + 60


@pytest.mark.slow
def test_fifty_probes_of_each_class_are_held_out(task: FiveTask) -> None:
    rows = task.probes()
    half = ProbeSet(
        Probe(Triple(row["prompt"], row["completion"], row["reference"]), row["label"]) for row in rows
    ).held_out
    assert sum(probe.good for probe in half) >= 50
    assert sum(not probe.good for probe in half) >= 50


def test_labelled_triples_are_balanced_and_share_no_completion_style_with_the_probes(task: FiveTask) -> None:
    labels = Counter(row["label"] for row in task.labelled_triples())
    assert labels[True] == labels[False]
    apart = importlib.import_module(f"five_tasks.{task.module}_apart").STYLES
    assert len(set(apart) & set(task.home.STYLES)) <= 2  # the bare answer, and the plainest fence


def test_an_honest_verifier_is_right_on_probes_and_triples(
    task: FiveTask, probes: Any, triples: Any, jail: LocalSandbox
) -> None:
    for made in (probes[task.label], triples[task.label]):
        good, bad = accuracies(task.honest_verifier(), made, jail)
        print(f"{task.label}: {good:.3f} of the right accepted, {bad:.3f} of the wrong refused, n={len(made)}")
        assert (good + bad) / 2 >= LEAST_ACCURACY


@pytest.mark.parametrize("name", ["keyword_match", "always_one", "first_word", "crashes_on_empty"])
def test_a_lazy_verifier_fails_as_its_reason_says(name: str, task: FiveTask, probes: Any) -> None:
    lazy = task.lazy_verifiers()[name]
    scope: dict[str, Any] = {}
    exec(lazy.source, scope)  # ours, not a model's
    right: dict[bool, list[bool]] = {True: [], False: []}
    for made in probes[task.label]:
        answer = Triple(made.item.prompt, made.completion).answer
        value = scope["verify"](made.item.prompt, answer, made.item.reference) if answer.strip() else 0.0
        right[made.label].append((value >= 0.5) is made.label)
    good, bad = (sum(right[label]) / len(right[label]) for label in (True, False))
    assert (bad < 0.9) is lazy.accepts_bad, bad
    assert (good < 0.9) is lazy.rejects_good, good
    if lazy.raises_on_empty:
        with pytest.raises(IndexError):
            scope["verify"]("p", "", "r")
    else:
        assert scope["verify"]('a "word"', "", "1 m") in (0.0, 1.0)
    assert lazy.accepts_bad or lazy.rejects_good or lazy.raises_on_empty


def test_verbatim_comparison_rejects_most_right_completions(task: FiveTask, probes: Any) -> None:
    good = [made for made in probes[task.label] if made.label]
    assert sum(made.completion == made.item.reference for made in good) < 0.25 * len(good)


def test_a_spec_is_named_after_its_task(task: FiveTask) -> None:
    assert task.spec().label == task.label


def test_the_files_in_examples_are_what_the_generators_make() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.jsonl")} == files()


# The oracles themselves, on cases worked out by hand.


def test_the_date_oracle_knows_the_calendar() -> None:
    oracle = TASKS["date_normalisation"].home.oracle
    for facts, answer in (
        (("ymd", 2000, 2, 29), "2000-02-29"),
        (("ordinal", 2024, 366), "2024-12-31"),
        (("nth", 2021, 3, 1, 1), "2021-03-09"),  # the second Tuesday of March 2021
        (("after", 2020, 2, 27, 3), "2020-03-01"),
        (("nth", 2023, 12, 6, 0), "2023-12-03"),  # the first Sunday of December 2023
    ):
        assert oracle(Item("", "", facts), answer)
        assert not oracle(Item("", "", facts), answer[:-1] + str((int(answer[-1]) + 1) % 10))


def test_the_bracket_oracle_and_the_search_agree() -> None:
    for text, least in (("(", 1), ("(()", 1), ("([)]", 2), (")(", 2), ("[(])", 2), ("{[}", 1), ("f(a[i)", 1)):
        assert least_insertions(text) == least
        assert repairs(text)
        assert all(balanced(found) and len(found) == len(text) + least for found in repairs(text))
    assert repairs("(()") == ("(())", "()()")
    assert not TASKS["bracket_repair"].home.oracle(Item("", "", "(a"), "(b)")


def test_the_unit_oracle_knows_legal_definitions() -> None:
    oracle = TASKS["unit_conversion"].home.oracle
    for facts, answer in (
        (("3", "ft", "cm", 2), "91.44 cm"),
        (("1", "mi", "km", 3), "1.609 kilometres"),
        (("-40", "°F", "°C", 0), "-40 °C"),
        (("1", "US gal", "L", 3), "3.785 litres"),
        (("1500", "m", "mm", 0), "1,500,000 mm"),
        (("16", "oz", "lb", 2), "1.00 lb"),
    ):
        assert oracle(Item("", "", facts), answer)
        assert not oracle(Item("", "", facts), f"9{answer}" if answer[0] != "-" else answer[1:])
        assert not oracle(Item("", "", facts), answer.split()[0])


def test_the_sql_oracle_tells_boundaries_joins_and_repetitions() -> None:
    sql = TASKS["sql_equivalence"].home
    same = ("SELECT name FROM customers WHERE age > 30", "select c.name from customers c where not c.age <= 30")
    assert sql.differing(sql.SCHEMA, *same) == 0
    for other in (
        "SELECT name FROM customers WHERE age >= 30",
        "SELECT DISTINCT city FROM customers WHERE age > 30",
        "SELECT name FROM customers JOIN orders ON orders.id = customers.id WHERE age > 30",
        "SELEKT name",
    ):
        assert sql.differing(sql.SCHEMA, same[0], other) >= 4


def test_the_haiku_lexicon_agrees_with_vowel_groups_outside_named_exceptions(triples: Any) -> None:
    assert triples["haiku_syllables"]  # which brings the other lexicon in
    named = set(
        """quiet quietly giant lion violin piano radio curious previous somewhere sometimes useless notebook lonely
        politely coffee borrowed""".split()  # noqa: SIM905
    )
    off = set()
    for word, count in KNOWN.items():
        groups = len(re.findall("[aeiouy]+", word))
        silent = word[-1] == "e" and not re.search("[^aeiouy]le$", word)
        silent |= bool(re.search("[^szxcghl]es$", word) or re.search("[aeiouy]les$", word) or word.endswith("breathes"))
        if max(1, groups - (silent and groups > 1)) != count:
            off.add(word)
    assert off == named
    assert len(KNOWN) > 250


def test_every_honest_verifier_is_short_enough_to_read() -> None:
    for path in (Path(__file__).parent / "five_tasks" / "honest").glob("*.py"):
        assert len(path.read_text().splitlines()) < 260
