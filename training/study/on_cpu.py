"""What all trainings of tiny policies share: the shape of a policy, TRL's settings on a CPU, how plots look."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ravelar.tools.extras import need


def tiny_config(*, words: int, width: int, layers: int, heads: int, longest: int) -> Any:
    """Return the config of a small Qwen2 whose tokens 0 and 1 pad and end.

    Args:
        words: How many tokens there are.
        width: Of its hidden states; its inner layers are twice as wide.
        layers: How many.
        heads: Of attention, in each.
        longest: Most tokens it reads.
    """
    from transformers import Qwen2Config  # noqa: PLC0415  heavy

    return Qwen2Config(
        vocab_size=words,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=longest,
        tie_word_embeddings=True,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
    )


def grpo_on_cpu(*, steps: int, **own: Any) -> Any:
    """Return TRL's settings for so many steps of GRPO on a CPU, without a reference policy, reports and checkpoints.

    Args:
        steps: How many.
        own: What else is to be set, by TRL's names.
    """
    from trl.trainer.grpo_config import GRPOConfig  # noqa: PLC0415  heavy

    return GRPOConfig(
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        max_steps=steps,
        logging_steps=steps,
        lr_scheduler_type="constant_with_warmup",
        beta=0.0,
        temperature=1.0,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        **own,
    )


@contextmanager
def plain_plots(what: str) -> Iterator[None]:
    """Let what is drawn within be plain SVG, the same bytes each time.

    Args:
        what: What needs matplotlib, for the error that says it is not there.

    Raises:
        InputError: if matplotlib is not installed.
    """
    need("matplotlib", extra="plots", what=what)
    import matplotlib as mpl  # noqa: PLC0415  heavy

    mpl.use("Agg")
    settings: Any = {
        "svg.hashsalt": "ravelar",
        "svg.fonttype": "none",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with mpl.rc_context(settings):
        yield
