"""Texts as rollout engines send them: the prompt in front of the completion, special tokens at the end."""

import re

from ravelar.tools.errors import InputError

# A token in the usual brackets (Qwen, Llama 3, Phi, DeepSeek), or one of the names of Llama 2, Gemma and T5.
_SPECIAL = r"(?:<\|[^|<>\s]{1,40}\|>|<｜[^｜<>\s]{1,40}｜>|</?s>|<eos>|<bos>|<pad>|\[PAD\]|<end_of_turn>)"
_AT_END = re.compile(rf"{_SPECIAL}(?:\s*{_SPECIAL})*\s*$")
_ONLY_SPECIAL = re.compile(rf"(?:\s*{_SPECIAL})*\s*")
_TAIL = 64  # characters; ours: the end of a prompt that finds it where decoding has changed its beginning
_LONGEST_END = 4_000  # characters; ours: a completion's end that is searched for special tokens


def without_end_tokens(text: str) -> str:
    """Take the special tokens off a completion's end (end of turn, end of text, padding); the rest stays as it is."""
    body, end = text[:-_LONGEST_END], text[-_LONGEST_END:]
    return body + _AT_END.sub("", end)


def completion_of(query: str, prompt: str) -> str:
    """Take the prompt off the front of a text that holds prompt and completion, and special tokens off its end.

    Decoding may have put a token before the prompt or changed its spacing: then the end of the prompt decides, at the
    occurrence that it has in the prompt itself.

    Raises:
        InputError: if the prompt can't be found, as when it was cut to fit a model's context.
    """
    at = query.find(prompt)
    if at >= 0 and _ONLY_SPECIAL.fullmatch(query, 0, at):
        return without_end_tokens(query[at + len(prompt) :])
    tail = prompt[-_TAIL:]
    end = 0
    for _ in range(max(1, prompt.count(tail) if tail else 0)):
        at = query.find(tail, end)
        if at < 0:
            raise InputError(
                f"the text {query[:60]!r}... does not begin with its prompt {prompt[:60]!r}..., nor holds its end; "
                "a prompt that was cut to fit can't be told from its completion: allow longer prompts"
            )
        end = at + len(tail)
    return without_end_tokens(query[end:])
