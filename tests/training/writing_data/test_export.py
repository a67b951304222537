"""One file of JSON lines from runs' folders: whole or not at all, read by `datasets`, trained on by TRL."""

import json
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ravelar.tools.errors import InputError
from ravelar.training.writing_data.export import export, logs_in
from ravelar.writing import write

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs' folders, in English and in Chinese: replays of the shipped exchange."""
    folder = tmp_path_factory.mktemp("runs")
    write("Tides.", model="scripted:demo", out=folder / "en")
    write("潮汐。", model="scripted:demo", language="zh", protocol="fixed", out=folder / "zh")
    return folder


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_logs_are_found_in_folders_of_runs_in_a_run_and_by_name_each_once(runs: Path) -> None:
    log = runs / "en" / "events.jsonl"
    assert logs_in([runs]) == [log, runs / "zh" / "events.jsonl"]
    assert logs_in([runs / "en", log, runs / "en"]) == [log]
    with pytest.raises(InputError, match="holds no run: allowed: a run's folder"):
        logs_in([runs, runs / "nowhere"])


def test_rows_are_written_run_after_run_and_counted(runs: Path, tmp_path: Path) -> None:
    done = export(logs_in([runs]), tmp_path / "new" / "sft.jsonl", "sft")
    rows = rows_of(tmp_path / "new" / "sft.jsonl")
    assert (done.rows, done.runs, done.replays) == (len(rows), 2, 2) == (32, 2, 2)
    assert [row["language"] for row in rows] == ["en"] * 22 + ["zh"] * 10
    assert len({tuple(row) for row in rows if row["role"] == "planner"}) == 1
    assert list((tmp_path / "new").iterdir()) == [tmp_path / "new" / "sft.jsonl"]


def test_a_broken_log_leaves_no_file(runs: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad" / "events.jsonl"
    bad.parent.mkdir()
    bad.write_text('{"kind": "run"}\nnonsense\n{}\n')
    with pytest.raises(InputError, match="line 2: no event"):
        export([*logs_in([runs]), bad], tmp_path / "sft.jsonl", "sft")
    assert [path.name for path in tmp_path.iterdir()] == ["bad"]


def test_a_file_that_is_there_is_not_touched(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "sft.jsonl").write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        export(logs_in([runs]), tmp_path / "sft.jsonl", "sft")
    assert (tmp_path / "sft.jsonl").read_text() == "mine"


@pytest.mark.slow
def test_the_command_says_what_it_wrote_what_it_left_out_and_what_to_keep_apart(
    ravelar: Run, runs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "sft.jsonl"
    done = ravelar("train", "export", str(runs), "--role", "drafter", "--role", "refiner", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"8 rows of 2 runs in {out} (drafter 6, refiner 2)\n")
    assert "left out: 2 times a text that its review did not accept" in done.stdout
    assert "2 of the runs are replays" in done.stderr
    assert "can't be evaluated on the briefs of these 2 runs" in done.stderr
    pairs = ravelar(
        "train", "export", str(runs), "--as", "preference", "--json", "--out", str(tmp_path / "pairs.jsonl")
    )
    assert json.loads(pairs.stdout)["rows"] == 2


@pytest.mark.slow
def test_nothing_to_write_is_told_by_the_exit_code(ravelar: Run, runs: Path, tmp_path: Path) -> None:
    flags = ("--as", "preference", "--least-gain", "10", "--out", str(tmp_path / "none.jsonl"))
    done = ravelar("train", "export", str(runs), *flags)
    assert done.returncode == 1
    assert "left out: 2 times a text whose score is not lower by enough" in done.stdout


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--as", "dpo"], "'dpo' is not one of"),
        (["--as", "preference", "--role", "drafter"], "--role is for --as sft"),
        (["--least-gain", "1"], "--least-gain is for --as preference"),
        (["--role", "writer"], "'writer' is not one of"),
    ],
)
def test_wrong_flags_are_told_before_anything_is_written(
    ravelar: Run, runs: Path, tmp_path: Path, flags: list[str], said: str
) -> None:
    done = ravelar("train", "export", str(runs), *flags, "--out", str(tmp_path / "out.jsonl"))
    assert done.returncode == 2
    assert said in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sft", "preference"])
def test_datasets_reads_it_and_trl_trains_on_it(kind: Any, runs: Path, tmp_path: Path) -> None:
    trl = pytest.importorskip("trl", reason="the extra `train` is not installed")
    from datasets import load_dataset  # noqa: PLC0415  these take seconds, not while tests are collected
    from tiny_trl import model, options, tokenizer  # noqa: PLC0415

    export(logs_in([runs]), tmp_path / "rows.jsonl", kind)
    rows = load_dataset("json", data_files=str(tmp_path / "rows.jsonl"), split="train", cache_dir=str(tmp_path / "c"))
    assert rows.num_rows == (32 if kind == "sft" else 2)
    policy, reference = model(), model()
    policy.config.max_position_embeddings = reference.config.max_position_embeddings = 8_192
    before = policy.model.embed_tokens.weight.detach().clone()
    name = "SFT" if kind == "sft" else "DPO"
    given = options(tmp_path / "out", max_steps=1, per_device_train_batch_size=2, max_length=8_192)
    settings = {
        key: value for key, value in given.items() if key not in {"num_generations", "max_completion_length", "beta"}
    }
    with warnings.catch_warnings():  # what TRL, transformers and torch warn of among themselves
        warnings.simplefilter("ignore")
        trainer = getattr(trl, f"{name}Trainer")(
            model=policy,
            args=getattr(trl, f"{name}Config")(**settings),
            train_dataset=rows,
            processing_class=tokenizer(),
            **({"ref_model": reference} if name == "DPO" else {}),
        )
        trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert losses
    assert 0 < losses[0] < 10
    assert not before.equal(policy.model.embed_tokens.weight)
