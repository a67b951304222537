"""How fast a judge's calls go: our stage beside the same client in a bare bounded gather, and beside the ideal.

Both ask one model on the loopback that takes a fixed time for each reply, with the same prompts, so many at once. The
ideal is calls x latency / at once: what a program that costs nothing would take. Rounds alternate, so that a machine
whose speed drifts does not favour either.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from ravelar.agents.c3e.judging import judge_prompt
from ravelar.agents.prompts import load_prompt
from ravelar.benchmark.evals.c3e.items import Brief, Item
from ravelar.benchmark.evals.c3e.judged import materials_of
from ravelar.benchmark.evals.c3e.stages import JudgeSettings, judging_stage
from ravelar.benchmark.evals.kept_replies import KeptReplies
from ravelar.benchmark.evals.models import ModelSettings, close_model, open_model
from ravelar.benchmark.evals.rows import Row, StageRows
from ravelar.benchmark.evals.running import run_stage
from ravelar.benchmark.loopback_chat import LoopbackChat
from ravelar.tools.chat.meter import Meter

CALLS = 1_258  # one for each item of C3EBench
REPLY = json.dumps({"reasons": [{"about": "a", "finding": "b"}], "score": 6, "verdict": "equal"})
_TEXT = "The tide left the harbour to the gulls and to the mud that nobody owns. "


def measure(
    *, calls: int = CALLS, at_once: int = 64, latency_s: float = 0.05, rounds: int = 3, characters: int = 2_000
) -> dict[str, float]:
    """Return seconds and ratios, medians over the rounds.

    Args:
        calls: Calls a round.
        at_once: Calls side by side.
        latency_s: How long the model takes for a reply, in seconds.
        rounds: How often each is measured, in turn.
        characters: The length of each text and reference.
    """
    items = [_item(i, characters) for i in range(calls)]
    with LoopbackChat(REPLY, latency_s) as model:
        judge = JudgeSettings(ModelSettings("openai:loopback", base_url=model.url))
        bare, ours = [], []
        asyncio.run(_bare(judge, items[: 2 * at_once], at_once))  # connections, imports
        for _ in range(rounds):
            bare.append(asyncio.run(_bare(judge, items, at_once)))
            ours.append(asyncio.run(_ours(judge, items, at_once)))
    ideal = calls * latency_s / at_once
    return {
        "calls": calls,
        "at_once": at_once,
        "ideal_s": round(ideal, 3),
        "bare_s": round(median(bare), 3),
        "ours_s": round(median(ours), 3),
        "ours_to_bare": round(median(a / b for a, b in zip(ours, bare, strict=True)), 3),
        "ours_to_ideal": round(median(ours) / ideal, 3),
    }


async def _bare(judge: JudgeSettings, items: Sequence[Item], at_once: int) -> float:
    chat, gate = open_model(judge.model), asyncio.Semaphore(at_once)
    prompts = [_messages(item) for item in items]

    async def ask(messages: list[BaseMessage]) -> None:
        async with gate:
            await chat.ainvoke(messages)

    started = time.perf_counter()
    await asyncio.gather(*map(ask, prompts))
    taken = time.perf_counter() - started
    await close_model(chat)
    return taken


async def _ours(judge: JudgeSettings, items: Sequence[Item], at_once: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        kept = KeptReplies(Path(folder) / "replies.sqlite")
        stage = judging_stage(items, map(_output, items), judge, meter=Meter(), kept=kept, at_once=at_once)
        with StageRows(Path(folder) / "rows.jsonl") as rows:
            tally = await run_stage(stage, rows)
        kept.close()
    if tally.made != len(items):
        raise RuntimeError(f"{tally.made} of {len(items)} judgements: {dict(tally.failed)} {tally.stopped}")
    return tally.seconds


def _item(number: int, characters: int) -> Item:
    given = {"audience": "all", "word": "300"}
    brief = Brief(f"end2end_en_{number}", "en", "end2end", "essay", f"Write text number {number}.", given)
    return Item(brief, (_TEXT * (characters // len(_TEXT) + 1))[:characters], brief.key)


def _output(item: Item) -> Row:
    brief = item.brief
    kind = {"item": brief.key, "task": brief.task, "language": brief.language}
    return {"key": f"w|{brief.key}|0", **kind, "system": "w", "sample": 0, "text": item.reference}


def _messages(item: Item) -> list[BaseMessage]:
    brief = item.brief
    prompt, values = judge_prompt(
        brief.task, brief.language, materials_of(brief), reference=item.reference, candidate=item.reference
    )
    rendered = load_prompt(prompt).fill(values)
    return [SystemMessage(rendered.system), HumanMessage(rendered.user)]
