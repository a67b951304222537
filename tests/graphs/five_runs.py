"""One acquisition per task over HTTP, as the recorded exchanges were held: the same input, the same settings.

`python -P tests/graphs/five_runs.py LABEL http://127.0.0.1:PORT/v1` runs one against any OpenAI-compatible server
and prints how it ended; that is how a cassette is recorded anew (see `make cassettes`).
"""

import json
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
for folder in (TESTS / "tasks", TESTS / "hub"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from five_tasks import TASKS  # noqa: E402

from ravelar.graphs.rlar import build_rlar  # noqa: E402
from ravelar.graphs.rlar_parts import Parts  # noqa: E402
from ravelar.graphs.rlar_state import RlarContext  # noqa: E402
from ravelar.tools.adopted.store import AdoptedStore, open_store  # noqa: E402

CASSETTES = TESTS / "cassettes"


def run_task(label: str, base_url: str, store: AdoptedStore, *, model: str = "openai:replay") -> dict[str, Any]:
    """Acquire a tool for one of the five tasks with nothing but its examples, its probes and a language model."""
    task = TASKS[label]
    context = RlarContext(model=model, base_url=base_url, search_hub=False, max_repairs=3)
    given: Any = {"triples": [], "examples": task.examples(60), "probes": task.probes()}
    result: dict[str, Any] = {}
    for mode, event in build_rlar(parts=Parts(store=store)).stream(
        given, context=context, stream_mode=["custom", "values"]
    ):
        if mode == "values":
            result = event
        elif __name__ == "__main__" and event["event"] != "started":
            print(json.dumps(event, ensure_ascii=False)[:1500], flush=True)
    return result


if __name__ == "__main__":
    ended = run_task(sys.argv[1], sys.argv[2], open_store("memory:"), model="openai:by-hand")
    print(ended["end"], ended["because"], ended["spent"], ended["left_out"])
