"""Adopts versions in a process of its own, or in several at once.

`adopter.py URL WHO COUNT` says "ready", waits for a line, adopts COUNT times and names each; `adopter.py URL COUNT
--processes N` forks N such processes, which start together, and prints what each then held to be active.
"""

import multiprocessing
import sys
from typing import Any

from ravelar.tools.adopted.entry import Entry, WrittenRecipe
from ravelar.tools.adopted.store import AdoptedStore, open_store
from ravelar.tools.card import ToolCard
from ravelar.tools.evidence.trial import Trial
from ravelar.tools.task import TaskSpec

if "--processes" in sys.argv:
    import langgraph.store.sqlite  # noqa: F401  before the fork
    from langgraph.store.postgres import PostgresStore  # noqa: F401


def entry(label: str, mark: str) -> Entry:
    return Entry(
        task=TaskSpec(label=label, summary="Any.", correct="Any.", reference_decides=False),
        card=ToolCard(name=label, kind="verifier", task="any", summary="Any."),
        recipe=WrittenRecipe(source=f"def verify(p, c, r):\n    return 1.0  # {mark}\n"),
        trial=Trial(probes="sha256:0", half="held_out", n=0),
    )


def adopt(store: AdoptedStore, who: str, i: int) -> None:
    store.adopt(entry("contested", f"{who} {i}"), run=f"{who} {i}")
    store.adopt(entry(f"own_{who}", f"{i}"), run=f"{who} {i}")
    store.append("names", f"{who} {i}", {"who": who})


def alone(url: str, who: str, count: int) -> None:
    with open_store(url) as store:
        print("ready", flush=True)
        sys.stdin.readline()
        for i in range(count):
            adopt(store, who, i)
            print(f"done {i}", flush=True)


def one_of_many(url: str, who: str, count: int, barrier: Any, said: Any) -> None:
    with open_store(url) as store:
        barrier.wait(60)
        for i in range(count):
            adopt(store, who, i)
        barrier.wait(60)
        said.put(store.active()["contested"])


def together(url: str, count: int, processes: int) -> None:
    here = multiprocessing.get_context("fork")  # after the imports, which take longer than all the rest
    barrier, said = here.Barrier(processes), here.SimpleQueue()
    children = [here.Process(target=one_of_many, args=(url, f"p{i}", count, barrier, said)) for i in range(processes)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
    print(*(said.get() for _ in children))


if __name__ == "__main__":
    if "--processes" in sys.argv:
        together(sys.argv[1], int(sys.argv[2]), int(sys.argv[4]))
    else:
        alone(sys.argv[1], sys.argv[2], int(sys.argv[3]))
