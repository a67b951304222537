"""Starts a script that runs something again and again, each time killed; each run must have died as it was told."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any


def kill_each(script: str, kills: list[dict[str, Any]], *, timeout_s: float = 250, **plan: Any) -> list[str]:
    """Run it once for each kill, in this order; return what was printed.

    Args:
        script: Its name, beside this file; it reads `kills` and the plan, and prints a list of {"signal", "said"}.
        kills: Where each run is to die.
        timeout_s: For all of them together.
        plan: What else the script is told.
    """
    done = subprocess.run(
        [sys.executable, "-P", str(Path(__file__).with_name(script))],
        input=json.dumps({"kills": kills, **plan}),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    runs = json.loads(done.stdout)
    survived = [(kill, run) for kill, run in zip(kills, runs, strict=True) if run["signal"] != signal.SIGKILL]
    assert not survived
    return [run["said"] for run in runs]
