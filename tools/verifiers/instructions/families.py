"""The 25 families: each instruction id with its arguments and its check."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from ravelar.tools.verifiers.instructions import arguments as takes
from ravelar.tools.verifiers.instructions import casing, contents, keywords, language, layout, lengths

A = TypeVar("A", bound=takes.Arguments)


class Family(NamedTuple):
    """What an instruction takes, and whether a text that is not blank follows it."""

    arguments: type[takes.Arguments]
    follows: Callable[[str, Any], bool]


def _family(arguments: type[A], follows: Callable[[str, A], bool]) -> Family:
    """Pair the two, so that the type checker sees that they fit."""
    return Family(arguments, follows)


FAMILIES: Mapping[str, Family] = {
    "keywords:existence": _family(takes.Keywords, keywords.existence),
    "keywords:frequency": _family(takes.Keyword, keywords.frequency),
    "keywords:forbidden_words": _family(takes.ForbiddenWords, keywords.forbidden_words),
    "keywords:letter_frequency": _family(takes.Letter, keywords.letter_frequency),
    "language:response_language": _family(takes.Language, language.response_language),
    "length_constraints:number_sentences": _family(takes.NumberSentences, lengths.number_sentences),
    "length_constraints:number_paragraphs": _family(takes.NumberParagraphs, lengths.number_paragraphs),
    "length_constraints:number_words": _family(takes.NumberWords, lengths.number_words),
    "length_constraints:nth_paragraph_first_word": _family(takes.NthParagraph, lengths.nth_paragraph_first_word),
    "detectable_content:number_placeholders": _family(takes.NumberPlaceholders, contents.number_placeholders),
    "detectable_content:postscript": _family(takes.Postscript, contents.postscript),
    "detectable_format:number_bullet_lists": _family(takes.NumberBullets, layout.number_bullet_lists),
    "detectable_format:constrained_response": _family(takes.Arguments, layout.constrained_response),
    "detectable_format:number_highlighted_sections": _family(
        takes.NumberHighlights, layout.number_highlighted_sections
    ),
    "detectable_format:multiple_sections": _family(takes.Sections, layout.multiple_sections),
    "detectable_format:json_format": _family(takes.Arguments, layout.json_format),
    "detectable_format:title": _family(takes.Arguments, layout.title),
    "combination:two_responses": _family(takes.Arguments, contents.two_responses),
    "combination:repeat_prompt": _family(takes.RepeatPrompt, contents.repeat_prompt),
    "startend:end_checker": _family(takes.EndPhrase, contents.end_checker),
    "startend:quotation": _family(takes.Arguments, contents.quotation),
    "change_case:english_capital": _family(takes.Arguments, casing.english_capital),
    "change_case:english_lowercase": _family(takes.Arguments, casing.english_lowercase),
    "change_case:capital_word_frequency": _family(takes.CapitalWords, casing.capital_word_frequency),
    "punctuation:no_comma": _family(takes.Arguments, contents.no_comma),
}
