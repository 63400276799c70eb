"""Spans to OTLP protobuf bytes, without protobuf.

Written for this one message, ``ExportTraceServiceRequest`` of opentelemetry-proto 1.x
(``trace/v1/trace.proto``, ``common/v1/common.proto``, ``resource/v1/resource.proto``); the field
numbers below are theirs. Why not protobuf: its import costs more than a whole cold start here, and
a second version of it in one process fails when the user's code brings its own.

Decoded, the message equals that of ``opentelemetry-exporter-otlp-proto-common`` for the same spans;
a property test holds the two together.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, Status

logger = logging.getLogger("lambda_otel_lite.encoder")

_INT64_MIN, _INT64_MAX = -(1 << 63), (1 << 63) - 1

# A tag is the field's number times eight and the wire type (0 varint, 1 fixed64, 2 bytes, 5
# fixed32), written out below because a call for each would be most of the work.

# Varints of one byte, which most numbers and lengths are.
_SMALL = [bytes((number,)) for number in range(0x80)]

# What stands before a text, by its size in bytes: the AnyValue's length, the tag of its
# string_value, the text's length. Sizes repeat, and most are small.
_LARGEST_KEPT = 1024
_text_heads: dict[int, bytes] = {}
# The same for small numbers, and the number.
_SMALL_INT = [b"\x02\x18%c" % number for number in range(0x80)]

# SpanKind counts from 0 (INTERNAL) in the API and from 1 in OTLP; a status code of 0 is left out.
_KINDS = [b"\x30%c" % (kind + 1) for kind in range(5)]
_STATUS_CODES = [b"", b"\x18\x01", b"\x18\x02"]

# What is the same in span after span is encoded once: resource and scope, of which there are few
# objects, and attribute keys. All are bounded, for names may be made of data.
_MOST_KEPT = 1024
_keys: dict[str, bytes] = {}
_descriptions: dict[int, tuple[object, bytes]] = {}


def encode_spans(spans: Sequence[ReadableSpan]) -> bytes:
    """Return the serialized ``ExportTraceServiceRequest``: spans by resource and scope."""
    groups: list[tuple[Resource, dict[InstrumentationScope | None, list[ReadableSpan]]]] = []
    for span in spans:
        scopes = _scopes_of(span.resource, groups)
        scopes.setdefault(span.instrumentation_scope, []).append(span)
    return b"".join(
        _message(b"\x0a", _resource_spans(resource, list(scopes.values())))
        for resource, scopes in groups
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
        _kept(resource, lambda: _message(b"\x0a", _attributes(b"\x0a", resource.attributes)))
        + b"".join([_message(b"\x12", _scope_spans(spans)) for spans in scopes])
        + _text(b"\x1a", resource.schema_url)
    )


def _scope_spans(spans: list[ReadableSpan]) -> bytes:
    scope = spans[0].instrumentation_scope
    return (
        _kept(scope, lambda: _message(b"\x0a", _scope(scope) if scope else b""))
        + b"".join([_message(b"\x12", _span(span)) for span in spans])
        + _text(b"\x1a", scope.schema_url if scope else None)
    )


def _kept(described: object, encode: Callable[[], bytes]) -> bytes:
    """Return what was encoded of the same object before, or encode it now."""
    kept = _descriptions.get(id(described))
    if kept is not None and kept[0] is described:
        return kept[1]
    if len(_descriptions) >= _MOST_KEPT:
        _descriptions.clear()
    encoded = encode()
    # The object is held too: its id would otherwise pass to another one.
    _descriptions[id(described)] = described, encoded
    return encoded


def _scope(scope: InstrumentationScope) -> bytes:
    return (
        _text(b"\x0a", scope.name)
        + _text(b"\x12", scope.version)
        + _attributes(b"\x1a", scope.attributes)
    )


def _span(span: ReadableSpan) -> bytes:
    context, parent = span.context, span.parent
    if context is None:
        raise ValueError(f"span {span.name!r} has no context")
    parts = [
        b"\x0a\x10",
        context.trace_id.to_bytes(16),
        b"\x12\x08",
        context.span_id.to_bytes(8),
        _text(b"\x2a", span.name),
        _KINDS[span.kind.value],
        _time(b"\x39", span.start_time),
        _time(b"\x41", span.end_time),
        _attributes(b"\x4a", span.attributes),
        _status(span.status),
        b"\x85\x01" + _flags(parent),
    ]
    if trace_state := context.trace_state:
        state = ",".join(f"{key}={value}" for key, value in trace_state.items())
        parts.append(_text(b"\x1a", state))
    if parent:
        parts += (b"\x22\x08", parent.span_id.to_bytes(8))
    if events := span.events:
        parts += [_message(b"\x5a", _event(event)) for event in events]
    if links := span.links:
        parts += [_message(b"\x6a", _link(link)) for link in links]
    if dropped := span.dropped_attributes:
        parts.append(b"\x50" + _varint(dropped))
    if dropped := span.dropped_events:
        parts.append(b"\x60" + _varint(dropped))
    if dropped := span.dropped_links:
        parts.append(b"\x70" + _varint(dropped))
    return b"".join(parts)


def _event(event: Event) -> bytes:
    dropped = event.dropped_attributes
    return (
        _time(b"\x09", event.timestamp)
        + _text(b"\x12", event.name)
        + _attributes(b"\x1a", event.attributes)
        + (b"\x20" + _varint(dropped) if dropped else b"")
    )


def _link(link: Link) -> bytes:
    # The trace state of a link is left out, as it is by the OpenTelemetry encoder.
    dropped = link.dropped_attributes
    return (
        b"\x0a\x10"
        + link.context.trace_id.to_bytes(16)
        + b"\x12\x08"
        + link.context.span_id.to_bytes(8)
        + _attributes(b"\x22", link.attributes)
        + (b"\x28" + _varint(dropped) if dropped else b"")
        + b"\x35"
        + _flags(link.context)
    )


def _status(status: Status) -> bytes:
    code = _STATUS_CODES[status.status_code.value]
    if not code:
        return b"\x7a\x00"  # a description without an error is no part of a status
    return _message(b"\x7a", _text(b"\x12", status.description) + code)


def _flags(context: SpanContext | None) -> bytes:
    """Return the four bytes of SpanFlags: that it is known whether the span is remote, and that."""
    return b"\x00\x03\x00\x00" if context and context.is_remote else b"\x00\x01\x00\x00"


def _attributes(tag: bytes, attributes: Mapping[str, Any] | None) -> bytes:
    if not attributes:
        return b""
    encoded: list[bytes] = []
    # A copy by the mapping itself is many times faster than walking the SDK's proxy of it.
    copy = getattr(attributes, "copy", None)
    for key, value in (copy() if copy else attributes).items():
        try:
            pair = _keys.get(key) or _key(key)
            # Nearly all values are texts or small numbers; a bool, an int too, is of another type.
            if type(value) is str:
                text = value.encode()
                size = len(text)
                head = _text_heads.get(size) or _text_head(size)
                size += len(pair) + len(head)
                length = _SMALL[size] if size < 0x80 else _length(size)  # noqa: PLR2004
                encoded += (tag, length, pair, head, text)
            elif type(value) is int and 0 <= value < 0x80:  # noqa: PLR2004
                encoded += (tag, _length(len(pair) + 3), pair, _SMALL_INT[value])
            else:
                other = _sized(_any_value(value))
                encoded += (tag, _length(len(pair) + len(other)), pair, other)
        except (ValueError, TypeError) as error:
            logger.warning("attribute %r cannot be encoded and is left out: %s", key, error)
    return b"".join(encoded)


def _text_head(size: int) -> bytes:
    length = _length(size)
    head = _length(1 + len(length) + size) + b"\x0a" + length
    if size <= _LARGEST_KEPT:
        _text_heads[size] = head
    return head


def _key(key: str) -> bytes:
    """Return a KeyValue's key and the tag of its value."""
    if len(_keys) >= _MOST_KEPT:
        _keys.clear()
    encoded = _keys[key] = _text(b"\x0a", key) + b"\x12"
    return encoded


def _any_value(value: Any) -> bytes:  # noqa: PLR0911 - one return for each kind of AnyValue
    if isinstance(value, str):
        return b"\x0a" + _sized(value.encode())
    if isinstance(value, bool):  # before int, which it is too
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        if not _INT64_MIN <= value <= _INT64_MAX:
            raise ValueError(f"{value} is outside of 64 bits")
        return b"\x18" + _varint(value)
    if value is None:
        return b""
    if isinstance(value, float):
        return _double(value)
    if isinstance(value, bytes):
        return b"\x3a" + _sized(value)
    if isinstance(value, Sequence):
        return _message(b"\x2a", b"".join([_message(b"\x0a", _any_value(one)) for one in value]))
    if isinstance(value, Mapping):
        pairs = [
            _message(b"\x0a", _text(b"\x0a", str(key)) + _message(b"\x12", _any_value(one)))
            for key, one in value.items()
        ]
        return _message(b"\x32", b"".join(pairs))
    raise TypeError(f"{type(value).__name__} is no attribute value")


def _message(tag: bytes, encoded: bytes) -> bytes:
    return tag + _sized(encoded)


def _sized(encoded: bytes) -> bytes:
    """Put its length before a piece."""
    return _length(len(encoded)) + encoded


def _length(length: int) -> bytes:
    if length < 0x80:  # noqa: PLR2004 - one byte, two bytes, or however many it takes
        return _SMALL[length]
    if length < 0x4000:  # noqa: PLR2004
        return bytes((length & 0x7F | 0x80, length >> 7))
    return _varint(length)


def _text(tag: bytes, text: str | None) -> bytes:
    """Encode a text field; proto3 leaves an empty one out.

    A lone surrogate, which JSON can bring and UTF-8 cannot hold, becomes a question mark.
    """
    return tag + _sized(text.encode(errors="replace")) if text else b""


def _time(tag: bytes, nanoseconds: int | None) -> bytes:
    return tag + nanoseconds.to_bytes(8, "little") if nanoseconds else b""


def _double(value: float) -> bytes:
    import struct  # noqa: PLC0415 - few spans hold any, and each cold start would load it

    return struct.pack("<Bd", 0x21, value)


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
