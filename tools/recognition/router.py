"""From a prompt to its reward tool: columns, adopted tools by recognised task, and the built-in rules.

What goes before what, and why:

1. The `tool` column, then the `task` column (an adopted tool of that name before a built-in one), then a column
   that only one built-in tool reads: somebody said it. A label that names no tool is not overruled by a guess.
2. The name that this very prompt was given before, if a tool is adopted for it: stronger than any shape.
3. The classifier, where it is sure, if a tool is adopted for the task. It goes before the built-in rules because
   these can't know the task: a unit conversion has a number for reference, and would go to `math_answer`.
4. The built-in rules of `tools.routing`, by the shape of reference and prompt.
5. The classifier, where it is less sure, or names a built-in tool: better than no tool.

A suspended tool is never routed to, and its prompts get no other tool instead: they are unscored, with the reason.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ravelar.tools.completion import Conversation
from ravelar.tools.errors import InputError
from ravelar.tools.recognition.grouping import ALIKE, Query, Unnamed, group_alike
from ravelar.tools.recognition.names import prompt_key
from ravelar.tools.recognition.recogniser import Recogniser, Recognition, column_label
from ravelar.tools.routing import TASKS, Held, Route, by_columns, route

SURE = 0.7  # ours: least probability with which a recognised task goes before the built-in rules
_REMEMBERED = 200_000  # decisions kept, some 200 bytes each


class TaskRouter:
    """A router (`tools.routing.Router`) over a frozen recogniser: picklable, deterministic, blind to completions.

    A task that the classifier recognised once for a prompt stays its task in this router and in those made from it
    by `renewed`, so that a group met again after a new fit is scored by the same tool. Other processes must be given
    the same snapshot; nothing else keeps them in step.

    Args:
        recogniser: The snapshot.
        adopted: Names of the adopted tools, which are labels of tasks.
        names: Names of all tools there are, the adopted ones included or not; None takes built-in ones on trust.
        suspended: Names of tools not to be routed to.
        sure: Least probability with which a recognised task goes before the built-in rules.
        decided: Labels decided before, by `prompt_key`.
    """

    def __init__(  # noqa: PLR0913  all but the first two have defaults
        self,
        recogniser: Recogniser,
        adopted: Collection[str],
        *,
        names: Collection[str] | None = None,
        suspended: Collection[str] = (),
        sure: float = SURE,
        decided: Mapping[str, str] | None = None,
    ) -> None:
        self.recogniser = recogniser
        self.adopted = frozenset(adopted)
        self.names = None if names is None else self.adopted.union(names)
        self.suspended = frozenset(suspended)
        self.sure = sure
        self._decided: dict[str, Recognition] = {
            key: Recognition(label, "cache", 1.0, "decided before") for key, label in (decided or {}).items()
        }

    def __call__(self, prompt: Conversation, reference: Any, metadata: Mapping[str, Any]) -> Route:
        """Choose the tool for a query; None where no tool fits, and then the reason says what was looked for."""
        chosen = self._choose(prompt, reference, metadata or {})
        if chosen.tool is not None and chosen.tool in self.suspended:
            return Held(None, f"the tool {chosen.tool} is suspended ({chosen.reason})")
        return chosen

    def recognise(
        self, prompt: Conversation, reference: Any = None, metadata: Mapping[str, Any] | None = None
    ) -> Recognition:
        """Recognise the task of a prompt as routing does, remembering what was decided."""
        if metadata and column_label(metadata):
            return self.recogniser.recognise(prompt, reference, metadata)
        try:
            key = prompt_key(prompt, reference)
        except InputError as error:
            return Recognition(None, "unknown", 0.0, str(error))
        if remembered := self._decided.get(key):
            return remembered
        recognition = self.recogniser.recognise(prompt, reference, key=key)
        if recognition.how == "classifier" and len(self._decided) < _REMEMBERED:
            self._decided[key] = recognition
        return recognition

    def needs_name(self, batch: Sequence[Query], *, alike: float = ALIKE) -> list[Unnamed]:
        """Return the queries of a batch that find no tool and whose task is unknown, grouped by likeness."""
        unknown: list[int] = []
        reasons: list[str] = []
        for i, query in enumerate(batch):
            if self(query.prompt, query.reference, query.metadata or {}).tool is not None:
                continue
            recognition = self.recognise(query.prompt, query.reference, query.metadata)
            if recognition.label is None:
                unknown.append(i)
                reasons.append(recognition.reason)
        groups = group_alike([batch[i] for i in unknown], alike=alike)
        return [Unnamed(tuple(unknown[i] for i in group), reasons[group[0]]) for group in groups]

    @property
    def decided(self) -> dict[str, str]:
        """The labels that were decided so far, by `prompt_key`; `Recogniser.fit(decided=...)` shares them."""
        return {key: known.label for key, known in self._decided.items() if known.label is not None}

    def renewed(
        self,
        *,
        recogniser: Recogniser | None = None,
        adopted: Collection[str] | None = None,
        names: Collection[str] | None = None,
        suspended: Iterable[str] | None = None,
    ) -> "TaskRouter":
        """Return a router with other parts that keeps to what this one decided."""
        made = TaskRouter(
            recogniser or self.recogniser,
            self.adopted if adopted is None else adopted,
            names=self.names if names is None else names,
            suspended=self.suspended if suspended is None else tuple(suspended),
            sure=self.sure,
        )
        made._decided = dict(self._decided)
        return made

    def _choose(self, prompt: Conversation, reference: Any, columns: Mapping[str, Any]) -> Route:
        if said := self._by_said(prompt, reference, columns):
            return said
        recognition = self.recognise(prompt, reference)
        label = recognition.label
        if label in self.adopted and (recognition.how == "cache" or recognition.confidence >= self.sure):
            return _by_task(recognition, label)
        shown = route(prompt, reference, {**columns, "task": None}, names=self.names)
        if shown.tool is not None:
            return shown
        if label is None:
            return Route(None, f"{shown.reason}; {recognition.reason}")
        tool = self._tool_of(label)
        if tool is None:
            return Route(None, f"the task {label} has no tool yet ({recognition.how})")
        return _by_task(recognition, tool)

    def _by_said(self, prompt: Conversation, reference: Any, columns: Mapping[str, Any]) -> Route | None:
        """Choose by what the row says of itself; None where it says nothing."""
        if columns.get("tool"):
            return route(prompt, reference, columns, names=self.names)
        label = column_label(columns)
        if label is None:
            return self._known(by_columns(columns))
        if label in self.adopted:
            return Route(label, f"column task {columns['task']!r}")
        chosen = route(prompt, reference, columns, names=self.names)
        if chosen.tool is None:
            return Route(None, f"the task {label} has no tool yet (column task); {chosen.reason}")
        return chosen

    def _known(self, chosen: Route | None) -> Route | None:
        if chosen is None or self.names is None or chosen.tool in self.names:
            return chosen
        return Route(None, f"{chosen.reason}: the tool {chosen.tool} is not there")

    def _tool_of(self, label: str) -> str | None:
        tool = label if label in self.adopted else TASKS.get(label, label)
        known = self.adopted.union(TASKS.values()) if self.names is None else self.names
        return tool if tool in known else None


def _by_task(recognition: Recognition, tool: str | None) -> Route:
    return Route(tool, f"task {recognition.label} ({recognition.how}, {recognition.confidence:.2f})")
