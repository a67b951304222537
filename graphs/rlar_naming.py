"""The first two nodes of an acquisition: which task is this, and is there a tool for it already?"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from langgraph.runtime import Runtime
from langgraph.types import Overwrite

from ravelar.agents.rlar.task_namer import Example, name_task
from ravelar.graphs.rlar_parts import Parts
from ravelar.graphs.rlar_run import Run, thresholds_of, triples_of
from ravelar.graphs.rlar_state import ExampleRow, RlarContext, RlarInput, RlarState
from ravelar.tools.acquiring import can_rank
from ravelar.tools.completion import conversation_text
from ravelar.tools.errors import BrokenReply, ModelRefused, ModelUnavailable
from ravelar.tools.evidence.make_probes import enough
from ravelar.tools.extras import need
from ravelar.tools.recognition.grouping import Query, group_alike
from ravelar.tools.scoring import choose
from ravelar.tools.task import TaskSpec

_MOST_RECOGNISED = 64  # examples that are put to the recogniser
_MOST_KEPT = 400  # ours: examples whose name is kept, so that they are recognised and routed, also without a new tool
_AGREEMENT = 0.9  # ours: how many of those that it recognises must be of one task


@dataclass(frozen=True, slots=True)
class NamingNodes:
    """Name the task, and look whether it is known."""

    parts: Parts

    def name_task(self, state: RlarState, runtime: Runtime[RlarContext]) -> dict[str, Any]:
        """Say which task the examples belong to: by column, by recognition, else by asking."""
        given = {key: value for key, value in state.items() if key in RlarInput.__annotations__}
        context = runtime.context or RlarContext()
        context.check()  # a wrong setting is told before anything is spent
        thresholds_of(context)
        run = Run.of(self.parts, cast("RlarState", given), runtime, "name_task")
        examples = self._examples(run)
        if not run.context.acquire or not examples:
            why = "the context says not to acquire" if examples else "every triple has a tool"
            run.update |= {"task": None, "end": "scored", "because": why}
            return begin_anew(run.result())
        need("sklearn", extra="acquire", what="acquiring reward tools")
        run.update["examples"] = examples
        known = self.parts.known_tasks(run.context)
        label = self._by_column(examples) or self._recognised(run, examples, known)
        if label in known or label in self.parts.reserved:
            spec = known.get(label) or made_up(examples, label)
            run.say("named", label=label, how="without a language model")
        else:
            asked = self._asked(run, examples, known)
            spec = asked if label is None else asked.model_copy(update={"label": label})
        run.update["task"] = spec.model_dump(mode="json")
        return begin_anew(run.result())

    def recall(self, state: RlarState, runtime: Runtime[RlarContext]) -> dict[str, Any]:
        """Look whether the task has a tool, and whether there are probes to judge a new one by."""
        run = Run.of(self.parts, state, runtime, "recall")
        if state.get("task") is None:
            return run.result()
        label = run.spec.label
        tools = self.parts.library_of(run.context)
        run.update["known"] = label in tools
        if label in tools and not run.context.replace:
            run.update |= {"end": "known", "because": f"the task {label!r} has the tool {label!r} already"}
        elif label in self.parts.reserved:
            run.update |= {"end": "known", "because": f"{label!r} is a built-in tool, or a label that leads to one"}
        elif missing := enough(run.probes, thresholds_of(run.context)):
            if can_rank(run.probes, thresholds_of(run.context)):
                run.update["unverifiable"] = missing
            else:
                run.update |= {"end": "insufficient_probes", "because": missing}
        if run.update.get("end"):
            run.say("ended", end=run.update["end"], because=run.update["because"])
        return run.result()

    def name_prompts(self, state: RlarState, runtime: Runtime[RlarContext]) -> dict[str, Any]:
        """Name triples that no tool fits and nobody recognises, alike ones together, and remember the names.

        This is what an abstention costs: one call for a group of like prompts, once. A group whose name can't be had is
        left out, and the others are named.
        """
        run = Run.of(self.parts, state, runtime, "name_prompts")
        triples = triples_of(state)
        if run.context.tool or not run.context.acquire or not triples:
            return {}
        queries = [Query(triple.prompt, triple.reference, triple.metadata) for triple in triples]
        library = self.parts.library_of(run.context)
        nameless: set[int] = set()
        with run.guarded():
            while True:
                groups = self.parts.router_of(run.context, library).needs_name(queries)
                left = [group.members for group in groups if nameless.isdisjoint(group.members)]
                if not left:
                    break
                largest = max(left, key=len)
                try:
                    self._name_group(run, [queries[i] for i in largest])
                except (BrokenReply, ModelRefused) as error:
                    nameless.update(largest)
                    run.leave("broken_reply", f"{len(largest)} triples: {type(error).__name__}: {error}")
        return run.result()

    def _name_group(self, run: Run, group: Sequence[Query]) -> None:
        """Ask for one group's task.

        Raises: AgentError: if it can't be had.
        """
        rows = [ExampleRow(prompt=query.prompt, reference=query.reference) for query in group]  # type: ignore[typeddict-item]
        named = name_task(
            run.chat(),
            [_for_namer(row) for row in rows],
            meter=run.meter,
            known=list(self.parts.known_tasks(run.context).values()),
            reserved=self.parts.reserved,
            method=run.context.structured_output,
        )
        self.parts.remember(run.context, named.spec, rows)
        run.say("named", label=named.spec.label, how=f"asked, for {len(rows)} triples", known=named.known)

    def _examples(self, run: Run) -> list[ExampleRow]:
        """Return the examples: those given, else the probes' prompts, else the most triples alike that no tool fits."""
        if given := run.state.get("examples"):
            return list(given)
        if probes := run.state.get("probes"):
            return _once([_example(row) for row in probes])
        triples = triples_of(run.state)
        library = self.parts.library_of(run.context)
        routes = choose(triples, library=library, router=self.parts.router_of(run.context, library))
        rows = run.state.get("triples") or []
        unfit = [row for row, route in zip(rows, routes, strict=True) if route.tool is None]
        groups = group_alike([Query(row["prompt"], row.get("reference")) for row in unfit])
        return _once([_example(unfit[i]) for i in max(groups, key=len, default=[])])

    def _by_column(self, examples: Sequence[ExampleRow]) -> str | None:
        """Return the label that the examples' column `task` gives, if it gives one."""
        labels = {row["task"] for row in examples if row.get("task")}
        return as_label(labels.pop()) if len(labels) == 1 else None

    def _recognised(self, run: Run, examples: Sequence[ExampleRow], known: dict[str, TaskSpec]) -> str | None:
        """Return the adopted task that the recogniser sees in nearly all examples."""
        recogniser = self.parts.recogniser_of(run.context)
        rows = examples[:_MOST_RECOGNISED]
        seen = [recogniser.recognise(row["prompt"], row.get("reference"), {}).label for row in rows]
        label, count = Counter(seen).most_common(1)[0]
        return label if label in known and count >= _AGREEMENT * len(rows) else None

    def _asked(self, run: Run, examples: Sequence[ExampleRow], known: dict[str, TaskSpec]) -> TaskSpec:
        """Return the name that the language model gives; without one, a name made of the examples."""
        with run.guarded():
            try:
                chat = run.chat()
            except ModelUnavailable as error:
                run.leave("no_model", f"{error}; the task is named after its examples, and no reference decides")
            else:
                named = name_task(
                    chat,
                    [_for_namer(row) for row in examples],
                    meter=run.meter,
                    known=list(known.values()),
                    reserved=self.parts.reserved,
                    method=run.context.structured_output,
                )
                self.parts.remember(run.context, named.spec, examples[:_MOST_KEPT])
                run.say("named", label=named.spec.label, how="asked", reference_decides=named.spec.reference_decides)
                return named.spec
        return made_up(examples)


def begin_anew(update: dict[str, Any]) -> dict[str, Any]:
    """Let a first node's update also clear what an earlier run left on the thread."""
    cleared: dict[str, Any] = dict.fromkeys(RlarState.__annotations__.keys() - RlarInput.__annotations__.keys())
    gathered: dict[str, Any] = {"candidates": [], "left_out": [], "spent": {}}
    return {**cleared, **update, **{key: Overwrite(update.get(key, empty)) for key, empty in gathered.items()}}


def as_label(given: str) -> str:
    """Turn what a column says into a label: lower case, words joined by underscores."""
    label = re.sub(r"[^a-z0-9]+", "_", given.strip().lower()).strip("_")
    return label if re.fullmatch(r"[a-z][a-z0-9_]{1,47}", label) else f"task_{_digest(given)}"


def made_up(examples: Sequence[ExampleRow], label: str | None = None) -> TaskSpec:
    """Return a spec for a task that nobody described: nothing is claimed of what decides."""
    first = conversation_text(examples[0]["prompt"], "user")
    return TaskSpec(
        label=label or f"task_{_digest([row['prompt'] for row in examples])}",
        summary=f"Prompts such as: {first[:200]}",
        inputs="see the examples",
        correct="what the labelled probes say",
        reference_decides=False,
    )


def _example(row: Any) -> ExampleRow:
    kept = {key: row[key] for key in ("prompt", "reference", "task", "metadata") if row.get(key) is not None}
    return cast("ExampleRow", kept)


def _once(rows: Sequence[ExampleRow]) -> list[ExampleRow]:
    return list({json.dumps(row, sort_keys=True, default=str): row for row in rows}.values())


def _for_namer(row: ExampleRow) -> Example:
    reference = json.dumps(row.get("reference"), ensure_ascii=False, default=str)
    return Example(conversation_text(row["prompt"], "user"), reference, row.get("metadata", {}))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:8]
