"""Spans to OTLP protobuf bytes, without protobuf.

Written for this one message, ``ExportTraceServiceRequest`` of opentelemetry-proto 1.x
(``trace/v1/trace.proto``, ``common/v1/common.proto``, ``resource/v1/resource.proto``); the field
numbers below are theirs. Why not protobuf: its import costs more than a whole cold start here, and
a second version of it in one process fails when the user's code brings its own.

Decoded, the message equals that of ``opentelemetry-exporter-otlp-proto-common`` for the same spans;
a property test holds the two together.
"""

import logging
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, Status

logger = logging.getLogger("lambda_otel_lite.encoder")

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_INT64_MIN, _INT64_MAX = -(1 << 63), (1 << 63) - 1
_HAS_IS_REMOTE, _IS_REMOTE = 0x100, 0x200  # SpanFlags

_double = struct.Struct("<d").pack
_fixed64 = struct.Struct("<Q").pack
_fixed32 = struct.Struct("<I").pack


def encode_spans(spans: Sequence[ReadableSpan]) -> bytes:
    """Return the serialized ``ExportTraceServiceRequest``: spans by resource and scope."""
    groups: list[tuple[Resource, dict[InstrumentationScope | None, list[ReadableSpan]]]] = []
    for span in spans:
        scopes = _scopes_of(span.resource, groups)
        scopes.setdefault(span.instrumentation_scope, []).append(span)
    return b"".join(
        _message(1, _resource_spans(resource, list(scopes.values()))) for resource, scopes in groups
    )


def _scopes_of(
    resource: Resource,
    groups: list[tuple[Resource, dict[InstrumentationScope | None, list[ReadableSpan]]]],
) -> dict[InstrumentationScope | None, list[ReadableSpan]]:
    # Nearly always one object, shared by all spans, so that identity is asked first. No dictionary:
    # a resource's hash serializes it to JSON.
    for known, scopes in groups:
        if known is resource or known == resource:
            return scopes
    groups.append((resource, {}))
    return groups[-1][1]


def _resource_spans(resource: Resource, scopes: list[list[ReadableSpan]]) -> bytes:
    return (
        _message(1, _attributes(1, resource.attributes))
        + b"".join(_message(2, _scope_spans(spans)) for spans in scopes)
        + _text(3, resource.schema_url)
    )


def _scope_spans(spans: list[ReadableSpan]) -> bytes:
    scope = spans[0].instrumentation_scope
    return (
        _message(1, _scope(scope) if scope else b"")
        + b"".join(_message(2, _span(span)) for span in spans)
        + _text(3, scope.schema_url if scope else None)
    )


def _scope(scope: InstrumentationScope) -> bytes:
    return _text(1, scope.name) + _text(2, scope.version) + _attributes(3, scope.attributes)


def _span(span: ReadableSpan) -> bytes:
    context = span.get_span_context()
    if context is None:
        raise ValueError(f"span {span.name!r} has no context")
    parent = span.parent
    return b"".join(
        (
            b"\x0a\x10" + context.trace_id.to_bytes(16),
            b"\x12\x08" + context.span_id.to_bytes(8),
            _text(3, ",".join(f"{key}={value}" for key, value in context.trace_state.items())),
            b"\x22\x08" + parent.span_id.to_bytes(8) if parent else b"",
            _text(5, span.name),
            # SpanKind counts from 0 (INTERNAL) in the API and from 1 in OTLP.
            _number(6, span.kind.value + 1),
            _time(7, span.start_time),
            _time(8, span.end_time),
            _attributes(9, span.attributes),
            _number(10, span.dropped_attributes),
            b"".join(_message(11, _event(event)) for event in span.events),
            _number(12, span.dropped_events),
            b"".join(_message(13, _link(link)) for link in span.links),
            _number(14, span.dropped_links),
            _message(15, _status(span.status)),
            _flags(16, parent),
        )
    )


def _event(event: Event) -> bytes:
    return (
        _time(1, event.timestamp)
        + _text(2, event.name)
        + _attributes(3, event.attributes)
        + _number(4, event.dropped_attributes)
    )


def _link(link: Link) -> bytes:
    # The trace state of a link is left out, as it is by the OpenTelemetry encoder.
    return (
        b"\x0a\x10"
        + link.context.trace_id.to_bytes(16)
        + b"\x12\x08"
        + link.context.span_id.to_bytes(8)
        + _attributes(4, link.attributes)
        + _number(5, link.dropped_attributes)
        + _flags(6, link.context)
    )


def _status(status: Status) -> bytes:
    return _text(2, status.description) + _number(3, status.status_code.value)


def _flags(field: int, context: SpanContext | None) -> bytes:
    flags = _HAS_IS_REMOTE | (_IS_REMOTE if context and context.is_remote else 0)
    return _tag(field, _FIXED32) + _fixed32(flags)


def _attributes(field: int, attributes: Mapping[str, Any] | None) -> bytes:
    encoded = []
    for key, value in (attributes or {}).items():
        try:
            encoded.append(_message(field, _key_value(key, value)))
        except (ValueError, TypeError) as error:
            logger.warning("attribute %r cannot be encoded and is left out: %s", key, error)
    return b"".join(encoded)


def _key_value(key: str, value: Any) -> bytes:
    return _text(1, key) + _message(2, _any_value(value))


def _any_value(value: Any) -> bytes:  # noqa: PLR0911 - one return for each kind of AnyValue
    if value is None:
        return b""
    if isinstance(value, bool):  # before int, which it is too
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, str):
        return _message(1, value.encode())
    if isinstance(value, int):
        if not _INT64_MIN <= value <= _INT64_MAX:
            raise ValueError(f"{value} is outside of 64 bits")
        return b"\x18" + _varint(value)
    if isinstance(value, float):
        return b"\x21" + _double(value)
    if isinstance(value, bytes):
        return _message(7, value)
    if isinstance(value, Sequence):
        return _message(5, b"".join(_message(1, _any_value(item)) for item in value))
    if isinstance(value, Mapping):
        pairs = (_message(1, _key_value(str(key), item)) for key, item in value.items())
        return _message(6, b"".join(pairs))
    raise TypeError(f"{type(value).__name__} is no attribute value")


def _message(field: int, encoded: bytes) -> bytes:
    return _tag(field, _BYTES) + _varint(len(encoded)) + encoded


def _text(field: int, text: str | None) -> bytes:
    """Encode a text field; proto3 leaves an empty one out.

    A lone surrogate, which JSON can bring and UTF-8 cannot hold, becomes a question mark.
    """
    return _message(field, text.encode(errors="replace")) if text else b""


def _number(field: int, number: int) -> bytes:
    return _tag(field, _VARINT) + _varint(number) if number else b""


def _time(field: int, nanoseconds: int | None) -> bytes:
    return _tag(field, _FIXED64) + _fixed64(nanoseconds) if nanoseconds else b""


def _tag(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _varint(number: int) -> bytes:
    """Encode seven bits a byte, least first; a negative number as its 64-bit complement."""
    if 0 <= number < 0x80:  # noqa: PLR2004 - one byte is enough for most
        return _SMALL[number]
    number &= 0xFFFF_FFFF_FFFF_FFFF
    encoded = bytearray()
    while number > 0x7F:  # noqa: PLR2004
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


_SMALL = [bytes((number,)) for number in range(0x80)]
