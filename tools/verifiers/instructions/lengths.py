"""length_constraints:* : sentences, words and paragraphs."""

from ravelar.tools.verifiers.instructions.arguments import NthParagraph, NumberParagraphs, NumberSentences, NumberWords
from ravelar.tools.verifiers.instructions.counting import holds, sentences, words

_FIRST_WORD_ENDS = ".,?!'\""


def number_sentences(text: str, arguments: NumberSentences) -> bool:
    """There are at least, or fewer than, so many sentences."""
    return holds(arguments.relation, arguments.num_sentences, sentences(text))


def number_words(text: str, arguments: NumberWords) -> bool:
    r"""There are at least, or fewer than, so many words (`\w+`)."""
    return holds(arguments.relation, arguments.num_words, words(text))


def number_paragraphs(text: str, arguments: NumberParagraphs) -> bool:
    """Exactly so many paragraphs stand between `***`; an empty one counts for nothing at an end, and fails inside."""
    parts = [bool(part.strip()) for part in text.split("***")]
    return all(parts[1:-1]) and sum(parts) == arguments.num_paragraphs


def nth_paragraph_first_word(text: str, arguments: NthParagraph) -> bool:
    """There are exactly so many paragraphs between empty lines, and the nth begins with the word."""
    paragraphs = text.split("\n\n")
    filled = sum(1 for paragraph in paragraphs if paragraph.strip())
    if filled != arguments.num_paragraphs or arguments.nth_paragraph > filled:
        return False
    # As published: blank paragraphs are left out of the count above but not of the numbering here.
    return _first_word(paragraphs[arguments.nth_paragraph - 1]) == arguments.first_word.lower()


def _first_word(paragraph: str) -> str:
    """Return the first word in lower case, without opening quotes, cut at the first closing mark."""
    word = next(iter(paragraph.split(maxsplit=1)), "").lstrip("'").lstrip('"')
    end = next((i for i, character in enumerate(word) if character in _FIRST_WORD_ENDS), len(word))
    return word[:end].lower()
