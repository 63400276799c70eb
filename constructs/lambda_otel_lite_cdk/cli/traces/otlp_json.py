"""Requests in OTLP's JSON encoding, in which ids are hexadecimal and enums are numbers.

Source: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

#: Fields that are hexadecimal here and base64 in protobuf's own JSON.
_IDS = ("traceId", "spanId", "parentSpanId")
#: What a request in JSON has at least.
MARKER = b'"resourceSpans"'


def otlp_json(request: ExportTraceServiceRequest) -> str:
    """Return a request in OTLP's JSON encoding, on one line.

    Args:
        request: An OTLP request.
    """
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - slow, and for this format alone

    body = MessageToDict(request, use_integers_for_enums=True)
    _change_ids(body, lambda text: base64.b64decode(text).hex())
    return json.dumps(body, separators=(",", ":"), allow_nan=False)


def read_otlp_json(text: str | bytes) -> ExportTraceServiceRequest:
    """Return the request that a text holds; fields that are not known are passed over.

    Args:
        text: A JSON object.

    Raises:
        ValueError: It is no such request.
    """
    from google.protobuf.json_format import ParseDict, ParseError  # noqa: PLC0415 - as above

    try:
        body = json.loads(text)
        _change_ids(body, lambda text: base64.b64encode(bytes.fromhex(text)).decode())
        return ParseDict(body, ExportTraceServiceRequest(), ignore_unknown_fields=True)
    except (ParseError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"it is no OTLP trace request: {error}") from error


def _change_ids(body: dict[str, Any], change: Callable[[str], str]) -> None:
    for message in _with_ids(body):
        for name in _IDS:
            if name in message:
                message[name] = change(message[name])


def _with_ids(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for resource_spans in body.get("resourceSpans", ()):
        for scope_spans in resource_spans.get("scopeSpans", ()):
            for span in scope_spans.get("spans", ()):
                yield span
                yield from span.get("links", ())
