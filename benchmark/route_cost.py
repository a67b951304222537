"""`ravelar bench route`: how often a language model would be asked to name a task, and how often the route is right.

An oracle that knows each prompt's family stands for the language model: this measures how often one would be asked,
not how well it names. Prompts arrive one by one, tasks unknown at first. An abstention is a call; the oracle's name
is learned from, and the prompt goes to the tool of that name. A wrong recognition is never corrected.
"""

import math
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ravelar.benchmark.route_prompts import FAMILIES, LATE_FAMILIES, FamilyPrompt, mixed_prompts
from ravelar.benchmark.route_real import DATA, EIGHT, real_prompts
from ravelar.tools.builtin import builtin_library
from ravelar.tools.recognition.grouping import Query, needs_name
from ravelar.tools.recognition.learning import Learning
from ravelar.tools.recognition.recogniser import Recogniser
from ravelar.tools.recognition.router import TaskRouter
from ravelar.tools.routing import route

PAPER_TOKENS = 1_157  # per prompt visit, of RLAR's tool calls; see docs/routing.md
SEED = 20261123


@dataclass(frozen=True, slots=True)
class Run:
    """What became of a stream of prompts.

    Attributes:
        prompts: How many there were.
        calls: How many times a language model would have been asked.
        right: Prompts, first ones of their family left out, that went to their family's tool, named or recognised.
        unasked: Those of them that no call was made for.
        known: Prompts that were not the first of their family.
        calls_last_half: Calls made for the second half of the stream.
        fits: How many times the classifier was fitted.
        fit_ms: Processor time of the last fit, the dearest.
        confused: The commonest mistakes: (family, taken for, how many).
        calls_by_family: How many calls each family caused.
    """

    prompts: int
    calls: int
    right: int
    unasked: int
    known: int
    calls_last_half: int
    fits: int
    fit_ms: float
    confused: tuple[tuple[str, str, int], ...]
    calls_by_family: dict[str, int]

    def row(self) -> dict[str, Any]:
        """Return the figures that are published."""
        low, high = wilson(self.right, self.known)
        return {
            "prompts": self.prompts,
            "families": len(self.calls_by_family),
            "calls_percent": round(100 * self.calls / self.prompts, 2),
            "calls_second_half_percent": round(200 * self.calls_last_half / self.prompts, 2),
            "right_percent": round(100 * self.right / self.known, 2),
            "right_low_percent": round(100 * low, 2),
            "right_high_percent": round(100 * high, 2),
            "recognised_right_percent": round(100 * self.unasked / self.known, 2),
            "tokens_per_prompt": round(PAPER_TOKENS * self.calls / self.prompts, 1),
            "tokens_saved": PAPER_TOKENS * (self.prompts - self.calls),
            "fits": self.fits,
            "last_fit_ms": round(self.fit_ms, 1),
            "confused": [list(one) for one in self.confused],
        }


def wilson(k: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of k of n (Wilson 1927)."""
    z = 1.96
    middle = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(k * (n - k) / n + z * z / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def stream(prompts: Iterable[FamilyPrompt], learning: Learning | None = None, *, batch: int = 1) -> Run:
    """Let prompts arrive and be recognised, asking the oracle about the unknown ones.

    Args:
        prompts: What arrives.
        learning: Who learns; None starts without a name.
        batch: How many arrive at once; unknown ones that look alike share a call, and the name of the first.
    """
    learning = learning or Learning()
    given = list(prompts)
    tally = _Tally()
    source = iter(enumerate(given))
    while arrived := list(islice(source, batch)):
        _arrive(arrived, learning, tally, half=len(given) // 2)
    fit_s = cpu_s(learning.refit, runs=1)
    return Run(
        prompts=len(given),
        calls=tally.calls,
        right=tally.right,
        unasked=tally.unasked,
        known=len(given) - len(tally.families),
        calls_last_half=tally.calls_last_half,
        fits=learning.fits - 1,
        fit_ms=1e3 * fit_s,
        confused=tuple((*pair, n) for pair, n in tally.confused.most_common(5)),
        calls_by_family={family: tally.calls_by_family[family] for family in sorted(tally.families)},
    )


class _Tally:
    """Counts of a stream so far."""

    def __init__(self) -> None:
        self.calls = self.calls_last_half = self.right = self.unasked = 0
        self.families: set[str] = set()
        self.confused: Counter[tuple[str, str]] = Counter()
        self.calls_by_family: Counter[str] = Counter()

    def routed(self, family: str, label: str, *, asked: bool) -> None:
        if label != family:
            self.confused[family, label] += 1
        elif family in self.families:
            self.right += 1
            self.unasked += not asked
        self.families.add(family)


def _arrive(arrived: Sequence[tuple[int, FamilyPrompt]], learning: Learning, tally: _Tally, *, half: int) -> None:
    """Take in what arrives at once: name what is unknown, one call for a group of alike ones, and route."""
    queries = [Query(one.prompt, one.reference) for _, one in arrived]
    named: dict[int, str] = {}
    for group in needs_name(queries, learning.recogniser):
        first, spoken_for = arrived[group.members[0]]
        tally.calls += 1
        tally.calls_last_half += first >= half
        tally.calls_by_family[spoken_for.family] += 1
        named.update(dict.fromkeys(group.members, spoken_for.family))
    recogniser = learning.recogniser
    for at, (i, one) in enumerate(arrived):
        label = named.get(at) or recogniser.recognise(one.prompt, one.reference).label
        if at in named:
            learning.name(one.prompt, one.reference, named[at], named_at=float(i))
        tally.routed(one.family, label or "", asked=at in named)


def frozen(recogniser: Recogniser, prompts: Sequence[FamilyPrompt]) -> dict[str, Any]:
    """Route prompts by a frozen snapshot beside the built-in rules, every family's tool adopted; count and time it."""
    names = builtin_library().names
    families = {one.family for one in prompts}
    router = TaskRouter(recogniser, families, names=names)
    tools = [(one.family, router(one.prompt, one.reference, {}).tool) for one in prompts]

    def route_all() -> None:
        fresh = TaskRouter(recogniser, families, names=names)
        for one in prompts:
            fresh(one.prompt, one.reference, {})

    def route_again() -> None:
        for one in prompts:
            router(one.prompt, one.reference, {})

    n = len(prompts)

    def percent(of: Iterable[bool]) -> float:
        return round(100 * sum(of) / n, 2)

    return {
        "prompts": n,
        "right_percent": percent(family == tool for family, tool in tools),
        "other_family_percent": percent(tool != family and tool in families for family, tool in tools),
        "by_rules_percent": percent(tool in names for _, tool in tools),
        "no_tool_percent": percent(tool is None for _, tool in tools),
        "us_per_prompt": round(1e6 * cpu_s(route_all) / n, 1),
        "us_per_prompt_met_before": round(1e6 * cpu_s(route_again) / n, 1),
    }


def cpu_s(work: Callable[[], object], *, runs: int = 3) -> float:
    """Return the least processor time of several runs on this thread, which other load disturbs less than wall time."""
    best = math.inf
    for _ in range(runs):
        started = time.thread_time()
        work()
        best = min(best, time.thread_time() - started)
    return best


def after_rules(prompts: Sequence[FamilyPrompt]) -> dict[str, Any]:
    """Let only those prompts arrive that the built-in rules find no tool for; shares are of all prompts."""
    rest = [one for one in prompts if route(one.prompt, one.reference).tool is None]
    run = stream(rest)
    return {
        "prompts": len(prompts),
        "by_rules_percent": round(100 * (1 - len(rest) / len(prompts)), 2),
        "calls_percent": round(100 * run.calls / len(prompts), 2),
        "right_percent_of_rest": round(100 * run.right / run.known, 2),
        "families_of_rest": len(run.calls_by_family),
        "confused": [list(one) for one in run.confused],
    }


def captured(recogniser: Recogniser, prompts: Sequence[FamilyPrompt]) -> dict[str, Any]:
    """Route prompts of families never named, the tools of the made-up families adopted; count who takes them.

    Translations are left out: one of the made-up families asks for them as well.
    """
    router = TaskRouter(recogniser, FAMILIES, names=builtin_library().names)
    foreign = [one for one in prompts if one.family != "wmt21ted"]
    taken = Counter(
        (one.family, tool)
        for one in foreign
        if (tool := router(one.prompt, one.reference, {}).tool) is not None and tool in FAMILIES
    )
    return {
        "prompts": len(foreign),
        "captured_percent": round(100 * taken.total() / len(foreign), 2),
        "captured": [[*pair, n] for pair, n in taken.most_common(5)],
    }


def measure(*, prompts: int = 10_000, data: Path = DATA) -> dict[str, dict[str, Any]]:
    """Measure all mixes; those of real data are left out where it is missing.

    Args:
        prompts: How many prompts arrive in each mix, at most.
        data: Where the real data is.
    """
    learning = Learning()
    figures = {"default": stream(mixed_prompts(prompts, SEED), learning).row()}
    figures["default_frozen"] = frozen(learning.recogniser, list(mixed_prompts(prompts, SEED + 1)))
    default = learning.recogniser
    figures["two_late"] = stream(mixed_prompts(prompts, SEED, late=LATE_FAMILIES)).row()
    figures["default_batches_of_64"] = stream(mixed_prompts(prompts, SEED), batch=64).row()
    real = real_prompts(prompts, SEED, data=data, families=EIGHT)
    if len({one.family for one in real}) == len(EIGHT):
        learning, half = Learning(), len(real) // 2
        figures["real"] = stream(real).row()
        stream(real[:half], learning)
        figures["real_frozen"] = frozen(learning.recogniser, real[half:])
        figures["real_after_rules"] = after_rules(real)
        figures["real_captured"] = captured(default, real)
        figures["real_by_tool"] = stream(_by_tool(real)).row()
        figures["real_late"] = stream(late_families(real, ("gsm8k", "hh_rlhf"))).row()
        figures["real_and_judgebench"] = stream(real_prompts(prompts, SEED, data=data)).row()
    return figures


def _by_tool(prompts: Iterable[FamilyPrompt]) -> Iterator[FamilyPrompt]:
    """Yield the prompts under the tool that scores them: two families of mathematics, and two of code, share one."""
    tools = {"gsm8k": "mathematics", "math": "mathematics", "humaneval": "programs", "mbpp": "programs"}
    for one in prompts:
        yield one._replace(family=tools.get(one.family, one.family))


def late_families(prompts: Sequence[FamilyPrompt], late: Sequence[str]) -> list[FamilyPrompt]:
    """Return the prompts in another order: those of some families only in the second half."""
    early = [one for one in prompts if one.family not in late]
    cut = min(len(prompts) // 2, len(early) // 2)
    rest = [*early[cut:], *(one for one in prompts if one.family in late)]
    random.Random(SEED).shuffle(rest)
    return [*early[:cut], *rest]
