"""Write `examples/tasks/`: `PYTHONPATH=tests/tasks python -m five_tasks.write_examples`."""

import json
from pathlib import Path

from five_tasks import TASKS

FOLDER = Path(__file__).resolve().parents[3] / "examples" / "tasks"
FILES = {"unit_conversion": "unit_conversion", "haiku_syllables": "haiku"}


def files() -> dict[str, str]:
    """Return each file's content by its name."""
    made = {}
    for label, name in FILES.items():
        for what, rows in (("examples", TASKS[label].examples(60)), ("probes", TASKS[label].probes(320))):
            lines = [json.dumps(row, ensure_ascii=False) for row in rows]
            made[f"{name}_{what}.jsonl"] = "\n".join(lines) + "\n"
    return made


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
