"""Write spans as JSON, in this command's own form."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lambda_otel_lite_cdk.cli.traces.spans import Span, Value

if TYPE_CHECKING:
    from collections.abc import Mapping


def span_json(span: Span) -> dict[str, Any]:
    """Return a span as plain JSON values: the fields of ``Span``, times in nanoseconds.

    Args:
        span: A decoded span.
    """
    return {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "name": span.name,
        "kind": span.kind,
        "start_ns": span.start_ns,
        "end_ns": span.end_ns,
        "status": span.status,
        "status_message": span.status_message,
        "attributes": _plain_mapping(span.attributes),
        "events": [
            {"name": e.name, "time_ns": e.time_ns, "attributes": _plain_mapping(e.attributes)}
            for e in span.events
        ],
        "links": [
            {
                "trace_id": k.trace_id,
                "span_id": k.span_id,
                "attributes": _plain_mapping(k.attributes),
            }
            for k in span.links
        ],
        "resource": _plain_mapping(span.resource),
        "scope": span.scope,
    }


def _plain_mapping(values: Mapping[str, Value]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Value) -> Any:
    """Return a value that JSON can express; infinity and NaN become text."""
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case list():
            return [_plain(item) for item in value]
        case dict():
            return _plain_mapping(value)
    return value
