"""Sets of probes: names that last, halves that never mix, and what is enough; attacks on the caller's own prompts."""

import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from itertools import product
from math import nextafter
from typing import Any

import pytest

from ravelar.tools.evidence.intervals import attainable_low
from ravelar.tools.evidence.make_probes import enough, gather_probes
from ravelar.tools.evidence.probes import Origin, Probe, ProbeSet, prompt_key, shown_half
from ravelar.tools.evidence.thresholds import Thresholds
from ravelar.tools.reward import Triple
from ravelar.tools.task import TaskSpec

Spec = Callable[..., TaskSpec]
NAMES = [
    "".join(parts) for parts in product(("bo", "ki", "ta", "wu"), ("lem", "nar"), ("dis", "fon", "gup", "hox", "jev"))
]


def test_keys_of_prompts_stay_the_same_from_version_to_version() -> None:
    """Whoever wrote a verifier has seen one half: another key would show it the other. `sha256sum` gives the value."""
    assert prompt_key("Double 4.") == "4696ca03dcc30e6c"  # printf '"Double 4."' | sha256sum
    assert prompt_key([{"role": "user", "content": " Double\n4. "}]) == prompt_key("Double 4.")
    assert prompt_key("Double 5.") != prompt_key("Double 4.")


def test_the_hash_on_a_card_names_the_same_set_for_ever() -> None:
    probe = Probe(Triple("p", "é", 4, {"b": 1, "a": 2}), True)
    rows = r'[["p", "\u00e9", 4, {"a": 2, "b": 1}, true, "user", ""]]'
    # printf '%s' "$rows" | sha256sum
    assert ProbeSet([probe]).digest == "sha256:0bf405cb353bf165", rows
    other_order = Probe(Triple("p", "é", 4, {"a": 2, "b": 1}), True)
    assert ProbeSet([other_order]).digest == ProbeSet([probe]).digest


@pytest.mark.parametrize(
    "other",
    [
        Probe(Triple("q", "c", "r"), True),
        Probe(Triple("p", "d", "r"), True),
        Probe(Triple("p", "c", "s"), True),
        Probe(Triple("p", "c", "r", {"a": 1}), True),
        Probe(Triple("p", "c", "r"), False),
        Probe(Triple("p", "c", "r"), True, "varied"),
        Probe(Triple("p", "c", "r"), True, "user", "x>y"),
    ],
)
def test_whatever_differs_in_a_probe_makes_another_hash(other: Probe) -> None:
    assert ProbeSet([other]).digest != ProbeSet([Probe(Triple("p", "c", "r"), True)]).digest


def test_text_that_no_file_can_hold_has_a_hash_all_the_same() -> None:
    assert ProbeSet([Probe(Triple("p", "\ud800", None), True)]).digest.startswith("sha256:")
    assert prompt_key("\ud800") != prompt_key("\ud801")


@pytest.mark.parametrize(("n", "shown"), [(0, 0), (1, 0), (2, 1), (9, 4), (10, 5)])
def test_half_of_the_prompts_are_shown_and_the_odd_one_is_held_out(n: int, shown: int) -> None:
    assert len(shown_half(f"key {i}" for i in range(n))) == shown
    probes = ProbeSet(Probe(Triple(f"prompt {i}", "c"), good) for i in range(n) for good in (True, False))
    assert (len(probes.half("shown")), len(probes.half("held_out"))) == (2 * shown, 2 * (n - shown))
    assert probes.half("all") is probes


def test_a_label_can_not_be_changed_afterwards() -> None:
    probe = Probe(Triple("p", "c"), False)
    with pytest.raises(FrozenInstanceError):
        probe.good = True  # type: ignore[misc]


def some(good: bool, origin: Origin, n: int = 120) -> list[Probe]:
    return [Probe(Triple(f"prompt {i}", f"{good} {origin}", "r"), good, origin) for i in range(n)]


@pytest.mark.parametrize("origin", ["empty", "hedged", "injecting", "rejected", "preferred"])
def test_neither_attacks_nor_preferences_count_as_probes_of_a_class(origin: Origin) -> None:
    assert enough(ProbeSet([*some(True, "user"), *some(False, "user")])) is None
    missing = enough(ProbeSet([*some(True, "user"), *some(False, origin)]))
    assert missing == "0 bad probes are held out, 50 are needed"


def test_a_bound_that_is_just_in_reach_is_enough_and_the_next_one_is_not() -> None:
    probes = ProbeSet([*some(True, "user"), *some(False, "user")])
    reach = attainable_low([probe.prompt_key for probe in probes.held_out if probe.good])
    assert enough(probes, Thresholds(min_lower=reach)) is None
    beyond = enough(probes, Thresholds(min_lower=nextafter(reach, 1)))
    assert beyond is not None
    assert beyond.count("more prompts") == 2, "of each class"


def labelled(reference: Callable[[str], Any], *, good: bool = False) -> list[Probe]:
    return [Probe(Triple(f"Which one is number {i}?", f"no idea {i}", reference(name)), good)
            for i, name in enumerate(NAMES)]  # fmt: skip


def hedges(probes: ProbeSet) -> list[tuple[Any, list[str]]]:
    """Return the reference and the candidates of each hedge."""
    return [
        (probe.triple.reference, [word for word in re.findall(r"\w+", probe.triple.text) if word in NAMES])
        for probe in probes
        if probe.origin == "hedged"
    ]


def test_prompts_that_only_labels_know_get_hedges_of_their_own_half(spec: Spec) -> None:
    probes = gather_probes(spec(), [], labelled(str))
    for half in (probes.shown, probes.held_out):
        found = hedges(half)
        assert len(found) == len(NAMES) / 2
        for reference, stated in found:
            assert stated[2] == reference
            assert len(set(stated)) == 5
            assert set(stated) <= {probe.triple.reference for probe in half}


def test_without_a_short_reference_that_decides_there_is_nothing_to_hedge_with(spec: Spec) -> None:
    assert not hedges(gather_probes(spec(decides=False), [], labelled(str)))
    assert not hedges(gather_probes(spec(), [], labelled(lambda name: f"first {name}\nsecond {name}")))
    assert not hedges(gather_probes(spec(), [], labelled(lambda name: None)))


def test_attacks_on_a_prompt_with_two_references_take_one_of_them_throughout(spec: Spec) -> None:
    first = labelled(str)
    second = [Probe(Triple(probe.triple.prompt, "still no idea", f"other{probe.triple.reference}"), False)
              for probe in first]  # fmt: skip
    found = hedges(gather_probes(spec(), [], [*first, *second]))
    assert len(found) == len(NAMES)
    assert all(stated[2] == reference for reference, stated in found)


def test_a_label_of_the_callers_stands_instead_of_an_attack_of_the_same_text(spec: Spec) -> None:
    theirs = [Probe(Triple(f"Say nothing {i}.", "", None), True) for i in range(20)]
    theirs += [Probe(Triple(f"Say nothing {i}.", " \n\t\n ", None), True) for i in range(20)]
    probes = gather_probes(spec("silence", decides=False), [], theirs)
    assert all(probe.good for probe in probes if not probe.triple.text.strip())
    assert sum(not probe.triple.text.strip() for probe in probes) == 40
