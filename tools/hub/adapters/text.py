"""A triple as an adapter needs it: messages, steps, one text; special tokens of a model broken up in it."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from ravelar.tools.completion import content_text, without_reasoning
from ravelar.tools.reward import Triple

Chat = list[dict[str, Any]]


class Disarm:
    """Breaks a model's special tokens up where they stand in a text as plain characters.

    A completion that writes `<|im_end|>` or a step marker could otherwise close its own turn, open another one,
    or add steps to its account.
    """

    def __init__(self, specials: Iterable[str]) -> None:
        longest_first = sorted({s for s in specials if len(s) > 1 and not s.isspace()}, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """Put a space after the first character of each special token."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)


@lru_cache(maxsize=64)
def disarming(specials: tuple[str, ...]) -> Disarm:
    """Return what breaks these tokens up; made once for each model."""
    return Disarm(specials)


def conversation(triple: Triple, disarm: Disarm) -> Chat:
    """Return prompt and completion as messages; the last one is the completion's answer, without its reasoning.

    A text becomes a user's or an assistant's message. A completion that continues an assistant's message of the
    prompt is joined to it.
    """
    prompt: Chat = (
        [{"role": "user", "content": disarm(triple.prompt)}]
        if isinstance(triple.prompt, str)
        else [_message(given, disarm) for given in triple.prompt]
    )
    said = [{"role": "assistant", "content": disarm(triple.answer)}]
    if not isinstance(triple.completion, str):
        last = max((i for i, m in enumerate(triple.completion) if m["role"] == "assistant"), default=None)
        before = [_message(given, disarm) for given in triple.completion[: last or 0]]
        said = [*before, *said]
    if prompt and prompt[-1]["role"] == "assistant" and said[0]["role"] == "assistant":
        begun = disarm(triple.text) if len(said) == 1 else said[0]["content"]  # its reasoning may begin in the prompt
        joined = without_reasoning(prompt.pop()["content"] + begun) or ""
        said[0] = {"role": "assistant", "content": joined}
    return prompt + said


def _message(given: Any, disarm: Disarm) -> dict[str, Any]:
    return {"role": str(given["role"]), "content": disarm(content_text(given.get("content")))}


def prompt_text(chat: Sequence[dict[str, Any]]) -> str:
    """Return the text of all messages but the last: alone as it is, several with their roles."""
    before = chat[:-1]
    if len(before) == 1:
        return str(before[0]["content"])
    return "\n\n".join(f"{message['role']}: {message['content']}" for message in before)


def fill(form: str, *, prompt: str, completion: str) -> str:
    """Put prompt and completion in their places, in one pass: what they hold themselves is left alone."""
    texts = {"prompt": prompt, "completion": completion}
    return re.sub(r"\{(prompt|completion)\}", lambda found: texts[found[1]], form)


def steps_of(answer: str, separator: str) -> list[str]:
    """Split an answer into its steps, at least one; blank ones are left out."""
    return [step.strip() for step in answer.split(separator) if step.strip()] or [""]
