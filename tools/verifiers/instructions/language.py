"""Which language a text is in: by its script where that decides, else by py3langid's model.

Deterministic, offline. The model (4.6 MB inside the package) is loaded at the first text whose script
several languages share; how the choice was measured is in docs/ifeval.md.
"""

from collections import Counter
from collections.abc import Callable
from functools import cache
from threading import Lock

from ravelar.tools.errors import ToolUnavailable
from ravelar.tools.verifiers.instructions.arguments import Language
from ravelar.tools.verifiers.instructions.scripts import BY_SCRIPT, main_script

_ASSAMESE = frozenset("ৰৱ")  # Bengali does without these two letters
_PART_CHARS = 4_000  # read at the start, the middle and the end of a long text
_NOTHING_SEEN = -1e38  # the model's score for a text without any of its features

Ranking = Callable[[str], list[tuple[str, float]]]

_loading = Lock()


def response_language(text: str, arguments: Language) -> bool:
    """The text as a whole is in the language; a text that shows none ("123") is not."""
    return detect(text) == arguments.language


def detect(text: str) -> str | None:
    """Return the ISO 639-1 code of the language that most of a text is in; None where nothing shows it."""
    counts = Counter(text)
    script = main_script(counts)
    if script is None:
        return None
    if script == "Bengali":
        return "as" if _ASSAMESE & counts.keys() else "bn"
    languages = BY_SCRIPT[script]
    return languages[0] if len(languages) == 1 else _best(_sample(text), languages)


def _best(text: str, languages: tuple[str, ...]) -> str | None:
    ranked = [(language, score) for language, score in _ranking()(text) if language in languages]
    best, score = ranked[0]
    return best if score > _NOTHING_SEEN else None


def _sample(text: str) -> str:
    """Return a text of at most some 12,000 characters, without the lone surrogates that can't be encoded."""
    if len(text) > 3 * _PART_CHARS:
        middle = len(text) // 2
        text = "\n".join([text[:_PART_CHARS], text[middle : middle + _PART_CHARS], text[-_PART_CHARS:]])
    return text.encode("utf-8", "ignore").decode("utf-8")


def _ranking() -> Ranking:
    with _loading:  # two threads would otherwise load it twice
        return _load()


@cache
def _load() -> Ranking:
    try:
        from py3langid.langid import (  # type: ignore[import-untyped]  # noqa: PLC0415  brings numpy
            MODEL_FILE,
            LanguageIdentifier,
        )
    except ImportError as error:
        raise ToolUnavailable(f"py3langid, which tells languages apart, can't be imported: {error}") from error
    ranking: Ranking = LanguageIdentifier.from_model_file(MODEL_FILE).rank
    return ranking
