"""The nodes of RLAR that find or make candidates: each reads the state, makes one decision, returns what changed.

What a node could not do (no model, no Hub, a broken reply, an empty budget) it says in `left_out`, and the
other branch goes on. Nothing here decides whether a tool is good: that is `tools.evidence.adoption`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.runtime import Runtime

from ravelar.agents.rlar.scout import plan_search, shortlist, web_names
from ravelar.agents.rlar.verifier_repairer import repair_verifier
from ravelar.agents.rlar.verifier_writer import ShownProbes, WrittenVerifier, write_verifier
from ravelar.graphs.rlar_parts import Parts
from ravelar.graphs.rlar_run import Run
from ravelar.graphs.rlar_state import RemoteModel, RlarContext, RlarState
from ravelar.tools.acquiring import Candidate, refused, try_model, try_verifier
from ravelar.tools.adopted.entry import RemoteRecipe, WrittenRecipe
from ravelar.tools.errors import HubUnreachable, ModelUnavailable
from ravelar.tools.hub.client import HubClient
from ravelar.tools.hub.evaluate import evaluate_repository
from ravelar.tools.hub.facts import ModelFacts
from ravelar.tools.hub.inspection import inspect_all
from ravelar.tools.hub.remote import open_remote
from ravelar.tools.hub.search import search
from ravelar.tools.hub.shortlist import shortlist as usable

Update = dict[str, Any]

_MOST_TAGS, _MOST_RESULTS = 20, 8
_MOST_INSPECTED = 24  # ours: repositories whose facts are read before the shortlist


@dataclass(frozen=True, slots=True)
class AcquireNodes:
    """Scout, evaluate, write, check, repair, judge; over the parts, which never enter the state."""

    parts: Parts

    def scout(self, state: RlarState, runtime: Runtime[RlarContext]) -> Update:
        """Search the Hub and say which of what was found is worth trying."""
        run = Run.of(self.parts, state, runtime, "scout", share="scout")
        if not run.context.search_hub:
            return run.left_out("disabled", "the context says not to search the Hub")
        with run.guarded():
            run.check_time()
            hub = self.parts.hub_of(run.context)
            found = search(hub, self._terms(run), limit=_MOST_INSPECTED)
            for asked, why in found.failures:
                run.leave("hub", f"{asked}: {why}")
            facts = self._looked_at(run, hub, [one.repo for one in found.found])
            kept, not_usable = usable(facts, **self.parts.limits_of(run.context))
            run.candidates += [refused(repo, "reward_model", reason).as_row() for repo, reason in not_usable]
            run.say("found", found=len(found.found), usable=len(kept), refused=len(not_usable))
            run.update["shortlist"] = [one.model_dump(mode="json") for one in self._picked(run, kept)]
        return run.result()

    def evaluate_candidates(self, state: RlarState, runtime: Runtime[RlarContext]) -> Update:
        """Download, check and measure each reward model on the shortlist, and each remote one that was given."""
        run = Run.of(self.parts, state, runtime, "evaluate_candidates")
        attempt = run.attempt()
        for row in (state.get("shortlist") or [])[: run.context.max_candidates]:
            with run.guarded():
                facts = ModelFacts.model_validate(row)
                run.check_time()
                left = run.bytes_left()
                run.say("evaluating", repo=facts.repo)
                candidate, taken = evaluate_repository(
                    self.parts.hub_of(run.context),
                    facts,
                    attempt,
                    max_bytes=left,
                    allow_remote_code=run.context.allow_remote_code,
                )
                run.spend(bytes=taken, candidates=1)
                run.add(candidate)
        for given in run.context.remote_models:
            with run.guarded():
                run.check_time()
                run.add(self._remote(given, run))
        return run.result()

    def write_verifier(self, state: RlarState, runtime: Runtime[RlarContext]) -> Update:
        """Plan up to five schemes and write the best as a verifier; only the shown probes are seen."""
        run = Run.of(self.parts, state, runtime, "write_verifier", share="writer")
        if not run.context.write_verifier:
            return run.left_out("disabled", "the context says not to write a verifier")
        if too_few := state.get("unverifiable"):
            return run.left_out("probes", f"no verifier could be adopted: {too_few}")
        with run.guarded():
            run.check_time()
            written = write_verifier(run.chat(), run.spec, ShownProbes.of(run.probes), meter=run.meter)
            run.update["verifier"] = _verifier_row(written, attempt=1)
            run.say("written", schemes=[scheme.name for scheme in written.schemes], lines=_lines(written.source))
        return run.result()

    def check_verifier(self, state: RlarState, runtime: Runtime[RlarContext]) -> Update:
        """Lint it, try canaries, measure it on the shown half, and if that is well, on the held-out half."""
        run = Run.of(self.parts, state, runtime, "check_verifier")
        verifier = state.get("verifier")
        if verifier is None:
            return {}
        with run.guarded():
            run.check_time()
            attempt = run.attempt()
            candidate, report = try_verifier(
                f"written verifier, attempt {verifier['attempt']}",
                WrittenRecipe(source=verifier["source"], profile=verifier["profile"]),
                attempt,
                sandbox=self.parts.sandbox(),
                summary=verifier["summary"],
            )
            run.add(candidate)
            check = {"passed": candidate.passed, "for_repair": report.for_repair()}
            run.update["check"] = {**check, "max_repairs": run.context.max_repairs}  # what the edge decides by
        return run.result()

    def repair_verifier(self, state: RlarState, runtime: Runtime[RlarContext]) -> Update:
        """Show the writer what failed on the shown half, and take a new version."""
        run = Run.of(self.parts, state, runtime, "repair_verifier", share="writer")
        verifier, check = state.get("verifier") or {}, state.get("check") or {}
        run.update["verifier"] = None  # a repair that fails leaves nothing to check again
        run.spend(repairs=1)
        with run.guarded():
            run.check_time()
            written = repair_verifier(
                run.chat(),
                run.spec,
                verifier["source"],
                check["for_repair"],
                meter=run.meter,
                profile=verifier["profile"],
            )
            row = _verifier_row(written, attempt=verifier["attempt"] + 1)
            run.update["verifier"] = {**row, "summary": f"{verifier['summary']} Repaired: {written.chosen}"}
            run.say("repaired", attempt=verifier["attempt"] + 1, lines=_lines(written.source))
        return run.result()

    def evaluate_judge(self, state: RlarState, runtime: Runtime[RlarContext]) -> Update:
        """Try the language model itself as a judge; it is admitted on probes like any other tool."""
        run = Run.of(self.parts, state, runtime, "evaluate_judge")
        if not run.context.judge:
            return {}
        with run.guarded():
            run.check_time()
            judge = self.parts.judge_of(run.context, run.spec)
            run.add(try_model(f"judge {judge.recipe.model}", judge, judge.recipe, run.attempt()))
        return run.result()

    def _terms(self, run: Run) -> list[str]:
        """Return what to search for: the scout's queries, or without a language model the task's own words."""
        try:
            plan = plan_search(run.chat(), run.spec, meter=run.meter, method=run.context.structured_output)
        except ModelUnavailable as error:
            run.leave("no_model", f"planning the search: {error}; searched for the task's own words")
            return ["reward", run.spec.label.replace("_", " ")]
        run.say("queries", queries=[query.text for query in plan.queries])
        return [query.text for query in plan.queries]

    def _looked_at(self, run: Run, hub: HubClient, repos: Sequence[str]) -> list[ModelFacts]:
        """Read facts: what is wrong with a repository is its refusal, what is wrong with the Hub is left out."""
        names = list(dict.fromkeys([*repos, *self._from_the_web(run)]))[:_MOST_INSPECTED]
        looked = inspect_all(hub, names)
        for name, why in looked.failed:
            if why.startswith(HubUnreachable.__name__):
                run.leave("hub", f"{name}: {why}")
            else:
                run.add(refused(name, "reward_model", why))
        if looked.unasked:
            said = "not looked at, since the Hub does not answer or the time for it was over"
            run.leave("hub", f"{said}: {', '.join(looked.unasked)}")
        return list(looked.facts)

    def _from_the_web(self, run: Run) -> Sequence[str]:
        tool = self.parts.search_tool_of(run.context)
        if tool is None:
            return ()
        hits = web_names(tool, [f"{run.spec.label.replace('_', ' ')} reward model huggingface"])
        for failure in hits.failures:
            run.leave("web_search", failure)
        return hits.names

    def _picked(self, run: Run, kept: Sequence[ModelFacts]) -> list[ModelFacts]:
        """Return the shortlist in order: the scout's picks, or without a language model the search's order."""
        by_name = {one.repo: one for one in kept}
        if len(kept) <= 1:
            return list(kept)
        try:
            picked = shortlist(
                run.chat(),
                run.spec,
                [_for_scout(one) for one in kept],
                meter=run.meter,
                limit=run.context.max_candidates,
                method=run.context.structured_output,
            )
        except ModelUnavailable as error:
            run.leave("no_model", f"choosing among candidates: {error}; took the search's order")
            return list(kept)[: run.context.max_candidates]
        run.say("shortlist", picks=[pick.model_dump() for pick in picked.picks])
        return [by_name[pick.repo] for pick in picked.picks if pick.repo in by_name]

    def _remote(self, given: RemoteModel, run: Run) -> Candidate:
        recipe = RemoteRecipe.model_validate(given)
        return try_model(recipe.url, open_remote(recipe), recipe, run.attempt())


def _for_scout(facts: ModelFacts) -> dict[str, Any]:
    """Return what a scout may want to know of a repository; the order of keys is that of the prompt."""
    return {
        "repo": facts.repo,
        "architectures": facts.architectures,
        "pipeline_tag": facts.pipeline_tag,
        "tags": facts.tags[:_MOST_TAGS],
        "languages": facts.languages,
        "datasets": facts.datasets,
        "base_model": facts.base_model,
        "parameters": facts.parameters,
        "max_positions": facts.max_positions,
        "licence": facts.licence,
        "downloads": facts.downloads,
        "results": [result.model_dump() for result in facts.results[:_MOST_RESULTS]],
    }


def _verifier_row(written: WrittenVerifier, *, attempt: int) -> dict[str, Any]:
    scheme = next((scheme for scheme in written.schemes if scheme.name == written.chosen), None)
    return {
        "source": written.source,
        "profile": written.profile,
        "attempt": attempt,
        "schemes": [scheme.model_dump(mode="json") for scheme in written.schemes],
        "chosen": written.chosen,
        "own_cases": [case.model_dump(mode="json") for case in (*written.positive, *written.negative)],
        "summary": f"Verifier written for this task ({written.chosen}): {scheme.idea if scheme else 'see its source'}",
    }


def _lines(source: str) -> int:
    return source.count("\n") + 1
