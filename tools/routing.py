r"""Which tool fits a query: explicit columns first, then what the reference and the prompt show.

A route is a pure function of (prompt, reference, metadata): the same in every process, and blind to the
completion, so that all completions of a GRPO group are scored by one tool on one scale. It never guesses:
where nothing fits, the tool is None and the reason says what was looked for.

    >>> route("What is 6 times 7?", 42).tool
    'math_answer'
    >>> route("Tell me a joke.").reason
    'no reference, and no column that names a tool or a task'
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from ravelar.tools.completion import Conversation, conversation_text
from ravelar.tools.errors import UnknownName
from ravelar.tools.options import find_options, given_options, option_of

_PROMPT_ENDS = 2_000  # characters read at each end of a long prompt: that is where instructions stand


class Route(NamedTuple):
    """The tool chosen for a query, or None, and the reason for it.

    Attributes:
        tool: The tool's name; None where no tool fits.
        reason: Why, in words.
    """

    tool: str | None
    reason: str


class Held(Route):
    """No tool, since the one that is meant can't be had (suspended, or named by the row and not there).

    No other tool may take its place: neither a fallback nor a newly acquired one.
    """

    __slots__ = ()


class Request(NamedTuple):
    """What a prompt may ask for: words of which one must occur (lower case), and patterns of which one decides."""

    words: tuple[str, ...]
    patterns: tuple[re.Pattern[str], ...]


Router = Callable[[Conversation, Any, Mapping[str, Any]], Route]

TASKS: Mapping[str, str] = {
    "math": "math_answer",
    "maths": "math_answer",
    "mathematics": "math_answer",
    "arithmetic": "math_answer",
    "gsm8k": "math_answer",
    "multiple_choice": "choice",
    "mcq": "choice",
    "exact_match": "exact",
    "short_answer": "normalized",
    "structured_output": "json_schema",
    "json": "json_schema",
    "instruction_following": "instructions",
    "ifeval": "instructions",
    "machine_translation": "translation",
    "mt": "translation",
    "code": "unit_tests",
    "coding": "unit_tests",
    "programming": "unit_tests",
    "humaneval": "unit_tests",
    "leetcode": "unit_tests",
    "apps": "unit_tests",
    "mbpp": "unit_tests",
    "summarization": "overlap",
    "summarisation": "overlap",
    "summary": "overlap",
}
"""Task labels that name a built-in tool besides the tools' own names."""


def route(
    prompt: Conversation,
    reference: Any = None,
    metadata: Mapping[str, Any] | None = None,
    *,
    names: Collection[str] | None = None,
) -> Route:
    """Choose the tool for a query.

    Args:
        prompt: Text or chat messages; of messages the last user message counts.
        reference: Any JSON value, or None.
        metadata: The row's further columns; `tool`, then `task`, decide before anything else.
        names: The tools there are; None takes every name on trust.
    """
    columns = metadata or {}
    if named := columns.get("tool"):
        chosen = _known(Route(str(named), "column tool"), names)
        return chosen if chosen.tool is not None else Held(None, chosen.reason)
    chosen = _by_task(columns.get("task"), names) or _by_shape(conversation_text(prompt, "user"), reference, columns)
    return _known(chosen, names)


def router_for(names: Collection[str]) -> Router:
    """Return the rules as a router over the tools of a library, by their names."""
    known = frozenset(names)

    def rules(prompt: Conversation, reference: Any, metadata: Mapping[str, Any]) -> Route:
        return route(prompt, reference, metadata, names=known)

    return rules


def _known(chosen: Route, names: Collection[str] | None) -> Route:
    """Return the route if its tool is there, else no tool and why."""
    if chosen.tool is None or names is None or chosen.tool in names:
        return chosen
    return Route(None, f"{UnknownName('reward tool', chosen.tool, names)} ({chosen.reason})")


def _by_task(task: object, names: Collection[str] | None) -> Route | None:
    """Take a task label for a tool's name or a known label; any other says nothing."""
    if not isinstance(task, str) or not task:
        return None
    label = task.strip().lower().replace("-", "_").replace(" ", "_")
    tool = TASKS.get(label) or (label if label in (TASKS.values() if names is None else names) else None)
    return Route(tool, f"column task {task!r}") if tool else None


def by_columns(columns: Mapping[str, Any]) -> Route | None:
    """Choose by a column that only one tool reads, such as `instruction_id_list`; None where there is none."""
    if not _COLUMNS.keys().isdisjoint(columns):
        for column, tool in _COLUMNS.items():
            if columns.get(column):
                return Route(tool, f"column {column}")
    if columns.get("test") and columns.get("entry_point"):
        return Route("unit_tests", "columns test and entry_point")
    return None


def _by_shape(question: str, reference: Any, columns: Mapping[str, Any]) -> Route:
    """Choose by the columns' names, then by the type of the reference."""
    if by_name := by_columns(columns):
        return by_name
    if isinstance(reference, Mapping):
        return _by_mapping(reference)
    if isinstance(reference, bool):
        return Route(None, "a truth value shows no task; name a task or a tool")
    options = columns.get("options") or columns.get("choices")
    if isinstance(reference, int | float):
        return _by_number(question, reference, options)
    if isinstance(reference, str):
        return _by_text(question, reference.strip(), options, columns)
    if isinstance(reference, list):
        return _by_list(question, reference, columns)
    return Route(None, "no reference, and no column that names a tool or a task")


def _by_number(question: str, reference: float, given: Any) -> Route:
    if isinstance(given, list | tuple) and isinstance(reference, int) and 0 <= reference < len(given):
        return Route("choice", f"the reference is the index of one of {len(given)} options")
    return _by_options(question, str(reference), given) or Route("math_answer", "the reference is a number")


def _by_mapping(reference: Mapping[str, Any]) -> Route:
    for keys, tool in _MAPPINGS:
        if keys <= reference.keys():
            return Route(tool, f"the reference has {', '.join(sorted(keys))}")
    return Route(
        None, f"a mapping with the keys {sorted(map(str, reference))[:8]} shows no task; name a task or a tool"
    )


def _by_list(question: str, reference: list[Any], columns: Mapping[str, Any]) -> Route:
    if reference and all(isinstance(item, str) for item in reference):
        asked = _by_request(_ends(question), reference[0], columns)  # several texts, any of which is right
        if asked.tool in ("translation", "overlap", "normalized"):
            return asked
    if reference and all(isinstance(item, Mapping) and item.keys() >= {"name", "arguments"} for item in reference):
        return Route("exact", "the reference is a list of tool calls")
    if reference and all(_is_test(item) for item in reference):
        return Route("unit_tests", "the reference is a list of tests")
    if _asks(_WANTS_JSON, _ends(question)):
        return Route("exact", "the reference is a list and the prompt asks for JSON")
    return Route(None, "a list shows no task; name a task or a tool")


def _is_test(item: Any) -> bool:
    """Say whether a value is an assert, or a case of a program: arguments or input, and what must come out."""
    if isinstance(item, str):
        return item.lstrip().startswith("assert ")
    return isinstance(item, Mapping) and any(keys <= item.keys() for keys in _CASES)


def _by_options(question: str, reference: str, given: Any) -> Route | None:
    options = given_options(given) or find_options(question)
    if options and option_of(reference, options) is not None:
        return Route("choice", f"the reference is one of {len(options)} options")
    return None


def _by_text(question: str, reference: str, given: Any, columns: Mapping[str, Any]) -> Route:
    """Choose by what a text reference looks like, then by what the prompt asks for."""
    if not reference:
        return Route(None, "the reference is empty")
    by_options = _by_options(question, reference, given)
    if by_options:
        return by_options
    if _NUMBER.fullmatch(_SPACING.sub("", reference).replace("\\$", "$")):
        return Route("math_answer", "the reference is a number")
    if reference.startswith("assert ") or "\nassert " in reference or "def check(" in reference:
        return Route("unit_tests", "the reference is test code")
    if _FINAL_ANSWER.search(reference[-_PROMPT_ENDS:]):
        return Route("math_answer", "the reference ends in a marked final answer")
    return _by_request(_ends(question), reference, columns)


def _by_request(question: str, reference: str, columns: Mapping[str, Any]) -> Route:
    if not _TARGETS.isdisjoint(columns) and any(columns.get(column) for column in _TARGETS):
        return Route("translation", "a target language is given")
    if _asks(_TRANSLATE, question):
        return Route("translation", "the prompt asks for a translation into a named language")
    if _asks(_SUMMARISE, f"{question[:_OPENING]}\n{question[-_OPENING:]}"):
        return Route("overlap", "the prompt asks for a summary")
    if _asks(_WANTS_JSON, question) and reference[0] in "{[":
        return Route("exact", "the prompt asks for JSON and the reference is JSON")
    if _is_formula(reference) or (("$" in question or "\\" in question) and _EXPRESSION.fullmatch(reference)):
        return Route("math_answer", "the reference is a formula")
    if len(reference) <= _SHORT and _asks(_WANTS_SHORT, question):
        return Route("normalized", "the prompt asks for a short answer alone")
    return Route(None, "neither the reference nor the prompt shows what is right; name a task or a tool")


def _is_formula(reference: str) -> bool:
    """Say whether a text is a formula, and not prose in which one or a price occurs."""
    if len(reference) > _LONGEST_FORMULA or not _MATHS.search(reference):
        return False
    return len(_WORD.findall(_COMMAND.sub(" ", reference))) <= _WORDS_IN_FORMULA


def _asks(request: Request, question: str) -> bool:
    """Say whether the prompt makes the request; its words are looked for first, which is 30 times faster."""
    found = [at for word in request.words if (at := question.find(word)) >= 0]
    if not found:
        return False
    start = max(0, min(found) - _BEFORE_WORD)
    return any(pattern.search(question, start) for pattern in request.patterns)


def _ends(question: str) -> str:
    """Return both ends of the prompt in lower case."""
    if len(question) <= 2 * _PROMPT_ENDS:
        return question.lower()
    return f"{question[:_PROMPT_ENDS]}\n{question[-_PROMPT_ENDS:]}".lower()


_CASES = (frozenset({"args", "expected"}), frozenset({"input", "output"}))
_TARGETS = frozenset({"target_language", "target_lang", "tgt_lang", "lp"})
_COLUMNS: Mapping[str, str] = {
    "instruction_id_list": "instructions",
    "json_schema": "json_schema",
    "regex": "regex",
    "tags": "format",
    "test_list": "unit_tests",
    "input_output": "unit_tests",
}
_MAPPINGS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"instruction_id_list"}), "instructions"),
    (frozenset({"$schema"}), "json_schema"),
    (frozenset({"type", "properties"}), "json_schema"),
    (frozenset({"type", "items"}), "json_schema"),
    (frozenset({"type", "enum"}), "json_schema"),
    (frozenset({"$ref"}), "json_schema"),
    (frozenset({"regex"}), "regex"),
    (frozenset({"tags"}), "format"),
    (frozenset({"test", "entry_point"}), "unit_tests"),
    (frozenset({"test_list"}), "unit_tests"),
    (frozenset({"tests"}), "unit_tests"),
    (frozenset({"inputs", "outputs"}), "unit_tests"),
    (frozenset({"input_output"}), "unit_tests"),
    (frozenset({"name", "arguments"}), "exact"),
)
_BEFORE_WORD = 80  # characters; ours: how far before its word a request begins
_OPENING = 160  # characters; ours: what a whole prompt asks for stands at its beginning or end
_SHORT = 60  # characters; ours: longer references are sentences, where a normalized match says little
_NUMBER = re.compile(
    r"(?=.*\d)[-+−]?[$€£¥]?\s?[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:\s?/\s?\d+)?(?:[eE][-+]?\d+)?\s?\\?%?"
)
_SPACING = re.compile(r"\\!\s*")
_FINAL_ANSWER = re.compile(r"\\(?:boxed|fbox)\b|(?:^|\n)####|(?:^|\n)A:\s*\S+\s*$")
_MATHS = re.compile(r"\\[A-Za-z]+|\$[^$]+\$|^[\[(].*,.*[\])]$|\^")
_EXPRESSION = re.compile(
    r"(?=.*[-+*/=<>_^,0-9])(?:\\[A-Za-z]+|\\[!,;: ]|(?<![A-Za-z])[A-Za-z]{1,2}(?![A-Za-z])|[^A-Za-z\\\n])+"
)
_COMMAND = re.compile(r"\\[A-Za-z]+|\{[a-z]*matrix\}")
_WORD = re.compile(r"[A-Za-z]{3,}|[\u4e00-\u9fff]{2,}")
_LONGEST_FORMULA = 1_000  # characters; ours
_WORDS_IN_FORMULA = 6  # ours: "x = 5 \\text{ or any even number}" is one, a sentence with a price is none
_LANGUAGES = (
    "english|german|french|spanish|italian|portuguese|dutch|russian|ukrainian|polish|czech|swedish|norwegian|danish|"
    "finnish|hungarian|romanian|bulgarian|greek|turkish|arabic|hebrew|persian|farsi|hindi|urdu|bengali|tamil|telugu|"
    "marathi|gujarati|kannada|malayalam|punjabi|nepali|thai|vietnamese|indonesian|malay|swahili|korean|japanese|"
    "chinese|mandarin|cantonese|latin|icelandic|hausa|estonian|latvian|lithuanian|croatian|serbian|slovak|slovenian"
)
_TRANSLATE = Request(
    ("translat", "翻译成", "翻譯成", "译为", "译成"),
    (
        re.compile(rf"translat\w*\b[^\n]{{0,200}}?\b(?:to|into|in)\s+(?:\w+\s+)?(?:{_LANGUAGES})\b"),
        re.compile(r"翻[译譯]成|译[为成]"),
        re.compile(rf"(?:{_LANGUAGES})\s+translation\b"),
    ),
)
_SUMMARISE = Request(
    ("summar", "tldr", "tl;dr", "总结", "概括", "摘要"),
    (
        re.compile(r"(?:^|[.:!?\n\"')]\s*|\b(?:please|you|briefly|task:)\s+)summari[sz]e\b"),
        re.compile(r"\b(?:write|give|provide|produce|create|generate|make)\b[^.\n]{0,60}\bsummary\b"),
        re.compile(r"\b(?:summary|tl;?dr)\s*:?\s*$"),
        re.compile(r"写[^。\n]{0,12}摘要|(?:总结|概括)(?:一下|以下|下面|上述|上文|本文|全文|这)"),
    ),
)
_WANTS_JSON = Request(("json",), (re.compile(r"json\b"),))
_WANTS_SHORT = Request(
    ("one word", "single word", "only", "just the", "yes or no", "true or false"),
    (
        re.compile(r"\b(?:one|a single) word\b|\byes or no\b|\btrue or false\b"),
        re.compile(r"\b(?:answer|reply|respond)\b[^.\n]{0,40}\bonly\b|only (?:the|your) (?:final )?answer\b"),
        re.compile(r"\b(?:just|only) the \w+(?: \w+)?[.,:!]? *(?:nothing else|$)"),
    ),
)
