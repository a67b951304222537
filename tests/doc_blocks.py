"""The fenced blocks of the documentation: what each is, what it is to print, and why some are not run.

What stands in a comment right above a block says how the test takes it:

    <!-- not run: needs a key -->     why nobody can run it here; the reasons are `NEEDS`, several joined by "and"
    <!-- slow -->                     it takes over some three seconds, and is run with the slow tests
    <!-- figures vary -->             numbers are not compared, the rest is
    <!-- with a model of random weights -->   `./model` is made before
    <!-- serves -->                   its first command is a server, which the others ask

A line `...` in what is printed stands for any lines, `...` within a line for anything in it.
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

NEEDS = {
    "a key", "a GPU", "the network", "a cluster", "a model", "a server", "an account", "a person", "files of your own",
    "an environment of its own", "minutes", "hours",
}  # fmt: skip
RUN = {"python", "console", "sh", "pycon"}
READ = {"json", "yaml", "toml"}
SHOWN = {"text", "dockerfile", "ini"}
_MARKS = r"(?P<marks>(?:^ *<!-- [^\n]* -->\n+)*)"
_FENCE = re.compile(_MARKS + r"^(?P<indent> *)```(?P<language>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$", re.S | re.M)
_REASON = re.compile(r"needs (.+?)(?:; (.+))?$")


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        page: The file, relative to the root.
        line: Where it begins.
        language: As written behind the fence.
        text: What it holds.
        said: What the `text` block right below it says it prints; None if there is none.
        marks: The comments right above it.
    """

    page: str
    line: int
    language: str
    text: str
    said: str | None
    marks: tuple[str, ...]

    @property
    def place(self) -> str:
        """Where it stands: page and line."""
        return f"{self.page}:{self.line}"

    @property
    def why_not(self) -> str | None:
        """Why it is not run; None if it is."""
        return next((mark.removeprefix("not run: ") for mark in self.marks if mark.startswith("not run: ")), None)

    @property
    def needs(self) -> set[str]:
        """What it would need to be run."""
        found = _REASON.match(self.why_not or "")
        return set(found[1].split(" and ")) if found else set()

    def commands(self) -> list["Command"]:
        """Return the block's commands with what each prints; of a `sh` block every line is one."""
        if self.language == "pycon":
            return []
        if self.language == "sh":
            joined = self.text.replace("\\\n", " ")
            return [Command(line, None) for line in joined.splitlines() if line.strip() and line[0] != "#"]
        return list(_entered(self.text, self.said))


@dataclass(frozen=True)
class Command:
    """A command as typed, and what it prints; None if the page does not say."""

    typed: str
    said: str | None


def blocks_of(page: Path) -> list[Block]:
    """Return a page's blocks in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        below = _FENCE.match(text, match.end() + len(text[match.end() :]) - len(text[match.end() :].lstrip("\n")))
        said = below["text"] if below and below["language"] == "text" and not below["marks"] else None
        found.append(
            Block(
                page=page.relative_to(ROOT).as_posix(),
                line=text[: match.start("language")].count("\n") + 1,
                language=match["language"].strip(),
                text=textwrap.dedent(match["text"]),
                said=said,
                marks=tuple(re.findall(r"<!-- (.*?) -->", match["marks"])),
            )
        )
    return found


def _entered(text: str, below: str | None) -> Iterator[Command]:
    """Yield what stands behind each `$ `, with its continued lines, and the lines up to the next one."""
    parts = re.split(r"^\$ ", text, flags=re.M)[1:]
    for i, part in enumerate(parts):
        typed, said = _split(part)
        last = i == len(parts) - 1
        yield Command(typed, said or (below if last and below is not None else None))


def _split(part: str) -> tuple[str, str]:
    """Split a command from what it prints: it goes on after a backslash, and within quotation marks."""
    lines = part.splitlines(keepends=True)
    end = 1
    while end < len(lines) and (lines[end - 1].endswith("\\\n") or "".join(lines[:end]).count("'") % 2):
        end += 1
    return "".join(lines[:end]).strip(), "".join(lines[end:])


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def comparable(text: str, *, figures: bool) -> list[str]:
    """Return the lines that are compared: no blank ends; without `figures` no numbers and no widths either."""
    if not figures:
        text = re.sub(r"\d[\d.,]*\d|\d", "#", text)
        text = re.sub(r" +", " ", re.sub(r"─+", "─", text))
    return "\n".join(line.strip() if not figures else line.rstrip() for line in text.splitlines()).strip().splitlines()


def agrees(said: list[str], printed: list[str]) -> bool:
    """Whether what was printed is what was said, a line `...` standing for any lines."""
    lines = [r"(?:.*\n)*?" if line.strip() == "..." else f"{_any_within(line)}\n" for line in said]
    return re.fullmatch("".join(lines), "".join(f"{line}\n" for line in printed)) is not None


def _any_within(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.split("..."))
