"""Find the root spans of a part, and read of each what metrics need, without decoding the rest.

A root span is the first one of its service in a trace: it has no parent, or its parent is in
another process, which the span's ``flags`` say (``SPAN_FLAGS_CONTEXT_IS_REMOTE``). Encoders older
than that field leave it out; then a span of kind SERVER or CONSUMER is taken for one, the kinds of
what a call from elsewhere begins.

Sources of the field numbers and of the flags:

- https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
- https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/common/v1/common.proto
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from otlp_forwarder.input import wire
from otlp_forwarder.input.records import Part

#: What a service without a name is called:
#: https://opentelemetry.io/docs/specs/semconv/resource/#service
NO_SERVICE = "unknown_service"

#: Tags, as `wire` explains them. ``Resource resource = 1`` of ResourceSpans, ``repeated KeyValue
#: attributes = 1`` of Resource, ``string key = 1`` and ``AnyValue value = 2`` of KeyValue.
_RESOURCE = _ATTRIBUTE = _KEY = 0x0A
_VALUE = 0x12
#: ``string string_value = 1`` of AnyValue; setting one of its fields clears the others.
_TEXT = 0x0A
_ANY = frozenset({_TEXT, 0x10, 0x18, 0x21, 0x2A, 0x32, 0x3A})
#: ``bytes parent_span_id = 4``, ``string name = 5``, ``SpanKind kind = 6``, ``Status status = 15``
#: and ``fixed32 flags = 16`` of Span; ``StatusCode code = 3`` of Status.
_PARENT = 0x22
_NAME = 0x2A
_KIND = 0x30
_STATUS = 0x7A
_FLAGS = 0x85
_CODE = 0x18
#: STATUS_CODE_ERROR, and SPAN_KIND_SERVER and SPAN_KIND_CONSUMER.
_ERROR = 2
_FROM_ELSEWHERE = frozenset({2, 5})
#: SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK and SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK.
_SAYS_REMOTE = 0x100
_REMOTE = 0x200
_SERVICE_NAME = b"service.name"
_32_BITS = 0xFFFFFFFF


class RootSpan(NamedTuple):
    """A root span.

    Args:
        service: The ``service.name`` of its resource.
        name: Its name.
        is_error: Whether its status is an error.
        began: When it began, in nanoseconds since 1970; 0 where it does not say.
        ended: When it ended, likewise.
    """

    service: str
    name: str
    is_error: bool
    began: int
    ended: int


def root_spans(part: Part) -> Iterator[RootSpan]:
    """Yield the root spans of a part.

    Args:
        part: One ResourceSpans.

    Raises:
        MalformedError: The lengths in it do not add up.
    """
    data = part.data
    _, start, end = wire.field(data, 0, len(data))
    service: str | None = None
    scopes = []
    for tag, content, stop in wire.walk(data, start, end):
        if tag == wire.SCOPE_SPANS:
            scopes.append((content, stop))
        elif tag == _RESOURCE and service is None:
            service = _service(data, content, stop)
    service = service or NO_SERVICE
    for first, last in scopes:
        for tag, content, stop in wire.walk(data, first, last):
            if tag == wire.SPAN and (found := _root_span(data, content, stop, service)):
                yield found


def _service(data: bytes, start: int, end: int) -> str | None:
    """Return the name of the service in a Resource, or None."""
    for tag, content, stop in wire.walk(data, start, end):
        # The key has no other place, so what does not hold it need not be looked into.
        if tag == _ATTRIBUTE and data.find(_SERVICE_NAME, content, stop) >= 0:
            name, text = _attribute(data, content, stop)
            if name == _SERVICE_NAME and text is not None:
                return text
    return None


def _attribute(data: bytes, start: int, end: int) -> tuple[bytes, str | None]:
    """Return the key of a KeyValue, and its value if that is a text."""
    key, text = b"", None
    for tag, content, stop in wire.walk(data, start, end):
        if tag == _KEY:
            key = data[content:stop]
        elif tag == _VALUE:
            for kind, inner, last in wire.walk(data, content, stop):
                if kind in _ANY:
                    text = data[inner:last].decode("utf-8", "replace") if kind == _TEXT else None
    return key, text


def _root_span(data: bytes, start: int, end: int, service: str) -> RootSpan | None:
    """Return a span if it is a root span."""
    # Of a field that is there twice the last one counts, and messages are joined.
    places: dict[int, tuple[int, int]] = {}
    status = 0
    for tag, content, stop in wire.walk(data, start, end):
        if tag == _STATUS:
            status = _number(data, dict(_places(data, content, stop)).get(_CODE), status)
        else:
            places[tag] = content, stop
    if any(_content(data, places.get(_PARENT))):
        flags = _fixed(data, places.get(_FLAGS))
        kind = _number(data, places.get(_KIND))
        if not (flags & _REMOTE if flags & _SAYS_REMOTE else kind in _FROM_ELSEWHERE):
            return None
    return RootSpan(
        service,
        _content(data, places.get(_NAME)).decode("utf-8", "replace"),
        status == _ERROR,
        _fixed(data, places.get(wire.START_TIME)),
        _fixed(data, places.get(wire.END_TIME)),
    )


def _places(data: bytes, start: int, end: int) -> Iterator[tuple[int, tuple[int, int]]]:
    for tag, content, stop in wire.walk(data, start, end):
        yield tag, (content, stop)


def _content(data: bytes, place: tuple[int, int] | None) -> bytes:
    return data[place[0] : place[1]] if place else b""


def _fixed(data: bytes, place: tuple[int, int] | None) -> int:
    return int.from_bytes(_content(data, place), "little")


def _number(data: bytes, place: tuple[int, int] | None, default: int = 0) -> int:
    return wire.varint(data, place[0])[0] & _32_BITS if place else default
