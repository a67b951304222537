"""The hostile snippets end as expected: at both levels, as root and as an ordinary user, with all layers or one."""

import contextlib
import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

LEVELS = ("per_call", "per_tool")


@pytest.fixture(scope="module")
def attacks(attack_cases):
    path = Path(os.environ.get("RAVELAR_SHARED", Path(__file__).resolve().parents[3] / "shared/data"))
    path = path / "attacks/attacks.jsonl"
    if not path.exists():
        pytest.skip(f"real data attacks/attacks.jsonl is not here (looked in {path.parents[1]})")
    return [attack for attack in attack_cases.read_attacks(path) if attack["kind"] == "verifier"]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.slow
def test_every_attack_ends_as_expected(attacks, attack_cases, sandbox, level):
    wrong = {}
    for attack in attacks:
        outcome = attack_cases.run_attack(sandbox, attack, level)
        if not attack_cases.as_expected(attack, outcome):
            wrong[attack["id"]] = outcome
    assert not wrong


def interpreter_for_others() -> str | None:
    """Return an interpreter of this version that a user without rights to our home can run."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        with contextlib.suppress(OSError):
            if subprocess.run([python, "-c", "import json"], user="nobody", cwd="/", check=False).returncode == 0:
                return python
    return None


def run_as(user: str | None, python: str, attack_file: Path, *layers: str) -> list[dict]:
    script = Path(__file__).with_name("attack_cases.py")
    code = (
        f"import site, sys, runpy; site.addsitedir({sysconfig.get_path('purelib')!r}); "
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    process = subprocess.run(
        [python, "-c", code, script, attack_file, *layers],
        user=user,
        extra_groups=[] if user else None,
        env={},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return [json.loads(line) for line in process.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("layers", [(), ("seccomp",)], ids=["all-layers", "seccomp-alone"])
def test_every_attack_ends_as_expected_for_an_ordinary_user(attacks, shared, layers):
    python = sys.executable
    if os.geteuid() == 0 and (python := interpreter_for_others()) is None:
        pytest.skip("no interpreter of this version that nobody may run")
    user = "nobody" if os.geteuid() == 0 else None
    rows = run_as(user, python, shared("attacks/attacks.jsonl"), *layers)
    assert len(rows) == len(attacks) * len(LEVELS)
    assert [row for row in rows if not row["ok"]] == []


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: an ordinary user's run is tested above")
def test_every_attack_ends_as_expected_for_root_with_seccomp_alone(attacks, shared):
    rows = run_as(None, sys.executable, shared("attacks/attacks.jsonl"), "seccomp")
    assert len(rows) == len(attacks) * len(LEVELS)
    assert [row for row in rows if not row["ok"]] == []
