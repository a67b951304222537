"""What a caller may say of a reward model; kept in its recipe."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ravelar.tools.errors import InputError

OptionValue = str | int | float | bool


class AdapterOptions(BaseModel):
    """Options of the adapters; whatever is left out is read from the model's own files.

    Attributes:
        max_tokens: Longest input in tokens; what is longer is cut, and the row says so.
        batch_tokens: Most tokens in one forward pass, padding counted.
        score_index: Which output of the head is the score, where there are several.
        direction: Whether a higher or a lower raw score is better.
        cut: Which end of an input that is too long goes.
        format: How prompt and completion become text, where a model has no chat template of its own: a text with
            `{prompt}` and `{completion}` in it.
        add_bos: Put the tokenizer's beginning-of-sequence token before a chat that does not begin with it.
        reduction: How a process reward model's steps become one score.
        step_marker: The token after each step at which it is scored; "" where the model has none.
        step_split: What separates steps in a completion.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_tokens: int | None = Field(default=None, ge=8)
    batch_tokens: int | None = Field(default=None, ge=1)
    score_index: int | None = Field(default=None, ge=0)
    direction: Literal["higher", "lower"] | None = None
    cut: Literal["start", "end"] = "start"
    format: str | None = Field(default=None, pattern=r"(?s)\{completion\}")
    add_bos: bool = False
    reduction: Literal["min", "product", "last"] = "min"
    step_marker: str | None = None
    step_split: str = Field(default="\n\n", min_length=1)


def read_options(given: Mapping[str, OptionValue] | None) -> AdapterOptions:
    """Check options.

    Raises:
        InputError: if one is unknown or its value is not allowed; the message names it.
    """
    try:
        return AdapterOptions.model_validate(dict(given or {}))
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        known = ", ".join(AdapterOptions.model_fields)
        raise InputError(f"options of a reward model: {said}; known: {known}") from error
