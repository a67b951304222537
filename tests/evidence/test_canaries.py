"""Canary inputs: honest verifiers pass all of them, and each trap catches what it is set for."""

import string
from collections.abc import Callable
from typing import Any

import pytest

from ravelar.tools.errors import ToolUnavailable
from ravelar.tools.evidence.canaries import (
    BATCH,
    CANARIES,
    CONTEXTS,
    LONG_CHARACTERS,
    ORDINARY,
    canary_texts,
    describe,
    run_canaries,
)
from ravelar.tools.evidence.probes import Probe, ProbeSet
from ravelar.tools.reward import Triple
from ravelar.tools.sandbox.protocol import Call, Limits, Outcome, Program, Sandbox

from .verifier_sources import HONEST

LIMITS = Limits(wall_s=4.0, cpu_s=0.25)
SUITED: dict[str, Any] = {
    "json": '{"a": [1, 2]}',
    "keywords of the reference, escaped": ["alpha", "beta"],
    "a count in a loop": ["alpha", "beta"],
    "recursive": [["x", "y"]],
    "date": "2024-05-06",
    "units": "91.44 cm",
    "a try that decides": None,  # these three are not run: their tasks have no such reference, or need a library
    "match": None,
    "maths by a library": None,
    "brackets": "((a))",
}


def probes(reference: Any = "4711", n: int = 12) -> ProbeSet:
    return ProbeSet(Probe(Triple(f"Question {i}, what is it?", str(reference), reference), True) for i in range(n))


def failures(jail: Sandbox, body: str, reference: Any = "4711") -> dict[str, str]:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    source = f"import re, json\ndef verify(prompt, completion, reference):\n{lines}\n"
    program = Program(source, returns="reward", isolation="per_tool")
    return {found.canary: found.problem for found in run_canaries(program, probes(reference), jail, LIMITS)}


@pytest.mark.parametrize("name", [name for name in HONEST if SUITED.get(name, "") is not None])
def test_honest_verifiers_pass_all_canaries(name: str, jail: Sandbox) -> None:
    program = Program(HONEST[name], returns="reward", isolation="per_tool")
    found = run_canaries(program, probes(SUITED.get(name, "4711")), jail, LIMITS)
    assert found == (), describe(found)


@pytest.mark.parametrize(
    ("body", "canary", "problem"),
    [
        ("return float(completion.split()[0] == reference)", "empty", "raised"),
        ("return float(int(completion.strip() or 0) == 5)", "nan", "raised"),
        ("return float(sum(int(c) for c in completion if c.isdigit()) == 9)", "a superscript digit", "raised"),
        ("digits = re.sub(r'\\D', '', completion)\nreturn float(int(digits or 0) == 4)", "4,400 digits", "raised"),
        (
            "try:\n    return float(json.loads(completion) == 4)\nexcept ValueError:\n    return 0.0",
            "open brackets",
            "raised",
        ),
        ("return 1.0 if 'inf' in completion else 0.0", "inf", "scored_top"),
        ("return 1.0 if len(completion) > 1000 else 0.0", "a very long text", "scored_top"),
        ("return 1.0 if completion == prompt else 0.0", "the prompt itself", "scored_top"),
        ("return 1.0 if completion.strip() == 'True' else 0.0", "True", "scored_top"),
        ("return 2.0 if not completion else 0.0", "empty", "out_of_range"),
        ("return float(completion == 'nan') * float('nan')", "nan", "bad_type"),
        (
            "return float(bool(re.match(r'(a+)+$', completion[:40] + '!')))",
            "one letter over and over, then a sign",
            "timeout",
        ),
        ("return 1.0 if completion.isupper() or completion.isascii() else 0.0", "random words 1", "scored_top"),
    ],
)
def test_each_trap_catches(body: str, canary: str, problem: str, jail: Sandbox) -> None:
    found = failures(jail, body)
    assert found.get(canary) == problem, found


def test_a_verifier_that_fails_on_an_ordinary_completion_is_found_first(jail: Sandbox) -> None:
    found = failures(jail, "assert completion != '4711'\nreturn float(completion == prompt + '!')")
    assert found == {"a completion of the shown half": "raised"}


@pytest.mark.slow
def test_slow_on_long_texts_alone_is_no_failure(jail: Sandbox) -> None:
    assert failures(jail, "while len(completion) > 3000:\n    pass\nreturn float(completion == '4711')") == {}


def test_what_is_right_by_chance_is_no_canary(jail: Sandbox) -> None:
    assert "True" not in failures(jail, "return float(completion.strip() == 'True')", reference="True")


def test_source_that_does_not_load_is_one_failure(jail: Sandbox) -> None:
    program = Program("import nothing_of_the_kind\n", returns="reward", isolation="per_tool")
    (found,) = run_canaries(program, probes(), jail, LIMITS)
    assert found.problem == "load"


def test_only_shown_prompts_are_used(fake_sandbox: Callable[..., Any]) -> None:
    all_probes = probes()
    sandbox = fake_sandbox()
    assert run_canaries(Program("x"), all_probes, sandbox, LIMITS) == ()
    used = {call.args[0] for call in sandbox.calls}
    assert len(used) == CONTEXTS
    assert used <= {probe.triple.question for probe in all_probes.shown}


def test_a_broken_sandbox_is_unavailable(fake_sandbox: Callable[..., Any]) -> None:
    with pytest.raises(ToolUnavailable, match="no worker"):
        run_canaries(Program("x"), probes(), fake_sandbox(broken=True), LIMITS)


def test_canaries_are_the_same_each_time_and_can_be_encoded() -> None:
    assert list(canary_texts()) == list(canary_texts())
    assert len(CANARIES) > 30
    for _, text in canary_texts():
        assert text.encode("utf-8").decode("utf-8") == text


def tried(fake_sandbox: Callable[..., Any], says: Callable[[Call], Outcome], those: ProbeSet | None = None) -> Any:
    """Run the canaries on a sandbox that answers as it is told; return it and what failed."""
    sandbox = fake_sandbox(says)
    return sandbox, run_canaries(Program("x"), probes() if those is None else those, sandbox, LIMITS)


def test_ordinary_completions_go_first_then_short_canaries_before_long_ones(fake_sandbox: Callable[..., Any]) -> None:
    sandbox, _ = tried(fake_sandbox, lambda call: Outcome(0.0))
    texts = [call.args[1] for call in sandbox.calls]
    assert texts[:CONTEXTS] == ["4711"] * CONTEXTS
    lengths = [len(text) for text in texts[CONTEXTS:]]
    assert lengths == sorted(lengths)
    assert [len(batch) for batch in sandbox.batches[:-1]] == [BATCH] * (len(sandbox.batches) - 1)
    short, long = "True", max(CANARIES.values(), key=len)
    assert (texts.count(""), texts.count(short), texts.count(long)) == (CONTEXTS, CONTEXTS, 1)
    assert {call.args[2] for call in sandbox.calls} == {"4711"}


def test_each_canary_fails_once_and_says_what_it_earned_on_which_text(fake_sandbox: Callable[..., Any]) -> None:
    _, found = tried(fake_sandbox, lambda call: Outcome(float("word" not in call.args[1])))
    names = [failure.canary for failure in found]
    assert len(names) == len(set(names))
    assert ORDINARY not in names, "an ordinary completion may earn the top"
    by_name = {failure.canary: failure for failure in found}
    assert by_name["True"].problem == "scored_top"
    assert by_name["True"].message == "it earned 1.0 (completion 'True')"
    assert by_name["400 digits"].message == f"it earned 1.0 (completion '{'9' * 60}')"


def test_what_a_program_said_is_shortened(fake_sandbox: Callable[..., Any]) -> None:
    _, found = tried(fake_sandbox, lambda call: Outcome(None, "raised", "x" * 1_000))
    assert found[0].canary == ORDINARY
    assert found[0].message == "x" * 300 + " (completion '4711')"


def test_after_one_endless_run_no_further_batch_is_tried(fake_sandbox: Callable[..., Any]) -> None:
    sandbox, found = tried(fake_sandbox, lambda call: Outcome(None, "timeout", "4 s"))
    assert len(sandbox.batches) == 1
    assert {failure.problem for failure in found} == {"timeout"}
    assert describe(found).startswith(f"{ORDINARY} (timeout), ")
    assert describe([]) == "none"


def test_out_of_time_counts_up_to_the_length_from_which_it_may_be(fake_sandbox: Callable[..., Any]) -> None:
    def endless(length: int) -> tuple[Any, ...]:
        ordinary = ProbeSet(Probe(Triple(f"Q{i}?", "y" * length, "4711"), True) for i in range(4))
        return tried(
            fake_sandbox,
            lambda call: Outcome(None, "timeout") if call.args[1][:4] == "yyyy" else Outcome(0.0),
            ordinary,
        )[1]

    assert [failure.problem for failure in endless(LONG_CHARACTERS)] == ["timeout"]
    assert endless(LONG_CHARACTERS + 1) == ()


def test_rejected_completions_and_bad_ones_are_not_right_answers(fake_sandbox: Callable[..., Any]) -> None:
    def canaries(*more: Probe) -> set[str]:
        sandbox, _ = tried(fake_sandbox, lambda call: Outcome(0.0), ProbeSet(more))
        return {call.args[1] for call in sandbox.calls[1:]}  # the first is the ordinary completion of the one prompt

    def probe(text: str, good: bool, origin: Any) -> list[Probe]:
        return [Probe(Triple(f"Q{i}?", text, None), good, origin) for i in range(2)]

    assert "True" in canaries(*probe("True", False, "labelled"))
    assert "inf" not in canaries(*probe("inf", True, "labelled"))
    assert "nan" in canaries(*probe("nan", False, "rejected"))
    assert "None" in canaries(*probe("x", True, "labelled")), "a prompt without a reference has not None for one"


def test_a_rejected_completion_is_not_the_ordinary_one_and_hides_none_behind_it(
    fake_sandbox: Callable[..., Any],
) -> None:
    pairs = [
        Probe(Triple(f"Q{i}?", text, None), good, origin)
        for i in range(8)
        for text, good, origin in (("worse", False, "rejected"), ("better", True, "preferred"))
    ]
    sandbox, _ = tried(fake_sandbox, lambda call: Outcome(0.0), ProbeSet(pairs))
    assert [call.args[1] for call in sandbox.calls[:CONTEXTS]] == ["better"] * CONTEXTS


@pytest.mark.parametrize(("length", "times"), [(LONG_CHARACTERS, CONTEXTS), (LONG_CHARACTERS + 1, 1)])
def test_a_long_prompt_is_copied_on_the_first_one_alone(
    length: int, times: int, fake_sandbox: Callable[..., Any]
) -> None:
    those = ProbeSet(Probe(Triple(f"Q{i}?".ljust(length, "."), "4711", "4711"), True) for i in range(8))
    sandbox, _ = tried(fake_sandbox, lambda call: Outcome(0.0), those)
    assert sum(call.args[1] == call.args[0] for call in sandbox.calls) == times


def test_without_probes_the_canaries_are_tried_on_nothing_at_all(fake_sandbox: Callable[..., Any]) -> None:
    sandbox, found = tried(fake_sandbox, lambda call: Outcome(0.0), ProbeSet([]))
    assert found == ()
    assert {(call.args[0], call.args[2]) for call in sandbox.calls} == {("", None)}


def test_random_canaries_are_of_words_and_of_signs_without_digits() -> None:
    texts = dict(canary_texts())
    words = [texts[f"random words {number}"].split() for number in (1, 2, 3)]
    assert [len(each) for each in words] == [40, 40, 40]
    assert {2, 9} <= {len(word) for each in words for word in each} <= set(range(2, 10))
    signs = texts["random signs"]
    assert len(signs) == 200
    assert not any(sign.isdigit() for sign in signs)
    assert "random words 0" not in texts
    assert "random words 4" not in texts


def test_over_the_seeds_every_sign_that_can_be_seen_is_a_canary() -> None:
    signs = {sign for seed in range(20) for sign in dict(canary_texts(seed))["random signs"]}
    assert signs == {*string.ascii_letters, *string.punctuation}
