"""Rows and plans: append-only, killed and resumed without loss."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ravelar.tools.errors import InputError
from ravelar.training.study.kit import Kit, KitSize
from ravelar.training.study.schedule import Plan, Rows, best_rates, guards, key_of, study

ARMS = ("routed", "oracle")
TINY = KitSize(warm_steps=2, notes_steps=1, all_steps=1, samples=2, pairs=5)
PLAN = Plan(arms=ARMS, seeds=(1,), tuning_seeds=(), rates=(3e-4,), steps=1, size=TINY)


def row(kind: str, arm: str, seed: int, rate: float, accuracy: float) -> dict[str, object]:
    return {
        "kind": kind,
        "arm": arm,
        "seed": seed,
        "rate": rate,
        "steps": 60,
        "after": {"accuracy": {"sorting": accuracy, "notes": accuracy}},
    }


def test_a_cut_last_line_is_no_row_and_the_next_one_takes_its_place(tmp_path: Path) -> None:
    rows = Rows(tmp_path / "rows.jsonl")
    rows.add({"kind": "kit", "seed": 1})
    rows.path.write_bytes(rows.path.read_bytes() + b'{"kind": "ru')
    assert [row["seed"] for row in rows] == [1]
    rows.add({"kind": "kit", "seed": 2})
    assert [row["seed"] for row in rows] == [1, 2]
    assert rows.path.read_bytes().count(b"\n") == 2


def test_a_broken_line_that_is_not_the_last_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"kind": "kit"}\nnonsense\n{"kind": "kit"}\n')
    with pytest.raises(InputError, match=r"rows\.jsonl, line 2: no row of a study"):
        list(Rows(path))


def test_nothing_that_is_no_json_gets_into_the_rows(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        Rows(tmp_path / "rows.jsonl").add({"reward": float("nan")})
    assert not (tmp_path / "rows.jsonl").exists()


def test_the_rate_of_an_arm_is_the_one_with_the_greatest_mean_over_tuning_seeds() -> None:
    rows = [
        row("tune", "routed", 100, 1e-3, 0.9),
        row("tune", "routed", 101, 1e-3, 0.1),
        row("tune", "routed", 100, 3e-4, 0.6),
        row("tune", "routed", 101, 3e-4, 0.6),
        row("tune", "oracle", 100, 1e-3, 0.7),
        row("run", "oracle", 1, 3e-4, 1.0),
    ]
    assert best_rates(rows) == {"routed": 3e-4, "oracle": 1e-3}


def test_every_arm_gets_the_same_rates_steps_and_seeds() -> None:
    plan = Plan()
    tried = {(spec.arm, spec.seed, spec.rate, spec.steps) for spec in plan.tuning()}
    assert len(tried) == len(plan.arms) * len(plan.tuning_seeds) * len(plan.rates)
    runs = plan.runs(dict.fromkeys(plan.arms, 3e-4))
    assert len(runs) == len(plan.arms) * len(plan.seeds) >= len(plan.arms) * 5
    assert {spec.steps for spec in (*runs, *plan.tuning())} == {plan.steps}
    assert not {spec.seed for spec in runs} & {spec.seed for spec in plan.tuning()}


def test_a_seed_that_is_tuned_on_is_not_reported() -> None:
    with pytest.raises(InputError, match=r"the seeds \[3\] would be tuned on and reported"):
        Plan(seeds=(1, 2, 3), tuning_seeds=(3, 4))


def test_a_folder_that_cant_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"study's folder .*file/out can't be made"):
        study(PLAN, tmp_path / "file" / "out", jobs=1, tell=print)


def test_the_guard_alone_watches_one_arm_only(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the guard watches the arm 'longer is better', which is not among routed"):
        guards(Plan(arms=("routed",)), tmp_path, jobs=1, tell=print)


SCRIPT = """
from pathlib import Path
from ravelar.training.study.schedule import Plan, study

if __name__ == "__main__":
    plan = Plan(arms={arms!r}, seeds=(1,), tuning_seeds=(100,), rates=(3e-4,), steps=1)
    study(plan, Path({folder!r}), jobs=1, tell=lambda line: print(line, flush=True))
"""


@pytest.mark.slow
@pytest.mark.xdist_group("busy")
@pytest.mark.timeout(300)  # two processes that import torch and trl and train for a step, on a busy machine
def test_killed_at_any_moment_it_goes_on_and_makes_each_run_once(kit: Kit, tmp_path: Path) -> None:
    script, folder = tmp_path / "script.py", tmp_path / "out"
    script.write_text(SCRIPT.format(arms=ARMS, folder=str(folder)))
    for seed in (1, 100):
        shutil.copytree(kit.folder, folder / f"seed-{seed}")
        (folder / f"seed-{seed}" / "facts.json").write_text(json.dumps({**kit.facts, "seed": seed}))
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as killed:
        try:
            assert killed.stdout is not None
            assert any("tune|" in line for line in killed.stdout)
            workers = _children(killed.pid)
        finally:
            killed.kill()
    assert workers
    _wait_until_gone(workers)
    with (folder / "rows.jsonl").open("a") as file:
        file.write('{"kind": "tune", "arm": "orac')  # what a machine that went down may leave

    subprocess.run([sys.executable, str(script)], check=True, capture_output=True, timeout=250)
    rows = list(Rows(folder / "rows.jsonl"))
    assert sorted(row["seed"] for row in rows if row["kind"] == "kit") == [1, 100]
    keys = [key_of(row) for row in rows if row["kind"] != "kit"]
    wanted = [f"{kind}|{arm}|{seed}|0.0003|1" for kind, seed in (("tune", 100), ("run", 1)) for arm in ARMS]
    wanted.append("run|routed, true reader|1|0.0003|1")
    assert sorted(keys) == sorted(wanted)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _wait_until_gone(pids: list[int]) -> None:
    """Workers end with their parent, whatever they were at."""
    deadline = time.monotonic() + 60
    while alive := [pid for pid in pids if _runs(pid)]:
        assert time.monotonic() < deadline, f"still there: {alive}"
        time.sleep(0.1)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
