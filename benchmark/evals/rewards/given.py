"""Scores that others gave: published result files, and rows of earlier runs. No text is needed to count them."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ravelar.benchmark.evals.rewards.cases import Case
from ravelar.benchmark.evals.rewards.formats import TIES, judgebench_category, rm_bench_domain
from ravelar.benchmark.evals.rewards.records import Record, field, read_records
from ravelar.benchmark.evals.rewards.scorers import Judged
from ravelar.benchmark.evals.row_file import manifest_path, read_manifest, read_rows_by_key
from ravelar.tools.errors import InputError, UnknownName

_CHOSEN = "human_to_GPT-4"  # how RewardMATH's result files name the right solution
_FLIPPED = {"A>B": "B>A", "B>A": "A>B"}


class Given(NamedTuple):
    """What one system is said to have given one case."""

    system: str
    case: Case
    judged: Judged


Said = dict[str, list[tuple[Case, Judged | None]]]
"""For each system, every case of the files, with None where the system lacks it."""


def read_given(benchmark: str, paths: Sequence[Path]) -> Said:
    """Read scores of one or several systems.

    Args:
        benchmark: Whose they are.
        paths: Published result files of that benchmark, or rows that an earlier run wrote.

    Raises:
        UnknownName: if no result format is known for the benchmark.
        InputError: if a file can't be read, or says two things of one case and system.
    """
    cases: dict[str, Case] = {}
    found: defaultdict[str, dict[str, Judged]] = defaultdict(dict)
    for path in paths:
        for one in _of_file(benchmark, path):
            if one.case.key in found[one.system]:
                raise InputError(f"{path}: {one.system} has two scores of {one.case.key}")
            found[one.system][one.case.key] = one.judged
            cases.setdefault(one.case.key, one.case)
    if not cases:
        raise InputError(f"{', '.join(map(str, paths))}: no scores in it")
    return {system: [(case, said.get(key)) for key, case in cases.items()] for system, said in sorted(found.items())}


def _of_file(benchmark: str, path: Path) -> Iterator[Given]:
    if manifest_path(path).is_file():
        return _own_rows(benchmark, path)
    if benchmark not in RESULTS:
        raise UnknownName(f"published result format of a benchmark (and {path} has no manifest)", benchmark, RESULTS)
    return (given for record in read_records([path]) for given in RESULTS[benchmark](record))


def _own_rows(benchmark: str, path: Path) -> Iterator[Given]:
    manifest = read_manifest(path)
    if manifest.get("benchmark") != benchmark:
        raise InputError(f"{path}: its rows are of {manifest.get('benchmark')!r}, not of {benchmark!r}")
    system = str(manifest.get("name", path.name))
    for key, row in read_rows_by_key(path).items():
        try:
            judged = Judged.of_row(row)
            case = _case(key, row["subset"], len(judged.scores) or 2, row["right"], row["cluster"], row["first"])
        except (KeyError, TypeError) as error:
            raise InputError(f"{path}: row {key!r} is no row of a reward benchmark: {error!r}") from None
        yield Given(system, case, judged)


def _judgebench(record: Record) -> Iterator[Given]:
    """JudgeBench's result files: `judgments`, one an order, each with a `decision` and, of reward models, `scores`."""
    label, judgments = field(record, "label", str), field(record, "judgments", list)
    key, first = field(record, "pair_id", str), label == "A>B"
    subset = judgebench_category(field(record, "source", str))
    case = _case(key, subset, 2, 1, field(record, "question", str), first)
    inner: dict[str, Any] = next(
        (one["judgment"] for one in judgments if one and isinstance(one.get("judgment"), dict)), {}
    )
    system = str(inner.get("judge_model") or record.file.name.partition(".json")[0])
    if scores := inner.get("scores"):
        a, b = map(float, scores)
        yield Given(system, case, Judged(key, (a, b) if first else (b, a)))
        return
    decisions = [one.get("decision") if one else None for one in judgments]
    if any(one is None for one in decisions):
        yield Given(system, case, Judged(key, error="no decision in one of the orders"))
        return
    straight = [_FLIPPED.get(str(one), one) if i % 2 else one for i, one in enumerate(decisions)]
    votes = tuple("right" if one == label else "wrong" if one == _FLIPPED[label] else "tie" for one in straight)
    share = sum({"right": 1.0, "tie": 0.5, "wrong": 0.0}[vote] for vote in votes) / len(votes)
    yield Given(system, case, Judged(key, share=share, votes=votes))


def _rewardmath(record: Record) -> Iterator[Given]:
    """RewardMATH's result files (`solution_reference`, `score`), or several models' `scores` beside `correct`."""
    problem = field(record, "problem", str)
    if "scores" in record.values:
        right = field(record, "correct", int)
        for system, scores in field(record, "scores", dict).items():
            yield _ranked(record, problem, str(system), [scores[right]], [*scores[:right], *scores[right + 1 :]])
        return
    named, scores = field(record, "solution_reference", list), field(record, "score", list)
    if len(named) != len(scores) or _CHOSEN not in named:
        raise InputError(f"{record.place}: {len(scores)} scores for {len(named)} solutions, {_CHOSEN!r} among them")
    sides = [[x for name, x in zip(named, scores, strict=True) if (name == _CHOSEN) is good] for good in (True, False)]
    yield _ranked(record, problem, record.file.name.partition("_reward.")[0], *sides)


def _rm_bench(record: Record) -> Iterator[Given]:
    """RM-Bench's results: `score_chosen` and `score_rejected`, three each."""
    domain = rm_bench_domain(record)
    sides = [_numbers(record, field(record, name, list)) for name in ("score_chosen", "score_rejected")]
    if [len(side) for side in sides] != [3, 3]:
        raise InputError(f"{record.place}: three scores of either side are needed")
    key = f"{domain}/{field(record, 'id', (str, int))}"
    case = _case(key, domain, 6, 3, str(record.values.get("prompt", key)))
    yield Given(_named(record), case, Judged(key, (*sides[0], *sides[1])))


def _rewardbench2(record: Record) -> Iterator[Given]:
    """RewardBench 2's results: `id`, `subset`, `scores` (the right ones first) and `num_correct`."""
    subset, name = field(record, "subset", str), str(field(record, "id", (str, int)))
    scores, right = _numbers(record, field(record, "scores", list)), field(record, "num_correct", int)
    if not 0 < right < len(scores):
        raise InputError(f"{record.place}: num_correct {right} of {len(scores)} scores")
    ties = subset.lower() == TIES.lower()
    key = f"{subset}/{name}"
    cluster = name.partition(":")[2] if ties else key
    yield Given(_named(record), _case(key, TIES if ties else subset, len(scores), right, cluster), Judged(key, scores))


RESULTS: Mapping[str, Callable[[Record], Iterator[Given]]] = {
    "judgebench": _judgebench,
    "rewardmath": _rewardmath,
    "rm-bench": _rm_bench,
    "rewardbench2": _rewardbench2,
}


def _ranked(record: Record, problem: str, system: str, right: Sequence[Any], wrong: Sequence[Any]) -> Given:
    scores = (*_numbers(record, right), *_numbers(record, wrong))
    case = _case(problem, str(record.values.get("subject", "unknown")), len(scores), len(right), problem)
    return Given(system, case, Judged(problem, scores))


def _numbers(record: Record, values: Sequence[Any]) -> tuple[float, ...]:
    """Return scores as numbers; some files have each in a list of its own."""
    found = [value[0] if isinstance(value, list) and len(value) == 1 else value for value in values]
    for value in found:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise InputError(f"{record.place}: a score is {value!r:.60}; allowed: a finite number")
    return tuple(map(float, found))


def _named(record: Record) -> str:
    return str(record.values.get("model") or record.file.name.partition(".json")[0])


def _case(key: str, subset: str, n: int, right: int, cluster: str, first: bool = True) -> Case:  # noqa: PLR0913, PLR0917
    return Case(key, subset, "", ("",) * n, right, cluster, first)
