"""Multiple choice, by label or by text."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from ravelar.tools.card import Provenance, ToolCard
from ravelar.tools.errors import UnusablePrompt, UnusableReference
from ravelar.tools.options import LETTERS, find_options, given_options, option_of
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.verifiers.each import each, shown
from ravelar.tools.verifiers.final_choice import final_choice

_ALLOWED = "allowed: an option's label or text, or, where the column options is a list, an index from 0"


class Choice:
    """1 for a completion whose final choice is the reference's option, else 0.

    Options come from the column `options` or `choices`, or else from the prompt. The reference is a label
    ("B", "(B)"), an option's text, or an integer index counted from 0, which is taken only where the column
    is a list, as in MMLU. Without visible options a reference of one letter is still judged, by letter.
    """

    card = ToolCard(
        name="choice",
        kind="verifier",
        task="multiple choice",
        summary="1 if the completion's last explicit choice (boxed, 'Answer: B', a line 'B) Paris', an option's "
        "text, 答案/选) is the reference's option, else 0. Two options joined as final are wrong. A wordy final "
        "answer that neither labels nor repeats an option is read as no choice: a possible false reject.",
        needs=("reference", "options or prompt"),
        provenance=Provenance(note="rules are ours; docs/metrics.md states them"),
    )

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return n scores of 0 or 1, what was chosen kept in `detail`."""
        return each(_judged, triples)


def _judged(triple: Triple) -> Scored:
    options = _options(triple)
    right = _right_option(triple, options)
    chosen = final_choice(triple.answer, options)
    note = None if chosen.label else chosen.how
    return Scored(float(chosen.label == right), note, {"chosen": chosen.label, "reference": right})


def _options(triple: Triple) -> dict[str, str]:
    for column in ("options", "choices"):
        given = triple.metadata.get(column)
        if given is not None and (options := given_options(given)):
            return options
    return _options_in(triple.question)


@lru_cache(maxsize=256)
def _options_in(question: str) -> dict[str, str]:
    return find_options(question)


def _right_option(triple: Triple, options: Mapping[str, str]) -> str:
    """Return the label of the option that the reference names.

    Raises:
        UnusableReference: if it names none of them, or is of a type that names none.
        UnusablePrompt: if there are no options that a reference text could be one of.
    """
    reference = triple.reference
    if isinstance(reference, int) and not isinstance(reference, bool):
        return _right_by_number(reference, triple, options)
    if not isinstance(reference, str) or not reference.strip():
        raise UnusableReference(f"reference is {shown(reference)}; {_ALLOWED}")
    if options:
        label = option_of(reference, options)
        if label is None:
            raise UnusableReference(f"reference {reference!r:.60} names none of {_listed(options)}; {_ALLOWED}")
        return label
    letter = reference.strip(" ()[].").upper()
    if len(letter) == 1 and letter in LETTERS:
        return letter
    raise UnusablePrompt(f"no options in the prompt, nor in the column options, for the reference {reference!r:.60}")


def _right_by_number(reference: int, triple: Triple, options: Mapping[str, str]) -> str:
    """Read an integer: an index where options came as a list, else the text of an option.

    With options such as 1, 2, 3 both readings fit; then neither is taken.
    """
    given = triple.metadata.get("options") or triple.metadata.get("choices")
    labels = list(options)
    by_text = option_of(str(reference), options)
    by_index = labels[reference] if isinstance(given, list | tuple) and 0 <= reference < len(labels) else None
    if by_text and by_index and by_text != by_index:
        raise UnusableReference(f"reference {reference} is the index of one option and the text of another; {_ALLOWED}")
    found = by_index or by_text
    if found is None:
        raise UnusableReference(f"reference {reference} names none of {_listed(options)}; {_ALLOWED}")
    return found


def _listed(options: Mapping[str, str]) -> str:
    return "the options " + ", ".join(f"{label}: {text!r:.30}" for label, text in list(options.items())[:6])
