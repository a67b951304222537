"""`ravelar.rewards.routed_reward`, as `trl grpo --reward_funcs` finds it."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import ravelar.rewards
from ravelar.rewards import VARIABLES, reward_from_environment
from ravelar.tools.errors import InputError
from ravelar.training.routed_reward import RoutedReward

ROOT = Path(__file__).resolve().parents[2]


def test_it_scores_with_the_built_in_tools():
    reward = reward_from_environment()
    assert reward(["6 * 7?", "?"], ["It is 42.", "x"], reference=[42, None]) == [1.0, None]


def test_each_variable_does_what_it_says():
    reward = reward_from_environment(
        {
            "RAVELAR_REFERENCE_COLUMN": "gold",
            "RAVELAR_TOOL_COLUMN": "judge",
            "RAVELAR_ON_UNKNOWN": "fallback:length",
            "RAVELAR_TOOL_TIME_LIMIT_S": "7.5",
        }
    )
    values = reward(["6 * 7?", "?"], ["It is 42.", "x"], gold=[42, "x"], judge=[None, "exact"])
    assert values == [1.0, 1.0]
    assert reward._side_by_side.time_limit_s == 7.5
    assert reward._settings.fallback == "length"


def test_acquisition_is_set_by_variables(tmp_path):
    probes = tmp_path / "probes.jsonl"
    probes.write_text('{"prompt": "?", "completion": "x", "label": true}\n')
    reward = reward_from_environment(
        {
            "RAVELAR_ON_UNKNOWN": "acquire",
            "RAVELAR_ACQUIRE_PROBES": str(probes),
            "RAVELAR_ACQUIRE_SETTINGS": '{"model": "openai:gpt-5-mini", "search_hub": false}',
            "RAVELAR_ACQUIRE_WAIT_S": "3",
            "RAVELAR_ACQUIRE_TIME_LIMIT_S": "60",
        }
    )
    settings = reward._settings
    assert settings.acquirer.settings == {"model": "openai:gpt-5-mini", "search_hub": False}
    assert (settings.acquisition.least_prompts, settings.acquisition.wait_s) == (1, 3.0)
    assert settings.acquisition.time_limit_s == 60.0
    assert pickle.loads(pickle.dumps(reward))._settings.acquirer == settings.acquirer


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"RAVELAR_ON_UNKNOWN": "zero"}, "on_unknown is 'zero'; allowed: abstain, acquire, fallback:<tool>"),
        ({"RAVELAR_ON_UNKNOWN": "fallback:lenght"}, "'lenght'; did you mean 'length'?"),
        ({"RAVELAR_TOOL_TIME_LIMIT_S": "soon"}, "RAVELAR_TOOL_TIME_LIMIT_S is 'soon'; a finite number is needed"),
        ({"RAVELAR_TOOL_TIME_LIMIT_S": "0"}, "time_limit_s is 0.0; a finite number of seconds above 0"),
        ({"RAVELAR_SANDBOX": "locl"}, "no sandbox (RAVELAR_SANDBOX) 'locl'; did you mean 'local'?"),
        ({"RAVELAR_REFERENCE_COLUMN": "prompt"}, "reference: 'prompt' can't be its column"),
        ({"RAVELAR_ON_UNKOWN": "abstain"}, "RAVELAR_ON_UNKOWN is not read; did you mean RAVELAR_ON_UNKNOWN?"),
        (
            {"RAVELAR_ON_UNKNOWN": "acquire", "RAVELAR_ACQUIRE_SETTINGS": "model=x"},
            "RAVELAR_ACQUIRE_SETTINGS is no JSON",
        ),
        ({"RAVELAR_ON_UNKNOWN": "acquire", "RAVELAR_ACQUIRE_SETTINGS": "[1]"}, "is no JSON object"),
        ({"RAVELAR_ON_UNKNOWN": "acquire", "RAVELAR_ACQUIRE_SETTINGS": '{"modle": "x"}'}, "no setting 'modle'"),
        ({"RAVELAR_ON_UNKNOWN": "acquire", "RAVELAR_ACQUIRE_PROBES": "/no/file.jsonl"}, "/no/file.jsonl: no such file"),
        ({"RAVELAR_ACQUIRE_LEAST_PROMPTS": "0"}, "least_prompts is 0; at least 1 is needed"),
    ],
)
def test_a_wrong_value_is_named(variables, said):
    with pytest.raises(InputError) as told:
        reward_from_environment(variables)
    assert said in str(told.value)


def test_a_library_that_can_not_be_opened_is_told_at_once(monkeypatch, tmp_path):
    broken = tmp_path / "library.sqlite"
    broken.write_text("no database" * 100)
    monkeypatch.setenv("RAVELAR_LIBRARY", str(broken))
    with pytest.raises(InputError, match="library"):
        reward_from_environment()


def test_an_unknown_name_of_the_module_is_none():
    assert isinstance(ravelar.rewards.routed_reward, RoutedReward)
    assert ravelar.rewards.routed_reward is ravelar.rewards.routed_reward
    with pytest.raises(AttributeError, match="no attribute 'routed_rewards'"):
        ravelar.rewards.routed_rewards  # noqa: B018


def test_every_variable_is_documented():
    page = (ROOT / "docs" / "training.md").read_text()
    assert [name for name in VARIABLES if f"`{name}`" not in page] == []


@pytest.mark.slow
def test_trls_own_command_trains_with_it(tmp_path):
    """`python -m trl.scripts.grpo --reward_funcs ravelar.rewards.routed_reward`: TRL's parser, loader and trainer."""
    data = tmp_path / "data"
    data.mkdir()
    rows = [{"prompt": f"{i} + 1 = ", "reference": i + 1} for i in range(8)]
    (data / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); import tiny_trl; folder = sys.argv.pop(1); "
        "tiny_trl.model().save_pretrained(folder); tiny_trl.tokenizer().save_pretrained(folder); "
        "import runpy; runpy.run_module('trl.scripts.grpo', run_name='__main__')"
    )
    options = {
        "model_name_or_path": tmp_path / "model",
        "dataset_name": data,
        "reward_funcs": "ravelar.rewards.routed_reward",
        "output_dir": tmp_path / "out",
        "use_cpu": "true",
        "bf16": "false",
        "gradient_checkpointing": "false",
        "max_steps": 1,
        "per_device_train_batch_size": 8,
        "num_generations": 4,
        "max_completion_length": 4,
        "logging_steps": 1,
        "report_to": "none",
        "save_strategy": "no",
    }
    flags = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / "tests" / "training"), str(tmp_path / "model"), *flags],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    assert "'rewards/routed_reward/mean'" in done.stdout
    assert "'routed_reward/math_answer/share': '1'" in done.stdout
