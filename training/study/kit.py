"""What all arms of one seed share: questions, the warm policy, the taught reward models, the calibrated tools.

seed -> questions split -> warm policy -> two reward models -> probes -> calibrations -> facts.json

Everything that takes time is written to a folder, whole or not at all, and found there again.
"""

import json
import os
import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from ravelar.tools.builtin import builtin_library
from ravelar.tools.calibration import Calibration
from ravelar.tools.library import Library
from ravelar.tools.recognition.names import NamedExample
from ravelar.tools.recognition.recogniser import Recogniser
from ravelar.tools.recognition.router import TaskRouter
from ravelar.tools.reward import Reward, RewardTool, Triple
from ravelar.tools.routing import Router
from ravelar.tools.scoring import score_or_abstain
from ravelar.tools.verifiers.written import Written
from ravelar.training.study import policy, taught_model
from ravelar.training.study.baselines import LongerIsBetter, MeanOfAll, TrueAccuracy, mapped, standardised
from ravelar.training.study.families import BY_NAME, FAMILIES, Question

HELD_OUT = 32
"""Questions of each family that no policy and no reward model is trained on."""

PROBES = 60
"""Labelled completions of each family on which the tools' scales are fitted; half of them right."""

NAMED = 16
"""Prompts of each acquired task whose name the router was told."""

ACQUIRED = {"programs": "word_programs", "notes": "thank_you_notes"}
"""Families for which no built-in tool fits: the names of their tasks and tools, as an acquisition would give them."""

EVERYWHERE = "reward_model_all"
POOL = ("math_answer", "normalized", "translation", "word_programs", "thank_you_notes", EVERYWHERE)
"""The tools that are averaged, and each a static arm: those that routing uses, and the reward model of all tasks."""

RIGHT_TOOLS = {
    "arithmetic": "math_answer",
    "sorting": "normalized",
    "translation": "translation",
    **ACQUIRED,
}


@dataclass(frozen=True, slots=True)
class KitSize:
    """How much of each is taught.

    Attributes:
        warm_steps: Batches of demonstrations for the policy.
        notes_steps: Batches of pairs for the reward model of the notes.
        all_steps: Batches of pairs for the reward model of all families.
        samples: Completions of each question, of which pairs are made.
        pairs: Pairs of each family.
    """

    warm_steps: int = 800
    notes_steps: int = 150
    all_steps: int = 300
    samples: int = 12
    pairs: int = 2_000


class Probe(NamedTuple):
    """A labelled completion."""

    question: Question
    triple: Triple
    right: bool


class Kit:
    """One seed's parts.

    Args:
        seed: Decides the split, all weights, demonstrations, pairs and probes.
        folder: Where its models are; made by `prepare`.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.folder = seed, folder
        self.train, self.held_out = split(seed)

    @property
    def ready(self) -> bool:
        """Whether it was prepared."""
        return (self.folder / "facts.json").exists()

    @property
    def facts(self) -> dict[str, Any]:
        """What was measured while it was prepared."""
        given: dict[str, Any] = json.loads((self.folder / "facts.json").read_text())
        return given

    @cached_property
    def questions(self) -> dict[str, Question]:
        """All questions by the prompt that the policy reads."""
        return {policy.asked(question): question for question in (*self.train, *self.held_out)}

    @cached_property
    def probes(self) -> list[Probe]:
        """Labelled completions of training questions, a right one and a wrong one of each; of each family as many."""
        rng, found = random.Random(f"probes {self.seed}"), []
        for family in FAMILIES:
            own = [question for question in self.train if question.family == family.name]
            for question in rng.choices(own, k=PROBES // 2):
                for right in (True, False):
                    said = family.demonstration(question, rng, right=right)
                    found.append(Probe(question, triple_of(question, said), right))
        return found

    @cached_property
    def tools(self) -> Library:
        """What is routed to: the built-in tools and those of the acquired tasks, as far as they were taught."""
        tools = builtin_library().plus(written_verifier())
        taught = (self.folder / "thank_you_notes").exists()
        return tools.plus(self._taught("thank_you_notes")) if taught else tools

    @cached_property
    def library(self) -> Library:
        """All tools: those routed to, length, the truth; where one was taught the model of all tasks, and the means."""
        tools = self.tools.plus(LongerIsBetter(policy.LONGEST_COMPLETION - 1), TrueAccuracy(self.questions))
        if not (self.folder / EVERYWHERE).exists():
            return tools
        tools = tools.plus(self._taught(EVERYWHERE))
        pool = [tools[name] for name in POOL]
        rewards = {tool.card.name: score_or_abstain(tool, self._triples) for tool in pool}
        raws = {name: [reward.raw for reward in found if reward.raw is not None] for name, found in rewards.items()}
        scaled = [tool for tool in pool if len(set(raws[tool.card.name])) > 1]
        return tools.plus(
            MeanOfAll(
                "calibrated_mean",
                summary="each tool calibrated on the same probes of all families",
                parts=[(tool, mapped(_fitted(tool, rewards[tool.card.name], self.probes))) for tool in scaled],
            ),
            MeanOfAll(
                "standardised_mean",
                summary="each tool less its mean on the probes, by its deviation there",
                parts=[(tool, standardised(raws[tool.card.name])) for tool in scaled],
            ),
        )

    @cached_property
    def router(self) -> Router:
        """Who routes: names of sixteen prompts of each acquired task, and the built-in rules; no family is shown."""
        rng = random.Random(f"names {self.seed}")
        named = [
            NamedExample.of(policy.asked(question), question.reference, label)
            for family, label in ACQUIRED.items()
            for question in rng.sample([q for q in self.train if q.family == family], NAMED)
        ]
        adopted = [label for label in ACQUIRED.values() if label in self.tools]
        return TaskRouter(Recogniser.fit(named), adopted, names=self.tools.names)

    def warm_policy(self) -> Any:
        """Return the warm policy, loaded anew."""
        return policy.load(self.folder / "warm")

    @property
    def _triples(self) -> list[Triple]:
        return [probe.triple for probe in self.probes]

    def _taught(self, name: str) -> RewardTool:
        """Return a taught model with the map that its own probes give."""
        tuned, warm = (policy.load(self.folder / part) for part in (name, "warm"))
        raw = taught_model.ImplicitRewardModel(name, tuned=tuned, warm=warm)
        own = [probe for probe in self.probes if name == EVERYWHERE or probe.question.family == "notes"]
        calibration = _fitted(raw, score_or_abstain(raw, [probe.triple for probe in own]), own)
        return taught_model.ImplicitRewardModel(name, tuned=tuned, warm=warm, calibration=calibration)


def split(seed: int) -> tuple[list[Question], list[Question]]:
    """Return training questions and held-out ones: 32 of each family, drawn by the seed."""
    rng = random.Random(f"split {seed}")
    train: list[Question] = []
    held_out: list[Question] = []
    for family in FAMILIES:
        questions = list(family.questions())
        rng.shuffle(questions)
        held_out += questions[:HELD_OUT]
        train += questions[HELD_OUT:]
    return train, held_out


def triple_of(question: Question, completion: str) -> Triple:
    """Return a completion of a question as reward tools see it: without the family's name."""
    return Triple(policy.asked(question), completion, question.reference, question.columns)


def written_verifier() -> Written:
    """Return the verifier of word programs, which runs in the local sandbox."""
    from ravelar.tools.sandbox.backends import open_sandbox  # noqa: PLC0415  starts processes

    source = (Path(__file__).parent / "word_programs.py").read_text()
    return Written(source, name="word_programs", sandbox=open_sandbox("local"), task="word programs", needs=("prompt",))


def prepare(kit: Kit, size: KitSize) -> None:
    """Teach a seed's warm policy and reward models; a folder that was prepared is left as it is.

    A reward model of no steps is left out: without that of all families `Kit.library` has no means, without that of the
    notes `Kit.tools` has no tool for them.
    """
    if kit.ready:
        return
    making = kit.folder.with_name(f"{kit.folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(making, ignore_errors=True)
    started = time.perf_counter()
    warm = policy.warm_start(kit.train, seed=kit.seed, steps=size.warm_steps)
    policy.save(warm, policy.new_tokenizer(), making / "warm")
    steps_of = {"notes": size.all_steps + size.notes_steps}
    judged = [question for question in kit.train if steps_of.get(question.family, size.all_steps)]
    pairs = taught_model.preferences(warm, judged, seed=kit.seed, samples=size.samples, pairs=size.pairs)
    notes = [pair for pair in pairs if pair.question.family == "notes"]
    for name, own, steps in (("thank_you_notes", notes, size.notes_steps), (EVERYWHERE, pairs, size.all_steps)):
        if steps:
            tuned = taught_model.teach(warm, own, seed=kit.seed, steps=steps)
            policy.save(tuned, policy.new_tokenizer(), making / name)
    took_s = round(time.perf_counter() - started, 1)
    facts = {"seed": kit.seed, "prepared_s": took_s, **_measured(Kit(kit.seed, making), whole=size.all_steps > 0)}
    (making / "facts.json").write_text(json.dumps(facts))
    making.rename(kit.folder)


def _measured(kit: Kit, *, whole: bool) -> dict[str, Any]:
    """Return how well routing does on all questions, and each tool of the pool on probes."""
    tools = kit.library if whole else kit.tools
    routes = [kit.router(policy.asked(q), q.reference, q.columns).tool for q in (*kit.train, *kit.held_out)]
    right = [tool == RIGHT_TOOLS[q.family] for tool, q in zip(routes, (*kit.train, *kit.held_out), strict=True)]
    return {
        "routed": len(right),
        "routed_right": sum(right),
        "pairwise": {
            name: _pairwise(score_or_abstain(tools[name], kit._triples), kit.probes) for name in POOL if name in tools
        },
    }


def _pairwise(rewards: Sequence[Reward], probes: Sequence[Probe]) -> dict[str, float | None]:
    """Return, per family, how often the right completion of a question has more reward than the wrong one.

    Ties count half; None where the tool abstains.
    """
    found: dict[str, list[float]] = {name: [] for name in BY_NAME}
    for at in range(0, len(probes), 2):
        good, bad = rewards[at].value, rewards[at + 1].value
        if good is not None and bad is not None:
            found[probes[at].question.family].append((good > bad) + 0.5 * (good == bad))
    return {name: round(sum(wins) / len(wins), 4) if wins else None for name, wins in found.items()}


def _fitted(tool: RewardTool, rewards: Sequence[Reward], probes: Sequence[Probe]) -> Calibration:
    """Return the map from a tool's raw scores to [0, 1] that its rewards of labelled probes give."""
    from ravelar.tools.calibrating import fit  # noqa: PLC0415  scikit-learn

    kept = [(reward.raw, probe) for reward, probe in zip(rewards, probes, strict=True) if reward.raw is not None]
    return fit(
        [raw for raw, _ in kept],
        [probe.right for _, probe in kept],
        direction=tool.card.direction,
        probes_digest="the study's probes",
        groups=[probe.question.prompt for _, probe in kept],
    )
