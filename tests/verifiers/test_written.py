"""A verifier's source as a reward tool, through the real jail."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ravelar.tools.errors import RewardToolError, ToolCrashed, ToolTimeout, ToolUnavailable, UnusableReference
from ravelar.tools.reward import Scored, Triple
from ravelar.tools.sandbox.errors import SandboxBroken
from ravelar.tools.sandbox.protocol import Call, Limits, Outcome, Program
from ravelar.tools.scoring import score_or_abstain
from ravelar.tools.verifiers.written import HARMLESS, Written

LIMITS = Limits(wall_s=1.0, cpu_s=0.5, memory_mb=256)
EXACT = "def verify(prompt, completion, reference):\n    return completion.strip() == str(reference)\n"


def scores(jail: Any, body: str, *completions: str, reference: Any = "42") -> list[Any]:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    source = f"def verify(prompt, completion, reference):\n{lines}\n"
    tool = Written(source, name="mine", sandbox=jail, limits=LIMITS)
    return tool.score([Triple("What is it?", completion, reference) for completion in completions])


def test_a_written_verifier_scores_in_order(jail: Any) -> None:
    tool = Written(EXACT, name="exact_answer", sandbox=jail, limits=LIMITS)
    triples = [Triple("What?", "<think>43</think> 42", 42), Triple("What?", "43", 42)]
    assert tool.score(triples) == [1.0, 0.0]
    assert tool.score([]) == []


def test_its_card_names_its_content() -> None:
    sandbox = FakeSandbox(lambda call: Outcome(1.0))
    one, other = (Written(EXACT + tail, name="exact_answer", sandbox=sandbox).card for tail in ("", "# changed"))
    assert one.name == "exact_answer"
    assert one.provenance.source == "written"
    assert one.provenance.revision
    assert one.provenance.revision.startswith("sha256:")
    assert one.provenance.revision != other.provenance.revision


def test_the_verifier_sees_prompt_answer_and_reference_as_they_are(jail: Any) -> None:
    body = "return prompt == 'What is it?' and completion == 'it' and reference == {'a': [1, None]}"
    assert scores(jail, body, "it", reference={"a": [1, None]}) == [1.0]


@pytest.mark.parametrize(
    "body",
    [
        "while 'evil' in completion: pass\nreturn 1.0",
        "if 'evil' in completion: raise ValueError\nreturn 1.0",
        "import os\nif 'evil' in completion: os._exit(0)\nreturn 1.0",
        "x = [0] * (10 ** 9 if 'evil' in completion else 1)\nreturn 1.0",
        "import re\nreturn 1.0 if re.match('(a+)+$', completion) else 0.5 if 'evil' not in completion else 1.0",
    ],
)
@pytest.mark.slow
def test_a_completion_that_makes_the_verifier_fail_earns_the_lowest_value(body: str, jail: Any) -> None:
    hostile, plain = scores(jail, body, "a" * 40 + " evil", "good")
    assert isinstance(hostile, Scored)
    assert hostile.raw == 0.0
    assert hostile.note
    assert plain > 0.0


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("while True: pass", ToolTimeout),
        ("raise ValueError('never')", ToolCrashed),
        ("return float(reference)", ToolCrashed),
        ("return 1.5", ToolCrashed),
        ("return float('nan')", ToolCrashed),
        ("return 'yes'", ToolCrashed),
        ("return None", ToolCrashed),
    ],
)
@pytest.mark.slow
def test_a_verifier_that_fails_by_itself_is_unscored_not_zero(
    body: str, kind: type[RewardToolError], jail: Any
) -> None:
    (score,) = scores(jail, body, "anything", reference="forty-two")
    assert isinstance(score, kind)


def test_source_that_does_not_load_concerns_the_whole_batch(jail: Any) -> None:
    for source in ("def verify(", "x = 1", "import sys\nsys.exit(0)"):
        tool = Written(source, name="broken", sandbox=jail, limits=LIMITS)
        with pytest.raises(ToolCrashed, match="does not load"):
            tool.score([Triple("", "a", 1)])
        rewards = score_or_abstain(tool, [Triple("", "a", 1), Triple("", "b", 1)])
        assert [reward.value for reward in rewards] == [None, None]


def test_a_reference_that_can_not_enter_a_sandbox_is_unusable(jail: Any) -> None:
    first, second = Written(EXACT, name="exact_answer", sandbox=jail).score(
        [Triple("", "a", object()), Triple("", "a", "a")]
    )
    assert isinstance(first, UnusableReference)
    assert second == 1.0


@pytest.mark.slow
def test_given_hostile_verifiers_never_gain_by_being_tools(shared: Callable[[str], Path], jail: Any) -> None:
    lines = shared("attacks/attacks.jsonl").read_text(encoding="utf-8").splitlines()
    attacks = [attack for attack in map(json.loads, lines) if attack["kind"] == "verifier"]
    for attack in attacks:
        if attack.get("needs") == "sympy":
            continue
        text, count = attack.get("response_repeat", ["", 0])
        wrapped = (
            f"{attack['code'].replace('@PORT@', '1')}\n_two = verify\ndef verify(prompt, completion, reference):\n"
        )
        tool = Written(
            f"{wrapped}    return _two(completion, reference)\n", name="hostile", sandbox=jail, limits=LIMITS
        )
        (reward,) = score_or_abstain(tool, [Triple("", text * count + attack["response"], attack["reference"])])
        allowed = attack["expected_outcome"].removeprefix("v=").split("|")
        values = {float(word.removeprefix("v=")) for word in allowed if word[-1].isdigit()}
        if len(values) < len(allowed):
            values |= {None, 0.0}
        assert reward.value in values, (attack["id"], reward)


class FakeSandbox:
    """Answers as it is told, and remembers what entered it."""

    name = "fake"

    def __init__(self, says: Callable[[Call], Outcome]) -> None:
        self.says = says
        self.batches: list[tuple[Program, list[Call]]] = []

    def run(self, program: Program, calls: list[Call], limits: Limits | None = None) -> list[Outcome]:
        self.batches.append((program, list(calls)))
        return [self.says(call) for call in calls]


def test_one_batch_goes_to_one_kept_worker_and_controls_are_shared() -> None:
    sandbox = FakeSandbox(lambda call: Outcome(0.5) if call.args[1] == HARMLESS else Outcome(reason="timeout"))
    triples = [Triple("p", f"hostile {i}", 1) for i in range(8)]
    results = Written(EXACT, name="exact_answer", sandbox=sandbox).score(triples)
    assert [result.raw for result in results] == [0.0] * 8  # type: ignore[union-attr]
    assert [len(calls) for _, calls in sandbox.batches] == [8, 1]
    assert {program.isolation for program, _ in sandbox.batches} == {"per_tool"}


def test_a_broken_sandbox_is_unavailable() -> None:
    def broken(call: Call) -> Outcome:
        raise SandboxBroken("no worker")

    with pytest.raises(ToolUnavailable):
        Written(EXACT, name="exact_answer", sandbox=FakeSandbox(broken)).score([Triple("", "a", 1)])


def test_a_forged_channel_is_unscored() -> None:
    sandbox = FakeSandbox(lambda call: Outcome(reason="protocol", message="a frame too many"))
    (error,) = Written(EXACT, name="exact_answer", sandbox=sandbox).score([Triple("", "a", 1)])
    assert isinstance(error, ToolCrashed)
