"""Prompts: Markdown files beside the modules that use them, filled in one pass by name.

A prompt file has two parts, each after a line of its own, `<!-- system -->` and `<!-- user -->`; a later turn of a
conversation has only the second. Two kinds of slots stand in it:

    {{name}}      our own words, put in as they are
    {{<name>}}    somebody else's words: a block <name> ... </name>, which the text can't close

Filling never looks at what it has put in, so that values may hold braces, slots, JSON and code. In a block, the
tags of all blocks of its prompt and the control tokens of chat templates are made harmless (`<` turns into `&lt;`);
everything else stays as it is.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable

_PARTS = re.compile(r"\A(?:<!-- system -->\n(?P<system>.*?)\n)?<!-- user -->\n(?P<user>.*)\Z", re.DOTALL)
_SLOT = re.compile(r"\{\{(?:(?P<plain>[a-z][a-z0-9_]*)|<(?P<block>[a-z][a-z0-9_]*)>)\}\}")
_BRACES = re.compile(r"\{\{.*?\}\}")
# What chat templates of released models turn into special tokens when a server finds it in plain text.
_CONTROL = re.compile(
    r"<(?=\|[^\s|<>]{1,40}\|>)|<(?=/?s>)|<(?=(?:start|end)_of_turn>)|<(?=</?SYS>>)|<(?=｜)|\[(?=/?(?:INST|THINK)\])"
)
_HASH_CHARACTERS = 16
# Slots that hold references, or what shows them: probes, examples, reports on probes; texts that items are made of.
_OF_REFERENCES = frozenset({"reference", "probes", "examples", "report", "source", "text", "passage", "better"})
_NO_REFERENCE = frozenset({"", "(none)", "（无）"})
_PACKAGE = "ravelar.agents"


@dataclass(frozen=True)
class Rendered:
    """A prompt with its slots filled.

    Attributes:
        name: The prompt's name.
        template: The hash of the prompt file.
        system: The system message.
        user: The user message.
        holds_reference: Whether a reference, or a text that a reference is made of, may be in it: it is then counted
            in traces, not sent.
    """

    name: str
    template: str
    system: str
    user: str
    holds_reference: bool = False

    @cached_property
    def digest(self) -> str:
        """The hash of what is sent: 16 hexadecimal digits."""
        return digest_of([self.name, self.system, self.user])

    @property
    def text(self) -> str:
        """Both messages as one text, for people and golden files."""
        return f"--- system ---\n{self.system}\n\n--- user ---\n{self.user}\n"


@dataclass(frozen=True)
class Prompt:
    """A prompt as it stands in its file.

    Attributes:
        name: Where it is: "rlar.task_namer" is the file agents/rlar/task_namer.md.
        system: The system part, slots included.
        user: The user part, slots included.
    """

    name: str
    system: str
    user: str

    @cached_property
    def digest(self) -> str:
        """The hash of the prompt's own words: 16 hexadecimal digits."""
        return digest_of([self.name, self.system, self.user])

    @cached_property
    def slots(self) -> frozenset[str]:
        """The names that must be filled."""
        return frozenset(m["plain"] or m["block"] for m in _SLOT.finditer(self.system + self.user))

    def fill(self, values: Mapping[str, str]) -> Rendered:
        """Fill every slot, in one pass.

        Raises:
            ValueError: if a name is missing, or is no slot of this prompt.
        """
        if missing := self.slots - values.keys():
            raise ValueError(f"prompt {self.name} lacks a value for {', '.join(sorted(missing))}")
        if extra := values.keys() - self.slots:
            known = ", ".join(sorted(self.slots)) or "none"
            raise ValueError(f"prompt {self.name} has no slot {', '.join(sorted(extra))}; its slots: {known}")
        blocks = {m["block"] for m in _SLOT.finditer(self.system + self.user) if m["block"]}

        def value(match: re.Match[str]) -> str:
            block = match["block"]
            return _whole(values[match["plain"]]) if block is None else _block(block, values[block], blocks)

        system, user = _SLOT.sub(value, self.system), _SLOT.sub(value, self.user)
        holds = any(values[slot] not in _NO_REFERENCE for slot in self.slots & _OF_REFERENCES)
        return Rendered(self.name, self.digest, system, user, holds)

    def matches(self, system: str, user: str) -> bool:
        """Say whether the two messages can have been rendered from this prompt, whatever filled its slots."""
        return all(
            re.fullmatch(_pattern(part), text, re.DOTALL) is not None
            for part, text in ((self.system, system), (self.user, user))
        )


@cache
def load_prompt(name: str) -> Prompt:
    """Load the prompt of that name, such as "rlar.task_namer".

    Raises:
        ValueError: if the file is not there, lacks its user part, or has a malformed slot.
    """
    file = files(_PACKAGE).joinpath(f"{name.replace('.', '/')}.md")
    if not file.is_file():
        raise ValueError(f"no prompt {name!r}; known: {', '.join(prompt_names())}")
    return read_prompt(name, file.read_text(encoding="utf-8"))


def read_prompt(name: str, text: str) -> Prompt:
    """Read a prompt from the text of its file.

    Raises:
        ValueError: if it lacks its user part, or has a malformed slot.
    """
    parts = _PARTS.match(text)
    if parts is None:
        raise ValueError(f"prompt {name} needs a line '<!-- user -->', before it '<!-- system -->' or nothing")
    if bad := [m[0] for m in _BRACES.finditer(text) if not _SLOT.fullmatch(m[0])]:
        raise ValueError(f"prompt {name} has the malformed slot {bad[0]}; allowed: {{{{name}}}} and {{{{<name>}}}}")
    return Prompt(name, (parts["system"] or "").strip(), parts["user"].strip())


def prompt_names() -> list[str]:
    """Return the names of all prompts there are, sorted."""
    return sorted(_names_in(files(_PACKAGE)))


def _names_in(folder: Traversable) -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from (f"{entry.name}.{name}" for name in _names_in(entry))
        elif entry.name.endswith(".md"):
            yield entry.name[:-3]


def shorten(text: str, limit: int) -> str:
    """Cut the middle out of a text of more than `limit` characters, and say how much is missing there."""
    if len(text) <= limit:
        return text
    head = limit * 2 // 3
    return f"{text[:head]} [... {len(text) - limit} characters left out ...] {text[len(text) - (limit - head) :]}"


def digest_of(value: object) -> str:
    """Return the hash of a value, by its repr: 16 hexadecimal digits."""
    return hashlib.sha256(repr(value).encode("utf-8", "backslashreplace")).hexdigest()[:_HASH_CHARACTERS]


def _block(name: str, text: str, blocks: Iterable[str]) -> str:
    tags = re.compile(rf"<(?=\s*/?\s*(?:{'|'.join(sorted(blocks))})\b)", re.IGNORECASE)
    harmless = _CONTROL.sub(lambda m: "&#91;" if m[0] == "[" else "&lt;", tags.sub("&lt;", _whole(text)))
    return f"<{name}>\n{harmless}\n</{name}>"


def _whole(text: str) -> str:
    """Replace what no wire can carry: halves of surrogate pairs."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _pattern(part: str) -> str:
    pieces, start = [], 0
    for match in _SLOT.finditer(part):
        pieces.append(re.escape(part[start : match.start()]))
        block = match["block"]
        pieces.append(".*" if block is None else rf"<{block}>\n.*\n</{block}>")
        start = match.end()
    return "".join([*pieces, re.escape(part[start:])])
