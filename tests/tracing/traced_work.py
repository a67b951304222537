# ruff: noqa: PLC0415  each process loads what its work needs
"""Work that is traced: each function is done in a process of its own, as a user's program would be.

    python traced_work.py NAME ...     NAMEs: those of `WORK`

References hold `SECRET_WORD`, so that a test can look for it in whatever was sent.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / name) for name in ("graphs", "tasks", "training", "agents")]

SECRET_WORD = "marsupial"
OPENAI_KEY = "sk-of-nobody-0123456789"
PROGRAM = "def add(a, b):\n    return a + b\n"


def score() -> None:
    """Score with verifiers, with programs in a sandbox, and with a judge, some of it in threads."""
    import asyncio

    import ravelar
    from ravelar.agents.judge import Judge
    from ravelar.tools.builtin import builtin_library
    from ravelar.tools.chat.meter import Meter
    from ravelar.tools.chat.scripted import ScriptedChat
    from ravelar.tools.langchain_tools import score_completions

    said = json.dumps({"reasoning": f"the reference says {SECRET_WORD}", "score": 5})
    judge = Judge(ScriptedChat(lambda _: said), name="warmth", rubric="Is it warm?", meter=Meter())
    library = builtin_library(sandbox="unsafe").plus(judge)
    rows: list[dict[str, Any]] = [
        {"prompt": "6 * 7?", "completion": "It is 42.", "reference": 42},
        {"prompt": f"{SECRET_WORD}?", "completion": "It is 41.", "tool": "math_answer"},
        {"prompt": "Greet.", "completion": "Hello!", "reference": f"Dear {SECRET_WORD}", "tool": "warmth"},
        {"prompt": "Write add.", "completion": PROGRAM, "reference": "assert add(1, 2) == 3", "tool": "unit_tests"},
        {"prompt": "Hm?", "completion": "Hm.", "reference": {"odd": SECRET_WORD}},
    ]
    values = [reward.value for reward in ravelar.score(rows, library=library)]
    assert values == [1.0, None, 0.5, 1.0, None], values
    again = asyncio.run(ravelar.ascore(rows, library=library))
    assert [reward.value for reward in again] == values
    tool = score_completions(lambda: library, lambda: None)
    (row,) = tool.invoke({"prompt": "Hm?", "completions": ["Hm."], "reference": SECRET_WORD, "tool": "exact"})
    assert row["reward"] == 0.0, row


def rlar() -> None:
    """Acquire a tool: named, written, refused, repaired, adopted; then score with it."""
    from five_tasks import TASKS
    from rlar_world import chat_that_says, known_as, named, repaired, rows_of, written

    from ravelar.graphs.rlar import build_rlar
    from ravelar.graphs.rlar_parts import Parts
    from ravelar.graphs.rlar_state import RlarContext
    from ravelar.tools.adopted.store import open_store

    units = TASKS["unit_conversion"]
    honest = (TESTS / "tasks/five_tasks/honest/units.py").read_text(encoding="utf-8")
    answers = {
        "task namer": [named(units.spec()), *[known_as("unit_conversion")] * 10],
        "writer": [written(f"def verify(prompt, completion, reference):\n    return 1.0  # {SECRET_WORD}\n")],
        "repairer": [repaired(honest)],
    }
    given: Any = {"examples": units.examples(60), "probes": units.probes(), "triples": rows_of(units.made_triples(4))}
    for row in (*given["examples"], *given["triples"]):
        row["metadata"] = {"remark": SECRET_WORD}
    graph = build_rlar(parts=Parts(store=open_store("memory:"), chat=chat_that_says(answers)))
    result = graph.invoke(given, context=RlarContext(search_hub=False))
    assert result["end"] == "adopted", result


def ravel() -> None:
    """Write an article of two sections side by side; the brief has a key in it that nobody should have put there."""
    from ravel_world import Writer

    import ravelar
    from ravelar.tools.chat.scripted import ScriptedChat

    result = ravelar.write(
        f"Write about harbours; log in with {OPENAI_KEY}.", chat=ScriptedChat(Writer(sections=2)), protocol="fixed"
    )
    assert result["article"], result


def train() -> None:
    """Train a policy for two steps; each call of the reward is a run, its batches are on threads."""
    import tiny_trl

    from ravelar import RoutedReward
    from ravelar.tools.builtin import builtin_library

    rows = {
        "prompt": ["1 + 1?", "Which?\nA) red\nB) blue"] * 4,
        "reference": ["2", "B"] * 4,
        "remark": [SECRET_WORD] * 8,
    }
    with tempfile.TemporaryDirectory() as folder:
        tiny_trl.train("GRPO", RoutedReward(library=builtin_library()), rows, Path(folder), max_steps=2)


def rewards() -> None:
    """Run a reward benchmark with a routed library, and one with a judge; the cases have references."""
    from ravelar.benchmark.evals.rewards.cases import Case
    from ravelar.benchmark.evals.rewards.run import run
    from ravelar.benchmark.evals.rewards.scorers import JudgeScorer, RouteScorer
    from ravelar.benchmark.evals.row_file import RowFile
    from ravelar.tools.builtin import builtin_library
    from ravelar.tools.chat.meter import Meter
    from ravelar.tools.chat.scripted import ScriptedChat
    from ravelar.tools.tracing.runs import bearing

    cases = [Case(f"k{i}", "sums", f"{i} + 1?", (f"{i + 1}", "0"), 1, f"{i}", reference=f"{i + 1}") for i in range(3)]
    better = ScriptedChat(lambda _: json.dumps({"reasoning": "it came first", "better": "first"}))
    judge = JudgeScorer(better, meter=Meter(), model="scripted", concurrency=2)
    with tempfile.TemporaryDirectory() as folder, bearing(benchmark="rewardmath", seed=7):
        for name, scorer in (("route", RouteScorer(builtin_library())), ("judge", judge)):
            with (
                RowFile(Path(folder, f"{name}.jsonl"), {}, resume=False, overwrite=False) as rows,
                bearing(system=name),
            ):
                finished = run(cases, scorer, rows)
            assert finished.failed == 0, finished


def c3e() -> None:
    """Have texts written by a model and in steps, and judged; the judge quotes the reference."""
    from cassette_server import ScriptedServer

    from ravelar.cli.main import cli

    item = {
        "infer_id": "end2end_en_0", "task_type": "end2end", "sub_task": "story", "instruction": "Write a story.",
        "input": {"genre": "story", "brief": "tides", "audience": "all", "word": "300"}, "reference": SECRET_WORD,
    }  # fmt: skip
    judgement = {"reasons": [{"about": "all", "finding": f"less {SECRET_WORD}"}], "score": 6, "verdict": "equal"}
    server = ScriptedServer(["Once the tide came to tea.", json.dumps(judgement)])
    server.start()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "english_dataset.jsonl").write_text(json.dumps(item) + "\n")
        out, asked = str(Path(folder, "run")), ("--model", "openai:gpt-5", "--base-url", server.url)
        for command in (
            ("c3e", "run", "--items", folder, "--out", out, *asked),
            ("judge", out, *asked),
            ("c3e", "run", "--items", folder, "--out", out, "--ravel", "scripted:demo", "--protocol", "fixed"),
        ):
            code = cli.main(["eval", *command], standalone_mode=False)
            assert not code, (command, code)
    server.stop()


WORK = {"score": score, "rlar": rlar, "ravel": ravel, "train": train, "rewards": rewards, "c3e": c3e}

if __name__ == "__main__":
    for name in sys.argv[1:]:
        WORK[name]()
