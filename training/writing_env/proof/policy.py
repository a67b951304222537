"""The policy: a tiny decoder built from a config, a tokenizer of words, a chat template with tool calls.

    <user>3 sections empty<end><assistant><call>{"name": "draft", "arguments": {"section": "s1"}}</call><end>
    <tool>s1 drafted s2 pending s3 pending<end><assistant>...

The pieces of a call are tokens of their own, so that the policy decides about operations and sections, and can still
write a call that is none. The schemas of the tools are not in the prompt: it learns them from demonstrations.
"""

from collections.abc import Sequence
from typing import Any

from ravelar.training.study.on_cpu import tiny_config
from ravelar.training.writing_env.proof.briefs import MOST_SECTIONS

PAD, END, UNKNOWN = "<pad>", "<end>", "<unk>"
_ROLES = ("<user>", "<assistant>", "<tool>")
_CALL = ('<call>{"name": "', '", "arguments": {"section": "', '", "arguments": {', '"}}</call>', "}}</call>")
_OPERATIONS = ("outline", "draft", "review", "refine", "finish")
_STATUSES = ("pending", "drafted", "needs_revision", "accepted", "budget_exhausted")
_WORDS = ("sections", "empty", "refused", "ended", "error")
SECTIONS = tuple(f"s{i}" for i in range(1, MOST_SECTIONS + 2))
_SPACES = rf" (?=(?:{'|'.join((*_STATUSES, *_WORDS, *SECTIONS))})\b)"  # between words; those within a call stay
VOCABULARY = (PAD, END, UNKNOWN, *_ROLES, *_CALL, *_OPERATIONS, *_STATUSES, *_WORDS, *SECTIONS, *"123456789")

TEMPLATE = (
    "{%- for m in messages -%}"
    "{%- if m.role == 'user' -%}<user>{{ m.content }}<end>"
    "{%- elif m.role == 'tool' -%}<tool>{{ m.content }}<end>"
    "{%- else -%}<assistant>{{ m.content }}"
    "{%- for c in m.tool_calls or [] -%}"
    '<call>{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}</call>'
    "{%- endfor -%}<end>{%- endif -%}"
    "{%- endfor -%}{%- if add_generation_prompt -%}<assistant>{%- endif -%}"
)

ANSWERS = {
    "defaults": {"role": "assistant"},
    "start_anchor": "<assistant>",
    "fields": {
        "tool_calls": {
            "open": "<call>",
            "close_pattern": r"</call>\s*",
            "repeats": True,
            "content": "json",
            "transform": {"type": "function", "function": "{content}"},
        },
        "content": {"close_pattern": r"<end>\s*|$", "content": "text"},
    },
}
"""How a call is read out of what was generated, in the form of transformers' response templates."""

WIDTH, LAYERS, HEADS = 64, 2, 4
LONGEST = 256


def new_tokenizer() -> Any:
    """Return a tokenizer with one token for each word, sign and piece of a call."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers  # noqa: PLC0415  heavy
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415

    inner = Tokenizer(models.WordLevel({name: i for i, name in enumerate(VOCABULARY)}, unk_token=UNKNOWN))
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(_SPACES), "removed"), pre_tokenizers.Split(Regex(_pieces()), "isolated")]
    )
    inner.decoder = decoders.Fuse()
    made: Any = PreTrainedTokenizerFast  # transformers types neither it nor its attributes
    tokenizer = made(tokenizer_object=inner, pad_token=PAD, eos_token=END, unk_token=UNKNOWN, padding_side="left")
    tokenizer.chat_template, tokenizer.response_template = TEMPLATE, ANSWERS
    return tokenizer


def new_policy(seed: int) -> Any:
    """Return a policy with random weights: some 85,000, two layers."""
    import torch  # noqa: PLC0415  heavy
    from transformers import Qwen2ForCausalLM  # noqa: PLC0415

    torch.manual_seed(seed)
    config = tiny_config(words=len(VOCABULARY), width=WIDTH, layers=LAYERS, heads=HEADS, longest=LONGEST)
    return Qwen2ForCausalLM(config)


def _pieces() -> str:
    """Return a pattern of the vocabulary's pieces, the longer ones first; any other sign stands alone."""
    import re  # noqa: PLC0415

    longest_first: Sequence[str] = sorted(VOCABULARY, key=len, reverse=True)
    return "|".join([*(re.escape(piece) for piece in longest_first), r"[\s\S]"])
