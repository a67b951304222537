"""A policy of some ten thousand parameters and a character tokenizer, from a config: nothing is downloaded."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import trl
from datasets import Dataset
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:;?!+-*/=()'\n"
TEMPLATE = (
    "{% for m in messages %}{{ m['role'][0] + ':' + m['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}a:{% endif %}"
)


def tokenizer() -> Any:
    """Make the tokenizer: one token a character."""
    vocabulary = {token: i for i, token in enumerate(["<pad>", "<eos>", "<unk>", *CHARACTERS])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex("[\\s\\S]"), behavior="isolated")
    made.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")
    fast.chat_template = TEMPLATE
    return fast


def model() -> Any:
    """Make the policy, always the same one."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(CHARACTERS) + 3,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=128,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
    )
    return Qwen2ForCausalLM(config)


def options(folder: Path, **more: Any) -> dict[str, Any]:
    """Return a trainer's options for a few steps on a CPU."""
    return {
        "output_dir": str(folder),
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "per_device_train_batch_size": 8,
        "num_generations": 4,
        "max_completion_length": 8,
        "learning_rate": 1e-3,
        "logging_steps": 1,
        "max_steps": 3,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
        "seed": 0,
        "beta": 0.0,  # else RLOO wants a reference model by its name
    } | more


def train(kind: str, reward: Any, rows: Mapping[str, list[Any]], folder: Path, **more: Any) -> Any:
    """Train with TRL's own trainer, "GRPO" or "RLOO"; return the trainer."""
    with warnings.catch_warnings():  # what TRL, transformers and torch warn of among themselves
        warnings.simplefilter("ignore")
        trainer = getattr(trl, f"{kind}Trainer")(
            model=model(),
            reward_funcs=reward,
            args=getattr(trl, f"{kind}Config")(**options(folder, **more)),
            train_dataset=Dataset.from_dict(dict(rows)),
            processing_class=tokenizer(),
        )
        trainer.train()
    return trainer
