"""What `ravelar eval c3e contamination` does once its options are read."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ravelar.benchmark.evals.c3e.building import read_texts
from ravelar.benchmark.evals.c3e.items import choose_items, read_items
from ravelar.benchmark.evals.contamination import LocalModel, separation
from ravelar.benchmark.evals.manifest import open_manifest
from ravelar.benchmark.evals.rows import StageRows, read_rows_by_key
from ravelar.cli.progress import StageProgress
from ravelar.tools.errors import InputError


def measure_contamination(files: Sequence[Path], *, out: Path, **given: Any) -> int:
    """Measure items and controls; return the exit code: 1 if a text was too short to be measured."""
    items = [item for path in files for item in read_items(path)]
    items = choose_items(items, language=given["lang"], tasks=given["tasks"], limit=given["limit"])
    texts = {f"item|{item.key}": item.reference for item in items}
    texts |= {f"control|{text.name}": text.text for text in read_texts(given["controls"])}
    if given["dry_run"]:
        click.echo(f"{len(items):,} items and {len(texts) - len(items):,} controls would be measured.")
        return 0
    open_manifest(out, "contamination", {"model_path": given["model_path"], "files": [str(path) for path in files]})
    path = out / "contamination.jsonl"
    with StageRows(path) as rows, StageProgress(len(texts), "contamination") as progress:
        wanted = rows.wanted(texts, retry_failed=given["retry_failed"])
        model = LocalModel(given["model_path"], given["device"]) if wanted else None
        for key in wanted:
            assert model is not None
            try:
                row = {"key": key, **model.exposure(texts[key]).as_row()}
            except InputError as error:
                row = {"key": key, "error": f"InputError: {error}"}
            rows.append(row)
            progress.row(row)
    return _say(list(read_rows_by_key(path).values()), given["as_json"])


def _say(rows: Sequence[dict[str, Any]], as_json: bool) -> int:
    measured = [row for row in rows if row.get("error") is None]
    items = [row for row in measured if row["key"].startswith("item|")]
    controls = [row for row in measured if row["key"].startswith("control|")]
    found = separation(items, controls)
    if as_json:
        click.echo(json.dumps({"items": len(items), "controls": len(controls), "area_under_curve": found}))
    else:
        click.echo(
            f"{len(items):,} items beside {len(controls):,} controls; 0.5 tells nothing apart, above points to seen"
        )
        for name, area in found.items():
            click.echo(f"  {name:<11} {'-' if area is None else f'{area:.3f}'}")
    return 1 if len(measured) < len(rows) else 0
