"""What was measured of the built-in tools, as `ravelar.benchmark.metric_evidence` wrote it beside this file."""

import json
from pathlib import Path

from ravelar.tools.card import Evidence

EVIDENCE_FILE = Path(__file__).with_name("evidence.json")


def evidence_of(name: str) -> tuple[Evidence, ...]:
    """Return the facts measured of a tool, in the file's order; () where there are none."""
    if not EVIDENCE_FILE.exists():
        return ()
    facts = json.loads(EVIDENCE_FILE.read_text(encoding="utf-8"))
    return tuple(Evidence(**fact) for fact in facts.get(name, ()))
