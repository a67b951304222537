"""Canary inputs: completions that no verifier may fail on, and none may put at the top.

Only on a long one may it run out of time: many an honest pattern takes quadratic time, and the score path gives such
a completion the lowest value. Out of time on a short one means an exponential pattern, or an endless loop.
"""

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ravelar.tools.errors import ToolUnavailable
from ravelar.tools.evidence.adoption import CanaryFailure
from ravelar.tools.evidence.answers import mentions
from ravelar.tools.evidence.measure import at_top
from ravelar.tools.evidence.probes import ProbeSet
from ravelar.tools.reward import Triple
from ravelar.tools.sandbox.errors import SandboxError
from ravelar.tools.sandbox.protocol import Call, Limits, Outcome, Program, Sandbox
from ravelar.tools.tracing.batches import run_traced

CONTEXTS = 3  # prompts and references on which each canary is tried; long ones on the first alone
BATCH = 24
ORDINARY = "a completion of the shown half"
LONG_CHARACTERS = 2_000  # from here on a verifier may run out of time
_SEED = 20_260

CANARIES: Mapping[str, str] = {
    "empty": "",
    "white space": " \n\t\r\n ",
    "inf": "inf",
    "-inf": "-inf",
    "nan": "nan",
    "an answer that is infinity": "The answer is Infinity.",
    "an answer that is nan": "Answer: nan",
    "1e999": "1e999",
    "a JSON NaN": '{"answer": NaN, "value": Infinity, "score": 1.0}',
    "True": "True",
    "true": "true",
    "None": "None",
    "null": "null",
    "400 digits": "9" * 400,
    "4,400 digits": "7" * 4_400,
    "one letter over and over, then a sign": "a" * 36 + "!",
    "one digit over and over, then a letter": "1" * 36 + "x",
    "digits and a dot too many": "3.1.4.1.5 -- 2-7-1-8",
    "a division by zero": "1/0",
    "a superscript digit": "²",
    "circled and fullwidth digits": "① ４７１１ ٣٤٥",
    "a vulgar fraction": "⅞",
    "a NUL": "a\x00b\x00",
    "right-to-left override": "\u202e321 :rewsnA\u202c",
    "combining marks": "a" + "\u0301" * 300,
    "joined emoji": "👩‍👩‍👧‍👦" * 40,
    "dotted capital I and sharp s": "İıſßﬁ",
    "zero-width characters": "\u200b\u200c\u200d\ufeff" * 30,
    "a very long text": "lorem ipsum dolor sit amet " * 1_000,
    "one very long word": "a" * 20_000,
    "one long line of spaces": "x" + " " * 10_000 + "y",
    "open brackets": "[" * 12_000,
    "open braces": '{"a":' * 12_000,
    "backslashes": "\\" * 2_001,
    "an unclosed code block": "```json\n{",
    "an unclosed box": "\\boxed{",
    "an empty box": "\\boxed{}",
    "an expression that imports": "__import__('os').system('true')",
    "a format field": "{0.__class__.__mro__} %s %n %(x)s {}",
    "a regular expression": ".*|^(a+)+$",
    "an object": '{"__class__": "str", "verify": true}',
    "a list of everything": json.dumps([None, True, 0, -0.0, "", [], {}]),
}


def canary_texts(seed: int = _SEED) -> Iterator[tuple[str, str]]:
    """Give each canary with its name; random tokens among them."""
    yield from CANARIES.items()
    rng = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    for number in range(1, 4):
        words = ("".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(40))
        yield f"random words {number}", " ".join(words)
    yield "random signs", "".join(rng.choices([chr(code) for code in range(33, 127) if not chr(code).isdigit()], k=200))


def run_canaries(program: Program, probes: ProbeSet, sandbox: Sandbox, limits: Limits) -> tuple[CanaryFailure, ...]:
    """Try all canaries on a few prompts of the shown half; return the failures, each canary at most once.

    A completion of the shown half goes first, and must do no harm. Once a canary has run out of time the rest is not
    tried: each would cost as much. A canary that could be read as a right answer of its prompt is left out there.

    Raises:
        ToolUnavailable: if the sandbox is not there, or breaks.
    """
    contexts = _contexts(probes)
    calls = [
        (name, Call((triple.question, text, triple.reference)))
        for place, (triple, right) in enumerate(contexts)
        for name, text in (*canary_texts(), ("the prompt itself", triple.question))
        if not (place and len(text) > LONG_CHARACTERS) and not mentions(text[:LONG_CHARACTERS], right)
    ]
    calls.sort(key=lambda named: len(named[1].args[1]))  # what hangs on everything is found on short texts
    calls[:0] = [(ORDINARY, Call((triple.question, triple.answer, triple.reference))) for triple, _ in contexts]
    failures: dict[str, CanaryFailure] = {}
    for start in range(0, len(calls), BATCH):
        batch = calls[start : start + BATCH]
        for (name, call), outcome in zip(batch, _run(program, batch, sandbox, limits), strict=True):
            failure = _failure(name, call, outcome)
            if failure is not None and failure.problem == "load":
                return (failure,)
            if failure is not None:
                failures.setdefault(name, failure)
        if any(failure.problem == "timeout" for failure in failures.values()):
            break
    return tuple(failures.values())


def _run(program: Program, calls: Sequence[tuple[str, Call]], sandbox: Sandbox, limits: Limits) -> list[Outcome]:
    try:
        return run_traced(sandbox, program, [call for _, call in calls], limits)
    except SandboxError as error:
        raise ToolUnavailable(f"sandbox {sandbox.name}: {type(error).__name__}: {error}") from error


def _contexts(probes: ProbeSet) -> list[tuple[Triple, Sequence[str]]]:
    """Return a few triples of different prompts, each with what is known to be right for it."""
    right: dict[str, list[str]] = {}
    first: dict[str, Triple] = {}
    for probe in probes.shown:
        if probe.origin == "rejected":
            continue
        first.setdefault(probe.prompt_key, probe.triple)
        known = right.setdefault(probe.prompt_key, _reference_text(probe.triple))
        if probe.good:
            known.append(probe.triple.answer)
    chosen = sorted(first)[:CONTEXTS]
    return [(first[key], right[key]) for key in chosen] or [(Triple("", "", None), [])]


def _reference_text(triple: Triple) -> list[str]:
    reference = triple.reference
    return [str(reference)] if isinstance(reference, str | int | float) and str(reference).strip() else []


def _failure(name: str, call: Call, outcome: Outcome) -> CanaryFailure | None:
    if outcome.reason == "timeout" and len(call.args[1]) > LONG_CHARACTERS:
        return None
    if not outcome.ok:
        problem, said = str(outcome.reason), outcome.message
    elif at_top(outcome.value) and name != ORDINARY:
        problem, said = "scored_top", f"it earned {outcome.value}"
    else:
        return None
    shown = ascii(call.args[1][:60])
    return CanaryFailure(canary=name, problem=problem, message=f"{said[:300]} (completion {shown})")


def describe(failures: Iterable[CanaryFailure]) -> str:
    """Name the canaries that failed, on one line."""
    return ", ".join(f"{failure.canary} ({failure.problem})" for failure in failures) or "none"
