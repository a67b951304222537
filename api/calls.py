"""The library calls: `score`, `ascore` and `route` over the tools there are, or over a library of one's own."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from ravelar.tools import routing, scoring
from ravelar.tools.adopted.place import Place, place_of
from ravelar.tools.builtin import builtin_library
from ravelar.tools.columns import Columns
from ravelar.tools.completion import Conversation
from ravelar.tools.errors import InputError
from ravelar.tools.library import Library
from ravelar.tools.reward import Reward, Triple
from ravelar.tools.routing import Router
from ravelar.tools.tracing.batches import figures_of
from ravelar.tools.tracing.runs import traced

if TYPE_CHECKING:
    from ravelar.in_use import InUse

Scorable = Triple | Mapping[str, Any]


def default_library(sandbox: str = "local") -> Library:
    """Return the built-in tools and the adopted ones in use, if tools were ever adopted.

    Adopted tools are kept at RAVELAR_LIBRARY, or else in the user's own library. The same value is returned as
    long as the same versions are in use, so that what a tool has loaded stays loaded.

    Args:
        sandbox: Where untrusted code runs: "local", "e2b" or "unsafe".

    Raises:
        InputError: if RAVELAR_LIBRARY names no place, or the library there can't be read.
    """
    place = place_of()
    return _in_use(place, sandbox).library() if place.exists else _builtin(sandbox)


@cache
def _builtin(sandbox: str) -> Library:
    return builtin_library(sandbox)


@cache
def _in_use(place: Place, sandbox: str) -> "InUse":
    from ravelar.in_use import InUse  # noqa: PLC0415  only where tools were adopted

    return InUse(place, _builtin(sandbox), sandbox)


def read_library_anew() -> None:
    """Let the next call read tools and names again: names that were given without a new tool are not noticed else."""
    _in_use.cache_clear()


def default_router(sandbox: str = "local") -> Router | None:
    """Return who chooses a tool of `default_library`: None, the built-in rules, if no tool was ever adopted."""
    place = place_of()
    return _in_use(place, sandbox).router() if place.exists else None


def score(triples: Iterable[Scorable], *, tool: str | None = None, library: Library | None = None) -> list[Reward]:
    """Score completions, each with the tool that fits its prompt and reference.

    Args:
        triples: `Triple`s, or mappings with `prompt`, `completion` and, as needed, `reference`, `task`,
            `tool` and further columns.
        tool: Score all of them with this tool instead of routing.
        library: The tools to choose from; None means the built-in ones and those in use of the adopted.

    Returns:
        One `Reward` per triple, in order: a value in [0, 1], or None and the reason.

    Raises:
        UnknownName: if `tool` is not in the library.
        InputError: if a triple lacks its prompt or completion.

    Example:
        >>> score([{"prompt": "6 * 7?", "completion": "It is 42.", "reference": 42}])[0].value
        1.0
    """
    rows, tools = _as_triples(triples), library or default_library()
    with traced("score", given={"n": len(rows)}, tool=tool) as run:
        rewards = scoring.score(rows, library=tools, router=_router(library), tool=tool)
        run.ended_with(lambda: figures_of(rewards))
    return rewards


async def ascore(
    triples: Iterable[Scorable], *, tool: str | None = None, library: Library | None = None
) -> list[Reward]:
    """Score as `score` does, without blocking the event loop, the tools side by side.

    `triples`, `tool`, `library`, what is returned and what is raised are those of `score`.
    """
    rows, tools = _as_triples(triples), library or default_library()
    with traced("score", given={"n": len(rows)}, tool=tool) as run:
        rewards = await scoring.ascore(rows, library=tools, router=_router(library), tool=tool)
        run.ended_with(lambda: figures_of(rewards))
    return rewards


def route(
    prompt: Conversation,
    reference: Any = None,
    metadata: Mapping[str, Any] | None = None,
    *,
    library: Library | None = None,
) -> routing.Route:
    """Choose the tool for a query; `(None, reason)` where nothing fits. The completion plays no part.

    Args:
        prompt: What the policy is asked: text, or chat messages.
        reference: What decides, if anything does.
        metadata: Further columns of the row, such as `task` or `options`.
        library: The tools to choose from; None means `default_library`, with the names that adopted tools brought.
    """
    router = _router(library) or routing.router_for((library or default_library()).names)
    return router(prompt, reference, metadata or {})


def acquire(
    examples: Iterable[Mapping[str, Any]] = (), probes: Iterable[Mapping[str, Any]] = (), **settings: Any
) -> dict[str, Any]:
    """Get a reward tool for one task: find, evaluate, write, check, and adopt what has evidence.

    What is adopted is used by `score` from then on. It may take minutes; once per task.

    Args:
        examples: Prompts of the task: rows with `prompt` and, as far as there is one, `reference`.
        probes: Labelled completions (`prompt`, `completion`, `label`, `reference`), or preference pairs (`prompt`,
            `chosen`, `rejected`). Half of them, by prompt, decides and is shown to nobody.
        settings: Fields of `ravelar.rlar.RlarContext`, such as `model="openai:gpt-5-mini"`.

    Returns:
        The graph's result: `end` says how it ended, `because` why, `adopted` which tool there is now, `candidates`
        what became of each, `left_out` what was not done, `spent` what it took.

    Raises:
        InputError: if a row, a setting or the library can't be used.
    """
    from ravelar.graphs.rlar import build_rlar  # noqa: PLC0415  langgraph takes 0.5 s
    from ravelar.graphs.rlar_state import RlarContext  # noqa: PLC0415

    try:
        context = RlarContext(**settings)
    except TypeError as error:
        raise InputError(f"{error}; settings: {', '.join(RlarContext.__slots__)}") from error
    given: Any = {"triples": [], "examples": list(examples), "probes": list(probes)}
    return dict(build_rlar().invoke(given, context=context))


def _router(library: Library | None) -> Router | None:
    """Return who chooses: a library of the caller's own is routed to by the rules alone."""
    return None if library is not None else default_router()


def _as_triples(given: Iterable[Scorable]) -> list[Triple]:
    columns = Columns()
    return [item if isinstance(item, Triple) else columns.triple(item) for item in given]
