"""The reward tool: does a completion follow the instructions that stand beside its prompt?"""

from collections.abc import Sequence
from typing import Literal

from ravelar.tools.card import Evidence, Provenance, ToolCard
from ravelar.tools.errors import InputError, RewardToolError
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.verifiers.instructions.reading import IDS, KWARGS, Instruction, instructions_of

Mode = Literal["strict", "loose"]
Require = Literal["all", "fraction"]


class Instructions:
    """Verify the instructions of IFEval by program.

    Args:
        mode: "strict" judges the completion as written; "loose" also without its first line, its last
            line or both, each also without asterisks, and an instruction counts if one version follows it.
        require: "all" scores 1 if every instruction is followed, else 0 (the mean over prompts is the
            published prompt-level accuracy); "fraction" scores the share that is followed.
        name: The name on the card; by default `instructions`, with `_loose` and `_fraction` where they apply.

    Raises:
        InputError: if `mode` or `require` is none of these.
    """

    def __init__(self, mode: Mode = "strict", require: Require = "all", *, name: str | None = None) -> None:
        if mode not in ("strict", "loose"):
            raise InputError(f"mode is {mode!r}; allowed: 'strict', 'loose'")
        if require not in ("all", "fraction"):
            raise InputError(f"require is {require!r}; allowed: 'all', 'fraction'")
        self._loose = mode == "loose"
        self._all = require == "all"
        self._card = _card(mode, require, name)

    @property
    def card(self) -> ToolCard:
        """What is known of the tool."""
        return self._card

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return n shares in order, or why the instructions can't be read."""
        return [self._score_one(triple) for triple in triples]

    def _score_one(self, triple: Triple) -> RawScore:
        try:
            instructions = instructions_of(triple)
            texts = _versions(triple.answer) if self._loose else [triple.answer]
            followed = [any(map(instruction.followed_by, texts)) for instruction in instructions]
        except RewardToolError as error:  # in its place: the next triple's instructions may be readable
            return error
        fraction = sum(followed) / len(followed)
        detail = [{"id": i.id, "followed": kept} for i, kept in zip(instructions, followed, strict=True)]
        return Scored(
            raw=float(all(followed)) if self._all else fraction,
            note=_note(instructions, followed),
            detail={"instructions": detail, "fraction": fraction},
        )


def _note(instructions: list[Instruction], followed: list[bool]) -> str | None:
    missed = [i.id for i, kept in zip(instructions, followed, strict=True) if not kept]
    return f"not followed: {', '.join(missed)}" if missed else None


def _versions(text: str) -> list[str]:
    """Return the different ones of the eight versions that loose mode tries, the text as written first."""
    lines = text.split("\n")
    cut = [text, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    return list(dict.fromkeys([*cut, *(version.replace("*", "") for version in cut)]))


_EVIDENCE = (
    Evidence(
        data="IFEval's 834 instructions, 60 texts each: model outputs and references, most of them changed",
        measure="same verdict as the published scorer (lm_eval 0.4.13), instruction by instruction, strict",
        n=49_405,
        value=0.9976,
        low=0.9971,
        high=0.9980,
        made_by="python tests/verifiers/instructions/compare_with_published.py",
    ),
    Evidence(
        data="five hand-written sentences in each of 31 languages",
        measure="language named rightly",
        n=155,
        value=1.0,
        low=0.9758,
        high=1.0,
        made_by="pytest tests/verifiers/instructions/test_language.py",
    ),
)


def _card(mode: Mode, require: Require, name: str | None) -> ToolCard:
    suffix = ("_loose" if mode == "loose" else "") + ("_fraction" if require == "fraction" else "")
    return ToolCard(
        name=name or f"instructions{suffix}",
        kind="verifier",
        task="instruction following",
        summary=(
            f"Checks the 25 families of verifiable instructions of IFEval ({mode}); "
            + ("1 if all are followed, else 0" if require == "all" else "the share that is followed")
            + ". Sees form only: a completion that follows them and answers nothing scores full marks."
        ),
        needs=(IDS, KWARGS),
        provenance=Provenance(note="Method: Zhou et al., arXiv 2311.07911, written from the description"),
        evidence=_EVIDENCE,
    )
