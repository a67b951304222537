"""Making probes: from a task's examples whose reference decides, and from the caller's labels.

    gather_probes(spec, examples, labelled) -> ProbeSet -> enough(probes, thresholds) -> None, or what is missing

Where a reference decides, it is right alone and in prose, boxes, units and layouts; another prompt's reference is wrong
where it certainly means something else; so is the reference with its deciding part changed or cut off. Where it does
not decide, only the caller's labels make probes. Hostile ones come with both.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, islice
from typing import Any, Protocol

from ravelar.tools.completion import Conversation, conversation_text
from ravelar.tools.evidence.answers import AnswerForm, form_of, may_agree, mentions, number_in, written
from ravelar.tools.evidence.forms import NO_ANSWER, statements
from ravelar.tools.evidence.hostile import hostile_probes
from ravelar.tools.evidence.intervals import attainable_low
from ravelar.tools.evidence.probes import Origin, Probe, ProbeSet, prompt_key, shown_half
from ravelar.tools.evidence.thresholds import Thresholds
from ravelar.tools.reward import Triple
from ravelar.tools.task import TaskSpec

MAX_EXAMPLES = 240  # ours: as many prompts are used; 120 a half, some 700 probes of each class
MAX_HOSTILE_PROMPTS = 60  # prompts of the caller's labels that get hostile probes, beyond the examples'
VARIANTS = 5
_DONORS_TRIED = 60
_DONORS = 6


class Example(Protocol):
    """What an example of a task has: a prompt and, perhaps, a reference. A `Triple` is one."""

    @property
    def prompt(self) -> Conversation:
        """What the policy is asked."""
        ...

    @property
    def reference(self) -> Any:
        """What decides, if anything does."""
        ...


@dataclass(frozen=True, slots=True)
class _Case:
    """One example whose reference can be written down."""

    prompt: Conversation
    reference: Any
    metadata: Mapping[str, Any]
    answer: str
    form: AnswerForm
    key: str
    shown: bool
    right: list[Any] = field(default_factory=list)
    """All references of its prompt."""

    @property
    def question(self) -> str:
        return conversation_text(self.prompt, "user")

    def probe(self, completion: str, good: bool, origin: Origin) -> Probe:
        return Probe(Triple(self.prompt, completion, self.reference, self.metadata), good, origin)


def gather_probes(
    spec: TaskSpec, examples: Sequence[Example], labelled: Iterable[Probe] = (), *, seed: int = 0
) -> ProbeSet:
    """Join the caller's labelled probes, those that the examples give, and hostile ones for the prompts of both.

    Where the caller labelled the very same triple, that label holds.
    """
    theirs = tuple(labelled)
    made = probes_from_examples(spec, examples, seed=seed, beside=theirs)
    known = {_content(probe.triple) for probe in theirs}
    added = [probe for probe in made if _content(probe.triple) not in known]
    covered = {probe.prompt_key for probe in made}
    shown = shown_half([*covered, *(probe.prompt_key for probe in theirs)])
    rest = [probe for probe in theirs if probe.prompt_key not in covered]
    attacks = _attacks_on_labelled(spec, rest, shown=shown, rng=random.Random(f"hostile:{seed}:{spec.label}"))
    return ProbeSet([*theirs, *added, *(probe for probe in attacks if _content(probe.triple) not in known)])


def probes_from_examples(
    spec: TaskSpec, examples: Sequence[Example], *, seed: int = 0, beside: Iterable[Probe] = ()
) -> ProbeSet:
    """Make probes of a task from examples whose reference decides; an empty set where it does not.

    Args:
        spec: The task; without `reference_decides` nothing can be labelled.
        examples: Prompts with references; at most `MAX_EXAMPLES` prompts are used.
        seed: Chooses examples, donors and variants.
        beside: Probes that will stand in the same set: no reference crosses from the half that is held out then to
            the one that is shown.
    """
    if not spec.reference_decides:
        return ProbeSet(())
    rng = random.Random(f"probes:{seed}:{spec.label}")
    cases = _cases(spec, examples, beside, rng)
    probes: list[Probe] = []
    for index, case in enumerate(cases):
        others = _others(case, cases, rng)
        probes += [case.probe(case.answer, True, "reference"), *_varied(case, index, others)]
        probes += [*_other_references(case, index, others), *_changed(case, rng)]
        source = Triple(case.prompt, "", case.reference, case.metadata)
        right = list(dict.fromkeys([case.answer, *map(str, case.right)]))
        probes += hostile_probes(source, right=right, others=[other.answer for other in others], rng=rng)
    unique: dict[str, Probe] = {}
    for probe in probes:
        unique.setdefault(_content(probe.triple), probe)
    return ProbeSet(unique.values())


def enough(probes: ProbeSet, thresholds: Thresholds | None = None) -> str | None:
    """Say what the held-out half lacks for a verifier to be adopted on it; None if nothing.

    Besides counts, it asks whether a tool without any error could reach the bound at all: many probes of few prompts
    can't show it.
    """
    needs = thresholds or Thresholds()
    held_out = [
        probe for probe in probes.held_out if not probe.hostile and probe.origin not in {"preferred", "rejected"}
    ]
    lacks: list[str] = []
    for good, name in ((True, "good"), (False, "bad")):
        keys = [probe.prompt_key for probe in held_out if probe.good == good]
        if len(keys) < needs.min_probes:
            lacks.append(f"{len(keys)} {name} probes are held out, {needs.min_probes} are needed")
        elif (low := attainable_low(keys)) < needs.min_lower:
            lacks.append(
                f"{len(keys)} {name} probes of {len(set(keys))} prompts show no more than {low:.2f} even without an "
                f"error, {needs.min_lower:.2f} is needed: more prompts"
            )
    return "; ".join(lacks) or None


def _cases(spec: TaskSpec, examples: Sequence[Example], beside: Iterable[Probe], rng: random.Random) -> list[_Case]:
    """Return the usable examples, each with the half that its prompt will fall into; at most one per prompt.

    A prompt with two references that disagree is left out: there the reference does not decide, whatever was said.
    """
    references: defaultdict[str, list[Any]] = defaultdict(list)
    first: dict[str, tuple[Example, str]] = {}
    for example in examples:
        answer = written(example.reference, spec)
        if answer is not None:
            key = prompt_key(example.prompt)
            references[key].append(example.reference)
            first.setdefault(key, (example, answer))
    agreed = sorted(key for key in first if _all_may_agree(references[key]))
    chosen = sorted(rng.sample(agreed, min(len(agreed), MAX_EXAMPLES)))
    shown = shown_half([*chosen, *(probe.prompt_key for probe in beside)])
    return [
        _Case(
            prompt=example.prompt,
            reference=example.reference,
            metadata=dict(getattr(example, "metadata", None) or {}),
            answer=answer,
            form=form_of(example.reference, answer),
            key=key,
            shown=key in shown,
            right=references[key],
        )
        for key in chosen
        for example, answer in [first[key]]
    ]


def _all_may_agree(references: Iterable[Any]) -> bool:
    """Say whether each reference may agree with each: "Paris" does with two places of that name, they don't."""
    distinct = {repr(reference): reference for reference in references}
    return all(may_agree(one, other) for one, other in combinations(distinct.values(), 2))


def _others(case: _Case, cases: Sequence[_Case], rng: random.Random) -> list[_Case]:
    """Return a few cases of the same half whose answers certainly differ from all that is right here."""
    return list(islice(_donors(case, rng.sample(cases, min(len(cases), _DONORS_TRIED))), _DONORS))


def _donors(case: _Case, tried: Iterable[_Case]) -> Iterator[_Case]:
    answers: set[str] = set()
    for other in tried:
        fits = other.shown == case.shown and other.answer not in answers
        if fits and not any(may_agree(right, wrong) for right in case.right for wrong in other.right):
            answers.add(other.answer)
            yield other


def _rotated(texts: Sequence[str], start: int, count: int) -> list[str]:
    """Return `count` texts from `start` on, round and round: over the cases every form gets its turn."""
    first = start * count
    return [texts[i % len(texts)] for i in range(first, first + min(count, len(texts)))]


def _varied(case: _Case, index: int, others: Sequence[_Case]) -> Iterator[Probe]:
    doubts = [other.answer for other in others if other.form in {"number", "atom", "phrase"}]
    texts = statements(case.answer, case.form, reference=case.reference, question=case.question, doubts=doubts)
    for text in _rotated(texts, index, VARIANTS):
        yield case.probe(text, True, "varied")


def _other_references(case: _Case, index: int, others: Sequence[_Case]) -> Iterator[Probe]:
    """State another prompt's reference: alone, and in the forms in which the right one is stated."""
    for turn, other in enumerate(others[:3]):
        texts = statements(other.answer, other.form, reference=other.reference, question=case.question)
        alone = turn == 0
        yield case.probe(other.answer if alone else texts[(index + turn) % len(texts)], False, "other_reference")


def _changed(case: _Case, rng: random.Random) -> Iterator[Probe]:
    """Change or cut off what decides: a number's digits, an atom's digits, the end of brackets or data, all of it."""
    for place, text in enumerate(_changes(case, rng)):
        if not any(may_agree(right, text) for right in case.right):
            stated = text if place == 0 else rng.choice([text, *statements(text, case.form, question=case.question)])
            yield case.probe(stated, False, "perturbed")
    cut = rng.choice(NO_ANSWER)
    if not mentions(cut, [case.answer]):
        yield case.probe(cut, False, "perturbed")


def _changes(case: _Case, rng: random.Random) -> list[str]:
    answer = case.answer
    if case.form in {"number", "atom"}:
        changed = [_other_digit(answer, rng, leading=case.form == "number")]
        if case.form == "number" and (value := number_in(answer)) is not None and value.denominator == 1:
            changed.append(str(int(value) + 1))
        return [text for text in changed if text]
    if case.form == "data" or (case.form == "line" and not any(map(str.isspace, answer)) and len(answer) >= 4):
        return [answer[: len(answer) // 2]]
    return []


def _other_digit(text: str, rng: random.Random, *, leading: bool) -> str | None:
    """Change one digit: of a number the first that counts, of anything else any; None where there is none."""
    places = [i for i, sign in enumerate(text) if sign in "0123456789" and not (leading and sign == "0")]
    if not places:
        return None
    at = places[0] if leading else rng.choice(places)
    digits = [digit for digit in "123456789" if digit != text[at]]
    return text[:at] + rng.choice(digits) + text[at + 1 :]


def _attacks_on_labelled(
    spec: TaskSpec, probes: Sequence[Probe], *, shown: frozenset[str], rng: random.Random
) -> Iterator[Probe]:
    """Make hostile probes for prompts that only the caller's labels know; a hedge's candidates are of its half."""
    by_prompt: defaultdict[str, list[Probe]] = defaultdict(list)
    for probe in probes:
        by_prompt[probe.prompt_key].append(probe)
    chosen = sorted(rng.sample(sorted(by_prompt), min(len(by_prompt), MAX_HOSTILE_PROMPTS)))
    answers = {key: _short_answer(spec, by_prompt[key][0].triple.reference) for key in by_prompt}
    for key in chosen:
        triple, answer = by_prompt[key][0].triple, answers[key]
        right = [*([answer] if answer else []), *(probe.triple.text for probe in by_prompt[key] if probe.good)]
        pool = [a for k, a in answers.items() if a and answer and (k in shown) == (key in shown)]
        others = [other for other in dict.fromkeys(pool) if not may_agree(other, answer)] if answer else []
        yield from hostile_probes(triple, right=right, others=others, rng=rng)


def _short_answer(spec: TaskSpec, reference: Any) -> str | None:
    """Return a reference that a hedge can hold: one that decides, in a few words."""
    answer = written(reference, spec) if spec.reference_decides else None
    return answer if answer and form_of(reference, answer) in {"number", "atom", "phrase"} else None


def _content(triple: Triple) -> str:
    return repr((triple.prompt, triple.completion, triple.reference))
