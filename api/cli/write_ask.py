"""Ask the person at the terminal about an outline, or about sections; edits are made in their own editor."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from ravelar.tools.errors import InputError
from ravelar.tools.writing.outline_file import outline_text, read_outline_file

_OUTLINE = "[a]pprove, [e]dit, or [r]efuse?"
_SECTION = "[a]pprove, [e]dit, send [b]ack, or [r]efuse and end the run?"


def ask(question: Mapping[str, Any]) -> Any:
    """Return the answer to one of the graph's questions, in a form that it takes (`graphs.ravel_approving`).

    Raises: click.Abort: if nobody answers.
    """
    if problem := question.get("problem"):
        click.echo(f"That can't be used: {problem}", err=True)
    if question["kind"] == "outline":
        return _about_outline(question["title"], question["sections"])
    return _about_sections(question["sections"])


def _about_outline(title: str, sections: Sequence[Mapping[str, Any]]) -> Any:
    text = outline_text(title, [dict(section) for section in sections])
    click.echo(f"\n{text}", err=True)
    while True:
        said = _choose(_OUTLINE, "aer")
        if said == "r":
            return _refusal()
        if said == "a":
            return True
        try:
            return {"outline": _edited_outline(text)}
        except InputError as error:
            click.echo(f"That can't be used: {error}", err=True)


def _about_sections(sections: Sequence[Mapping[str, Any]]) -> Any:
    edits: dict[str, Any] = {}
    for section in sections:
        score = "not reviewed" if section["score"] is None else f"score {section['score']:g}"
        click.echo(f"\n## {section['title']} ({section['id']}, {section['status']}, {score})\n", err=True)
        click.echo(section["content"], err=True)
        if section["feedback"]:
            click.echo(f"\nThe reviewer says: {section['feedback']}", err=True)
        said = _choose(_SECTION, "aebr")
        if said == "r":
            return _refusal()
        if said == "e" and (text := click.edit(section["content"])):
            edits[section["id"]] = {"content": text.strip()}
        elif said == "b":
            edits[section["id"]] = {"feedback": click.prompt("What is to be changed?", err=True)}
    return {"sections": edits} if edits else True


def _edited_outline(text: str) -> dict[str, Any]:
    """Return an outline as the person has edited it; saving nothing keeps it.

    Raises: InputError: if it is none any more.
    """
    edited = click.edit(text, extension=".md")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "outline.md"
        path.write_text(text if edited is None else edited, encoding="utf-8")
        return read_outline_file(path)


def _choose(prompt: str, letters: str) -> str:
    choice = click.Choice([*letters], case_sensitive=False)
    return str(click.prompt(prompt, type=choice, default="a", show_choices=False, err=True)).lower()


def _refusal() -> dict[str, Any]:
    reason = click.prompt("Why not?", default="", show_default=False, err=True)
    return {"approve": False, "reason": reason}
