"""What making an item from a text asks of a language model, and what its replies must be.

Everything here is checked again by program (`benchmark.evals.c3e.checks`): a model proposes, rules decide.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Text = Annotated[str, Field(min_length=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Segment(_Frozen):
    """The passage to leave out, named by its first and last words."""

    why: Text
    begins: Text
    ends: Text


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Assignment(_Frozen):
    """An assignment derived from a text."""

    genre: Text
    brief: Text
    audience: Text
    word: Annotated[str, BeforeValidator(_as_text), Field(min_length=1)]
    query: Text


class OutlinedAssignment(Assignment):
    """An assignment that also says what each part does."""

    structure: Text


class Audit(_Frozen):
    """Whether an edit item may be used."""

    reasons: dict[str, str]
    self_contained: bool
    worthwhile: bool
    no_filler: bool

    @property
    def failed(self) -> list[str]:
        """The questions that were answered with no."""
        return [name for name in ("self_contained", "worthwhile", "no_filler") if not getattr(self, name)]
