"""Name a task: from some of its prompts and references to a known label, or to a new label and a spec."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from pydantic import BaseModel, ConfigDict, Field

from ravelar.agents.asking import Answer, Method, ask
from ravelar.agents.prompts import shorten
from ravelar.tools.chat.meter import Meter
from ravelar.tools.reward import Triple
from ravelar.tools.task import TaskSpec

PROMPT = "rlar.task_namer"
MOST_EXAMPLES = 8
_LONGEST_PROMPT, _LONGEST_REFERENCE, _LONGEST_METADATA = 800, 400, 300
_LONGEST_KNOWN = 300


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt of a task; there is no completion in it, on purpose.

    Attributes:
        prompt: The prompt's text.
        reference: The reference as JSON text; "null" where there is none.
        metadata: Further columns of the row.
    """

    prompt: str
    reference: str = "null"
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Named:
    """What a task was named.

    Attributes:
        spec: The task.
        known: Whether it was known before.
        reasoning: Why.
        answer: What asking took.
    """

    spec: TaskSpec
    known: bool
    reasoning: str
    answer: "Answer[Any]"


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reasoning: str = Field(min_length=1)
    known_label: str | None = None
    spec: TaskSpec | None = None


def examples_of(triples: Iterable[Triple]) -> list[Example]:
    """Return an example for each different prompt and reference, in order; completions are dropped."""
    examples: dict[tuple[str, str], Example] = {}
    for triple in triples:
        reference = json.dumps(triple.reference, ensure_ascii=False, default=str)
        key = (triple.question, reference)
        examples.setdefault(key, Example(triple.question, reference, dict(triple.metadata)))
    return list(examples.values())


def name_task(  # noqa: PLR0913  what is known, and how to ask
    chat: BaseChatModel,
    examples: Sequence[Example],
    *,
    meter: Meter,
    known: Sequence[TaskSpec] = (),
    reserved: Iterable[str] = (),
    method: Method = "text",
    config: RunnableConfig | None = None,
) -> Named:
    """Name the task that the examples belong to.

    Args:
        chat: Whom to ask.
        examples: Some prompts of the task; at most `MOST_EXAMPLES` are shown, taken evenly, long ones shortened.
        meter: What counts the calls.
        known: The tasks there are; one of them may be the answer.
        reserved: Names that a new task must not bear, such as those of the built-in tools.
        method: How the reply takes its form.
        config: Callbacks, tags and metadata of the caller's.

    Raises:
        ValueError: if there are no examples.
        AgentError: if there is no usable reply; see `agents.asking.ask`.
    """
    if not examples:
        raise ValueError("a task can't be named without examples")
    labels = {spec.label: spec for spec in known}
    taken = sorted({*reserved, *labels})

    def check(reply: _Reply) -> None:
        if reply.known_label is not None:
            if reply.known_label not in labels:
                raise ValueError(
                    f"known_label {reply.known_label!r} is none of: {', '.join(labels) or '(no known task)'}"
                )
        elif reply.spec is None:
            raise ValueError("give either known_label or spec")
        elif reply.spec.label in taken:
            raise ValueError(f"the label {reply.spec.label!r} is taken; a new task needs another")

    values = {
        "examples": "\n".join(_line(example) for example in _spread(examples)),
        "known_tasks": "\n".join(_known_line(spec) for spec in known) or "(none)",
        "taken": ", ".join(taken) or "(none)",
    }
    answer = ask(chat, PROMPT, values, _Reply, meter=meter, method=method, check=check, config=config)
    reply = answer.value
    if reply.known_label is not None:
        return Named(labels[reply.known_label], True, reply.reasoning, answer)
    assert reply.spec is not None  # checked above
    return Named(reply.spec, False, reply.reasoning, answer)


def _spread(examples: Sequence[Example]) -> list[Example]:
    count = min(len(examples), MOST_EXAMPLES)
    return [examples[i * len(examples) // count] for i in range(count)]


def _line(example: Example) -> str:
    shown = {
        "prompt": shorten(example.prompt, _LONGEST_PROMPT),
        "reference": _short_reference(example.reference),
    }
    if example.metadata:
        columns = json.dumps(dict(example.metadata), ensure_ascii=False, sort_keys=True, default=str)
        shown["metadata"] = shorten(columns, _LONGEST_METADATA)
    return json.dumps(shown, ensure_ascii=False)


def _short_reference(text: str) -> Any:
    """Return the reference itself, or, if it is long or no JSON, its text shortened."""
    if len(text) <= _LONGEST_REFERENCE:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return shorten(text, _LONGEST_REFERENCE)


def _known_line(spec: TaskSpec) -> str:
    shown = {
        "label": spec.label,
        "summary": shorten(spec.summary, _LONGEST_KNOWN),
        "correct": shorten(spec.correct, _LONGEST_KNOWN),
        "reference_form": shorten(spec.reference_form, _LONGEST_KNOWN),
    }
    return json.dumps(shown, ensure_ascii=False)
