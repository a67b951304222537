"""The work of `ravelar write`: run it, show what it does, ask, keep the page, and say how it ended."""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ravelar.cli.interruption import Terminated, giving_up_soon
from ravelar.cli.write_ask import ask
from ravelar.cli.write_show import open_view, show_result
from ravelar.tools.errors import InputError, ModelUnavailable, UnknownName
from ravelar.tools.writing.events import EVENTS, read_events
from ravelar.tools.writing.gate import has_finished
from ravelar.tools.writing.limits import PUBLISHED_STEPS
from ravelar.tools.writing.outline_file import read_outline_file
from ravelar.tools.writing.page import render_page
from ravelar.writing import write

PAGE = "article.html"
_INTERRUPTED = "interrupted; what was done is kept, --resume goes on"
_OF_THE_WRITER = ("drafter_model", "refiner_model")
_LONGEST_INPUT = 200_000


@dataclass(frozen=True, slots=True)
class WriteCommand:
    """What `ravelar write` was asked to do; see its options.

    Attributes:
        brief: The instruction; "-" reads it from standard input; None with `resume`.
        out: The run's folder; None makes a new one.
        given: The options that were given, by their names.
        resume: Whether the run in the folder goes on.
        as_json: Whether the result is printed as JSON.
    """

    brief: str | None
    out: Path | None
    given: Mapping[str, Any]
    resume: bool = False
    as_json: bool = False


def run(asked: WriteCommand) -> int:
    """Run it; return the exit code.

    Raises: InputError: if something given can't be used; before any call.
    """
    settings, out = settings_of(asked.given), _folder(asked)
    brief = None if asked.resume else _brief(asked.brief, asked.given)
    if asked.resume and asked.brief is not None:
        raise InputError("a resumed run has its brief already: give none, or begin another run in another folder")
    with (
        giving_up_soon(f"{_INTERRUPTED}: ravelar write --resume --out {out}"),
        open_view(as_json=asked.as_json) as view,
    ):
        try:
            result = write(
                brief,
                out=out,
                resume=asked.resume,
                on_event=view.hear,
                answer=lambda question: view.paused(lambda: ask(question)),
                **settings,
            )
        except ModelUnavailable as error:
            click.echo(f"ravelar: {error}", err=True)
            return 2
        except click.Abort as error:
            if isinstance(error.__context__, KeyboardInterrupt):
                return 130
            click.echo(f"\nravelar: nobody answered; go on with: ravelar write --resume --out {out}", err=True)
            return 1
        except (KeyboardInterrupt, Terminated) as error:
            return 143 if isinstance(error, Terminated) else 130
        finally:
            _keep_page(out)
    kept = {name: value for name, value in result.items() if name != "events"}
    if asked.as_json:
        click.echo(json.dumps({**kept, "out": str(out)}, ensure_ascii=False))
    else:
        show_result(result, out)
    return 0 if has_finished(result["end"] or "") else 1


def settings_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options as `ravelar.write` takes them.

    Raises: InputError: if one has a value that can't be.
    """
    settings = dict(given)
    writer = settings.pop("writer_model", None)
    for name in _OF_THE_WRITER if writer else ():
        settings.setdefault(name, writer)
    if limits := settings.pop("limits", None):
        if limits != "published":
            raise UnknownName("set of limits", limits, ["published"])
        if "max_steps" in settings:
            raise InputError(f"--limits published is {PUBLISHED_STEPS} steps; --max-steps contradicts it: give one")
        settings["max_steps"] = PUBLISHED_STEPS
    if "outline" in settings:
        settings["outline"] = read_outline_file(settings["outline"])
    if "prices" in settings:
        settings["prices"] = str(settings["prices"])
    return settings


def _brief(said: str | None, given: Mapping[str, Any]) -> str:
    text = sys.stdin.read(_LONGEST_INPUT) if said == "-" else said
    if text is None:
        hint = "; --outline says how, not what" if "outline" in given else ""
        raise InputError(f"nothing to write: give a BRIEF, or --resume with --out FOLDER{hint}")
    return text


def _folder(asked: WriteCommand) -> Path:
    if asked.out is not None:
        return asked.out
    if asked.resume:
        raise InputError("--resume needs --out FOLDER: which run is to go on?")
    return Path(time.strftime("ravel-%Y%m%d-%H%M%S"))


def _keep_page(out: Path) -> None:
    """Write the page of what there is of the run; a run that never began leaves none."""
    if not (out / EVENTS).is_file():
        return
    try:
        events = read_events(out / EVENTS)
        if events:
            (out / PAGE).write_text(render_page(events), encoding="utf-8")
    except (InputError, OSError) as error:
        print(f"ravelar: no page: {error}", file=sys.stderr)  # noqa: T201  also while a run is being ended
