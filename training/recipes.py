"""Recipes: how rows of well-known data sets become prompt, reference and task, so that the right tool is routed to.

A recipe reads one row in the data set's own columns and returns one in ours. What a tool needs to judge (tests,
instructions) goes into the reference as one value, so that data sets of different columns become one of three.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ravelar.tools.completion import Conversation
from ravelar.tools.errors import InputError, UnknownName
from ravelar.tools.evidence.labelled import CHOSEN, DIALOGUE_TURN, REJECTED, with_prompt

Values = Mapping[str, Any]
Arguments = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one data set is read.

    Attributes:
        make: Turns a row of the data set, and the source's `arguments`, into a row with `prompt`, `reference` and
            maybe more; raises InputError for a row that can't be used.
        columns: The columns without which a row can't be read; of a tuple, one is enough.
        task: The label that its rows get.
        tool: The built-in tool that they are routed to; None if it takes a reward model or a judge.
        hub: The data set on the Hub whose columns these are.
        config: Its configuration there.
        split: Its split for training; of a set that is made for evaluation, the only one.
        arguments: What the source may say in `arguments`.
    """

    make: Callable[[Values, Arguments], dict[str, Any]]
    columns: tuple[str | tuple[str, ...], ...]
    task: str
    tool: str | None
    hub: str | None = None
    config: str | None = None
    split: str = "train"
    arguments: tuple[str, ...] = ()


def recipe_named(name: str) -> Recipe:
    """Return the recipe of that name.

    Raises:
        UnknownName: if there is none.
    """
    if name not in RECIPES:
        raise UnknownName("recipe", name, RECIPES)
    return RECIPES[name]


def _gsm8k(row: Values, _: Arguments) -> dict[str, Any]:
    """The reference is what stands behind "####", or behind "A:" in the published model solutions."""
    answer = _text(row, "answer")
    final = re.search(r"(?:####|^A:)[ \t]*(\S.*?)\s*\Z", answer, re.MULTILINE)
    if final is None:
        raise InputError(f"answer: no final '#### NUMBER' in {_shown(answer)}")
    return {"prompt": _text(row, "question"), "reference": final[1]}


def _math(row: Values, _: Arguments) -> dict[str, Any]:
    r"""The reference is the answer's own column, else the worked solution, whose last \boxed{} is read."""
    if row.get("answer") is not None:
        return {"prompt": _text(row, "problem"), "reference": str(row["answer"])}
    solution = _text(row, "solution")
    if "\\boxed" not in solution and "\\fbox" not in solution:
        raise InputError(f"solution: no \\boxed answer in {_shown(solution)}")
    return {"prompt": _text(row, "problem"), "reference": solution}


def _mbpp(row: Values, _: Arguments) -> dict[str, Any]:
    """The first test is shown, for nothing else names the function; the sanitized set calls `text` `prompt`."""
    tests = row["test_list"]
    if not isinstance(tests, list) or not tests or not all(isinstance(test, str) for test in tests):
        raise InputError(f"test_list: a list of asserts is needed, got {_shown(tests)}")
    setup = row.get("test_setup_code") or "\n".join(row.get("test_imports") or [])
    reference = {"test_list": tests, "test_setup_code": setup, "code": row.get("code") or ""}
    return {"prompt": f"{_either(row, 'text', 'prompt').strip()}\nIt must pass:\n{tests[0]}", "reference": reference}


def _humaneval(row: Values, _: Arguments) -> dict[str, Any]:
    prompt = _text(row, "prompt")
    reference = {"test": _text(row, "test"), "entry_point": _text(row, "entry_point"), "prompt": prompt}
    return {"prompt": f"Complete this Python function; reply with the whole of it.\n\n{prompt}", "reference": reference}


def _leetcode(row: Values, _: Arguments) -> dict[str, Any]:
    """The data set's preamble (imports, list and tree nodes) goes before the tests; the program brings its own."""
    question, starter = _either(row, "question", "problem_description", "query"), row.get("starter_code") or ""
    asked = "Write a complete Python program, with every import and class that it needs."
    reference = {
        "test": _text(row, "test"),
        "entry_point": _text(row, "entry_point"),
        "test_setup_code": row.get("prompt") or "",
    }
    return {"prompt": f"{question.strip()}\n\n{asked} It begins:\n{starter}".strip(), "reference": reference}


def _translation(row: Values, arguments: Arguments) -> dict[str, Any]:
    """A pair is `translation: {en: ..., de: ...}`, or the columns `source` and `reference` with `lp` (en-de, ende)."""
    pair = row.get("translation")
    if isinstance(pair, Mapping):
        source, target = _direction(pair, arguments)
        text, reference = pair[source], pair[target]
    else:
        text, reference = _text(row, "source"), row.get("reference") or row.get("ref") or row.get("target")
        target = arguments.get("target") or _second(row.get("lp"))
    language = LANGUAGES.get(target.lower().partition("_")[0].partition("-")[0], target)
    if not isinstance(text, str) or not isinstance(reference, str) or not text.strip() or not reference.strip():
        raise InputError(f"a source text and a reference are needed, got {_shown(text)} and {_shown(reference)}")
    return {
        "prompt": f"Translate into {language}. Reply with the translation alone.\n\n{text.strip()}",
        "reference": reference.strip(),
        "target_language": target,
    }


def _direction(pair: Mapping[str, Any], arguments: Arguments) -> tuple[str, str]:
    languages = list(pair)
    source = arguments.get("source") or next((code for code in languages if code != arguments.get("target")), "")
    target = arguments.get("target") or next((code for code in languages if code != source), "")
    for code in (source, target):
        if code not in pair:
            raise InputError(f"translation: no language {code!r}; there: {', '.join(map(repr, languages))}")
    return source, target


def _second(pair: object) -> str:
    """Return the target of a language pair such as "en-de", "en_XX>de_DE" or "ende"."""
    parts = [part for part in re.split(r"[->]+", str(pair or "")) if part]
    if len(parts) == 1 and len(parts[0]) == 4:
        return parts[0][2:]
    if len(parts) != 2:
        raise InputError(f"lp is {pair!r}: a pair such as 'en-de' is needed, or arguments: {{target: de}}")
    return parts[1]


def _ifeval(row: Values, _: Arguments) -> dict[str, Any]:
    """Nulls go from the arguments: the Hub's copy gives each instruction every argument that any has."""
    names, given = row["instruction_id_list"], row["kwargs"]
    if not isinstance(names, list) or not isinstance(given, list) or len(names) != len(given):
        raise InputError("instruction_id_list and kwargs: two lists of the same length are needed")
    kwargs = [{key: value for key, value in (one or {}).items() if value is not None} for one in given]
    return {"prompt": _text(row, "prompt"), "reference": {"instruction_id_list": names, "kwargs": kwargs}}


def _preference(row: Values, _: Arguments) -> dict[str, Any]:
    """Only the prompt of a pair is used: what it prefers is evidence for a reward model, not something to imitate."""
    prompt = row.get("prompt")
    if prompt is None:
        prompt = with_prompt(row).get("prompt")
    if not prompt:
        raise InputError("no prompt, and the two sides begin with nothing in common")
    return {"prompt": as_messages(prompt) if isinstance(prompt, str) else prompt, "reference": None}


def as_messages(dialogue: str) -> Conversation:
    r"""Return a dialogue that is one text ("\n\nHuman: ...\n\nAssistant: ...") as messages; other text as it is."""
    parts = re.split(r"(?:^|\n\n)(Human|Assistant):", dialogue)
    if parts[0].strip() or len(parts) < 3:
        return dialogue
    turns = zip(parts[1::2], parts[2::2], strict=True)
    messages = [{"role": "user" if who == "Human" else "assistant", "content": said.strip()} for who, said in turns]
    open_turn = dialogue.rstrip().endswith(DIALOGUE_TURN.strip())
    return messages[:-1] if open_turn else messages


def _text(row: Values, column: str) -> str:
    value = row.get(column)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{column}: a text is needed, got {_shown(value)}")
    return value


def _either(row: Values, *columns: str) -> str:
    return _text(row, next((column for column in columns if row.get(column)), columns[0]))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


LANGUAGES: Mapping[str, str] = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish", "fr": "French",
    "gu": "Gujarati", "ha": "Hausa", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian",
    "id": "Indonesian", "is": "Icelandic", "it": "Italian", "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian",
    "lv": "Latvian", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "ta": "Tamil",
    "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
"""ISO 639-1 codes of the languages that `tools.routing` knows by name."""

RECIPES: Mapping[str, Recipe] = {
    "gsm8k": Recipe(_gsm8k, ("question", "answer"), "gsm8k", "math_answer", "openai/gsm8k", "main"),
    "math": Recipe(
        _math, ("problem", ("answer", "solution")), "math", "math_answer", "DigitalLearningGmbH/MATH-lighteval"
    ),
    "mbpp": Recipe(_mbpp, (("text", "prompt"), "test_list"), "mbpp", "unit_tests", "google-research-datasets/mbpp"),
    "humaneval": Recipe(
        _humaneval,
        ("prompt", "test", "entry_point"),
        "humaneval",
        "unit_tests",
        "openai/openai_humaneval",
        split="test",
    ),
    "leetcode": Recipe(
        _leetcode,
        (("question", "problem_description", "query"), "entry_point", "test"),
        "leetcode",
        "unit_tests",
        "newfacade/LeetCodeDataset",
    ),
    "translation": Recipe(
        _translation,
        (("translation", "source"), ("translation", "reference", "ref", "target")),
        "translation",
        "translation",
        arguments=("source", "target"),
    ),
    "ifeval": Recipe(_ifeval, ("prompt", "instruction_id_list", "kwargs"), "ifeval", "instructions", "google/IFEval"),
    "preference": Recipe(_preference, (("prompt", CHOSEN), ("prompt", REJECTED)), "preference", None),
}
