"""What each family takes as arguments; field names are those of the published records.

A field's description says what is allowed; it ends up in the message of a refused reference.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from ravelar.tools.verifiers.instructions.counting import Relation
from ravelar.tools.verifiers.instructions.scripts import LANGUAGES, primary_code


def _whole(value: object) -> object:
    """Take 3.0 for 3, as tables with gaps deliver it; True for nothing."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _reachable(relation: Relation, info: ValidationInfo) -> Relation:
    """Refuse "less than 0", which nothing meets."""
    if relation == "less than" and any(type(value) is int and value == 0 for value in info.data.values()):
        raise ValueError("nothing is less than 0")
    return relation


def _known_language(code: str) -> str:
    if primary_code(code) not in LANGUAGES:
        raise ValueError("unknown language")
    return primary_code(code)


def _first_words(text: str) -> str:
    if not text.strip():
        raise ValueError("blank")
    return text


Count = Annotated[int, BeforeValidator(_whole), Field(ge=0, description="a whole number, 0 or more")]
Ordinal = Annotated[int, BeforeValidator(_whole), Field(ge=1, description="a whole number, 1 or more")]
AboveOrBelow = Annotated[
    Relation, AfterValidator(_reachable), Field(description="'at least', or 'less than' (with a number above 0)")
]
Text = Annotated[str, AfterValidator(_first_words), Field(description="text that is not blank")]
Texts = Annotated[list[Text], Field(min_length=1, description="a list of one or more texts, none blank")]


class Arguments(BaseModel):
    """The arguments of one instruction; none at all for the families that need none."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Keywords(Arguments):
    """keywords:existence."""

    keywords: Texts


class ForbiddenWords(Arguments):
    """keywords:forbidden_words."""

    forbidden_words: Texts


class Keyword(Arguments):
    """keywords:frequency."""

    keyword: Text
    frequency: Count
    relation: AboveOrBelow


class Letter(Arguments):
    """keywords:letter_frequency."""

    letter: Annotated[str, Field(min_length=1, max_length=1, description="one character")]
    let_frequency: Count
    let_relation: AboveOrBelow


class Language(Arguments):
    """language:response_language."""

    language: Annotated[
        str,
        AfterValidator(_known_language),
        Field(description=f"an ISO 639-1 code among {', '.join(sorted(LANGUAGES))}"),
    ]


class NumberSentences(Arguments):
    """length_constraints:number_sentences."""

    num_sentences: Count
    relation: AboveOrBelow


class NumberWords(Arguments):
    """length_constraints:number_words."""

    num_words: Count
    relation: AboveOrBelow


class NumberParagraphs(Arguments):
    """length_constraints:number_paragraphs."""

    num_paragraphs: Ordinal


def _within(nth: int, info: ValidationInfo) -> int:
    if nth > info.data.get("num_paragraphs", nth):
        raise ValueError("beyond the last paragraph")
    return nth


class NthParagraph(Arguments):
    """length_constraints:nth_paragraph_first_word."""

    num_paragraphs: Ordinal
    nth_paragraph: Annotated[
        Ordinal, AfterValidator(_within), Field(description="a whole number from 1 to num_paragraphs")
    ]
    first_word: Text


class NumberPlaceholders(Arguments):
    """detectable_content:number_placeholders."""

    num_placeholders: Count


class Postscript(Arguments):
    """detectable_content:postscript."""

    postscript_marker: Text


class NumberBullets(Arguments):
    """detectable_format:number_bullet_lists."""

    num_bullets: Count


class NumberHighlights(Arguments):
    """detectable_format:number_highlighted_sections."""

    num_highlights: Count


class Sections(Arguments):
    """detectable_format:multiple_sections; `section_spliter` is the published spelling."""

    section_spliter: Text
    num_sections: Count


class RepeatPrompt(Arguments):
    """combination:repeat_prompt."""

    prompt_to_repeat: Text


class EndPhrase(Arguments):
    """startend:end_checker."""

    end_phrase: Text


class CapitalWords(Arguments):
    """change_case:capital_word_frequency."""

    capital_frequency: Count
    capital_relation: AboveOrBelow
