"""What a task is: a label that names it, and a spec that says what a right completion of it is."""

from pydantic import BaseModel, ConfigDict, Field


class TaskSpec(BaseModel):
    """A task, named and described.

    Attributes:
        label: Its name, which is also the name of the reward tool adopted for it.
        summary: What the policy is asked to do, in one sentence.
        inputs: What a prompt of the task holds.
        correct: What makes a completion right.
        reference_decides: Whether the reference alone decides what is right: two prompts with different
            references then have different right completions. True for "convert 3 ft to cm" (91.44), false for
            a haiku, where any reference is one good answer of many.
        reference_form: What the reference looks like; "" where there is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str = Field(pattern=r"^[a-z][a-z0-9_]{1,47}$")
    summary: str = Field(min_length=1, max_length=1_000)
    inputs: str = Field(default="", max_length=2_000)
    correct: str = Field(min_length=1, max_length=4_000)
    reference_decides: bool
    reference_form: str = Field(default="", max_length=1_000)
