"""`ravelar train grpo` from end to end on a tiny model: trained, killed, resumed, stopped, refused before a step."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import tiny_trl

from ravelar.cli.main import main
from ravelar.training import grpo
from ravelar.training.checkpoints import finished
from ravelar.training.grpo_options import read_settings
from ravelar.training.guards import HackingGuard
from ravelar.training.stamp import STAMP, read_stamp
from ravelar.training.watched_tool import Alert
from ravelar.training.watching import ScoredBatch

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
]  # what TRL, transformers and torch warn of among themselves
ROOT = Path(__file__).resolve().parents[2]
CPU = [
    "--use_cpu",
    "--bf16",
    "False",
    "--gradient_checkpointing",
    "False",
    "--report_to",
    "none",
    "--disable_tqdm",
    "True",
]
SMALL = [
    "--per_device_train_batch_size",
    "8",
    "--num_generations",
    "4",
    "--max_completion_length",
    "6",
    "--disable_tqdm",
    "True",
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a model of fifteen thousand parameters and its tokenizer."""
    import torch  # noqa: PLC0415  seconds, not while tests are collected

    torch.set_num_threads(1)  # two threads that share one core wait for each other
    folder = tmp_path_factory.mktemp("model")
    tiny_trl.model().save_pretrained(folder)
    tiny_trl.tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait for a Hub that can't be reached here."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    path = tmp_path / "sums.jsonl"
    rows = [{"prompt": f"{i}+{i}=", "reference": 2 * i, "task": "arithmetic"} for i in range(16)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def arguments(model: Path, sums: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """Return a run's arguments; further ones go before these."""

    def made(*more: str, data: Path | str = sums, policy: Path | str = model) -> list[str]:
        named = ["--model_name_or_path", str(policy), "--output_dir", str(tmp_path / "out"), "--data", str(data)]
        return ["train", "grpo", *named, *CPU, *SMALL, "--logging_steps", "1", *more]

    return made


def run(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def steps(folder: Path) -> list[int]:
    """Return the steps that a run logged, from the state that its last checkpoint holds."""
    state = json.loads((finished(folder)[-1] / "trainer_state.json").read_text())
    return [entry["step"] for entry in state["log_history"] if "reward" in entry]


def test_a_run_shows_its_routes_trains_and_stamps_its_checkpoints(
    arguments: Callable[..., list[str]], tmp_path: Path, capsys: Any
) -> None:
    assert run(arguments("--max_steps", "4", "--save_steps", "2", "--check", "normalized")) == 0
    said = capsys.readouterr().out
    assert "arithmetic     16   100.0%   math_answer" in said
    assert "16 rows; unrouted: 0 (0.0%), on_unknown: abstain" in said
    assert "trained at step 4" in said
    assert [path.name for path in finished(tmp_path / "out")] == ["checkpoint-2", "checkpoint-4"]
    stamp, further = read_stamp(tmp_path / "out" / "checkpoint-4")
    assert "math_answer" in stamp.tools
    assert stamp.rows == 16
    assert further["guards"][0]["tools"]["math_answer"]["live"]["n"] == 32
    assert (tmp_path / "out" / "model.safetensors").is_file()


def test_a_killed_run_goes_on_from_its_last_finished_checkpoint(
    arguments: Callable[..., list[str]], tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    killed = subprocess.Popen(
        [sys.executable, "-m", "ravelar", *arguments("--max_steps", "5000", "--save_steps", "2")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        until = time.monotonic() + 100
        while not finished(out) and time.monotonic() < until and killed.poll() is None:
            time.sleep(0.02)
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait(10)
    last = int(finished(out)[-1].name.partition("-")[2])
    (out / f"checkpoint-{last + 1}").mkdir(exist_ok=True)  # a kill may come amid a save
    more = ["--max_steps", str(last + 2), "--save_steps", "2"]
    assert run(arguments(*more)) == 2
    assert "--resume continues it" in capsys.readouterr().err
    assert run(arguments(*more, "--resume")) == 0
    assert f"going on from {out}/checkpoint-{last}" in capsys.readouterr().out
    assert steps(out) == list(range(1, last + 3))
    plain = grpo.Tools()
    monkeypatch.setattr(
        "ravelar.cli.train_grpo_run.default_library", lambda: type(plain.library())([*plain.library()][:5])
    )
    assert run(arguments(*more, "--resume")) == 2
    assert "the rewards would not be those" in capsys.readouterr().err


@pytest.fixture
def no_large_files() -> Iterator[Callable[[int], None]]:
    """Let this process write no file beyond a size: what a full disk does to a checkpoint."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class ActingGuard(HackingGuard):
    """A guard that does something at its second batch."""

    act: Callable[["ActingGuard"], None] = staticmethod(lambda guard: None)

    def see(self, batch: ScoredBatch) -> Mapping[str, float]:
        seen = super().see(batch)
        if batch.step == 2:
            type(self).act(self)
        return seen


@pytest.fixture
def acting(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[ActingGuard], None]], None]:
    def prepare(act: Callable[[ActingGuard], None]) -> None:
        monkeypatch.setattr(ActingGuard, "act", staticmethod(act))
        monkeypatch.setattr(grpo, "HackingGuard", ActingGuard)

    return prepare


def test_a_save_that_fails_midway_is_told_and_the_earlier_checkpoint_is_intact(
    arguments: Callable[..., list[str]], tmp_path: Path, capsys: Any, acting: Any, no_large_files: Any
) -> None:
    acting(lambda guard: no_large_files(100_000))  # the optimizer's state is larger, the weights are not
    assert run(arguments("--max_steps", "4", "--save_steps", "2")) == 1
    said = capsys.readouterr().err
    assert "checkpoint-4 could not be written" in said
    assert "checkpoint-2 is intact, --resume continues from it" in said
    assert [path.name for path in (tmp_path / "out").glob("checkpoint-*")] == ["checkpoint-2"]


def raise_alert(guard: ActingGuard) -> None:
    guard.alerts.append(Alert("gap_grows", "math_answer", 2, 0.9, 0.1, "a made-up alert"))


def test_an_alert_can_stop_training_with_a_checkpoint(
    arguments: Callable[..., list[str]], tmp_path: Path, capsys: Any, acting: Any
) -> None:
    acting(raise_alert)
    assert run(arguments("--max_steps", "9", "--save_strategy", "no", "--stop_on_hacking")) == 1
    told = capsys.readouterr()
    assert "gap_grows: a made-up alert" in told.err
    assert "stopped by a sign of reward hacking at step 3" in told.out
    assert [path.name for path in finished(tmp_path / "out")] == ["checkpoint-3"]


@pytest.mark.parametrize(
    ("answer", "said"), [("stop", "stopped by a sign of reward hacking at step 4"), (None, "step 5")]
)
def test_an_alert_can_pause_training_until_a_person_answers(
    answer: str | None,
    said: str,
    arguments: Callable[..., list[str]],
    tmp_path: Path,
    acting: Any,
    monkeypatch: Any,
    capsys: Any,
) -> None:
    asked: list[Mapping[str, Any]] = []
    paused = tmp_path / "out" / "paused.json"

    def person(seconds: float) -> None:  # stands in for the time between two looks at the file
        asked.append(json.loads(paused.read_text()))
        paused.unlink() if answer is None else paused.write_text(json.dumps({**asked[-1], "answer": answer}))

    acting(raise_alert)
    monkeypatch.setattr("ravelar.training.callbacks.time.sleep", person)
    code = run(arguments("--max_steps", "5", "--save_strategy", "no", "--on_hacking", "pause"))
    assert code == (1 if answer == "stop" else 0)
    assert len(asked) == 1
    assert asked[0]["alerts"][0]["name"] == "gap_grows"
    assert not paused.exists()
    assert [path.name for path in finished(tmp_path / "out")] == ["checkpoint-3"]
    assert said in capsys.readouterr().out


def test_adapters_are_trained_and_saved_alone(arguments: Callable[..., list[str]], tmp_path: Path, capsys: Any) -> None:
    pytest.importorskip("peft")
    lora = ["--use_peft", "--lora_r", "2", "--lora_target_modules", "q_proj", "v_proj", "--max_steps", "2"]
    assert run(arguments(*lora, "--save_steps", "2")) == 0
    assert "15,616 parameters, 256 trained" in capsys.readouterr().out
    assert (tmp_path / "out" / "checkpoint-2" / "adapter_model.safetensors").is_file()


def test_the_example_trains_a_tiny_model(model: Path, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(ROOT)
    config = ["--config", "examples/grpo.yaml", "--max_steps", "2", "--max_completion_length", "6"]
    assert run(["train", "grpo", *config, "--model_name_or_path", str(model), "--output_dir", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "ifeval          8   33.3%   instructions" in said
    assert "independent checks: math_answer by normalized; on_hacking: pause" in said


def test_a_dry_run_checks_everything_and_writes_nothing(arguments: Callable[..., list[str]], tmp_path: Path) -> None:
    assert run(arguments("--dry_run")) == 0
    assert not (tmp_path / "out").exists()


BAD: dict[str, tuple[dict[str, Any], list[str], str]] = {
    "a file that is not there": ({"data": "/nowhere/sums.jsonl"}, [], "/nowhere/sums.jsonl: no such file"),
    "a data set that is nowhere": (
        {"data": "no/such"},
        [],
        "no file 'no/such', and the data set of that name on the Hub",
    ),
    "a folder that is not there": ({"policy": "/nowhere/model"}, [], "no folder '/nowhere/model', nor such a model"),
    "a model that no Hub gives": (
        {"policy": "no/such-model"},
        [],
        "no folder 'no/such-model', nor such a model on the Hub",
    ),
    "a wrong recipe": ({}, ["--data", "gsm8=x.jsonl"], "no recipe 'gsm8'; did you mean 'gsm8k'?"),
    "an unknown fallback": ({}, ["--on_unknown", "fallback:exakt"], "no reward tool 'exakt'; did you mean 'exact'?"),
    "an unknown check": ({}, ["--check", "matth_answer"], "did you mean 'math_answer'?"),
    "a check of itself": ({}, ["--check", "exact=exact"], "the reward tool 'exact' can't check itself"),
    "a wrong flag": ({}, ["--lerning_rate", "1"], "no option '--lerning_rate'; did you mean '--learning_rate'?"),
    "a wrong value": ({}, ["--learning_rate", "fast"], "invalid float value: 'fast'"),
    "an action that is none": ({}, ["--on_hacking", "panic"], "on_hacking is 'panic'; allowed: log, pause, stop"),
    "generations that do not divide": ({}, ["--num_generations", "3"], "TRL refuses the options: "),
    "nothing to resume": ({}, ["--resume"], "has no finished checkpoint to resume from"),
    "a configuration that is not there": ({}, ["--config", "/nowhere.yaml"], "/nowhere.yaml: no such file"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_can_not_be_used_is_refused_before_training(
    name: str, arguments: Callable[..., list[str]], tmp_path: Path, capsys: Any, no_hub: None
) -> None:
    changed, more, said = BAD[name]
    assert run(arguments(*more, **changed)) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"question": "q", "reference": 1}], "a prompt needs the column 'prompt', which is not there or null"),
        (
            [{"prompt": "q", "task": "math"}],
            "1 of 1 rows of the task 'math' have no reference, and the tool 'math_answer'",
        ),
        ([{"prompt": "q", "tool": "maths", "reference": 1}], "no reward tool 'maths'"),
        ([{"prompt": "Tell me a joke."}], "no row is routed to a tool, so that nothing can be learnt"),
    ],
)
def test_data_that_no_reward_can_be_had_for_is_refused(
    rows: list[dict[str, Any]], said: str, arguments: Callable[..., list[str]], tmp_path: Path, capsys: Any
) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(arguments(data=path)) == 2
    assert said in capsys.readouterr().err


def test_a_checkpoint_that_does_not_fit_on_the_disk_is_told_before_training(
    arguments: Callable[..., list[str]], model: Path, tmp_path: Path, capsys: Any
) -> None:
    huge = tmp_path / "huge"
    huge.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "model.safetensors"):
        (huge / name).write_bytes((model / name).read_bytes())
    config = json.loads((model / "config.json").read_text())
    config |= {"hidden_size": 262_144, "intermediate_size": 1_048_576}
    (huge / "config.json").write_text(json.dumps(config))
    assert run(arguments(policy=huge)) == 2
    assert "no room in" in capsys.readouterr().err
    (huge / "model.safetensors").unlink()
    assert run(arguments(policy=huge)) == 2
    assert "holds no weights" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("max_stepps: 3", "no option 'max_stepps'; did you mean 'max_steps'?"),
        ("- a list", "a mapping of options is needed, got list"),
        ("a: [", "can't be read as YAML"),
        ("mixture: {sources: [{data: x.jsonl, wait: 2}]}", "mixture: sources.0.wait"),
        ("max_steps: 3", "no data: give --data"),
    ],
)
def test_a_configuration_that_can_not_be_used_is_named(config: str, said: str, tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(config)
    assert run(["train", "grpo", "--config", str(path), *CPU]) == 2
    assert said in capsys.readouterr().err


def test_flags_go_before_the_file_and_the_file_before_defaults(tmp_path: Path, sums: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(
        f"data: {sums}\nlearning_rate: 2e-5\nmax_steps: 3\nuse_vllm: true\nvllm_mode: server\nuse_peft: true\n"
        f"seed: 9\ncheck: [overlap=translation, normalized]\nuse_cpu: true\nbf16: false\n"
    )
    settings = read_settings([f"--config={path}", "--max_steps", "5"])
    assert (settings.grpo.learning_rate, settings.grpo.max_steps) == (2e-5, 5)
    assert (settings.grpo.use_vllm, settings.grpo.vllm_mode, settings.model.use_peft) == (True, "server", True)
    assert settings.checks == {"overlap": "translation", "*": "normalized"}
    assert settings.mixture.seed == 9
    assert settings.mixture.sources[0].data == str(sums)


def test_stamps_are_what_makes_a_checkpoint_whole() -> None:
    assert STAMP == "ravelar.json"  # named in docs/training.md
