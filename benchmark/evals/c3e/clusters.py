"""Which items share a source text: they are not independent, and are resampled together.

Two items belong together when a tenth of the shorter one's runs of 24 characters stand in the other one too (ours;
white space is passed over). Items that are linked through a third belong together as well.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from ravelar.benchmark.evals.c3e.items import Item

RUN = 24  # characters; ours: longer than stock phrases and set headings
SHARE = 0.1  # of the shorter item's runs; ours
_BASE = np.uint64(1_000_003)
_KEPT = np.uint64(4)  # one run of four is looked at: the same ones in every text
_COMMON = 20  # a run in more items than this is boilerplate, not a source


def clusters_of(items: Sequence[Item]) -> dict[str, str]:
    """Return the cluster of each item by its key; a cluster bears the key of its first item."""
    shingled = [_runs(source_of(item)) for item in items]
    holders: defaultdict[int, list[int]] = defaultdict(list)
    for i, runs in enumerate(shingled):
        for run in runs:
            holders[run].append(i)
    shared: defaultdict[tuple[int, int], int] = defaultdict(int)
    for holding in holders.values():
        if 1 < len(holding) <= _COMMON:
            for at, i in enumerate(holding):
                for j in holding[at + 1 :]:
                    shared[i, j] += 1
    linked = (pair for pair, n in shared.items() if n >= SHARE * min(len(shingled[pair[0]]), len(shingled[pair[1]])))
    roots = _joined(len(items), linked)
    return {item.key: items[roots[i]].key for i, item in enumerate(items)}


def source_of(item: Item) -> str:
    """Return the professional text that an item was made from, as far as it is in the item."""
    given = item.brief.given
    if item.brief.task != "cloze":
        return item.reference
    return "".join([given.get("prefix", ""), given.get("content", ""), item.reference, given.get("suffix", "")])


def _runs(text: str) -> set[int]:
    """Return the hashes of a text's runs: the same for the same run in every process."""
    dense = "".join(text.split())
    codes = np.frombuffer(dense.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    n = max(1, len(codes) - RUN + 1)
    hashes = np.zeros(n, dtype=np.uint64)
    for k in range(min(RUN, len(codes))):
        hashes = hashes * _BASE + codes[k : k + n]  # wraps around at 2**64, as a rolling hash may
    return set(hashes[hashes % _KEPT == 0].tolist())


def _joined(n: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Return, for each of n, the least index that it is linked to, over any number of links."""
    parents = list(range(n))

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = parents[i]
        return i

    for i, j in pairs:
        a, b = sorted((root(i), root(j)))
        parents[b] = a
    return [root(i) for i in range(n)]
