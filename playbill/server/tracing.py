"""OpenTelemetry traces: one span for each request that is no probe, sent by OTLP over HTTP.

The server's own span, not FastAPI's, which the scoring endpoints never reach and which records
addresses, queries and the texts of exceptions. A trace that the sender began is gone on with (W3C
Trace Context). The packages are imported only if an endpoint is configured.
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from playbill.errors import UsageError
from playbill.server.journal import ERROR, METHODS, PREDICTIONS, REQUEST, TRACE
from playbill.server.measurement import INFER, label_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from playbill.server.settings import Tracing

PACKAGES = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")
# Asked every few seconds, and of no interest.
SILENT = frozenset({"health", "/metrics"})


class Traced:
    """An ASGI application whose requests are spans.

    Args:
        app: The application; it leaves the request's identifier and status in the scope.
        settings: Where spans are sent, and how many.
        facts: What every span says of the service.

    Raises:
        UsageError: The packages are not installed, or the headers cannot be read.
    """

    def __init__(self, app: "ASGIApp", settings: "Tracing", facts: Mapping[str, str]) -> None:
        try:
            from opentelemetry.trace import SpanKind
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

            self._provider = _provider(settings, facts)
        except ImportError as error:
            raise UsageError(
                f"traces need a package that is not there: {error}",
                where="tracing.endpoint",
                expected=f"{' and '.join(PACKAGES)}; in a bundle: server.packages of conf/",
                run="pip install 'playbill[otel]'",
            ) from error
        self._app = app
        self._tracer = self._provider.get_tracer("playbill")
        self._kind = SpanKind.SERVER
        self._propagator = TraceContextTextMapPropagator()

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer a request within a span."""
        route = label_of(scope["path"]) if scope["type"] == "http" else ""
        if scope["type"] != "http" or route in SILENT:
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        span = self._tracer.start_as_current_span(
            f"{method} {'/v2/models/{name}/infer' if route == INFER else route}",
            context=self._propagator.extract(_carrier(scope["headers"])),
            kind=self._kind,
            attributes={"http.request.method": method, "http.route": route},
            record_exception=False,  # its text may quote a value
            set_status_on_exception=False,
        )
        with span as current:
            scope[TRACE] = format(current.get_span_context().trace_id, "032x")
            try:
                await self._app(scope, receive, send)
            finally:
                _finish(current, scope)

    def stop(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def _provider(settings: "Tracing", facts: Mapping[str, str]) -> Any:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    exporter = OTLPSpanExporter(
        endpoint=settings.endpoint, headers=_headers(settings), timeout=settings.timeout_seconds
    )
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(settings.share)),
        resource=Resource.create(dict(facts)),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    # So that spans of the project's own routes become children of ours.
    trace.set_tracer_provider(provider)
    return provider


def _headers(settings: "Tracing") -> dict[str, str]:
    """Return the headers that a collector asks for; they are secret, so they come by a variable."""
    name = settings.headers_variable
    if name is None:
        return {}
    pairs = [part.partition("=") for part in os.environ.get(name, "").split(",") if part]
    if not pairs or not all(mark for _, mark, _ in pairs):
        raise UsageError(
            "the headers of the trace collector cannot be read",
            where=f"environment variable {name}",
            expected="NAME=VALUE, further ones after a comma",
        )
    return {key.strip(): value.strip() for key, _, value in pairs}


def _carrier(headers: Any) -> dict[str, str]:
    wanted = (b"traceparent", b"tracestate")
    return {name.decode(): value.decode("latin-1") for name, value in headers if name in wanted}


def _finish(span: Any, scope: Mapping[str, Any]) -> None:
    from opentelemetry.trace import StatusCode

    status = scope.get("playbill.status", ERROR)
    span.set_attribute("http.response.status_code", status)
    span.set_attribute("playbill.request_id", scope.get(REQUEST, ""))
    made = scope.get(PREDICTIONS)
    if made is not None:
        span.set_attribute("playbill.rows", len(made))
        if len(made) == 1:
            span.set_attribute("playbill.prediction_id", made[0])
    if status >= ERROR:
        span.set_attribute("error.type", str(status))
        span.set_status(StatusCode.ERROR)
