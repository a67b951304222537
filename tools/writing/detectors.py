"""What a program sees in a section: repetition, length, language, leaked format; no model is asked.

Findings are short lines for the reviewer, each beginning with its kind, such as

    repeats_section s2: 43 words stand there too: "The harbour was ..."

They are evidence, not verdicts: a refrain repeats rightly. All of it is deterministic, and linear in the text but for
comparing sets of n-grams, which takes about 0.1 ms a pair of sections of 250 words.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ravelar.tools.verifiers.repetition import duplicated_share
from ravelar.tools.verifiers.words import words
from ravelar.tools.writing.languages import language_mix, wrong_language
from ravelar.tools.writing.state import WritingState

_GRAM = 8  # words; published outputs repeat 0 to 4 % of their 8-grams
_LEAST_WORDS, _LEAST_CHARACTERS = 20, 30  # ours: what is shorter may be a name, a date, a title
_GAP = _GRAM + 1  # one changed word tears eight 8-grams out of a repeated passage
_DUPLICATED = 0.2  # ours: normal text has 0 to 0.04, a doubled one 0.98 and more
_SHORTEST, _LONGEST = 0.6, 1.5  # ours: of the words planned
_EXCERPT = 60  # characters
_NO_SPACES = re.compile(r"[぀-ヿ㐀-鿿豈-﫿]")
_LEAKS = {
    "tag": re.compile(r"</?(?:content|summary|changes|thought|brief|section|neighbours|findings|feedback)>"),
    "JSON": re.compile(r"\A\s*\{\s*\"|\"(?:content|summary|section_title|revised_content)\"\s*:"),
    "code fence around the text": re.compile(r"\A\s*(?:```|~~~)(?:markdown|md|text|json)?[ \t]*\n"),
    "placeholder": re.compile(
        r"\[(?:insert|your|todo|tbd|fill in|placeholder|此处|待补|插入)[^\]\n]{0,80}\]|\b(?-i:TODO|TBD)\b",
        re.IGNORECASE,
    ),
    "talk to the asker": re.compile(
        r"\A\s*(?:(?:sure|certainly|of course)[,!.]|here(?:'|’)?s? (?:is|are) (?:the|a|your|my)\b|"
        r"(?:好的|当然)[，。！]|以下是(?:修改|修订|润色|本节|该节|您))|"
        r"\bas an ai (?:language )?model\b|作为(?:一个|一名)?(?:AI|人工智能)(?:语言)?模型",
        re.IGNORECASE,
    ),
    "count of words": re.compile(
        r"[(（\[]\s*(?:word count|(?:about )?\d+ words|(?:全文|本节)?(?:约|共)?\s*\d+\s*字)[^)）\]]{0,20}[)）\]]\s*\Z",
        re.IGNORECASE,
    ),
}


@dataclass(frozen=True, slots=True)
class Repeat:
    """A passage that stands in two sections.

    Attributes:
        section: The section asked about, or the later of the two.
        other: The other one.
        words: Its length in words (characters where a script writes no spaces), small changes within it included.
        excerpt: How it begins.
    """

    section: str
    other: str
    words: int
    excerpt: str


def repeats_of(section: str, texts: Mapping[str, str]) -> list[Repeat]:
    """Return what of one section stands in others: the longest passage per other section, longest first.

    Args:
        section: Its id.
        texts: The sections' texts by id; empty ones say nothing.
    """
    found = (_longest(section, other, texts[section], text) for other, text in texts.items() if other != section)
    return sorted((repeat for repeat in found if repeat is not None), key=lambda repeat: -repeat.words)


def repeats(texts: Mapping[str, str]) -> list[Repeat]:
    """Return what stands in two sections of an article, each pair once, under the later one; in the article's order."""
    names = list(texts)
    pairs = ((names[i], names[j]) for i in range(len(names)) for j in range(i))
    found = (_longest(later, earlier, texts[later], texts[earlier]) for later, earlier in pairs)
    return [repeat for repeat in found if repeat is not None]


def length_of(text: str) -> int:
    """Return a text's length in words; characters where a script writes no spaces."""
    return len(_words(text))


def without_spaces(text: str) -> bool:
    """Say whether most of a text's words are characters of a script that writes no spaces."""
    return _unspaced(_words(text))


def leaks(text: str) -> list[str]:
    """Return what of the exchange with the model has got into the text: tags, JSON, fences, placeholders, talk."""
    found = [(name, match) for name, pattern in _LEAKS.items() if (match := pattern.search(text))]
    return [f"{name}: {_excerpt(match[0])}" for name, match in found]


def findings_of(state: WritingState, section: str, content: str) -> list[str]:
    """Return all findings about a text of a section, as lines for the reviewer; none for a clean one.

    Args:
        state: The run, with the texts of the other sections.
        section: The section's id.
        content: Its text, which need not be in the state yet.
    """
    texts = {name: other["content"] for name, other in state["sections"].items() if other["content"]} | {
        section: content
    }
    found = [f"leaked_format {leak}" for leak in leaks(content)]
    found += [
        f'repeats_section {r.other}: {r.words} words stand there too: "{r.excerpt}"' for r in repeats_of(section, texts)
    ]
    found += _repeats_itself(content) + _off_length(content, state["sections"][section]["words"])
    language = state["brief"]["language"]
    if other := wrong_language(content, language):
        found.append(f"language: written in {other}, not in {language}")
    elif mixed := language_mix(content, language):
        found.append(f"language_mix: {_excerpt(mixed)}")
    return found


def _repeats_itself(content: str) -> list[str]:
    share = duplicated_share(_words(content)) if content else 0.0
    return [f"repeats_itself: {share:.0%} of its 8-grams are duplicates"] if share >= _DUPLICATED else []


def _off_length(content: str, planned: int | None) -> list[str]:
    if not planned:
        return []
    there = length_of(content)
    return [] if _SHORTEST <= there / planned <= _LONGEST else [f"length: {there} words, planned were {planned}"]


def _longest(section: str, other: str, text: str, other_text: str) -> Repeat | None:
    shared = sorted(position for gram, position in _grams(text).items() if gram in _grams(other_text))
    if not shared:
        return None
    first, last = _longest_run(shared)
    length = last - first + _GRAM
    passage = _words(text)[first : first + length]
    least = _LEAST_CHARACTERS if _unspaced(passage) else _LEAST_WORDS
    return Repeat(section, other, length, _excerpt(_joined(passage))) if length >= least else None


def _longest_run(positions: Sequence[int]) -> tuple[int, int]:
    """Return first and last of the longest run of positions whose gaps a changed word explains."""
    best = run = (positions[0], positions[0])
    for position in positions[1:]:
        run = (run[0], position) if position - run[1] <= _GAP else (position, position)
        best = max(best, run, key=lambda ends: ends[1] - ends[0])
    return best


@lru_cache(maxsize=512)
def _words(text: str) -> tuple[str, ...]:
    return tuple(words(text.lower()))


@lru_cache(maxsize=512)
def _grams(text: str) -> dict[tuple[str, ...], int]:
    """Return each 8-gram of a text with where it stands first."""
    tokens = _words(text)
    grams: dict[tuple[str, ...], int] = {}
    for i in range(len(tokens) - _GRAM + 1):
        grams.setdefault(tokens[i : i + _GRAM], i)
    return grams


def _unspaced(tokens: Sequence[str]) -> bool:
    return 2 * sum(_NO_SPACES.match(token) is not None for token in tokens) > len(tokens)


def _joined(tokens: Sequence[str]) -> str:
    return ("" if _unspaced(tokens) else " ").join(tokens)


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT else f"{line[:_EXCERPT]} ..."
