"""`write`, `awrite` and `fork`: the writing agent as a library call."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ravelar.tools.errors import InputError

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

_BRIEF = ("words", "sections", "audience", "genre", "style", "language")


def write(  # noqa: PLR0913  one door for all there is to say
    instruction: str | None = None,
    *,
    outline: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    checkpoints: str | None = None,
    chat: "BaseChatModel | Mapping[str, BaseChatModel] | None" = None,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    on_token: Callable[[str, str], None] | None = None,
    answer: Callable[[dict[str, Any]], Any] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Write an article: plan, outline, draft, review, refine, until every section is closed or a bound is reached.

    Args:
        instruction: What is to be written; None resumes.
        outline: Your own outline: {"title": ..., "sections": [{"title": ..., "points": [...], "words": ...}]}.
        out: A folder for the run: event log, checkpoints, article. A killed or failed run goes on from there.
        resume: Go on with the run in the folder; settings that are given replace its own.
        checkpoints: The URL of a PostgreSQL that keeps the graph's state; None keeps it in the folder.
        chat: A chat model for every role, or one for each: "planner", "outliner", "drafter", "reviewer", "refiner".
        on_event: Hears each event of the log, in the thread that wrote it.
        on_token: Hears (operation, text) for each piece of text that a model streams.
        answer: Answers what `approve` asks for: true, or another outline or text; see `graphs.ravel_approving`.
        settings: Of the brief: `words`, `sections`, `audience`, `genre`, `style`, `language`. Of the run: fields of
            `ravelar.ravel.RavelContext`, such as `model="openai:gpt-5-mini"` or `protocol="fixed"`.

    Returns:
        `end` says how it ended, `because` why; `article` is the text, or None unless the run has finished; `sections`,
        `order`, `title` are what there is of it in any case; `spent`, `measures` and `events` what it took; `waiting`
        a question that nobody answered.

    Raises:
        InputError: if something given can't be used; before any call of a model.
        ModelUnavailable: if a model can't be opened; before any call as well.
    """
    from ravelar.writing_run import WritingJob, context_from, run_job  # noqa: PLC0415  langgraph takes 0.5 s

    of_brief = {name: settings.pop(name) for name in _BRIEF if name in settings}
    if resume and (instruction is not None or outline is not None or of_brief):
        raise InputError("a resumed run has its brief and its outline already: give none, or begin another run")
    job = WritingJob(
        brief=None if instruction is None else {"instruction": instruction, **of_brief},
        context=context_from({} if resume else settings),
        outline=outline,
        out=Path(out) if out is not None else None,
        resume=resume,
        changes=settings if resume else {},
        checkpoints=checkpoints,
        chats=_by_role(chat),
        on_event=on_event,
        on_token=on_token,
        answer=answer,
    )
    return run_job(job)


async def awrite(instruction: str | None = None, **options: Any) -> dict[str, Any]:
    """Write as `write` does, without blocking the event loop.

    A cancelled run stops at its next event; in a folder, what was finished is kept, and `resume=True` goes on.
    """
    cancelled, heard = threading.Event(), options.pop("on_event", None)

    def on_event(event: dict[str, Any]) -> None:
        if cancelled.is_set():
            raise asyncio.CancelledError
        if heard is not None:
            heard(event)

    try:
        return await asyncio.to_thread(write, instruction, on_event=on_event, **options)
    except asyncio.CancelledError:
        cancelled.set()
        raise


def fork(source: str | Path, step: int, out: str | Path) -> Path:
    """Make another run of one that is in a folder, as it was after a step; return the new folder.

    Nothing is paid for again: `write(out=..., resume=True)` goes on from there, with other settings if they are given.

    Args:
        source: The folder of the run.
        step: After which step; 0 is before the first.
        out: The new folder.

    Raises:
        InputError: if the source has not come so far, or the new folder holds a run.
    """
    from ravelar.writing_folder import fork_folder  # noqa: PLC0415  langgraph takes 0.5 s

    fork_folder(Path(source), step, Path(out))
    return Path(out)


def _by_role(chat: "BaseChatModel | Mapping[str, BaseChatModel] | None") -> "dict[str, BaseChatModel]":
    if chat is None:
        return {}
    if not isinstance(chat, Mapping):
        return {"": chat}
    roles = ("", "planner", "outliner", "drafter", "reviewer", "refiner")
    if unknown := [role for role in chat if role not in roles]:
        raise InputError(f"chat for role {unknown[0]!r}; roles: {', '.join(roles[1:])}")
    return dict(chat)
