"""Which adapter a folder gets, and why it is refused: decided by its files, nothing is loaded."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ravelar.tools.errors import InputError, RepositoryLied, RepositoryRefused, UnknownName
from ravelar.tools.hub.adapters.choice import choose_adapter
from ravelar.tools.hub.adapters.folder import read_folder
from ravelar.tools.hub.adapters.options import AdapterOptions, read_options

pytestmark = pytest.mark.slow

QWEN = {"architectures": ["Qwen2ForSequenceClassification"], "model_type": "qwen2", "id2label": {"0": "LABEL_0"}}
CHAT = {"chat_template": "{{ messages }}"}


def safetensors(tensors: dict[str, tuple[str, list[int]]]) -> bytes:
    header, at = {}, 0
    for name, (dtype, shape) in tensors.items():
        size = 4 if dtype == "F32" else 2
        for side in shape:
            size *= side
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(at)


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Any]:
    def make(config: dict[str, Any], *, repo: str = "some/model", tokenizer: Any = CHAT, **files: bytes) -> Any:
        (tmp_path / "config.json").write_text(json.dumps(config))
        if tokenizer is not None:
            (tmp_path / "tokenizer_config.json").write_text(json.dumps(tokenizer))
        weights = {"model.safetensors": safetensors({"score.weight": ("F32", [1, 4])})} if not files else {}
        for name, content in {**weights, **files}.items():
            (tmp_path / name).write_bytes(content)
        return read_folder(tmp_path, repo)

    return make


@pytest.mark.parametrize(
    ("config", "tokenizer", "adapter"),
    [
        (QWEN, CHAT, "classifier"),
        (
            {"architectures": ["DebertaV2ForSequenceClassification"], "model_type": "deberta-v2", "num_labels": 1},
            {},
            "pair",
        ),
        (
            {"architectures": ["XLMRobertaForSequenceClassification"], "model_type": "xlm-roberta", "num_labels": 1},
            {},
            "pair",
        ),
        ({"architectures": ["Qwen2ForTokenClassification"], "model_type": "qwen2"}, CHAT, "steps"),
        ({"architectures": ["LlamaForTokenClassification"], "id2label": {"1": "True", "0": "False"}}, {}, "steps"),
    ],
)
def test_the_config_chooses_the_adapter(folder: Any, config: Any, tokenizer: Any, adapter: str) -> None:
    assert choose_adapter(folder(config, tokenizer=tokenizer)).adapter == adapter


@pytest.mark.parametrize(
    ("config", "repo", "said"),
    [
        ({**QWEN, "id2label": {"0": "NEGATIVE", "1": "POSITIVE"}}, "a/b", "2 outputs (NEGATIVE, POSITIVE)"),
        ({**QWEN, "id2label": {str(i): f"LABEL_{i}" for i in range(5)}}, "a/b", "5 outputs"),
        ({"architectures": ["Qwen2ForSequenceClassification"], "model_type": "qwen2"}, "a/b", "2 outputs"),
        (
            {"architectures": ["BertForTokenClassification"], "id2label": {"0": "O", "1": "B-PER"}},
            "a/b",
            "2 outputs (O, B-PER)",
        ),
        ({"architectures": ["DebertaV2PairRM"]}, "llm-blender/PairRM-hf", "compares two completions"),
        ({"ranker_type": "pairranker"}, "a/b", "compares two completions"),
        ({"architectures": ["LlamaForCausalLM"]}, "a/pair-preference-model-8b", "compares two completions"),
        ({"architectures": ["Qwen2ForCausalLM"]}, "a/judge", "text generator"),
        ({"architectures": ["CLIPModel"]}, "a/b", "no adapter reads"),
        ({}, "a/b", "architecture none"),
        ({**QWEN, "auto_map": {"AutoModel": "modeling_x.X"}}, "a/b", "code of its own (modeling_x.X)"),
    ],
)
def test_what_is_no_reward_model_is_refused_with_the_reason(folder: Any, config: Any, repo: str, said: str) -> None:
    with pytest.raises(RepositoryRefused) as refused:
        choose_adapter(folder(config, repo=repo))
    assert said in str(refused.value)
    assert repo in str(refused.value)


def test_a_tokenizer_with_code_of_its_own_is_refused_too(folder: Any) -> None:
    with pytest.raises(RepositoryRefused, match=r"tokenization_x\.X"):
        choose_adapter(folder(QWEN, tokenizer={**CHAT, "auto_map": {"AutoTokenizer": ["tokenization_x.X", None]}}))


def test_a_decoder_without_chat_template_is_refused_unless_a_format_is_named(folder: Any) -> None:
    without = folder(QWEN, tokenizer={})
    with pytest.raises(RepositoryRefused, match="no chat template"):
        choose_adapter(without)
    assert choose_adapter(without, options=AdapterOptions(format="{prompt}\n{completion}")).adapter == "classifier"


def test_naming_the_output_makes_a_classifier_usable_and_a_wrong_one_is_said(folder: Any) -> None:
    two = folder({**QWEN, "id2label": {"0": "NEGATIVE", "1": "POSITIVE"}})
    assert choose_adapter(two, options=AdapterOptions(score_index=1)).score_index == 1
    with pytest.raises(RepositoryRefused, match="score_index=2 names none"):
        choose_adapter(two, options=AdapterOptions(score_index=2))


@pytest.mark.parametrize(
    ("config", "repo", "source"),
    [
        ({**QWEN, "id2label": {"0": "cost"}}, "a/b", "its label"),
        ({**QWEN, "score_type": "cost"}, "a/b", "score_type"),
        (QWEN, "pku/beaver-7b-v1.0-cost", "its name"),
        (QWEN, "a/toxicity_rm", "its name"),
        ({**QWEN, "architectures": ["LlamaCostForSequenceClassification"]}, "a/b", "its architecture"),
    ],
)
def test_the_direction_of_a_cost_model_is_turned(folder: Any, config: Any, repo: str, source: str) -> None:
    plan = choose_adapter(folder(config, repo=repo))
    assert plan.direction == "lower"
    assert plan.direction_from.startswith(source)


def test_a_name_that_only_holds_the_letters_of_cost_turns_nothing(folder: Any) -> None:
    assert choose_adapter(folder(QWEN, repo="costa/costarica-rm")).direction == "higher"
    assert choose_adapter(folder(QWEN, repo="a/harmless-rm")).direction == "higher"


def test_the_caller_has_the_last_word_on_the_direction(folder: Any) -> None:
    plan = choose_adapter(folder(QWEN, repo="a/cost"), options=AdapterOptions(direction="higher"))
    assert (plan.direction, plan.direction_from) == ("higher", "the caller")


def test_a_process_model_with_its_own_code_is_read_step_by_step_when_allowed(folder: Any) -> None:
    config = {"architectures": ["Qwen2ForProcessRewardModel"], "auto_map": {"AutoModel": "modeling.PRM"}}
    plan = choose_adapter(folder(config), allow_remote_code=True)
    assert (plan.adapter, plan.auto_class, plan.score_index, plan.low, plan.high) == ("steps", "AutoModel", 1, 0.0, 1.0)


def test_pickled_weights_and_no_weights_are_refused(folder: Any) -> None:
    with pytest.raises(RepositoryRefused, match="no weights"):
        choose_adapter(folder(QWEN, **{"notes.txt": b"x"}))
    with pytest.raises(RepositoryRefused, match=r"only pickled weights \(pytorch_model.bin\)"):
        choose_adapter(folder(QWEN, **{"pytorch_model.bin": b"x"}))


def test_an_unknown_adapter_and_an_unknown_option_are_named(folder: Any) -> None:
    with pytest.raises(UnknownName, match=r"clasifier.*did you mean 'classifier'"):
        choose_adapter(folder(QWEN), adapter="clasifier")
    with pytest.raises(InputError, match="max_token: Extra inputs"):
        read_options({"max_token": 12})
    with pytest.raises(InputError, match="reduction"):
        read_options({"reduction": "mean"})


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000])
def test_a_config_that_is_no_json_object_is_refused(folder: Any, name: str, text: str) -> None:
    path = folder(QWEN).path
    (path / name).write_text(text)
    with pytest.raises(RepositoryRefused, match=name):
        read_folder(path, "a/b")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 64,
        struct.pack("<Q", 10**12) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 9) + b'{"a": {}}',
        safetensors({"a": ("F32", [2])})[:-1],
        safetensors({"a": ("F32", [2])}) + b"x",
    ],
)
def test_a_file_that_is_not_what_its_header_says_is_a_lie(folder: Any, content: bytes) -> None:
    with pytest.raises(RepositoryLied, match=r"model\.safetensors"):
        _ = folder(QWEN, **{"model.safetensors": content}).tensors


def test_size_and_precision_are_read_from_the_headers(folder: Any) -> None:
    content = safetensors({"a": ("BF16", [10, 10]), "b": ("F32", [3])})
    read = folder(QWEN, **{"model.safetensors": content})
    assert read.half_precision
    assert read.weight_bytes() == 212
    assert read.weight_bytes(element_bytes=4) == 412
