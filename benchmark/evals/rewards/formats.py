"""The benchmarks' own files, read into cases."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ravelar.benchmark.evals.rewards.cases import Case
from ravelar.benchmark.evals.rewards.records import Record, field, read_records, texts
from ravelar.tools.errors import InputError, UnknownName

TIES = "Ties"
DOMAINS = ("chat", "math", "code", "safety-refuse", "safety-response")
JUDGEBENCH_CATEGORY = {
    "mmlu-pro": "knowledge",
    "livebench-reasoning": "reasoning",
    "livebench-math": "mathematics",
    "livecodebench": "coding",
}


def read_cases(benchmark: str, paths: Sequence[Path]) -> list[Case]:
    """Read a benchmark's cases from its published files.

    Args:
        benchmark: One of `BENCHMARKS`.
        paths: Its files.

    Raises:
        UnknownName: if there is no such benchmark.
        InputError: if a file can't be read, holds no case, or a key stands twice.
    """
    if benchmark not in READERS:
        raise UnknownName("reward benchmark", benchmark, READERS)
    cases = list(READERS[benchmark](read_records(paths)))
    if not cases:
        raise InputError(f"{', '.join(map(str, paths))}: no case of {benchmark} in it")
    seen: set[str] = set()
    for case in cases:
        if case.key in seen:
            raise InputError(f"{benchmark}: the key {case.key!r} stands twice; is a file named twice?")
        seen.add(case.key)
    return cases


def rewardbench2(records: Iterator[Record]) -> Iterator[Case]:
    """RewardBench 2: `id`, `prompt`, `chosen`, `rejected`, `subset`; Ties have several chosen (arXiv 2506.01937)."""
    for record in records:
        subset, chosen = field(record, "subset", str), texts(record, "chosen")
        prompt, rejected = field(record, "prompt", str), texts(record, "rejected")
        name = str(field(record, "id", (str, int)))
        ties = subset.lower() == TIES.lower()
        if ties and name.partition(":")[0] not in {"ref", "tied"}:
            raise InputError(f"{record.place}: id {name!r} of a Ties row; allowed: ref:N or tied:N")
        # a reference prompt and its tied twin are resampled together
        cluster = name.partition(":")[2] if ties else prompt
        completions = (*chosen, *rejected)
        yield Case(f"{subset}/{name}", TIES if ties else subset, prompt, completions, len(chosen), cluster, scored=True)


def rm_bench(records: Iterator[Record]) -> Iterator[Case]:
    """RM-Bench: three `chosen` and three `rejected` styles, concise to marked up; the domain by column or file name."""
    for record in records:
        chosen, rejected = texts(record, "chosen"), texts(record, "rejected")
        if len(chosen) != 3 or len(rejected) != 3:
            raise InputError(f"{record.place}: {len(chosen)} chosen and {len(rejected)} rejected; allowed: three each")
        domain, prompt = rm_bench_domain(record), field(record, "prompt", str)
        name = field(record, "id", (str, int))
        yield Case(f"{domain}/{name}", domain, prompt, (*chosen, *rejected), 3, prompt)


def judgebench(records: Iterator[Record]) -> Iterator[Case]:
    """JudgeBench: `question`, `response_A`, `response_B`, `label` A>B or B>A, `source` (arXiv 2410.12784)."""
    for record in records:
        a, b = field(record, "response_A", str), field(record, "response_B", str)
        label, question = field(record, "label", str), field(record, "question", str)
        if label not in {"A>B", "B>A"}:
            raise InputError(f"{record.place}: label {label!r}; allowed: A>B or B>A")
        first = label == "A>B"
        pair = (a, b) if first else (b, a)
        subset = judgebench_category(field(record, "source", str))
        yield Case(str(field(record, "pair_id", str)), subset, question, pair, 1, question, first)


def rewardmath(records: Iterator[Record]) -> Iterator[Case]:
    """RewardMATH: one row a solution, `solution_type` chosen or rejected, grouped by problem (arXiv 2410.01729)."""
    grouped: defaultdict[str, dict[str, list[str]]] = defaultdict(lambda: {"chosen": [], "rejected": []})
    asked: dict[str, tuple[str, str, str | None]] = {}
    for record in records:
        kind = field(record, "solution_type", str)
        if kind not in {"chosen", "rejected"}:
            raise InputError(f"{record.place}: solution_type {kind!r}; allowed: chosen or rejected")
        key = str(field(record, "problem_id", (str, int)))
        answer = record.values.get("answer")
        subject = str(record.values.get("subject", "unknown"))
        asked[key] = (field(record, "problem", str), subject, None if answer is None else str(answer))
        grouped[key][kind].append("\n".join(texts(record, "eval_solution")))
    for key, sides in grouped.items():
        if not sides["chosen"] or not sides["rejected"]:
            raise InputError(f"problem {key} has no {'chosen' if not sides['chosen'] else 'rejected'} solution")
        problem, subject, answer = asked[key]
        completions = (*sides["chosen"], *sides["rejected"])
        yield Case(key, subject, problem, completions, len(sides["chosen"]), problem, reference=answer, scored=True)


def llmbar(records: Iterator[Record]) -> Iterator[Case]:
    """LLMBar: `input`, `output_1`, `output_2`, `label` 1 or 2; the subset is the file's or its folder's name."""
    for record in records:
        one, two = field(record, "output_1", str), field(record, "output_2", str)
        label, prompt = field(record, "label", int), field(record, "input", str)
        if label not in {1, 2}:
            raise InputError(f"{record.place}: label {label}; allowed: 1 or 2")
        subset = _llmbar_subset(record.file)
        place = record.place.rpartition(":")[2] if ":" in record.place else record.place.rpartition("[")[2].rstrip("]")
        pair = (one, two) if label == 1 else (two, one)
        yield Case(f"{subset}/{place}", subset, prompt, pair, 1, prompt, label == 1)


READERS: Mapping[str, Callable[[Iterator[Record]], Iterator[Case]]] = {
    "rewardbench2": rewardbench2,
    "rm-bench": rm_bench,
    "judgebench": judgebench,
    "rewardmath": rewardmath,
    "llmbar": llmbar,
}
BENCHMARKS = tuple(READERS)


def judgebench_category(source: str) -> str:
    """Return which of JudgeBench's four categories a source is in; the source itself if it is in none."""
    return next((name for prefix, name in JUDGEBENCH_CATEGORY.items() if source.startswith(prefix)), source)


def rm_bench_domain(record: Record) -> str:
    """Return a record's domain, by its column or its file's name.

    Raises:
        InputError: if it is none of `DOMAINS`.
    """
    named = record.values.get("domain")
    stem = record.file.name.partition(".")[0].removesuffix("_filtered")
    domain = named if isinstance(named, str) else stem
    if domain not in DOMAINS:
        raise InputError(f"{record.place}: domain {domain!r}, by column or file name; allowed: {', '.join(DOMAINS)}")
    return domain


def _llmbar_subset(path: Path) -> str:
    stem = path.name.partition(".")[0]
    return path.resolve().parent.name if stem == "dataset" else stem
