import pytest

from ravelar.tools.verifiers.code.extraction import Extracted, Prefix, entry_of, find_program, prefix_of

PROMPT = 'from typing import List\n\ndef helper(x):\n    return x\n\ndef add(a: int, b: int) -> int:\n    """Add."""\n'
CODE = "def add(a, b):\n    return a + b"


def found(text: str, *, entry: str | None = "add", prompt: str = "") -> Extracted | None:
    return find_program(text, entry=entry, prefix=prefix_of(prompt, entry) if prompt else Prefix())


def result(text: str, *, entry: str = "add", prompt: str = "") -> object:
    """Run what was found in the text and return add(2, 3)."""
    extracted = found(text, entry=entry, prompt=prompt)
    assert extracted is not None
    names: dict[str, object] = {}
    exec(extracted.source, names)
    return names[entry](2, 3)  # type: ignore[operator]


@pytest.mark.parametrize(
    "text",
    [
        CODE,
        f"```python\n{CODE}\n```",
        f"Here you are:\n\n```python\n{CODE}\n```\nIt adds.",
        f"```\n{CODE}\n```",
        f"```python\n{CODE}",
        f"```javascript\n{CODE}\n```",
        f"~~~py\n{CODE}\n~~~",
        f"````python\n{CODE}\n````",
        f'```python title="a.py"\n{CODE}\n```',
        f"First a wrong one:\n```python\ndef add(a, b):\n    return a - b\n```\nBetter:\n```python\n{CODE}\n```",
        f"```python\n{CODE}\n```\nUse it so:\n```python\nprint(add(1, 2))\n```",
        f"```python\n{CODE}\n```\nwhich prints\n```text\n3\n```",
        f"Sure! This adds.\n\n{CODE}\n\nHope that helps.",
        f"import math\n\n{CODE}\n",
        "1. Do this:\n   ```python\n   def add(a, b):\n       return a + b\n   ```",
        "```python\ndef plus(a, b):\n    return a + b\n```\n```python\ndef add(a, b):\n    return plus(a, b)\n```",
        "```python\nadd = lambda a, b: a + b\n```",
    ],
)
def test_programs_are_found_in_fences_and_prose(text: str) -> None:
    assert result(text) == 5


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("    return a + b\n", "continuation"),
        ("\n    return a + b\n", "continuation"),
        ("    x = a\n    return x + b\n\n\ndef other():\n    pass\n", "continuation"),
        ("    # ```\n    return a + b\n", "continuation"),
        (CODE, "plain"),
        ("def add(a: int, b: int, c: List = None):\n    return helper(a) + b", "plain"),
        (f"```python\n{CODE}\n```", "fenced"),
        ("```python\n    return a + b\n```", "fenced"),
    ],
)
def test_the_prompt_is_continued_or_its_header_put_before(text: str, form: str) -> None:
    assert result(text, prompt=PROMPT) == 5
    extracted = found(text, prompt=PROMPT)
    assert extracted is not None
    assert extracted.form == form


def test_a_broken_continuation_is_not_mended() -> None:
    text = "    return a + b\n\nprint(add(1"
    assert found(text, prompt=PROMPT) == Extracted(PROMPT + text, "continuation")


@pytest.mark.parametrize("text", ["", "   \n", "I don't know.", "The answer is 5", "Sorry", "x" * 300_000])
def test_text_without_code_holds_no_program(text: str) -> None:
    assert found(text) is None


def test_code_that_does_not_parse_is_a_program_that_does_not_load() -> None:
    extracted = found("```python\ndef add(a, b:\n    return\n```")
    assert extracted is not None
    assert extracted.source == "def add(a, b:\n    return"


def test_methods_of_a_class_are_found() -> None:
    code = "class Solution:\n    def add(self, a, b):\n        return a + b"
    for entry in ("add", "Solution().add"):
        extracted = found(f"Text.\n```python\n{code}\n```", entry=entry)
        assert extracted is not None
        assert extracted.source == code


def test_scripts_need_no_entry_point() -> None:
    extracted = found("It reads:\n```python\nprint(int(input()) * 2)\n```\nRun:\n```bash\npython a.py\n```", entry=None)
    assert extracted == Extracted("print(int(input()) * 2)", "fenced")


def test_a_prompt_that_is_no_code_is_no_prefix() -> None:
    assert prefix_of("Write a function def add that adds.", "add") == Prefix()
    assert prefix_of(PROMPT, "add").helpers == {"helper"}
    assert prefix_of("def add(a, b):\n", "add").source


@pytest.mark.parametrize(
    ("source", "entry"),
    [("def a(): 0\ndef solve(): 0\ndef b(): 0", "solve"), ("def a(): 0\ndef b(): 0", "b"), ("x = 1", ""), ("(", "")],
)
def test_the_entry_of_a_nameless_record_is_guessed_from_the_program(source: str, entry: str) -> None:
    assert entry_of(source) == entry


def test_hostile_prose_does_not_stall_the_search() -> None:
    text = "def add(a\n" * 15_000
    assert found(text) is not None
