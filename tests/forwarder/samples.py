"""Record lines and subscription events as functions and CloudWatch Logs write them."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span


def pack(data: bytes) -> str:
    """Compress and encode, as both the record line and the subscription event do."""
    return base64.b64encode(gzip.compress(data)).decode()


def request(*names: str, service: str = "orders") -> ExportTraceServiceRequest:
    """Return the request with which a service exports spans of these names."""
    spans = [Span(name=name, trace_id=b"t" * 16, span_id=name.encode()[:8]) for name in names]
    resource = Resource(
        attributes=[KeyValue(key="service.name", value=AnyValue(string_value=service))]
    )
    scope = ScopeSpans(spans=spans)
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=[scope])]
    )


def record(*names: str, **changes: Any) -> str:
    """Return a record line with spans of these names, fields changed or (None) left out."""
    fields = {
        "__otel_otlp_stdout": "0.1.0",
        "source": "orders",
        "endpoint": "http://localhost:4318/v1/traces",
        "method": "POST",
        "content-type": "application/x-protobuf",
        "content-encoding": "gzip",
        "payload": pack(request(*names).SerializeToString()),
        "base64": True,
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    return json.dumps({name: value for name, value in fields.items() if value is not None})


def subscription_event(*messages: Any, kind: str = "DATA_MESSAGE") -> dict[str, Any]:
    """Return the event with which CloudWatch Logs invokes a subscribed function."""
    batch = {
        "messageType": kind,
        "owner": "123456789012",
        "logGroup": "/aws/lambda/orders",
        "logStream": "2026/01/01/[$LATEST]0123456789abcdef",
        "subscriptionFilters": ["telemetry"],
        "logEvents": [
            {"id": str(index), "timestamp": 1767225600000, "message": message}
            for index, message in enumerate(messages)
        ],
    }
    return {"awslogs": {"data": pack(json.dumps(batch).encode())}}
