"""A model that has learnt a text by heart is told from one that has not; figures stand beside controls."""

import json
import math
from pathlib import Path

import pytest

from ravelar.benchmark.evals.contamination import (
    LocalModel,
    area_under_curve,
    min_k,
    overlap,
    perplexity,
    separation,
    verbatim_units,
)
from ravelar.tools.errors import InputError, ToolUnavailable

SEEN = "the tide went out and left the harbour to the gulls and to the mud that nobody owns"
UNSEEN = "my aunt repairs umbrellas under a bridge where no rain has ever fallen on anyone's hat"


def test_figures_are_those_of_their_formulas() -> None:
    logprobs = [math.log(0.5), math.log(0.25), math.log(0.125), math.log(0.5), math.log(1.0)]
    assert perplexity(logprobs) == pytest.approx((2 * 4 * 8 * 2 * 1) ** (1 / 5))
    assert min_k(logprobs, 0.4) == pytest.approx((math.log(0.125) + math.log(0.25)) / 2)
    assert min_k([-1.0]) == -1.0
    assert area_under_curve([3.0, 1.0], [2.0, 1.0]) == (1 + 1 + 0 + 0.5) / 4


def test_continuations_are_compared_by_chinese_characters_too() -> None:
    assert overlap("潮水退了，船都侧卧", "潮水退了。船都侧卧着") == 1.0
    assert overlap("abc", "abc") is None
    assert verbatim_units("潮水退了，船", "潮水退了。人") == 4
    assert verbatim_units("The tide, out", "the TIDE went") == 2


def learner(folder: Path) -> None:
    """Write a tiny model that has learnt SEEN by heart, with a tokenizer of words."""
    torch = pytest.importorskip("torch", reason="local models need the extra `models`")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # noqa: PLC0415
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM  # noqa: PLC0415

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(special_tokens=["<end>"], initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([SEEN, UNSEEN], trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", pad_token="<end>")
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(fast), hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
            num_key_value_heads=2, max_position_embeddings=64, eos_token_id=0, bos_token_id=None,
        )
    )  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    ids = torch.tensor([fast(SEEN)["input_ids"]])
    for _ in range(120):
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)


@pytest.mark.slow
def test_a_model_that_learnt_a_text_by_heart_is_told_from_controls(tmp_path: Path) -> None:
    learner(tmp_path)
    model = LocalModel(str(tmp_path))
    seen, unseen = model.exposure(SEEN), model.exposure(UNSEEN)
    assert seen.perplexity < 2 < unseen.perplexity
    assert seen.min_k > unseen.min_k
    assert seen.overlap == 1.0
    assert seen.verbatim > 5 > unseen.verbatim
    assert separation([seen.as_row()], [unseen.as_row()])["min_k"] == 1.0
    with pytest.raises(InputError, match="too short"):
        model.exposure("")


def test_what_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        LocalModel("someone/model-on-the-hub")
    with pytest.raises(InputError, match="0 items and 0 controls"):
        separation([], [])


@pytest.mark.slow
def test_a_model_that_can_not_be_loaded_is_named(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="local models need the extra `models`")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2"}))
    with pytest.raises(ToolUnavailable, match="can't be loaded"):
        LocalModel(str(tmp_path))
