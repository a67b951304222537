"""What `ravelar eval` commands do once their options are read: estimate, run a stage, say how it went."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from ravelar.benchmark.evals.c3e.building import KINDS, building_stage, items_of, read_texts
from ravelar.benchmark.evals.c3e.published_rubrics import read_rubrics
from ravelar.benchmark.evals.c3e.run_folder import REPLIES, Run, begin_run, open_run
from ravelar.benchmark.evals.c3e.stages import (
    COMPARISONS,
    JUDGEMENTS,
    OUTPUTS,
    JudgeSettings,
    comparing_stage,
    judging_stage,
    writing_stage,
)
from ravelar.benchmark.evals.c3e.writers import DirectWriter, GivenOutputs, Writer, models_in
from ravelar.benchmark.evals.estimates import Estimate, estimate_building, estimate_judging, estimate_writing
from ravelar.benchmark.evals.kept_replies import KeptReplies
from ravelar.benchmark.evals.manifest import digest_of, open_manifest
from ravelar.benchmark.evals.models import ModelSettings
from ravelar.benchmark.evals.rows import StageRows, read_rows_by_key
from ravelar.benchmark.evals.running import Stage, Tally, run_stage
from ravelar.benchmark.evals.spending import open_spending
from ravelar.tools.chat.meter import Meter
from ravelar.tools.errors import InputError

J = TypeVar("J")


def write_texts(files: Sequence[Path], *, out: Path, **given: Any) -> int:
    """Have texts written; return the exit code: 1 if a row failed or the stage stopped early."""
    if sum(given[name] is not None for name in ("model", "ravel", "outputs")) != 1:
        raise InputError("name one writer: --model, --ravel, or --outputs for a file of texts")
    run = begin_run(out, files, language=given["lang"], tasks=given["tasks"], limit=given["limit"])
    if given["outputs"] is not None:
        return _take_outputs(run, given)
    if given["ravel"] is not None:
        return _write_in_steps(run, given)
    settings = _model(given)
    if given["dry_run"]:
        return _dry_run(estimate_writing(run.items, samples=given["samples"]), settings, given)
    meter = open_spending(settings.model, max_tokens=given["max_tokens"], max_cost=given["max_cost"])
    kept = KeptReplies(out / REPLIES)
    writer = DirectWriter(settings, meter=meter, kept=kept, name=given["name"])
    manifest = {**settings.as_row(), "messages": given["messages"], "samples": given["samples"]}
    open_manifest(out, f"write {writer.name}", manifest)
    return say(_written(run, writer, given), f"texts of {writer.name}", meter, given)


def judge_texts(folder: Path, **given: Any) -> int:
    """Have texts judged or compared; return the exit code: 1 if a row failed or the stage stopped early."""
    run = open_run(folder)
    outputs = list(run.outputs.values())
    if not any(row.get("error") is None for row in outputs):
        raise InputError(f"{folder} holds no texts to judge; `ravelar eval c3e run --out {folder}` has them written")
    model = _model(given)
    rubrics = None if given["rubrics"] is None else read_rubrics(given["rubrics"])
    if rubrics is not None and given["pairs"]:
        raise InputError("the published rubrics score one text: --pairs has none of them")
    judge = JudgeSettings(model, not given["no_reference"], given["repeats"], given["method"], rubrics)
    if given["dry_run"]:
        return _dry_run(estimate_judging(run.items, outputs, repeats=judge.repeats), model, given)
    meter = open_spending(model.model, max_tokens=given["max_tokens"], max_cost=given["max_cost"])
    kept = KeptReplies(folder / REPLIES)
    what = "compare" if given["pairs"] else "judge"
    manifest = {**model.as_row(), "method": judge.method, "with_reference": judge.with_reference}
    if rubrics is not None:
        manifest["rubrics"] = digest_of(sorted(rubrics.values()))
    open_manifest(folder, f"{what} {judge.name}", manifest)
    make: Any = comparing_stage if given["pairs"] else judging_stage
    stage = make(run.items, outputs, judge, meter=meter, kept=kept, at_once=given["at_once"])
    rows = folder / (COMPARISONS if given["pairs"] else JUDGEMENTS)
    tally = _run(stage, rows, retry_failed=given["retry_failed"])
    return say(tally, f"{'comparisons' if given['pairs'] else 'judgements'} of {judge.name}", meter, given)


def build_items(folder: Path, *, out: Path, **given: Any) -> int:
    """Make items from texts, and write those that keep every rule; return the exit code."""
    texts, kinds = read_texts(folder), given["tasks"] or KINDS
    if unknown := set(kinds) - set(KINDS):
        raise InputError(f"no task {sorted(unknown)[0]!r}; known: {', '.join(KINDS)}")
    model = _model(given)
    if given["dry_run"]:
        return _dry_run(estimate_building([text.text for text in texts], kinds), model, given)
    meter = open_spending(model.model, max_tokens=given["max_tokens"], max_cost=given["max_cost"])
    open_manifest(out, "build", {**model.as_row(), "texts": {text.name: digest_of(text.text) for text in texts}})
    stage = building_stage(
        texts, model, meter=meter, kept=KeptReplies(out / REPLIES), kinds=kinds, at_once=given["at_once"]
    )
    path = out / "items.jsonl"
    tally = _run(stage, path, retry_failed=given["retry_failed"])
    for name, lines in items_of(read_rows_by_key(path).values()).items():
        (out / name).write_text(lines, encoding="utf-8")
        click.echo(f"{out / name}: {lines.count(chr(10)):,} items", err=True)
    return say(tally, "items", meter, given)


def measure_texts(folder: Path, **given: Any) -> int:
    """Have texts measured without a model; return the exit code: 1 if a text could not be measured."""
    from ravelar.benchmark.evals.measures.stage import MEASURES, measure_rows, texts_in  # noqa: PLC0415  sacrebleu
    from ravelar.cli.progress import StageProgress  # noqa: PLC0415

    run = open_run(folder)
    outputs = list(run.outputs.values())
    texts = texts_in(outputs, run.items)
    if not texts:
        raise InputError(f"{folder} holds no texts to measure; `ravelar eval c3e run --out {folder}` has them written")
    if given["dry_run"]:
        there = read_rows_by_key(folder / MEASURES)
        click.echo(f"{sum(key not in there for key in texts):,} of {len(texts):,} texts would be measured.")
        return 0
    with StageProgress(len(texts), "measures") as progress:
        tally = measure_rows(
            folder, run.items, outputs, jobs=given["jobs"], retry_failed=given["retry_failed"], on_row=progress.row
        )
    return say(tally, "texts measured", None, given)


def _write_in_steps(run: Run, given: Mapping[str, Any]) -> int:
    """Have RAVEL write the end-to-end items."""
    from ravelar.benchmark.evals.c3e.ravel_writer import RavelWriter  # noqa: PLC0415  langgraph
    from ravelar.writing import write  # noqa: PLC0415

    items = [item for item in run.items if item.brief.task == "end2end"]
    if not items:
        raise InputError("RAVEL writes end-to-end items, and there are none among those chosen")
    settings = {"model": given["ravel"], "protocol": given["protocol"], "base_url": given["base_url"], **_roles(given)}
    limits = {"max_tokens": given["max_tokens"], "max_cost": given["max_cost"]}
    name = given["name"] or f"ravel {given['protocol']} {given['ravel'].partition(':')[2]}"
    if given["dry_run"]:
        click.echo(
            f"{name}: {len(items) * given['samples']:,} articles would be written, in steps that its planner decides."
        )
        return 0
    open_manifest(run.folder, f"write {name}", {**settings, **limits})
    writer = RavelWriter(write, run.folder, name=name, settings={**settings, **limits})
    return say(_written(Run(run.folder, items), writer, given), f"articles of {name}", None, given)


def _roles(given: Mapping[str, Any]) -> dict[str, str]:
    known, found = ("planner", "outliner", "drafter", "reviewer", "refiner"), {}
    for one in given["roles"]:
        role, _, model = one.partition("=")
        if role not in known or not model:
            raise InputError(f"--role {one!r}: allowed: ROLE=MODEL, ROLE one of {', '.join(known)}")
        found[f"{role}_model"] = model
    return found


def _take_outputs(run: Run, given: Mapping[str, Any]) -> int:
    path, code = given["outputs"], 0
    for model in given["only"] or models_in(path) or [None]:
        writer = GivenOutputs(path, model)
        items = [item for item in run.items if item.key in writer.item_ids]
        if not items:
            raise InputError(f"{path} holds texts of none of the {len(run.items)} items")
        open_manifest(run.folder, f"write {writer.name}", {"outputs": str(path.resolve())})
        some = Run(run.folder, items)
        code = max(code, say(_written(some, writer, given), f"texts of {writer.name}", None, given))
    return code


def _written(run: Run, writer: Writer, given: Mapping[str, Any]) -> Tally:
    stage = writing_stage(
        run.items, writer, messages=given["messages"], samples=given["samples"], at_once=given["at_once"]
    )
    return _run(stage, run.folder / OUTPUTS, retry_failed=given["retry_failed"])


def _run(stage: Stage[J], path: Path, *, retry_failed: bool) -> Tally:
    from ravelar.cli.progress import StageProgress  # noqa: PLC0415

    with StageRows(path) as rows, StageProgress(len(stage.jobs), path.stem) as progress:
        shown = replace(stage, on_row=progress.row)
        return asyncio.run(run_stage(shown, rows, retry_failed=retry_failed))


def _model(given: Mapping[str, Any]) -> ModelSettings:
    return ModelSettings(
        given["model"],
        base_url=given["base_url"],
        temperature=given["temperature"],
        requests_per_minute=given["rpm"],
    )


def _dry_run(estimate: Estimate, settings: ModelSettings, given: Mapping[str, Any]) -> int:
    row = estimate.as_row(settings.model)
    if given["as_json"]:
        click.echo(json.dumps(row))
        return 0
    cost = "no price is known for it" if row["cost"] is None else f"about ${row['cost']:,.2f}"
    click.echo(
        f"{settings.model}: {row['calls']:,} calls, about {row['tokens_in']:,} tokens in and at most "
        f"{row['tokens_out']:,} out; {cost}. Nothing was asked."
    )
    return 0


def say(tally: Tally, what: str, meter: Meter | None, given: Mapping[str, Any]) -> int:
    """Say how a stage went, as a line or JSON; return the exit code: 1 if a row failed or the stage stopped early."""
    spent = {} if meter is None else meter.spent()
    failed = sum(tally.failed.values())
    if given["as_json"]:
        row = {"made": tally.made, "failed": dict(tally.failed), "kept": tally.kept, "stopped": tally.stopped or None}
        click.echo(json.dumps({"what": what, **row, "seconds": round(tally.seconds, 2), "spent": spent}))
    else:
        parts = [f"{tally.made:,} {what}", f"{failed:,} failed", f"{tally.kept:,} there before"]
        if spent:
            parts.append(f"{int(spent['tokens_in'] + spent['tokens_out']):,} tokens")
        if spent.get("cost") is not None:
            parts.append(f"${spent['cost']:,.4f}")
        click.echo(f"{', '.join(parts)}, {tally.seconds:,.1f} s")
        for name, n in tally.failed.most_common():
            click.echo(f"  {n:,} failed with {name}; --retry-failed makes them again", err=True)
        if tally.stopped:
            click.echo(f"ravelar: stopped early: {tally.stopped}; the same command goes on from here", err=True)
    sys.stdout.flush()
    return 1 if failed or tally.stopped else 0
