"""Take the place of a traced API: call a function in a span.

API Gateway's HTTP APIs make no OpenTelemetry spans, and locally there is no API at all. The demo
makes the span with the OpenTelemetry SDK and writes it as the functions write theirs.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from otlp_stdout_span_exporter import OTLPStdoutSpanExporter

SERVICE = "api"
_SERVER_ERROR = 500


def call(
    event: Mapping[str, Any], send: Callable[[dict[str, Any]], Mapping[str, Any]]
) -> tuple[Mapping[str, Any], list[str]]:
    """Send an API Gateway v2 event in a span of its own.

    Args:
        event: The event; its headers get a ``traceparent``.
        send: Sends the event to the function and returns its response.

    Returns:
        The response, and the log records of the span.
    """
    lines = io.StringIO()
    provider = TracerProvider(
        sampler=ALWAYS_ON,
        resource=Resource({"service.name": SERVICE}),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(SimpleSpanProcessor(OTLPStdoutSpanExporter()))
    method = event["requestContext"]["http"]["method"]
    span = provider.get_tracer(__name__).start_span(
        event["routeKey"],
        kind=SpanKind.SERVER,
        attributes={
            "http.request.method": method,
            "http.route": event["routeKey"].removeprefix(f"{method} "),
            "url.path": event["rawPath"],
        },
    )
    headers = dict(event["headers"])
    TraceContextTextMapPropagator().inject(headers, set_span_in_context(span))
    try:
        response = send({**event, "headers": headers})
        status = int(response["statusCode"])
        span.set_attribute("http.response.status_code", status)
        if status >= _SERVER_ERROR:
            span.set_status(Status(StatusCode.ERROR))
    finally:
        with redirect_stdout(lines):
            span.end()
            provider.shutdown()
    return response, lines.getvalue().splitlines()
