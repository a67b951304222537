"""Routed rewards in TRL's GRPOTrainer: twenty lines, of which two are Ravelar's.

    pip install 'ravelar[train]'
    python examples/trl_grpo.py                             # a tiny policy of random weights: seconds on a CPU
    python examples/trl_grpo.py Qwen/Qwen3-0.6B             # a real model, on a GPU

Random weights can learn to write vowels, not to add. `ravelar train demo` shows a policy that learns four tasks.
"""

import sys

import torch
from datasets import Dataset
from transformers import PrinterCallback
from trl import GRPOConfig, GRPOTrainer

from ravelar import RoutedReward, default_library
from ravelar.training.study.policy import new_policy, new_tokenizer  # the tiny one, from a config

MODEL = sys.argv[1] if len(sys.argv) > 1 else None
TINY = {"use_cpu": True, "bf16": False, "gradient_checkpointing": False, "learning_rate": 1e-2}
if MODEL is None:
    torch.set_num_threads(1)  # a tiny one gains nothing by more

sums = [{"prompt": f"What is {n} + {n}?", "reference": str(2 * n), "regex": None} for n in range(1, 9)]
vowels = [{"prompt": f"Write {n} vowels.", "reference": None, "regex": f"[aeiou]{{{n}}}"} for n in (1, 2, 3)]
trainer = GRPOTrainer(
    model=MODEL or new_policy(seed=0),
    processing_class=None if MODEL else new_tokenizer(),
    reward_funcs=RoutedReward(library=default_library),
    args=GRPOConfig(
        max_steps=40, logging_steps=10, num_generations=8, per_device_train_batch_size=16, max_completion_length=12,
        report_to="none", save_strategy="no", disable_tqdm=True, **({} if MODEL else TINY),
    ),
    train_dataset=Dataset.from_list(sums + vowels),
)  # fmt: skip
trainer.remove_callback(PrinterCallback)
trainer.train()

for log in trainer.state.log_history[:-1]:
    means = [
        f"{name.split('/')[1]} {log[name]:.3f}" for name in sorted(log) if name.endswith(("_answer/mean", "regex/mean"))
    ]
    print(f"step {log['step']:2}  reward {log['reward']:.3f}  {'  '.join(means)}")
