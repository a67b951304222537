"""Write a verifier: plan schemes, choose one, and write it as `verify(prompt, completion, reference) -> float`."""

import ast
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Self, TypeVar

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ravelar.agents.asking import Answer, ask
from ravelar.agents.prompts import shorten
from ravelar.agents.reading import read_code, read_object
from ravelar.agents.rlar.scout import task_json
from ravelar.tools.chat.meter import Meter
from ravelar.tools.evidence.probes import HOSTILE, Probe, ProbeSet
from ravelar.tools.task import TaskSpec
from ravelar.tools.verifiers.written import ENTRY

PROMPT = "rlar.verifier_writer"
MOST_SCHEMES = 5
MOST_PROBES = 24
_LONGEST_TEXT = 700
_PARAMETERS = "prompt, completion, reference"

SandboxProfile = Literal["core", "math", "text"]
Lint = Callable[[str, str], Sequence[str]]
"""Objections to a verifier's source under a profile; none if it may be tried."""


class _Reply(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Scheme(_Reply):
    """One way to verify a task: how it works, and how it is fooled or too strict."""

    name: str = Field(min_length=1, max_length=80)
    idea: str = Field(min_length=1, max_length=2_000)
    weakness: str = Field(default="", max_length=2_000)


class OwnCase(_Reply):
    """A case that the writer made up. It is never evidence, and nothing turns it into a probe."""

    prompt: str
    completion: str
    reference: Any = None
    good: bool
    why: str = ""


class ProgramReply(_Reply):
    """What a reply says beside the program itself."""

    reasoning: str = Field(min_length=1)
    profile: SandboxProfile = "core"
    cases: tuple[OwnCase, ...] = ()


P = TypeVar("P", bound=ProgramReply)


class _Plan(ProgramReply):
    schemes: tuple[Scheme, ...] = Field(min_length=1, max_length=MOST_SCHEMES)
    chosen: str

    @model_validator(mode="after")
    def _chosen_is_planned(self) -> Self:
        if self.chosen not in {scheme.name for scheme in self.schemes}:
            raise ValueError(f"chosen {self.chosen!r} is none of: {', '.join(scheme.name for scheme in self.schemes)}")
        return self


@dataclass(frozen=True, slots=True)
class ShownProbes:
    """The shown half of a probe set: all that a writer or a repairer may see of it.

    Made from the whole set only, by `of`, so that no held-out probe can get in by mistake.
    """

    probes: tuple[Probe, ...]

    @classmethod
    def of(cls, probes: ProbeSet) -> Self:
        """Take the shown half of a whole probe set."""
        return cls(tuple(probes.shown))


@dataclass(frozen=True, slots=True)
class WrittenVerifier:
    """A verifier as a language model wrote it: untried, and nothing before it is checked.

    Attributes:
        source: Python source that defines `verify(prompt, completion, reference)`.
        profile: Which libraries it needs.
        reasoning: What its writer thought.
        chosen: The name of the scheme, or what a repair changed.
        schemes: What was planned, in order; none for a repair.
        positive: The writer's own good cases; never evidence.
        negative: The writer's own bad cases; never evidence.
        answer: What asking took.
    """

    source: str
    profile: SandboxProfile
    reasoning: str
    chosen: str
    schemes: tuple[Scheme, ...]
    positive: tuple[OwnCase, ...]
    negative: tuple[OwnCase, ...]
    answer: Answer[Any]


def write_verifier(  # noqa: PLR0913  how to ask
    chat: BaseChatModel,
    spec: TaskSpec,
    shown: ShownProbes,
    *,
    meter: Meter,
    lint: Lint | None = None,
    config: RunnableConfig | None = None,
) -> WrittenVerifier:
    """Plan up to five schemes for a task and write the best.

    Args:
        chat: Whom to ask; the reply is always read as text, since code within JSON breaks.
        spec: The task.
        shown: Labelled probes that may be looked at; at most `MOST_PROBES` are shown, every origin in turn.
        meter: What counts the calls.
        lint: Objections to the source, which get the repair turn.
        config: Callbacks, tags and metadata of the caller's.

    Raises:
        TypeError: if given anything but `ShownProbes`.
        AgentError: if there is no usable reply; see `agents.asking.ask`.
    """
    if not isinstance(shown, ShownProbes):
        raise TypeError(f"a writer sees ShownProbes.of(probe set) only, not {type(shown).__name__}")
    values = {
        "task": task_json(spec),
        "probes": "\n".join(map(_line, _in_turn(shown.probes))) or "(none)",
        "schemes": str(MOST_SCHEMES),
    }
    read = partial(read_plan_and_code, model=_Plan, lint=lint)
    answer = ask(chat, PROMPT, values, read, meter=meter, config=config)
    plan, source = answer.value
    return as_written(source, plan, chosen=plan.chosen, schemes=plan.schemes, answer=answer)


def read_plan_and_code(text: str, *, model: type[P], lint: Lint | None = None) -> tuple[P, str]:
    """Read a reply of two parts: a JSON object, and a program that defines `verify`.

    Raises: ValueError: if either is missing, broken or cut off, or the lint objects; says what is wrong.
    """
    source, rest = read_code(text, ENTRY)
    check_signature(source)
    plan = read_object(rest, model)
    if lint is not None and (objections := lint(source, plan.profile)):
        raise ValueError("the program breaks the rules:\n" + "\n".join(f"- {objection}" for objection in objections))
    return plan, source


def check_signature(source: str) -> None:
    """Make sure that the source defines `verify(prompt, completion, reference)` at its top level.

    Raises: ValueError: saying what it defines instead.
    """
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == ENTRY:
            for argument in node.args.args:
                argument.annotation = None
            if (given := ast.unparse(node.args)) != _PARAMETERS:
                raise ValueError(f"{ENTRY} takes ({given}); it must take ({_PARAMETERS})")
            return
    raise ValueError(f"the program has no plain function {ENTRY} at its top level")


def as_written(
    source: str, plan: ProgramReply, *, chosen: str, schemes: tuple[Scheme, ...], answer: Answer[Any]
) -> WrittenVerifier:
    """Join a reply's two parts."""
    good, bad = (tuple(case for case in plan.cases if case.good is label) for label in (True, False))
    return WrittenVerifier(source, plan.profile, plan.reasoning, chosen, schemes, good, bad, answer)


def _in_turn(probes: Sequence[Probe]) -> list[Probe]:
    """Choose at most `MOST_PROBES`: a hostile one of each kind, then good and bad ones of each origin in turn.

    Each time it is one of the prompt shown least so far.
    """
    kinds: defaultdict[tuple[str, bool], list[Probe]] = defaultdict(list)
    for probe in probes:
        kinds[(probe.origin, probe.good)].append(probe)
    chosen: list[Probe] = []
    shown: Counter[str] = Counter()
    for turn in range(MOST_PROBES):
        for (origin, _), queue in kinds.items():
            if queue and len(chosen) < MOST_PROBES and (turn == 0 or origin not in HOSTILE):
                at = min(range(len(queue)), key=lambda i: shown[queue[i].prompt_key])
                shown[queue[at].prompt_key] += 1
                chosen.append(queue.pop(at))
    return chosen


def _line(probe: Probe) -> str:
    triple = probe.triple
    shown = {
        "good": probe.good,
        "origin": probe.origin,
        "prompt": shorten(triple.question, _LONGEST_TEXT),
        "completion": shorten(triple.answer, _LONGEST_TEXT),
        "reference": _short_reference(triple.reference),
    }
    return json.dumps(shown, ensure_ascii=False, default=str)


def _short_reference(reference: object) -> object:
    """Return the reference as it is, or, if it is long, its JSON text shortened."""
    text = json.dumps(reference, ensure_ascii=False, default=str)
    return reference if len(text) <= _LONGEST_TEXT else shorten(text, _LONGEST_TEXT)
