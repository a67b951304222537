r"""Verify the final answer of a maths completion: plain numbers exactly, all else by Math-Verify.

>>> from ravelar.tools.reward import Triple
>>> MathAnswer().score([Triple("6 * 7?", "So it is \\boxed{42}.", 42), Triple("6 * 7?", "42 or 43", 42)])[0]
1.0

What it accepts and refuses, and what was measured: docs/verifiers.md.
"""

from collections.abc import Sequence
from typing import Any

from ravelar.tools.card import Evidence, Provenance, ToolCard
from ravelar.tools.errors import RewardToolError, ToolTimeout, ToolUnavailable, UnusableReference
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.verifiers.maths.extraction import FinalAnswer, final_answer
from ravelar.tools.verifiers.maths.plain import plain_number
from ravelar.tools.verifiers.maths.prose import sole_number
from ravelar.tools.verifiers.maths.references import Reference, read_reference
from ravelar.tools.verifiers.maths.worker_process import Question, Verdict, WorkerProcess

_CARD = ToolCard(
    name="math_answer",
    kind="verifier",
    task="mathematics with one right final answer",
    summary=(
        "Finds the final answer of a completion (box, ####, A:, 'the answer is') and compares it with the "
        "reference: plain numbers exactly, formulas by Math-Verify, words by their text. Several differing answers "
        "side by side are wrong. Units are not compared; the way to the answer is not looked at."
    ),
    needs=("reference",),
    evidence=(
        Evidence(
            data="GSM8K labelled model solutions, the half at hand",
            measure="agreement with the label",
            n=2632,
            value=1.0,
            low=0.9985,  # Wilson score interval: n / (n + 1.96**2)
            high=1.0,
            made_by="python -m ravelar.benchmark.math_evidence DIR",
        ),
    ),
    provenance=Provenance(
        revision="math-verify 0.9", licence="Apache-2.0", note="formulas by Math-Verify (Hugging Face)"
    ),
)
_FORMULA_SIGNS = frozenset("\\^*/+()!|√")
_PROBE = "7919"  # a number that is hardly anybody's reference
_HUNG_KEPT = 1024  # references known to hang Math-Verify that are remembered
_KILLED = "Math-Verify's worker was killed by somebody else each time that it was asked"
_NO_ANSWER = Scored(0.0, "no final answer found")
_BY_LAST_NUMBER = Scored(1.0, "by the last number of the text; no answer was marked")


class MathAnswer:
    """The verifier `math_answer`: 1.0 for a right final answer, 0.0 for any other or none.

    Args:
        timeout_s: Processor time that Math-Verify gets per completion. A completion that uses it up is wrong.
        memory_mb: Memory that Math-Verify gets beyond its imports.
    """

    def __init__(self, timeout_s: float = 2.0, memory_mb: int = 1024) -> None:
        self._timeout_s = timeout_s
        self._worker = WorkerProcess(timeout_s, memory_mb)
        self._hanging: dict[str, bool] = {}

    @property
    def card(self) -> ToolCard:
        """What is known of the tool."""
        return _CARD

    def close(self) -> None:
        """End the worker process, if one runs; a later `score` starts another."""
        self._worker.close()

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return 1.0, 0.0 or an error for each, in order.

        The error is `UnusableReference`, or `ToolUnavailable` where an answer needs Math-Verify and its worker
        can't be started; plain numbers are scored without it.
        """
        scores: list[RawScore] = []
        asked: dict[int, Question] = {}
        for i, triple in enumerate(triples):
            found = _settle(triple)
            if isinstance(found, Question):
                asked[i] = found
                found = 0.0
            scores.append(found)
        if asked:
            answers = self._ask(list(dict.fromkeys(asked.values())))
            for i, question in asked.items():
                scores[i] = answers[question]
        return scores

    def _ask(self, questions: list[Question]) -> dict[Question, RawScore]:
        """Ask the worker what no plain number settled, each question once."""
        fresh = [question for question in questions if not self._hanging.get(question.reference)]
        try:
            verdicts = dict(zip(fresh, self._worker.ask(fresh), strict=True))
        except ToolUnavailable as error:
            return dict.fromkeys(questions, error)
        return {question: self._score_of(question, verdicts.get(question, Verdict("hung"))) for question in questions}

    def _score_of(self, question: Question, verdict: Verdict) -> RawScore:
        if verdict.outcome == "right":
            return 1.0
        if verdict.outcome == "wrong":
            return 0.0
        if verdict.outcome == "unreadable":
            return UnusableReference(verdict.reason)
        if verdict.outcome == "stalled":
            return ToolTimeout("Math-Verify got no processor time; the machine is overloaded")
        if verdict.outcome == "killed":
            return ToolUnavailable(_KILLED)
        try:
            by_itself = self._hangs_by_itself(question.reference)
        except ToolUnavailable as error:
            return error
        if by_itself:
            return UnusableReference(
                f"the reference {question.reference[:80]!r} alone keeps Math-Verify over {self._timeout_s} s or ends it"
            )
        done = "took longer than its time limit" if verdict.outcome == "hung" else "ended"
        return Scored(0.0, f"Math-Verify {done} on this answer")

    def _hangs_by_itself(self, reference: str) -> bool:
        """Say whether the reference breaks Math-Verify beside itself and a plain number too.

        Raises:
            ToolUnavailable: if nobody can tell, since the worker can't be started or is killed.
        """
        known = self._hanging.get(reference)
        if known is None:
            [probed] = self._worker.ask([Question(reference, (reference, _PROBE))])
            if probed.outcome == "killed":
                raise ToolUnavailable(_KILLED)
            known = probed.outcome in {"hung", "crashed"}
            if len(self._hanging) >= _HUNG_KEPT:
                self._hanging.clear()
            self._hanging[reference] = known
        return known


def _settle(triple: Triple) -> RawScore | Question:
    """Score a triple without Math-Verify, or say what to ask it."""
    try:
        reference = read_reference(triple.reference)
    except RewardToolError as error:
        return error
    weakest = reference.form == "number" and not reference.worked
    found = final_answer(triple.answer, reference.form, last_number=weakest)
    if not found.candidates:
        return _NO_ANSWER
    if reference.form == "number":
        return _settle_number(reference, found)
    if reference.form == "words":
        return float(all(reference.is_words(candidate) for candidate in found.candidates))
    return Question(reference.text, found.candidates, reference.several)


def _settle_number(reference: Reference, found: FinalAnswer) -> RawScore | Question:
    open_candidates = []
    for candidate in found.candidates:
        number = plain_number(candidate) or sole_number(candidate)
        if number is None and not _FORMULA_SIGNS.isdisjoint(candidate):
            open_candidates.append(candidate)
        elif number is None or not reference.is_number(number):
            return 0.0
    if open_candidates:
        written = reference.as_latex()
        return Question(written, tuple(open_candidates)) if written else 0.0
    return _BY_LAST_NUMBER if found.how == "last number" else 1.0


def parts(reference: Any, completion: str) -> FinalAnswer:
    """Return what a completion states, as `MathAnswer` reads it for this reference; for looking into a score.

    Raises:
        UnusableReference: if the reference can't be read.
    """
    read = read_reference(reference)
    return final_answer(completion, read.form, last_number=read.form == "number" and not read.worked)
