"""A verifier from its source: `verify(prompt, completion, reference) -> float`, run in a jail, as a reward tool.

Whose fault it is when such a verifier has no value can't be read off its failure: a hostile completion may have
caused it, or a bug, or a reference that the verifier can't read. Three rules decide:

- A return value that is no reward (`bad_type`, `out_of_range`), a forged channel (`protocol`) and source that does
  not load (`load`) are the verifier's: unscored. A completion that drives a verifier above 1 may be a good one.
- Where it hangs, dies or raises (`timeout`, `memory`, `crash`, `raised`), the same prompt and reference are tried
  with a harmless completion. If it fails there too, its own part is broken: unscored.
- If it does not, the completion did it, and earns the lowest value: else a policy could learn to make verifiers
  fail, and be left out of its group's mean instead of being punished.
"""

import hashlib
from collections.abc import Mapping, Sequence

from ravelar.tools.card import Evidence, Provenance, ToolCard
from ravelar.tools.errors import RewardToolError, ToolCrashed, ToolTimeout, ToolUnavailable, UnusableReference
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.sandbox.errors import SandboxError
from ravelar.tools.sandbox.protocol import Call, Limits, Outcome, Program, Sandbox
from ravelar.tools.sandbox.values import BadValue, encode
from ravelar.tools.tracing.batches import run_traced

ENTRY = "verify"
HARMLESS = "I do not know the answer."
"""What stands in for a completion when a failure is to be told from the completion's."""

DEFAULT_LIMITS = Limits(wall_s=5.0, cpu_s=2.0)
_DIGEST_CHARACTERS = 16
_DOUBTFUL = frozenset({"timeout", "memory", "crash", "raised"})


class Written:
    """A reward tool made of a verifier's source.

    Args:
        source: Python source that defines `verify(prompt, completion, reference) -> float`, in [0, 1].
        name: How the tool is called.
        sandbox: Where it runs.
        limits: What one call may use.
        profile: Which libraries it finds: "core", "math", "text" or one of the sandbox's own.
        task: What it is for, in a few words.
        summary: What it does and does not know.
        needs: What it reads besides the completion.
        evidence: What was measured of it.
    """

    def __init__(  # noqa: PLR0913  a card in pieces
        self,
        source: str,
        *,
        name: str,
        sandbox: Sandbox,
        limits: Limits = DEFAULT_LIMITS,
        profile: str = "core",
        task: str = "what its author wrote it for",
        summary: str = "A verifier written at run time, run in a sandbox; see its source and its evidence.",
        needs: tuple[str, ...] = (),
        evidence: tuple[Evidence, ...] = (),
    ) -> None:
        digest = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
        self.source = source
        self.card = ToolCard(
            name=name,
            kind="verifier",
            task=task,
            summary=summary,
            needs=needs,
            provenance=Provenance(source="written", revision=f"sha256:{digest[:_DIGEST_CHARACTERS]}"),
            evidence=evidence,
        )
        self._sandbox, self._limits = sandbox, limits
        self._program = Program(source, entry=ENTRY, profile=profile, returns="reward", isolation="per_tool")

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples in one batch; return n raw scores in order.

        The verifier gets the prompt's text, the completion without its reasoning, and the reference as it is.

        Raises: ToolUnavailable: if the sandbox is not there, or breaks. ToolCrashed: if the source does not load.
        """
        readable = [i for i, triple in enumerate(triples) if _crosses(triple.reference)]
        outcomes = dict(zip(readable, self._run([_call(triples[i], triples[i].answer) for i in readable]), strict=True))
        controls = self._controls({i: triples[i] for i, o in outcomes.items() if o.reason in _DOUBTFUL})
        return [
            self._scored(outcomes[i], controls.get(i)) if i in outcomes else _unreadable(triple)
            for i, triple in enumerate(triples)
        ]

    def _run(self, calls: Sequence[Call]) -> list[Outcome]:
        if not calls:
            return []
        try:
            outcomes = run_traced(self._sandbox, self._program, calls, self._limits)
        except SandboxError as error:
            raise ToolUnavailable(f"sandbox {self._sandbox.name}: {type(error).__name__}: {error}") from error
        for outcome in outcomes:
            if outcome.reason == "load":
                raise ToolCrashed(f"the verifier does not load: {outcome.message}")
        return outcomes

    def _controls(self, doubtful: Mapping[int, Triple]) -> dict[int, Outcome]:
        """Return what becomes of a harmless completion in each doubtful one's place; equal rows are tried once."""
        calls = {i: _call(triple, HARMLESS) for i, triple in doubtful.items()}
        once = {repr(call.args): call for call in calls.values()}
        outcomes = dict(zip(once, self._run(list(once.values())), strict=True))
        return {i: outcomes[repr(call.args)] for i, call in calls.items()}

    def _scored(self, outcome: Outcome, control: Outcome | None) -> RawScore:
        if outcome.ok:
            return float(outcome.value)
        said = f"{outcome.reason}: {outcome.message}"
        if outcome.reason not in _DOUBTFUL:
            return ToolCrashed(f"the verifier gave no reward: {said}")
        if control is None or not control.ok:
            return _our_failure(outcome, said)
        return Scored(self.card.worst, f"lowest value: the completion made the verifier fail ({said})")


def _our_failure(outcome: Outcome, said: str) -> RewardToolError:
    words = f"the verifier fails on a harmless completion too: {said}"
    return ToolTimeout(words) if outcome.reason == "timeout" else ToolCrashed(words)


def _call(triple: Triple, completion: str) -> Call:
    return Call((triple.question, completion, triple.reference))


def _crosses(reference: object) -> bool:
    """Say whether a sandbox takes the reference: JSON and Python literals, not too deep."""
    try:
        encode(reference)
    except (BadValue, RecursionError):
        return False
    return True


def _unreadable(triple: Triple) -> UnusableReference:
    return UnusableReference(f"a reference of type {type(triple.reference).__name__} can't enter a sandbox")
