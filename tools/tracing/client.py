"""The LangSmith client that leaves out what must not be sent, and never holds a run up.

LangChain, LangGraph and our own runs share one client in a process, LangSmith's cached one; `use_our_client` makes it
ours, unless the caller has made one before. What the caller sets by LangSmith's variables (project, hiding, sampling)
holds for ours as for any.
"""

import logging
import threading
from collections.abc import Mapping
from typing import Any

import requests
from langsmith import Client, configure, run_trees
from langsmith.run_helpers import get_tracing_context
from langsmith.utils import LangSmithConflictError, LangSmithError, LangSmithNotFoundError, LangSmithRetry

from ravelar.tools.chat.failures import without_secrets
from ravelar.tools.tracing.leaving_out import class_of, counts_of, is_counted, without_secrets_within
from ravelar.tools.tracing.line import Line, logger
from ravelar.tools.tracing.settings import references_may_go
from ravelar.tools.tracing.spans import use_our_provider

_TAKES_IN = ("/runs/multipart", "/runs/batch", "/runs")  # where records of runs are sent
_INFO_TIMEOUT_S = (3, 10)  # to connect, to read; LangSmith's own for sending traces
_TRIED_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_SAID = "told by ravelar.tracing"
_UNCOMPRESSED = "Run compression is not enabled"

_lock = threading.Lock()


class TracingClient(Client):
    """A `langsmith.Client` for traces that may hold references.

    Args:
        settings: Those of `langsmith.Client`.

    Raises:
        UnknownName: if RAVELAR_TRACE_TEXTS has a value that means nothing.
    """

    def __init__(self, **settings: Any) -> None:
        self._whole = references_may_go()
        self._line = Line("LangSmith")
        super().__init__(**{"anonymizer": without_secrets_within, "retry_config": _retries(), **settings})

    def create_run(self, name: str, inputs: dict[str, Any], run_type: Any, **more: Any) -> None:
        """Send that a run began, without what is to be left out."""
        kept = self._without(more.get("id"), {"inputs": inputs, **more})
        super().create_run(name, kept.pop("inputs"), run_type, **kept)

    def update_run(self, run_id: Any, **more: Any) -> None:
        """Send that a run ended, without what is to be left out."""
        super().update_run(run_id, **self._without(run_id, more))

    def request_with_retries(self, /, method: Any, pathname: str, **options: Any) -> requests.Response:
        """Send a request as LangSmith's client does; one that carries traces is given up where it can't get through.

        Raises:
            LangSmithError: as LangSmith's client; for traces, with a word by which nothing is said of it again.
        """
        send = super().request_with_retries
        asks = method == "GET" and pathname == "/info"
        if not asks and not (method == "POST" and pathname.endswith(_TAKES_IN)):
            return send(method, pathname, **options)
        if asks:
            self._line.sink, options["timeout"] = without_secrets(str(self.api_url)), _INFO_TIMEOUT_S
        records = 0 if asks else str(options.get("_context", "")).count("trace=") or 1
        answer = self._line.reach(lambda: _sent(send, method, pathname, options), records=records)
        if answer is None or (asks and isinstance(answer, Exception)):
            _silence.lack_of_info |= asks
            raise LangSmithError(_SAID)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _without(self, identity: object, run: dict[str, Any]) -> dict[str, Any]:
        if "extra" in run:
            run["extra"] = without_secrets_within(run["extra"])
        if run.get("serialized"):
            run["serialized"] = without_secrets_within(run["serialized"])
        if self._whole or not is_counted(identity, run.get("extra")):
            return run
        counted = {name: counts_of(run[name]) for name in ("inputs", "outputs") if run.get(name)}
        error = {"error": class_of(str(run["error"]))} if run.get("error") else {}
        return {**run, **counted, **error, "attachments": None, "serialized": None}


def _retries() -> LangSmithRetry:
    """Return LangSmith's retries, but that a refused connection is tried again once, and at once."""
    return LangSmithRetry(
        total=3,
        connect=1,
        status_forcelist=_TRIED_AGAIN,
        allowed_methods=None,
        backoff_factor=0.5,
        raise_on_redirect=False,
        raise_on_status=False,
        respect_retry_after_header=True,
    )


def use_our_client() -> None:
    """Make LangSmith's client of this process ours, unless there is one of the caller's.

    Raises:
        InputError: if RAVELAR_TRACE_TEXTS has a value that means nothing, or spans need a package that is not there.
    """
    with _lock:
        there = get_tracing_context()["client"] or getattr(run_trees, "_CLIENT", None)
        if isinstance(there, TracingClient):
            return
        if there is not None:
            _warn_of(there)
            return
        logging.getLogger("langsmith.client").addFilter(_silence)
        use_our_provider()
        configure(client=TracingClient())


_warned: set[int] = set()


def _warn_of(client: Client) -> None:
    if id(client) not in _warned and not references_may_go():
        _warned.add(id(client))
        logger.warning(
            "tracing: this process has a LangSmith client of its own, so reference texts are not left out of traces; "
            "make it a ravelar.tools.tracing.client.TracingClient, or import ravelar before it"
        )


def _sent(send: Any, method: str, pathname: str, options: Mapping[str, Any]) -> requests.Response | LangSmithError:
    """Send, and return the answer; so, too, if the sink is there and says what LangSmith's client wants to hear of."""
    try:
        response: requests.Response = send(method, pathname, **options)
    except LangSmithConflictError as error:
        return error
    except LangSmithNotFoundError as error:
        if pathname.endswith(_TAKES_IN[1:]):
            raise
        return error  # an old server, which has another place for them, or does not describe itself
    return response


class _Silence(logging.Filter):
    """Keeps from LangSmith's log what the line has said already, once, instead of for each request."""

    lack_of_info = False

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        return _SAID not in said and not (self.lack_of_info and said.startswith(_UNCOMPRESSED))


_silence = _Silence()
