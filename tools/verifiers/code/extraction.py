"""The program in a completion: out of fences, out of prose, or as the continuation of the prompt's function.

Three forms are told apart, in this order:

- `continuation`: the prompt is code and the completion goes on indented, as samples of base models do. Prompt and
  completion are joined as they are, and nothing is mended: cut-off code stays broken.
- `fenced`: the last fenced block that defines what is tested. Wrong or missing language tags don't matter, and a
  fence that is never closed ends with the text. Earlier blocks go before it where it needs their names.
- `plain`: the completion is code as a whole, or code with prose before and after it.

A program that stands for itself gets what the prompt has before the function: its imports and helpers.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from ravelar.tools.verifiers.code.syntax import parsed

Form = Literal["continuation", "fenced", "plain"]

MAX_CHARACTERS = 200_000  # of one program; ours, see docs/code-rewards.md
_MAX_TRIALS = 40  # ends of code between prose that are tried
_FENCE = re.compile(r"^(?P<indent>[ \t]{0,12})(?P<fence>`{3,}|~{3,})[ \t]*(?P<tag>[^\n`]*)$", re.MULTILINE)
_CODE_START = re.compile(
    r"^(?:from\s+\S+\s+import\b|import\s+\S|def\s+\w+\s*\(|async\s+def\s|class\s+\w+|@\w|\w+\s*=)", re.M
)
_OUTPUT_TAGS = frozenset({"output", "text", "console", "shell", "bash", "sh", "json", "plaintext", "stdout"})
_FUTURE = re.compile(r"^\s*from\s+__future__\s+import", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Extracted:
    """A program and where it was found."""

    source: str
    form: Form


@dataclass(frozen=True, slots=True)
class Prefix:
    """A prompt's code.

    Attributes:
        source: All of it; a continuation goes on where it ends.
        header: What stands before the function: imports and helpers.
        helpers: Names of functions and classes in the header.
    """

    source: str = ""
    header: str = ""
    helpers: frozenset[str] = frozenset()


def find_program(text: str, *, entry: str | None, prefix: Prefix) -> Extracted | None:
    """Find the program in a completion; None if there is no code in it, or too much.

    Args:
        text: The completion without its reasoning.
        entry: What the program must define; None for scripts.
        prefix: The prompt's code.
    """
    if not text.strip() or len(text) > MAX_CHARACTERS:
        return None
    if prefix.source and _goes_on_indented(text) and not _defines_as_text(text, entry):
        return Extracted(_joined(prefix.source, text), "continuation")
    blocks = fenced_blocks(text)
    if blocks:
        return _from_blocks(blocks, entry, prefix)
    return _from_plain_text(text, entry, prefix)


def _goes_on_indented(text: str) -> bool:
    first = next(line for line in text.splitlines() if line.strip())
    return first[0] in " \t" and not _FENCE.match(first)


def _joined(prompt: str, text: str) -> str:
    return prompt + text if prompt.endswith("\n") else f"{prompt}\n{text}"


def _defines_as_text(text: str, entry: str | None) -> bool:
    """Say whether a line at the margin defines the entry point; cheaper than parsing, and asked of every sample."""
    name = _top_name(entry)
    return name is not None and bool(
        re.search(rf"^(?:async\s+)?(?:def|class)\s+{re.escape(name)}\b", text, re.MULTILINE)
    )


def _top_name(entry: str | None) -> str | None:
    """Return the name that must stand at top level: `Solution` for `Solution().twoSum`."""
    return entry.partition("(")[0].partition(".")[0] if entry else None


def fenced_blocks(text: str) -> list[str]:
    """Return the contents of all fenced blocks but those that say they are something else's output."""
    blocks: list[str] = []
    position = 0
    while opening := _FENCE.search(text, position):
        closing = _closing(text, opening)
        end = closing.start() if closing else len(text)
        if opening["tag"].strip().lower() not in _OUTPUT_TAGS:
            blocks.append(_dedented(text[opening.end() : end].strip("\n"), len(opening["indent"])))
        position = closing.end() if closing else len(text)
    return [block for block in blocks if block.strip()]


def _closing(text: str, opening: re.Match[str]) -> re.Match[str] | None:
    """Return the fence that closes a block: of its kind, as long at least, without a tag."""
    for match in _FENCE.finditer(text, opening.end()):
        fence = match["fence"]
        if fence[0] == opening["fence"][0] and len(fence) >= len(opening["fence"]) and not match["tag"].strip():
            return match
    return None


def _dedented(block: str, indent: int) -> str:
    """Take the fence's own indentation off each line, as CommonMark has it; deeper indentation stays."""
    if not indent:
        return block
    return "\n".join(line[min(indent, len(line) - len(line.lstrip())) :] for line in block.splitlines())


def _from_blocks(blocks: Sequence[str], entry: str | None, prefix: Prefix) -> Extracted:
    readable = [(block, tree) for block in blocks if (tree := parsed(block)) is not None]
    defining = [i for i, (_, tree) in enumerate(readable) if _defines(tree, entry)]
    if defining:
        return Extracted(_with_header(_with_earlier(readable, defining[-1]), prefix), "fenced")
    if prefix.source and entry:
        for block in reversed(blocks):
            if _goes_on_indented(block) and parsed(_joined(prefix.source, block)) is not None:
                return Extracted(_joined(prefix.source, block), "fenced")
    last = readable[-1][0] if readable else blocks[-1]
    return Extracted(_with_header(last, prefix), "fenced")


def _with_earlier(readable: Sequence[tuple[str, ast.Module]], chosen: int) -> str:
    """Put earlier blocks before the chosen one where it uses a name that only they define."""
    source, tree = readable[chosen]
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    missing = used - _top_names(tree)
    parts = [source]
    for block, earlier in reversed(readable[:chosen]):
        names = _top_names(earlier) & missing
        if names:
            parts.insert(0, block)
            missing -= names
    return "\n\n".join(parts)


def _from_plain_text(text: str, entry: str | None, prefix: Prefix) -> Extracted | None:
    tree = parsed(text)
    if tree is not None and _defines(tree, entry):
        return Extracted(_with_header(text, prefix), "plain")
    if prefix.source and entry and (tree is not None or parsed(_joined(prefix.source, text)) is not None):
        return Extracted(_joined(prefix.source, text), "continuation")
    found = _between_prose(text, entry)
    if found is not None:
        return Extracted(_with_header(found, prefix), "plain")
    if _CODE_START.search(text):
        return Extracted(_with_header(text, prefix), "plain")  # broken code is a program too: one that does not load
    return Extracted(text, "plain") if tree is not None and _acts(tree) else None


def _between_prose(text: str, entry: str | None) -> str | None:
    """Return the longest run of lines from a line that begins code which parses and defines the entry point."""
    lines = text.splitlines()
    trials = 0
    starts = [i for i, line in enumerate(lines) if _CODE_START.match(line)]
    for start in starts[:4]:
        ends = [i for i in range(len(lines), start, -1) if i == len(lines) or _may_end_before(lines[i])]
        for end in ends:
            trials += 1
            if trials > _MAX_TRIALS:
                return None
            tree = parsed("\n".join(lines[start:end]))
            if tree is not None and _defines(tree, entry):
                return "\n".join(lines[start:end])
    return None


def _may_end_before(line: str) -> bool:
    """Say whether prose may begin with this line: it is not empty and stands at the margin."""
    return bool(line) and not line[0].isspace()


def _defines(tree: ast.Module, entry: str | None) -> bool:
    """Say whether a module defines the entry point, itself or as a class's method; for scripts anything will do."""
    names = _top_names(tree)
    if entry is None:
        return _acts(tree)
    return _top_name(entry) in names or any(
        isinstance(node, ast.ClassDef) and any(getattr(part, "name", "") == entry for part in node.body)
        for node in tree.body
    )


def _acts(tree: ast.Module) -> bool:
    """Say whether a module is more than a word or two that happen to parse."""
    return any(not isinstance(node, ast.Expr) or isinstance(node.value, ast.Call) for node in tree.body)


def _top_names(tree: ast.Module) -> set[str]:
    """Return the names that a module defines at top level."""
    names: set[str] = set()
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=targets):
                names |= {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names |= {(alias.asname or alias.name).partition(".")[0] for alias in aliases}
    return names


def _with_header(source: str, prefix: Prefix) -> str:
    """Put the prompt's imports and helpers before a program, which may define them anew."""
    if not prefix.header.strip() or _FUTURE.search(source):
        return source
    return f"{prefix.header}\n{source}"


@lru_cache(maxsize=4096)
def prefix_of(prompt: str, entry: str | None) -> Prefix:
    """Return a prompt's code, or an empty prefix if the prompt is no code that ends in the entry point."""
    name = _top_name(entry)
    if not name or not re.search(rf"\b(?:def|class)\s+{re.escape(name)}\b", prompt):
        return Prefix()
    tree = parsed(prompt) or parsed(f"{prompt.rstrip()}\n    pass\n") or parsed(f"{prompt.rstrip()}\n        pass\n")
    if tree is None:
        return Prefix()
    places = [i for i, node in enumerate(tree.body) if getattr(node, "name", None) == name]
    if not places:
        return Prefix()
    before = tree.body[: places[-1]]
    node = tree.body[places[-1]]
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    header = "\n".join(prompt.splitlines()[: first - 1])
    helpers = {part.name for part in before if isinstance(part, ast.FunctionDef | ast.ClassDef)} - {name}
    return Prefix(prompt, header, frozenset(helpers))


def entry_of(source: str) -> str:
    """Return which function a program offers where the record names none: the usual names, else the last one.

    '' if it defines no function; calling that fails as calling a missing function does.
    """
    tree = parsed(source)
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)] if tree else []
    return next((name for name in ("solve", "solution", "main") if name in names), names[-1] if names else "")
