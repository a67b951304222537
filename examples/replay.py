"""Run a command with a language model that only replays: no key, no network.

    python examples/replay.py ravelar acquire --model openai:replay ...

A server on the loopback gives the replies that were recorded for the tests (`tests/cassettes`), to the very requests
that they were recorded for, and refuses all others. The command finds it by OPENAI_BASE_URL, as it would find any
OpenAI-compatible server.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

TESTS = Path(__file__).resolve().parents[1] / "tests"


def server_module() -> ModuleType:
    """Import the tests' server of recorded exchanges."""
    spec = importlib.util.spec_from_file_location("cassette_server", TESTS / "agents" / "cassette_server.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"no module at {TESTS / 'agents' / 'cassette_server.py'}")
    module = sys.modules["cassette_server"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(command: list[str], environment: dict[str, str]) -> int:
    """Run the command to its end; return its exit code, as a shell would give it."""
    try:
        return subprocess.run(command, env=environment, check=False).returncode
    except FileNotFoundError:
        print(f"there is no program {command[0]!r}", file=sys.stderr)
        return 127
    except KeyboardInterrupt:  # the command hears it too, and says what is to be said
        return 130


def main(command: list[str]) -> int:
    """Run the command beside the server; return its exit code, or 1 if a request had no recorded reply."""
    if not command:
        print(__doc__)
        return 2
    cassettes = sorted((TESTS / "cassettes").glob("*.jsonl"))
    with server_module().CassetteServer(*cassettes, unanswered=None) as server:
        print("a replay of recorded replies; no language model is asked", file=sys.stderr)
        model = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none-is-needed"}
        code = run(command, {**os.environ, **model})
        for problem in server.problems:
            print(problem, file=sys.stderr)
    return code or (1 if server.problems else 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
