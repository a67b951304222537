"""`ravelar bench train-reward`: what a routed reward function costs beside its tools' own work.

The reward function is handed in, as what makes one from a library, a router and a time limit: `benchmark` does not know
`training`. It is called as TRL calls it, log functions included.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ravelar.tools.builtin import builtin_library
from ravelar.tools.card import ToolCard
from ravelar.tools.library import Library
from ravelar.tools.reward import Triple
from ravelar.tools.routing import Route, Router
from ravelar.tools.scoring import score_or_abstain

MakeReward = Callable[[Library, Router | None, float], Callable[..., list[float | None]]]
"""Makes a reward function of a library, a router (None: the built-in rules) and a time limit in seconds."""

GROUP = 8  # completions of one prompt
SIZES = (64, 512, 4096)  # completions in a batch
TOOLS = 16
_TURNS = 15


class Sleeper:
    """A tool that takes its time and gives everything full marks."""

    def __init__(self, name: str, wait: Callable[[], object]) -> None:
        self.card = ToolCard(name=name, kind="verifier", task="waiting", summary="Waits, then gives 1.0.")
        self._wait = wait

    def score(self, triples: Sequence[Triple]) -> list[float]:
        """Wait; return n ones."""
        self._wait()
        return [1.0] * len(triples)


def measure(make: MakeReward, *, seconds: float = 1.0) -> dict[str, float]:
    """Measure everything; `seconds` is how long each of the sixteen slow tools takes for a batch."""
    figures: dict[str, float] = {}
    for size in SIZES:
        figures |= overhead(make, size)
    return {**figures, **slow_tools(make, seconds), **hanging_tool(make, seconds)}


def overhead(make: MakeReward, size: int) -> dict[str, float]:
    """Return what a batch of plain numeric checks costs: bare, and routed with its queries known or new.

    Processor time of all threads, the best of several turns, so that it hardly depends on what else the machine does;
    the wall time of a routed batch beside it.
    """
    library = builtin_library()
    turns = [_turn(make, library, size, turn) for turn in range(_TURNS)]
    bare, new, known, wall = (min(times) for times in zip(*turns, strict=True))
    return {
        f"bare_ms_{size}": bare * 1e3,
        f"routed_ms_{size}": known * 1e3,
        f"routed_wall_ms_{size}": wall * 1e3,
        f"overhead_us_per_completion_{size}": (known - bare) / size * 1e6,
        f"new_prompts_us_per_completion_{size}": (new - bare) / size * 1e6,
    }


def _turn(make: MakeReward, library: Library, size: int, turn: int) -> tuple[float, float, float, float]:
    """Return the seconds of one batch: by the bare tool, by a reward function that does not know its queries, again."""
    call, tool = numeric_call(size, turn), library["math_answer"]
    rows = zip(call["prompts"], call["completions"], call["reference"], strict=True)
    triples = [Triple(*row) for row in rows]
    reward = make(library, None, 60.0)
    reward(**numeric_call(GROUP, turn=-1))  # its threads are there
    bare = _seconds(lambda: score_or_abstain(tool, triples), time.process_time)
    new = _seconds(lambda: _all_scored(reward(**call)), time.process_time)
    known = _seconds(lambda: _all_scored(reward(**call)), time.process_time)
    return bare, new, known, _seconds(lambda: _all_scored(reward(**call)))


def slow_tools(make: MakeReward, seconds: float) -> dict[str, float]:
    """Return the wall time of a batch in which sixteen tools take so many seconds each."""
    library = Library(Sleeper(f"slow_{i}", lambda: time.sleep(seconds)) for i in range(TOOLS))
    reward = make(library, by_task, 60.0)
    tasks = [f"slow_{i}" for i in range(TOOLS) for _ in range(GROUP)]
    wall_s = _seconds(lambda: _all_scored(reward(**_call(tasks))))
    return {"slow_tools_wall_s": wall_s, "slow_tools_one_after_another_s": TOOLS * seconds}


def hanging_tool(make: MakeReward, limit_s: float) -> dict[str, float]:
    """Return the wall time of a first and a second batch with a tool that never ends, beside one that is quick.

    Raises:
        RuntimeError: if the quick tool's rewards are not there, or the hanging one's are.
    """
    gate = threading.Event()
    library = Library([Sleeper("hanging", gate.wait), Sleeper("quick", lambda: None)])
    reward = make(library, by_task, limit_s)
    tasks = ["hanging", "quick"] * GROUP
    walls = []
    try:
        for _ in range(2):
            started = time.perf_counter()
            values = reward(**_call(tasks))
            walls.append(time.perf_counter() - started)
            if values != [None, 1.0] * GROUP:
                raise RuntimeError("a tool that hangs cost more than its own rewards")
    finally:
        gate.set()
    return {"hanging_first_batch_s": walls[0], "hanging_next_batch_s": walls[1], "hanging_limit_s": limit_s}


def by_task(prompt: Any, reference: Any, metadata: Mapping[str, Any]) -> Route:
    """Route to the tool that the column `task` names."""
    return Route(metadata["task"], "column task")


def numeric_call(size: int, turn: int) -> dict[str, Any]:
    """Return the arguments of a call with plain numeric references, eight completions a prompt."""
    numbers = [turn * 100_000 + i // GROUP for i in range(size)]
    return {
        **_call([None] * size),
        "prompts": [f"What is {n} plus 1? Think step by step, then give the number." for n in numbers],
        "completions": [f"One more than {n} makes\n#### {n + 1:,}" for n in numbers],
        "reference": [str(n + 1) for n in numbers],
    }


def _call(tasks: Sequence[str | None]) -> dict[str, Any]:
    n = len(tasks)
    return {
        "prompts": ["?"] * n,
        "completions": ["!"] * n,
        "completion_ids": [[1]] * n,
        "task": list(tasks),
        "log_metric": lambda name, value: None,
        "log_extra": lambda column, values: None,
    }


def _all_scored(values: list[float | None]) -> None:
    if None in values or 0.0 in values:
        raise RuntimeError("a right answer was refused or left unscored")


def _seconds(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    started = clock()
    work()
    return clock() - started
