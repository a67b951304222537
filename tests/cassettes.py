"""Say which recorded exchanges must be answered again: `make cassettes`, or python tests/cassettes.py [CASSETTE ...].

Two lists: exchanges whose prompt has changed since they were recorded, and requests of the last replays that
had no recorded answer (kept in .cache/unanswered.jsonl; delete it to begin anew). Ends with 1 if either holds anything.

To answer them: serve any OpenAI-compatible model, run what the cassette is for against it, and write each exchange as
one JSON line {"key", "request", "message"}, the key by `request_key` of tests/agents/cassette_server.py.
"""

import importlib.util
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

TESTS = Path(__file__).resolve().parent
FOLDER = TESTS / "cassettes"


def _server() -> ModuleType:
    if "cassette_server" not in sys.modules:
        spec = importlib.util.spec_from_file_location("cassette_server", TESTS / "agents" / "cassette_server.py")
        module = sys.modules["cassette_server"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules["cassette_server"]


def stale(paths: Iterable[Path]) -> list[str]:
    """Return a line for each recorded exchange that its prompt no longer fits, or whose key is wrong."""
    server, lines = _server(), []
    for path in paths:
        for entry in server.read_cassette(path):
            if changed := server.changed_prompts(entry.request):
                lines.append(f"{entry.place}: prompt {', '.join(changed)} changed; {_about(server, entry.request)}")
            elif (key := server.request_key(entry.request)) != entry.key:
                lines.append(f"{entry.place}: its key is {entry.key}, its request says {key}")
    return lines


def unanswered(path: Path | None = None) -> list[str]:
    """Return a line for each different request that had no recorded answer when something was replayed."""
    server = _server()
    path = path or server.UNANSWERED
    if not path.exists():
        return []
    requests = {entry["key"]: entry["request"] for entry in map(json.loads, path.read_text("utf-8").splitlines())}
    return [
        f"{key}: prompt {server.prompt_of(request)}; {_about(server, request)}" for key, request in requests.items()
    ]


def _about(server: ModuleType, request: dict) -> str:
    said = server.texts(request)
    turn = " (repair turn)" if len(said) > 2 else ""
    user = " ".join(said[1].split()) if len(said) > 1 else ""
    return f"{user[:100]!r}{turn}"


def main() -> int:
    paths = [Path(name) for name in sys.argv[1:]] or sorted(FOLDER.glob("*.jsonl"))
    old, new = stale(paths), unanswered()
    print(f"{len(paths)} cassettes; {len(old)} exchanges are stale, {len(new)} requests have no recorded answer")
    print("\n".join([*old, *new]))
    return 1 if old or new else 0


if __name__ == "__main__":
    sys.exit(main())
