"""Spans to decode and to draw, and log records as the exporter of the runtime writes them."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from otlp_stdout_span_exporter import OTLPStdoutSpanExporter

from lambda_otel_lite_cdk.cli.traces.spans import Span

MS = 1_000_000


def span(span_id: str, parent: str | None = None, **given: Any) -> Span:
    """A span of the service `shop` from 0 to 100 ms, except for what is given."""
    values: dict[str, Any] = {
        "trace_id": "t",
        "span_id": span_id,
        "parent_id": parent,
        "name": span_id,
        "kind": "INTERNAL",
        "start_ns": 0,
        "end_ns": 100 * MS,
        "status": "UNSET",
        "status_message": "",
        "attributes": {},
        "events": (),
        "links": (),
        "resource": {"service.name": "shop"},
        "scope": "",
    }
    return Span(**{**values, **given})


def provider() -> TracerProvider:
    """A provider whose spans the exporter prints as they end."""
    made = TracerProvider(resource=Resource({"service.name": "shop"}), shutdown_on_exit=False)
    made.add_span_processor(SimpleSpanProcessor(OTLPStdoutSpanExporter()))
    return made


def log_record(name: str = "work", **attributes: Any) -> str:
    """What the exporter prints for one span."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        provider().get_tracer("tests").start_span(name, attributes=attributes).end()
    return printed.getvalue().rstrip("\n")
