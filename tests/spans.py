"""Make telemetry, spans, contexts and events for tests, and read back what was exported."""

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, TraceFlags

from lambda_otel_lite import LambdaSpanProcessor, TelemetryCompletionHandler, init_telemetry

TRACE_ID: Final = 0x0AF7651916CD43DD8448EB211C80319C
SPAN_ID: Final = 0xB7AD6B7169203331
TRACEPARENT: Final = f"00-{TRACE_ID:032x}-{SPAN_ID:016x}-01"
"""The caller's context in the sample events."""

OTHER_TRACE_ID: Final = 0x4BF92F3577B34DA6A3CE929D0E0E4736
OTHER_SPAN_ID: Final = 0x00F067AA0BA902B7
OTHER_TRACEPARENT: Final = f"00-{OTHER_TRACE_ID:032x}-{OTHER_SPAN_ID:016x}-01"

XRAY_TRACE_ID: Final = 0x5759E988BD862E3FE1BE46A994272793
XRAY_SPAN_ID: Final = 0x53995C3F42CD8AD8
XRAY_HEADER: Final = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

EVENTS: Final = Path(__file__).parent / "events"
EVENT_NAMES: Final = sorted(path.stem for path in EVENTS.glob("*.json"))

FUNCTION_ARN: Final = "arn:aws:lambda:eu-west-1:123456789012:function:orders"


def event(name: str) -> Any:
    """Return a fresh copy of a sample event."""
    return json.loads((EVENTS / f"{name}.json").read_text())


@dataclass
class FakeContext:
    """What the platform's runtime hands to a handler, as far as telemetry reads it."""

    aws_request_id: str = "8f507cfc-xmpl-4697-b07a-ac58fc914c95"
    invoked_function_arn: str = FUNCTION_ARN
    function_version: str | None = "$LATEST"
    headers: Mapping[str, str] = field(default_factory=dict)

    def get_remaining_time_in_millis(self) -> int:
        """Return a time that no test reaches."""
        return 900_000

    def w3c(self) -> Mapping[str, str]:
        """Return the caller's headers as the client context of a direct invocation has them."""
        return self.headers


@dataclass(frozen=True)
class Telemetry:
    """Telemetry in sync mode whose spans stay in memory."""

    completion: TelemetryCompletionHandler
    exporter: InMemorySpanExporter

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """The spans that were exported."""
        return self.exporter.get_finished_spans()

    @property
    def span(self) -> ReadableSpan:
        """The one span that was exported."""
        (span,) = self.spans
        return span


def make_telemetry(**arguments: Any) -> Telemetry:
    """Set telemetry up as a function does, with an exporter that keeps the spans."""
    exporter = InMemorySpanExporter()
    processors = [LambdaSpanProcessor(exporter)]
    _, completion = init_telemetry(span_processors=processors, **arguments)
    return Telemetry(completion, exporter)


def attributes_of(span: ReadableSpan) -> dict[str, Any]:
    """Return a span's attributes as a plain dictionary."""
    return dict(span.attributes or {})


def make_span(name: str = "work", span_id: int = SPAN_ID, **arguments: Any) -> ReadableSpan:
    """Return an ended span."""
    defaults: dict[str, Any] = {
        "context": SpanContext(
            TRACE_ID, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)
        ),
        "resource": Resource({"service.name": "orders"}),
        "instrumentation_scope": InstrumentationScope("tests", "1"),
        "start_time": 1_775_738_096_000_000_000,
        "end_time": 1_775_738_096_250_000_000,
    }
    return ReadableSpan(name, **(defaults | arguments))


def request_of(line: str) -> Any:
    """Return the request message that a log record carries."""
    record = json.loads(line)
    return ExportTraceServiceRequest.FromString(
        gzip.decompress(base64.b64decode(record["payload"]))
    )


def proto_spans(lines: list[str]) -> list[ProtoSpan]:
    """Return all spans of log records, in order."""
    return [
        span
        for line in lines
        for resource in request_of(line).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
