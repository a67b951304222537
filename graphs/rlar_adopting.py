"""The last nodes of an acquisition: choose among what passed, ask a person if they want to be asked, and adopt."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.runtime import Runtime

from ravelar.agents.rlar.router import break_tie
from ravelar.graphs.people import answers, ask
from ravelar.graphs.rlar_parts import Parts
from ravelar.graphs.rlar_run import Run
from ravelar.graphs.rlar_state import End, RlarContext, RlarState
from ravelar.tools.acquiring import Candidate, beats, best_of
from ravelar.tools.adopted.recognised import recogniser_of
from ravelar.tools.errors import AgentError, InputError
from ravelar.tools.evidence.measure import score_probes

_MOST_NAMED = 400  # ours: prompts whose names are kept for recognising the task again


@dataclass(frozen=True, slots=True)
class AdoptNodes:
    """Decide, approve, adopt."""

    parts: Parts

    def decide(self, state: RlarState, runtime: Runtime[RlarContext]) -> dict[str, Any]:
        """Choose the best of what passed; where nothing did, say how the search ended."""
        run = Run.of(self.parts, state, runtime, "decide")
        candidates = [Candidate.of_row(row) for row in state.get("candidates") or []]
        best = best_of(candidates, run.probes, self._tie_breaker(run))
        run.update["chosen"] = None
        if best is None:
            end, because = how_it_ended(candidates, (state.get("left_out") or []))
            run.update |= {"end": end, "because": because}
        else:
            better, said = self._beats_the_incumbent(run, best)
            if better:
                run.update["chosen"] = best.as_row()
            else:
                run.update |= {"end": "not_better", "because": f"{best.name} passed, but {said}"}
        run.say("decided", chosen=None if best is None else best.name, end=run.update.get("end"))
        return run.result()

    def approve(self, state: RlarState, runtime: Runtime[RlarContext]) -> dict[str, Any]:
        """Wait for a person's word, if the context says so."""
        context = runtime.context or RlarContext()
        chosen = state.get("chosen")
        if chosen is None or not context.ask_before_adopting:
            return {"approved": True}
        yes, reason = ask(_question(chosen), read_answer)
        if yes:
            return {"approved": True}
        because = f"a person refused {chosen['name']}" + (f": {reason}" if reason else "")
        return {"approved": False, "end": "not_approved", "because": because}

    def adopt(self, state: RlarState, runtime: Runtime[RlarContext]) -> dict[str, Any]:
        """Write down what was decided: the adoption, and each refusal with its reasons. Done twice, it is done once."""
        run = Run.of(self.parts, state, runtime, "adopt")
        store, run_id = self.parts.store_of(run.context), run_key(run)
        chosen = state.get("chosen") if state.get("approved") else None
        for row in state.get("candidates") or []:
            candidate = Candidate.of_row(row)
            if not candidate.passed:
                entry = candidate.entry
                store.refuse(
                    run.spec.label,
                    candidate.name,
                    run=run_id,
                    reason=candidate.reasons[0] if candidate.reasons else "refused",
                    why=candidate.reasons,
                    recipe=None if entry is None else entry.recipe,
                    trial=None if entry is None else entry.trial,
                )
        if chosen is not None:
            self._adopted(run, Candidate.of_row(chosen), run_id)
        return run.result()

    def _adopted(self, run: Run, candidate: Candidate, run_id: str) -> None:
        entry = candidate.entry
        assert entry is not None  # best_of chooses among those that have one
        store = self.parts.store_of(run.context)
        store.adopt(entry, run=run_id, reason=f"{candidate.name} passed", why=candidate.reasons)
        self.parts.remember(run.context, entry.task, _prompts(run.state))
        recogniser_of(store)  # fitted and kept now, so that scoring processes only read it
        run.update |= {
            "adopted": {
                "tool": entry.task.label,
                "version": entry.version,
                "kind": candidate.kind,
                "candidate": candidate.name,
            },
            "end": "adopted",
            "because": f"{candidate.name} passed on {entry.trial.n} held-out probes",
        }
        run.say("adopted", tool=entry.task.label, version=entry.version, candidate=candidate.name)

    def _tie_breaker(self, run: Run) -> Callable[[Sequence[Candidate]], str]:
        """Return who is asked where rules and evidence leave a tie; without a language model, the first one wins."""

        def ask(level: Sequence[Candidate]) -> str:
            try:
                broken = break_tie(run.chat(), run.spec, [_for_router(one) for one in level], meter=run.meter)
            except AgentError as error:
                run.leave("no_model", f"breaking a tie: {type(error).__name__}: {error}; took the first")
                return level[0].name
            run.say("tie", name=broken.name, reasoning=broken.reasoning)
            return broken.name

        return ask

    def _beats_the_incumbent(self, run: Run, best: Candidate) -> tuple[bool, str]:
        """Say whether the tool in use, if there is one, is beaten on the same held-out probes."""
        if not run.state.get("known"):
            return True, ""
        incumbent = self.parts.library_of(run.context)[run.spec.label]
        return beats(best, score_probes(incumbent, run.probes, "held_out", repeats=1), run.probes)


def _prompts(state: RlarState) -> list[Any]:
    """Return the prompts by which the task is to be recognised again: examples and probes, each once."""
    rows = {
        json.dumps([row["prompt"], row.get("reference")], sort_keys=True, default=str): row
        for row in [*(state.get("examples") or []), *(state.get("probes") or [])]
    }
    return list(rows.values())[:_MOST_NAMED]


def how_it_ended(candidates: Sequence[Candidate], left_out: Sequence[Any]) -> tuple[End, str]:
    """Say how a search ended in which nothing passed: the gravest reason decides, and is quoted."""
    refusals = f"{len(candidates)} candidates were refused" if candidates else "there was no candidate"
    gravest: tuple[tuple[End, frozenset[str]], ...] = (
        ("budget_exhausted", frozenset({"budget"})),
        ("failed", frozenset({"broken_reply", "failed"})),
    )
    for end, kinds in gravest:
        if row := next((row for row in left_out if row["kind"] in kinds), None):
            return end, f"{refusals}; {row['step']}: {row['said']}"
    if not candidates and any(row["kind"] in {"no_model", "hub", "unreachable"} for row in left_out):
        return (
            "unavailable",
            f"{refusals}: {', '.join(dict.fromkeys(row['step'] for row in left_out))} had to be left out",
        )
    return "nothing_passed", refusals


def read_answer(answer: Any) -> tuple[bool, str]:
    """Read a person's answer: true or false, or `{"approve": bool, "reason": text}`; return it and the reason.

    Raises: InputError: if it has neither form: nothing is adopted, or refused, by mistake.
    """
    given = {"approve": answer} if isinstance(answer, bool) else answer
    if not isinstance(given, Mapping) or not isinstance(given.get("approve"), bool):
        raise InputError(f"answer {answer!r}: allowed: true, false or {{'approve': false, 'reason': ...}}"[:500])
    return given["approve"], str(given.get("reason") or "")


def run_key(run: Run) -> str:
    """Return the name of this run's adoption: the same however often the run is begun again."""
    what = f"{run.spec.model_dump_json()}\n{run.probes.digest}"
    return hashlib.sha256(what.encode()).hexdigest()[:16]


def _question(chosen: dict[str, Any]) -> dict[str, Any]:
    entry = chosen["entry"]
    return {
        "kind": "adoption",
        "question": f"Adopt {chosen['name']} as the reward tool {entry['task']['label']!r}?",
        "answers": answers(
            ("Adopt it: from now on it scores this task.", {"approve": True}),
            ("Refuse it; the reason is kept.", {"approve": False, "reason": "It accepts answers without a unit."}),
        ),
        "candidate": chosen["name"],
        "task": entry["task"],
        "tool_kind": chosen["kind"],
        "evidence": entry["card"]["evidence"],
        "recipe": entry["recipe"],
    }


def _for_router(candidate: Candidate) -> dict[str, Any]:
    entry = candidate.entry
    assert entry is not None  # only candidates that passed are compared
    evidence = [f"{fact.measure}: {fact.value:.3f} ({fact.low:.3f} to {fact.high:.3f})" for fact in entry.card.evidence]
    return {"name": candidate.name, "kind": candidate.kind, "summary": entry.card.summary, "evidence": evidence}
