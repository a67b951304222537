"""Probes from examples: certain labels, in many forms, of both classes, and attacks."""

import json
import random
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravelar.tools.evidence.answers import form_of, may_agree, mentions, number_in, written
from ravelar.tools.evidence.forms import statements, unit_of
from ravelar.tools.evidence.hostile import hedge, hostile_probes
from ravelar.tools.evidence.make_probes import MAX_EXAMPLES, enough, gather_probes, probes_from_examples
from ravelar.tools.evidence.probes import HOSTILE, Probe, ProbeSet
from ravelar.tools.evidence.thresholds import Thresholds
from ravelar.tools.reward import Triple
from ravelar.tools.task import TaskSpec

Spec = Callable[..., TaskSpec]


def completions(probes: ProbeSet, *origins: str) -> list[str]:
    return [str(probe.triple.completion) for probe in probes if probe.origin in origins]


@pytest.fixture(scope="module")
def numeric(spec: Spec, doubling: list[Triple]) -> ProbeSet:
    return probes_from_examples(spec(), doubling)


def test_positives_are_never_only_verbatim(numeric: ProbeSet) -> None:
    for half in (numeric.shown, numeric.held_out):
        good = [probe.triple for probe in half if probe.good]
        alone = [triple for triple in good if triple.completion == triple.reference]
        assert len(alone) < len(good) / 4
        texts = [str(triple.completion) for triple in good]
        for sign in ("**", "\\boxed{", "<think>", "Answer: ", "The answer is", "You asked", "let me know"):
            assert any(sign.lower() in text.lower() for text in texts), sign


def test_every_positive_states_its_reference_and_no_negative_does(numeric: ProbeSet) -> None:
    for probe in numeric:
        stated = number_in(str(probe.triple.reference))
        if probe.good:
            assert str(probe.triple.reference) in probe.triple.text
            assert not probe.hostile
        elif probe.origin in {"other_reference", "perturbed"}:
            assert number_in(probe.triple.text) != stated


def test_both_classes_have_the_same_forms(numeric: ProbeSet) -> None:
    def shapes(*origins: str) -> set[str]:
        return {text.partition(" ")[0] for text in completions(numeric, *origins) if not text[:1].isdigit()}

    assert shapes("other_reference") <= shapes("varied")
    assert len(shapes("other_reference")) >= 5


def test_all_kinds_of_attack_are_there(numeric: ProbeSet) -> None:
    for half in (numeric.shown, numeric.held_out):
        assert {probe.origin for probe in half if probe.hostile} == HOSTILE
    assert not any(probe.good for probe in numeric if probe.hostile)


def test_a_hedge_states_the_right_answer_neither_first_nor_last(numeric: ProbeSet) -> None:
    hedges = [probe.triple for probe in numeric if probe.origin == "hedged"]
    assert hedges
    for triple in hedges:
        numbers = [word.strip(".,;-") for word in triple.text.split() if word.strip(".,;-").isdigit()]
        assert triple.reference in numbers[1:-1]
        assert len(set(numbers)) == 5


def test_no_attack_states_the_answer_by_chance(spec: Spec) -> None:
    small = [Triple(f"Say {word}: is it {n} or {n + 1}?", "", str(n)) for n, word in enumerate("abcdefghijkl")]
    probes = probes_from_examples(spec(), small)
    for probe in probes:
        if probe.hostile and probe.origin != "hedged":
            assert not mentions(probe.triple.text, [str(probe.triple.reference)]), probe


def test_no_reference_crosses_from_the_held_out_half_to_the_shown_one(spec: Spec, doubling: list[Triple]) -> None:
    beside = [Probe(Triple(f"another prompt {i}", "x"), bool(i % 2)) for i in range(37)]
    probes = gather_probes(spec(), doubling, beside)
    held_out = {probe.triple.reference for probe in probes.held_out if probe.triple.reference}
    shown = {probe.triple.reference for probe in probes.shown if probe.triple.reference}
    assert not held_out & shown
    for probe in probes.shown:
        words = {word.strip(".,;*`{}$\\boxed-/") for word in probe.triple.text.split()}
        if probe.origin in {"other_reference", "hedged"}:
            assert not words & held_out


def test_without_a_deciding_reference_there_are_no_probes(spec: Spec, doubling: list[Triple]) -> None:
    assert len(probes_from_examples(spec(decides=False), doubling)) == 0
    missing = enough(gather_probes(spec(decides=False), doubling))
    assert missing is not None
    assert "0 good probes" in missing
    assert "0 bad probes" in missing


def test_without_references_there_are_no_probes(spec: Spec) -> None:
    assert len(probes_from_examples(spec(), [Triple(f"p{i}", "") for i in range(50)])) == 0


def test_probes_are_the_same_each_time_and_change_with_the_seed(spec: Spec, doubling: list[Triple]) -> None:
    one, again = (probes_from_examples(spec(), doubling, seed=3) for _ in range(2))
    assert one.digest == again.digest
    assert one.digest == probes_from_examples(spec(), doubling[::-1], seed=3).digest
    assert one.digest != probes_from_examples(spec(), doubling, seed=4).digest


def test_a_prompt_with_two_answers_is_left_out(spec: Spec) -> None:
    rows = [Triple("Name a colour.", "", "red"), Triple("Name a colour.", "", "blue"), Triple("Name 1+1.", "", "2"),
            Triple("Name  1+1.", "", "2.0")]  # fmt: skip
    assert {probe.triple.question for probe in probes_from_examples(spec(), rows)} == {"Name 1+1."}


def test_many_examples_are_capped_and_quick(spec: Spec) -> None:
    many = [Triple(f"Double {n}.", "", 2 * n) for n in range(10, 3_000)]
    probes = probes_from_examples(spec(), many)
    assert len({probe.prompt_key for probe in probes}) == MAX_EXAMPLES
    assert enough(probes) is None


def test_chat_prompts_and_metadata_travel_along(spec: Spec) -> None:
    rows = [Triple([{"role": "user", "content": f"Double {n}."}], "", 2 * n, {"task": "d"}) for n in range(10, 60)]
    probes = probes_from_examples(spec(), rows)
    assert all(probe.triple.metadata == {"task": "d"} for probe in probes)
    assert all(isinstance(probe.triple.prompt, list) for probe in probes)
    assert any("You asked: Double" in text for text in completions(probes, "varied"))


def test_structured_references_are_stated_as_json_only_where_the_task_speaks_of_it(spec: Spec) -> None:
    rows = [Triple(f"Parse row {n}.", "", {"id": n, "tags": [f"t{n}", "x"]}) for n in range(11, 60)]
    assert len(probes_from_examples(spec(), rows)) == 0
    probes = probes_from_examples(spec(correct="The JSON object equals the reference."), rows)
    for probe in probes:
        if probe.origin == "reference":
            assert json.loads(str(probe.triple.completion)) == probe.triple.reference
    assert any(text.startswith("```json") for text in completions(probes, "varied"))
    assert any("\n  " in text for text in completions(probes, "varied"))
    assert completions(probes, "perturbed")


def test_long_and_many_line_references_keep_their_lines(spec: Spec) -> None:
    rows = [Triple(f"Write poem {n}", "", f"first line {n}\n  second line of {n}\nlast (line)") for n in range(60)]
    probes = probes_from_examples(spec(), rows)
    for probe in probes:
        if probe.good:
            assert str(probe.triple.reference) in probe.triple.text
    assert any("```\n" in text for text in completions(probes, "varied"))


def test_braces_in_references_stay_what_they_are() -> None:
    for text in statements("{question} {answer} {0}", "line", question="Q"):
        assert "{question} {answer} {0}" in text


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("3", "3.0"), (3, "3"), ("0.5", "1/2"), ("50%", "0.5"), ("$1,200", "1200"), ("Paris", "paris "),
        ("Paris", "Paris, France"), ("-4", "4"), ("91.44", "91.4"), (["a", "b"], ["b", "a"]), ({"a": 1}, {"a": 1.0}),
        ({"a": 1}, {"b": 2}), ("2,5", "25"), ("yes", "Yes."), ("1½", "1½"), ("x", ["x"]),
        ("So she has 3 + 4 = 7 apples left over in her basket.\nA: 7", "Then 14 / 2 = 7 is what remains of it.\nA: 7"),
    ],
)  # fmt: skip
def test_what_may_agree_is_no_negative(first: Any, second: Any) -> None:
    assert may_agree(first, second)
    assert may_agree(second, first)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("3", "4"), ("2024-03-05", "2024-03-06"), ("((a))", "((a)"), ("red", "blue"), ([1, 2], [1, 3]),
        ([1], [1, 2, 3]),
        ({"a": 1}, {"a": 2}),
        ("91.44 cm", "30.48 cm"), ("SELECT a FROM t", "SELECT b FROM t"), ("f(x)", "f[x]"),
    ],
)  # fmt: skip
def test_what_differs_may_be_a_negative(first: Any, second: Any) -> None:
    assert not may_agree(first, second)
    assert not may_agree(second, first)


@given(st.integers(-(10**9), 10**9), st.sampled_from(["{}", "{}.0", "{}.00", "${}", " {} ", "+{}", "**{}**"]))
def test_a_number_agrees_with_itself_in_any_notation(value: int, notation: str) -> None:
    other = notation.format(value).replace("+-", "-")
    assert may_agree(value, other)
    assert number_in(other) == value


@given(st.one_of(st.text(max_size=30), st.integers(), st.floats(allow_nan=False)), st.text(max_size=30))
def test_agreement_is_symmetric_and_reflexive(first: Any, second: str) -> None:
    assert may_agree(first, first)
    assert may_agree(first, second) == may_agree(second, first)


@given(st.text(min_size=1, max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_a_text_mentions_what_stands_in_it_as_a_word(answer: str, before: str, after: str) -> None:
    if answer.strip() and number_in(answer) is None:
        assert mentions(f"{before} {answer} {after}", [answer])


@pytest.mark.parametrize(
    ("reference", "form"),
    [(42, "number"), ("-3.5", "number"), ("1,200", "number"), ("3/4", "number"), ("2024-03-05", "atom"), ("B", "atom"),
     ("New York", "phrase"), ("((a))", "line"), ("SELECT a FROM t;", "line"), ("a\nb", "block"), ([1], "data")],
)  # fmt: skip
def test_forms_are_told_apart(reference: Any, form: str, spec: Spec) -> None:
    text = written(reference, spec(correct="a JSON list"))
    assert text is not None
    assert form_of(reference, text) == form


@pytest.mark.parametrize("reference", [None, True, "", "  ", {"tests": ["assert f() == 1"]}, [], 10**60, float("nan")])
def test_what_no_completion_states_is_not_written(reference: Any, spec: Spec) -> None:
    assert written(reference, spec()) is None


def test_numbers_are_read_exactly() -> None:
    assert number_in("0.10") == Fraction(1, 10)
    assert number_in("1/0") is None
    assert number_in("3 apples") is None
    assert number_in("9" * 500) is None


@pytest.mark.parametrize(
    ("question", "unit"),
    [("Convert 3 ft to cm.", "cm"), ("How many eggs are left?", "eggs"), ("How much is it in dollars?", "dollars"),
     ("How many less does she have?", None), ("What is 3 + 4?", None), ("How many cats and how many dogs?", None)],
)  # fmt: skip
def test_a_unit_is_taken_from_a_question_that_names_it(question: str, unit: str | None) -> None:
    assert unit_of(question) == unit


def test_hedges_of_long_answers_stand_apart() -> None:
    text = hedge("SELECT 1", ["x" * 80, "y" * 80, "z" * 80, "w" * 80], random.Random(1))
    assert text.split("\n\nOr else:\n\n")[2] == "SELECT 1"


@given(st.text(max_size=80), st.lists(st.text(min_size=1, max_size=12), max_size=3), st.integers(0, 50))
def test_hostile_probes_never_state_what_is_right(question: str, right: list[str], seed: int) -> None:
    triple = Triple(question, "", "r")
    for probe in hostile_probes(triple, right=right, others=["a", "b", "c", "d"], rng=random.Random(seed)):
        assert probe.origin in HOSTILE
        assert probe.origin == "hedged" or not mentions(probe.triple.text, right)


def test_the_callers_prompts_are_attacked_too(spec: Spec) -> None:
    labelled = [
        Probe(Triple(f"Write a haiku about {word}.", f"{kind} poem {word}", None), kind == "good")
        for word in ("rain", "snow", "moss", "dusk", "fern", "salt", "wind", "lake")
        for kind in ("good", "bad")
    ]
    probes = gather_probes(spec("haiku", decides=False), [], labelled)
    counts = Counter(probe.origin for probe in probes)
    assert counts["user"] == 16
    assert {"empty", "injecting", "keyword_stuffed", "prompt_copied"} <= set(counts)
    assert "hedged" not in counts


def test_enough_says_what_is_missing(spec: Spec, doubling: list[Triple], numeric: ProbeSet) -> None:
    assert enough(numeric) is None
    few = enough(probes_from_examples(spec(), doubling[:6]))
    assert few is not None
    assert "are held out, 50 are needed" in few
    one_class = enough(ProbeSet(probe for probe in numeric if probe.good))
    assert one_class is not None
    assert one_class.startswith("0 bad probes")
    crowded = ProbeSet(
        Probe(Triple(f"prompt {i % 4}", str(i), "r"), good) for i in range(400) for good in (True, False)
    )
    prompts = enough(crowded)
    assert prompts is not None
    assert "more prompts" in prompts
    assert enough(crowded, Thresholds(min_lower=0.5)) is None


def test_fifty_of_each_class_from_as_many_prompts_are_enough() -> None:
    probes = ProbeSet(Probe(Triple(f"p{i}", f"{good}", "r"), good) for i in range(100) for good in (True, False))
    assert enough(probes) is None
