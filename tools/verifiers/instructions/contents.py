"""detectable_content:*, startend:*, combination:* and punctuation:no_comma."""

import re

from ravelar.tools.verifiers.instructions.arguments import (
    Arguments,
    EndPhrase,
    NumberPlaceholders,
    Postscript,
    RepeatPrompt,
)
from ravelar.tools.verifiers.instructions.counting import holds

# The innermost pair, so that no character is read twice: as many as reading from the outermost bracket gives.
_PLACEHOLDER = re.compile(r"\[[^\[\]\n]*+\]")
_POSTSCRIPTS = {"P.S.": re.compile(r"p\.\s?s\."), "P.P.S": re.compile(r"p\.\s?p\.\s?s")}


def number_placeholders(text: str, arguments: NumberPlaceholders) -> bool:
    """At least so many `[placeholders]` stand there, each on one line."""
    return holds("at least", arguments.num_placeholders, _PLACEHOLDER.finditer(text))


def postscript(text: str, arguments: Postscript) -> bool:
    """The marker occurs somewhere; case does not matter, nor a space after the stops of P.S. and P.P.S."""
    marker = arguments.postscript_marker.strip()
    pattern = _POSTSCRIPTS.get(marker)
    return bool(pattern.search(text.lower())) if pattern else marker.lower() in text.lower()


def end_checker(text: str, arguments: EndPhrase) -> bool:
    """The text ends with the phrase; case, outer space and closing double quotes do not matter."""
    return text.strip().strip('"').lower().endswith(arguments.end_phrase.strip().lower())


def quotation(text: str, _: Arguments) -> bool:
    """The whole text stands between straight double quotation marks."""
    stripped = text.strip()
    return len(stripped) > 1 and stripped[0] == stripped[-1] == '"'


def two_responses(text: str, _: Arguments) -> bool:
    """Two different responses stand there, parted by `******`; nothing else is parted by it."""
    parts = [part.strip() for part in text.split("******")]
    filled = [part for part in parts if part]
    return all(parts[1:-1]) and len(filled) == 2 and filled[0] != filled[1]


def repeat_prompt(text: str, arguments: RepeatPrompt) -> bool:
    """The text begins with the request; case and outer space do not matter."""
    return text.strip().lower().startswith(arguments.prompt_to_repeat.strip().lower())


def no_comma(text: str, _: Arguments) -> bool:
    """There is no `,`; other scripts' commas are allowed."""
    return "," not in text
