"""The hostile snippets, run and judged; also a script, so that another user can run the same.

python attack_cases.py attacks.jsonl [layer ...]      # prints one JSON line per verifier and level
"""

import json
import socket
import sys
from pathlib import Path

from ravelar.tools.sandbox.layers import ALL_LAYERS
from ravelar.tools.sandbox.local import LocalSandbox
from ravelar.tools.sandbox.protocol import Call, Limits, Outcome, Program

WORDS = {
    "raised": "raise",
    "crash": "crash",
    "timeout": "timeout",
    "out_of_range": "range",
    "bad_type": "badtype",
    "protocol": "protocol",
    "load": "load",
}
LIMITS = Limits(wall_s=1.0, cpu_s=1.0, memory_mb=512)
LEVELS = ("per_call", "per_tool")


def read_attacks(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def program_of(attack: dict, level: str, port: int) -> Program:
    profile = "math" if attack.get("needs") == "sympy" else "core"
    source = attack["code"].replace("@PORT@", str(port))
    return Program(source, profile=profile, isolation=level)


def run_attack(sandbox: LocalSandbox, attack: dict, level: str, port: int = 1) -> Outcome:
    call = Call((attack["response"], attack["reference"]))
    return sandbox.run(program_of(attack, level, port), [call], LIMITS)[0]


def as_expected(attack: dict, outcome: Outcome) -> bool:
    for word in attack["expected_outcome"].split("|"):
        if word.startswith("v="):
            if outcome.ok and outcome.value == float(word[2:]):
                return True
        elif outcome.reason == "memory":  # the file knows no such word: it says what a MemoryError or a kill is
            if word in ("raise", "crash"):
                return True
        elif outcome.reason is not None and WORDS[outcome.reason] == word:
            return True
    return False


def main(path: str, *layers: str) -> None:
    attacks = [attack for attack in read_attacks(Path(path)) if attack["kind"] == "verifier"]
    with socket.socket() as listener, LocalSandbox(layers=layers or ALL_LAYERS) as sandbox:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        for attack in attacks:
            for level in LEVELS:
                outcome = run_attack(sandbox, attack, level, port)
                row = {"id": attack["id"], "level": level, "ok": as_expected(attack, outcome)}
                print(json.dumps(row | {"outcome": repr(outcome)[:300]}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
