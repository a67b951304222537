"""Traces as OpenTelemetry spans, where LANGSMITH_OTEL_ENABLED asks for them: the same runs, to any OTLP collector.

LangSmith's client turns runs into spans and gives them to the process's tracer provider. Where the caller has set one
up, it is left as it is. Else ours goes in its place: as LangSmith's own, but that a collector that is not there costs a
run nothing (`tools.tracing.line`).
"""

import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ravelar.tools.chat.failures import without_secrets
from ravelar.tools.errors import InputError
from ravelar.tools.tracing.line import Line

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

_ADDRESSES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_SENT_EVERY_MS = 1_000  # so that a collector that is not there is known before the process ends


class CollectorFailed(Exception):
    """A collector does not take spans in."""


class PatientExporter:
    """Sends spans by another exporter, and gives up where they can't get through. A `SpanExporter`.

    Args:
        exporter: What sends them.
        sink: The collector's address, for what is said of it.
    """

    def __init__(self, exporter: "SpanExporter", sink: str) -> None:
        self._exporter, self._line = exporter, Line(sink)

    def export(self, spans: "Sequence[ReadableSpan]") -> "SpanExportResult":
        """Send spans."""
        from opentelemetry.sdk.trace.export import SpanExportResult  # noqa: PLC0415

        def send() -> SpanExportResult:
            if self._exporter.export(spans) is not SpanExportResult.SUCCESS:
                raise CollectorFailed("it does not take them")
            return SpanExportResult.SUCCESS

        sent = self._line.reach(send, records=len(spans))
        return SpanExportResult.FAILURE if sent is None else sent

    def shutdown(self) -> None:
        """End it."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Return that nothing is waiting: spans wait in the processor."""
        del timeout_millis
        return True


def use_our_provider() -> None:
    """Set up a tracer provider that sends spans to the collector, if they are asked for and none is set up.

    Raises:
        InputError: if they are asked for, and OpenTelemetry is not installed.
    """
    from langsmith.utils import get_env_var, is_env_var_truish  # noqa: PLC0415

    mode = get_env_var("TRACING_MODE")
    if mode not in {"otel", "hybrid"} and (mode or not is_env_var_truish("OTEL_ENABLED")):
        return
    try:
        from opentelemetry import trace  # noqa: PLC0415
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise InputError(
            f"LANGSMITH_OTEL_ENABLED needs OpenTelemetry ({error}): pip install 'ravelar[otel]'"
        ) from error
    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return  # somebody has set one up
    address = next((os.environ[name] for name in _ADDRESSES if os.environ.get(name)), None)
    given = {} if address else _langsmith()
    # Made before the provider, so that it says what was lost after the provider has sent the last.
    exporter = PatientExporter(OTLPSpanExporter(**given), without_secrets(address or str(given["endpoint"])))
    logging.getLogger(OTLPSpanExporter.__module__).addFilter(lambda _: False)  # the line says it, once
    provider = TracerProvider(resource=Resource({SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME", "ravelar")}))
    sends: Any = exporter  # is one by its methods
    provider.add_span_processor(BatchSpanProcessor(sends, schedule_delay_millis=_SENT_EVERY_MS))
    trace.set_tracer_provider(provider)


def _langsmith() -> dict[str, Any]:
    """Return where LangSmith itself takes spans in."""
    from langsmith.utils import get_api_key, get_api_url, get_tracer_project  # noqa: PLC0415

    headers = {"x-api-key": get_api_key(None) or "", "Langsmith-Project": get_tracer_project() or "default"}
    return {"endpoint": f"{get_api_url(None)}/otel/v1/traces", "headers": headers}
