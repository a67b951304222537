"""Run RAVEL's graph for a person or a program: begin, resume, ask, keep what came of it."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from langgraph.types import Command, Overwrite

from ravelar.agents.ravel.briefs import read_brief, read_outline
from ravelar.graphs.ravel import RavelGraph, build_ravel
from ravelar.graphs.ravel_beginning import check_models
from ravelar.graphs.ravel_open import prices_of
from ravelar.graphs.ravel_parts import Parts
from ravelar.graphs.ravel_restoring import restored
from ravelar.graphs.ravel_state import JOINED, RavelContext, RavelOutput
from ravelar.tools.completion import content_text
from ravelar.tools.errors import InputError, UnknownName
from ravelar.tools.writing.events import EVENTS, Event, EventLog
from ravelar.tools.writing.gate import has_finished
from ravelar.tools.writing.measures import measure_run
from ravelar.tools.writing.replay import run_of
from ravelar.writing_folder import (
    begin_folder,
    check_checkpoints,
    checkpoints_in,
    read_run,
    settings_of,
    write_article,
    write_run,
)

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

_THREADS = 128  # all sections at once and what writes their checkpoints; `at_once` is what bounds the work


@dataclass(frozen=True, slots=True)
class WritingJob:
    """One run that is to be begun or resumed.

    Attributes:
        brief: What is to be written; None resumes.
        context: The settings of a new run.
        outline: The caller's own outline.
        out: The run's folder; None keeps everything in memory.
        resume: Whether the run in the folder goes on.
        changes: Settings that a resumed run is to have from now on.
        checkpoints: The URL of a PostgreSQL for the graph's state; None keeps it in the folder.
        chats: Language models by role, or one under "" for all; they go before those that the settings name.
        on_event: Hears each event of the log once it is written, in the thread that wrote it.
        on_token: Hears each piece of text that a model streams, and the role that it speaks as.
        answer: Answers the graph's questions (`graphs.ravel_approving`); None leaves them open and returns.
    """

    brief: Mapping[str, Any] | None
    context: RavelContext = field(default_factory=RavelContext)
    outline: Mapping[str, Any] | None = None
    out: Path | None = None
    resume: bool = False
    changes: Mapping[str, Any] = field(default_factory=dict)
    checkpoints: str | None = None
    chats: "Mapping[str, BaseChatModel]" = field(default_factory=dict)
    on_event: Callable[[Event], None] | None = None
    on_token: Callable[[str, str], None] | None = None
    answer: Callable[[dict[str, Any]], Any] | None = None


def run_job(job: WritingJob) -> dict[str, Any]:
    """Run it until it ends, or until a question is left open; return what came of it.

    Returns:
        What the graph returns (`end`, `because`, `article`, `order`, `sections` ...), with `measures`, `events`, and
        `waiting`: the question that is open, or None.

    Raises:
        InputError: if something given can't be used; before any call.
        ModelUnavailable: if a language model can't be opened; before any call.
    """
    kept, context = _resumed(job) if job.resume else _begun(job)
    path = job.out / EVENTS if job.out else None
    with ExitStack() as opened:
        log = opened.enter_context(EventLog(path, prices=prices_of(context), heard=job.on_event))
        asks = job.out is not None or bool(context.approve)
        saver = opened.enter_context(checkpoints_in(job.out, job.checkpoints)) if asks or job.checkpoints else None
        parts = Parts(chat=job.chats.get(""), chats=job.chats, log=log)
        work = _Work(job, context, log, build_ravel(parts=parts, checkpointer=saver), kept["thread"])
        result = work.run({"brief": dict(kept["brief"]), "outline": kept.get("outline")})
    if job.out is not None:
        _save(job.out, kept, result)
    return result


def context_from(settings: Mapping[str, Any]) -> RavelContext:
    """Return settings as the graph's context.

    Raises: InputError: if there is no setting of a name, or a value is out of bounds.
    """
    known = [one.name for one in fields(RavelContext)]
    if unknown := [name for name in settings if name not in known]:
        raise UnknownName("setting", unknown[0], known)
    approve = settings.get("approve") or ()
    context = RavelContext(**{**settings, "approve": (approve,) if isinstance(approve, str) else tuple(approve)})
    context.check()
    return context


def _begun(job: WritingJob) -> tuple[dict[str, Any], RavelContext]:
    """Check all that was given, then make the run's folder."""
    if job.brief is None:
        raise InputError("nothing to write: give an instruction, or resume=True with the folder of a run")
    job.context.check()
    brief = read_brief(job.brief)
    if job.outline is not None:
        read_outline(job.outline, brief, job.context.limits())
    check_checkpoints(job.checkpoints)
    check_models(Parts(chat=job.chats.get(""), chats=job.chats), job.context)
    asked: dict[str, Any] = {"brief": brief, "outline": job.outline, "settings": settings_of(job.context)}
    asked["checkpoints"] = "postgresql" if job.checkpoints else "sqlite"
    return begin_folder(job.out, asked) if job.out else {"thread": uuid.uuid4().hex, **asked}, job.context


def _resumed(job: WritingJob) -> tuple[dict[str, Any], RavelContext]:
    """Read what the run was asked, and the settings that it has from now on."""
    if job.out is None:
        raise InputError("resume needs the folder of the run: out=...")
    kept = read_run(job.out)
    context = context_from({**kept["settings"], **job.changes})
    before = kept["settings"].get("protocol")
    if context.protocol != before:
        raise InputError(f"protocol {context.protocol!r}: the run in {job.out} is of protocol {before!r}, and stays so")
    if kept.get("checkpoints") == "postgresql" and not job.checkpoints:
        raise InputError(f"the run in {job.out} has its state in a PostgreSQL: give checkpoints=postgresql://...")
    return {**kept, "settings": settings_of(context)}, context


def _save(out: Path, kept: Mapping[str, Any], result: Mapping[str, Any]) -> None:
    run = run_of(result["events"])
    told = {name: run.get(name) for name in ("run", "models", "replay", "version")}
    ended = {name: result[name] for name in ("end", "because", "title", "step", "refused", "spent", "measures")}
    write_run(out, {**kept, **told, **ended})
    if result["article"] is not None:
        write_article(out, result["article"], replay=bool(run.get("replay")))


class _Done:
    """There is nothing more for the graph to do, or nobody to answer it."""


@dataclass(slots=True)
class _Work:
    """A run at work: what the graph is given next, until it has ended or nobody answers it."""

    job: WritingJob
    context: RavelContext
    log: EventLog
    graph: RavelGraph
    thread: str
    values: dict[str, Any] = field(default_factory=dict)
    waiting: dict[str, Any] | None = None

    @property
    def config(self) -> Any:
        named = {"thread_id": self.thread}
        return {"configurable": named, "max_concurrency": _THREADS, "metadata": {"protocol": self.context.protocol}}

    def run(self, given: Any) -> dict[str, Any]:
        """Run it; return its result."""
        following = self._first(given) if self.job.resume else given
        while following is not _Done:
            self._stream(following)
            following = self._answer() if self.graph.checkpointer else _Done
        names = RavelOutput.__annotations__
        measures = measure_run(self.log.events).to_json()
        kept = {name: self.values.get(name) for name in names}
        return {**kept, "measures": measures, "events": list(self.log.events), "waiting": self.waiting}

    def _first(self, given: Any) -> Any:
        """Return what the graph is given to go on where the run was: by its checkpoints, or else by its event log."""
        state = self.graph.get_state(self.config)
        self.values = dict(state.values)
        if has_finished(self.values.get("end") or ""):
            return _Done
        last = max((event.get("step") or 0 for event in self.log.events), default=0)
        if not self.log.events or not (last or state.values):
            return given
        self.log.write("resumed", limits=asdict(self.context.limits()))
        if not state.values or state.values.get("step", 0) > last:  # the log is the truth
            self._put(restored(self.log.events))
        elif not state.next:
            self._put({"end": "", "because": "", "failures": {}})
        return self._answer() if state.interrupts else None

    def _put(self, values: dict[str, Any]) -> None:
        whole = {name: Overwrite(value) if name in JOINED else value for name, value in values.items()}
        self.graph.update_state(self.config, whole, as_node="begin")

    def _stream(self, following: Any) -> None:
        modes: Any = ["values", *(["messages"] if self.job.on_token else [])]
        pieces = self.graph.stream(
            following,
            self.config,
            context=self.context,
            stream_mode=modes,
            durability="sync" if self.graph.checkpointer else None,
        )
        for mode, piece in cast("Iterator[tuple[str, Any]]", pieces):
            if mode == "values":
                self.values = dict(piece)
            elif self.job.on_token is not None:
                chunk, told = piece
                self.job.on_token(told.get("langgraph_node", ""), content_text(chunk.content))

    def _answer(self) -> Any:
        """Return the answer to the graph's question; `_Done` if it asks none, or nobody answers."""
        asked = self.graph.get_state(self.config).interrupts
        self.waiting = dict(asked[0].value) if asked else None
        if self.waiting is None or self.job.answer is None:
            return _Done
        answer = self.job.answer(self.waiting)
        self.waiting = None
        return Command(resume=answer)
