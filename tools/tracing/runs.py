"""A run of ours in a trace: a name, tags, metadata, and the figures that it ends with; never a text of anybody's.

    with traced("reward math", kind="tool", given={"n": 32}, tool="math") as run:
        ...
        run.ended_with(lambda: {"mean": fmean(rewards)})

What runs within it, ours or LangChain's, hangs beneath it, also in threads that were given this one's context. Where
traces are off, it is nothing; where tracing itself fails, that is said once, and the work goes on.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Literal

from ravelar.tools.errors import InputError
from ravelar.tools.tracing.leaving_out import OURS
from ravelar.tools.tracing.settings import references_may_go, tracing_is_on

if TYPE_CHECKING:
    from langsmith.run_trees import RunTree

Kind = Literal["chain", "tool"]
"""`tool` for what scores or runs programs; `chain` for what is made of other runs."""
_OF_ROOTS = ("project_name", "client", "replicas")  # of the context that surrounds a run without a parent
_OF_PARENT: Mapping[str, Any] = {"metadata": None, "tags": None, "distributed_parent_id": None}  # the parent has them


class TracedRun:
    """A run while it goes on.

    Args:
        tree: LangSmith's part of it; None where traces are off.
    """

    def __init__(self, tree: "RunTree | None" = None) -> None:
        self._tree = tree
        self._figures: dict[str, Any] = {}

    def ended_with(self, figures: Callable[[], Mapping[str, Any]]) -> None:
        """Say what it came to: counts, means, reasons by their class; asked for only where traces are on."""
        if self._tree is not None:
            self._figures.update(figures())

    def _end(self, failure: BaseException | None) -> None:
        if self._tree is not None:
            error = None if failure is None else f"{type(failure).__name__} (its message is left out)"
            self._tree.end(outputs=self._figures, error=error)
            try:
                self._tree.patch()
            finally:
                OURS.discard(self._tree.id)


_UNTRACED = TracedRun()


@contextmanager
def traced(
    name: str,
    *,
    kind: Kind = "chain",
    tags: tuple[str, ...] = (),
    given: Mapping[str, Any] | None = None,
    **metadata: Any,
) -> Iterator[TracedRun]:
    """Trace a block of work as one run, beneath whatever run surrounds it.

    Args:
        name: The run's name.
        kind: What LangSmith shows it as.
        tags: Its tags, beside "ravelar".
        given: What it begins with: counts.
        metadata: What it is about; None and "" are left out. Runs beneath it bear it too.

    Yields:
        The run, to say what it came to.
    """
    if not tracing_is_on():
        yield _UNTRACED
        return
    with ExitStack() as within:
        what = {"name": name, "run_type": kind, "tags": ["ravelar", *tags], "inputs": dict(given or {})}
        run = _begun(within, what, _said(metadata))
        failure: BaseException | None = None
        try:
            yield run
        except BaseException as error:
            failure = error
            raise
        finally:
            _safely(lambda: run._end(failure))


@contextmanager
def bearing(**metadata: Any) -> Iterator[None]:
    """Let all runs that are begun within bear these metadata; nothing where traces are off."""
    with ExitStack() as within:
        if tracing_is_on():
            _safely(lambda: _enter_context(within, _said(metadata)))
        yield


def note(**metadata: Any) -> None:
    """Add to the metadata of the run that surrounds this, whoever began it; nothing where traces are off."""
    if tracing_is_on():
        _safely(lambda: _add_to_current(_said(metadata)))


def watch_traces() -> None:
    """See to it that traces of this process leave out what they must; nothing where traces are off.

    Raises:
        InputError: if RAVELAR_TRACE_TEXTS has a value that means nothing, or spans need a package that is not there.
    """
    if not tracing_is_on():
        return
    references_may_go()
    try:
        from ravelar.tools.tracing.client import use_our_client  # noqa: PLC0415  half a second

        use_our_client()
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001  a trace must never end what it is of
        _complain(error)


def _begun(within: ExitStack, what: dict[str, Any], metadata: dict[str, Any]) -> TracedRun:
    """Begin a run, and make it the one that surrounds what follows; an untraced one if that fails."""
    watch_traces()
    tree: RunTree | None = None
    try:
        from langsmith.run_helpers import get_current_run_tree, get_tracing_context, tracing_context  # noqa: PLC0415
        from langsmith.run_trees import RunTree as Root  # noqa: PLC0415

        around, parent = get_tracing_context(), get_current_run_tree()
        what["extra"] = {"metadata": {**(around["metadata"] or {}), **metadata}}
        if parent is None:
            tree = Root(**what, **{name: around[name] for name in _OF_ROOTS if around[name] is not None})
        else:
            tree = parent.create_child(**what)
        OURS.add(tree.id)
        tree.post()
        within.enter_context(tracing_context(**{**around, **_OF_PARENT, "parent": tree}))
    except Exception as error:  # noqa: BLE001  a trace must never end what it is of
        OURS.discard(tree and tree.id)
        _complain(error)
        return _UNTRACED
    return TracedRun(tree)


def _enter_context(within: ExitStack, metadata: dict[str, Any]) -> None:
    from langsmith.run_helpers import get_tracing_context, tracing_context  # noqa: PLC0415

    around = get_tracing_context()
    within.enter_context(tracing_context(**{**around, "metadata": {**(around["metadata"] or {}), **metadata}}))


def _add_to_current(metadata: dict[str, Any]) -> None:
    from langsmith.run_helpers import get_current_run_tree  # noqa: PLC0415

    current = get_current_run_tree()
    if current is not None:
        current.add_metadata(metadata)


def _said(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metadata.items() if value is not None and value != ""}


def _safely(work: Any) -> None:
    try:
        work()
    except Exception as error:  # noqa: BLE001  likewise
        _complain(error)


_complained: set[str] = set()


def _complain(error: Exception) -> None:
    """Say once of each kind of failure that a run is not traced."""
    from ravelar.tools.tracing.line import logger  # noqa: PLC0415

    if type(error).__name__ not in _complained:
        _complained.add(type(error).__name__)
        logger.warning("tracing: a run is not traced: %s: %s", type(error).__name__, str(error)[:200])
