"""Walk serialized protobuf by tags and lengths, without decoding what is inside.

Source of the encoding: Protocol Buffers encoding guide, "Message Structure". Source of the field
numbers: opentelemetry-proto, ``trace_service.proto`` and ``trace.proto``.
"""

from __future__ import annotations

from collections.abc import Iterator

from otlp_forwarder.malformed import MalformedError

#: A tag is (field number << 3) | wire type; type 2 says that a length follows.
#: ``repeated ResourceSpans resource_spans = 1``, the only field of ExportTraceServiceRequest.
RESOURCE_SPANS = 0x0A
#: ``repeated ScopeSpans scope_spans = 2`` of ResourceSpans.
SCOPE_SPANS = 0x12
#: ``repeated Span spans = 2`` of ScopeSpans, and the other two fields that it has.
SPAN = 0x12
SCOPE, SCHEMA_URL = 0x0A, 0x1A
#: ``fixed64 end_time_unix_nano = 8`` of Span.
END_TIME = 0x41

#: Least bytes of a span: both ids, 16 and 8 bytes, each with tag and length. What is smaller is
#: refused before megabytes of empty spans, which gzip makes of a few bytes, are counted one by one.
SMALLEST_SPAN = 28

#: Bytes of the wire types that have a fixed size: 64 and 32 bits.
FIXED = {1: 8, 5: 4}
#: A number needs ten 7-bit groups at most: it has 64 bits.
MAX_VARINT_BYTES = 10
CUT_OFF = "payload is cut off"
NO_SPAN = "payload has an empty span or part"


def varint(data: bytes, start: int) -> tuple[int, int]:
    """Return the number at a position, and the position after it.

    Raises:
        MalformedError: The data ends in it, or it is longer than any number.
    """
    value = 0
    for index, byte in enumerate(data[start : start + MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:  # noqa: PLR2004 - the top bit says that more bytes follow
            return value, start + index + 1
    raise MalformedError(CUT_OFF)


def walk(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the fields of a message: tag, and where the content starts and ends.

    Args:
        data: What the message is part of.
        start: Where the message starts.
        end: Where it ends.

    Raises:
        MalformedError: It is no message that ends just there.
    """
    while start < end:
        tag, start = varint(data, start)
        kind = tag & 7
        if kind == 2:  # noqa: PLR2004 - the wire type with a length
            length, start = varint(data, start)
            stop = start + length
        elif kind == 0:
            _, stop = varint(data, start)
        elif kind in FIXED:
            stop = start + FIXED[kind]
        else:
            raise MalformedError("payload is not a trace request")
        if stop > end:
            raise MalformedError(CUT_OFF)
        yield tag, start, stop
        start = stop


def count_spans(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Return how many spans a ResourceSpans holds, and when the last one ended.

    The last span of a batch is mostly the one that ended last: a parent ends after its children.

    Args:
        data: What the ResourceSpans is part of.
        start: Where its content starts.
        end: Where its content ends.

    Returns:
        Number of spans, and a Unix time in nanoseconds, 0 where there is none.

    Raises:
        MalformedError: The lengths in it do not add up.
    """
    spans, last = 0, (0, 0)
    for tag, scope_start, scope_end in walk(data, start, end):
        if tag == SCOPE_SPANS:
            if scope_end - scope_start < SMALLEST_SPAN:
                raise MalformedError(NO_SPAN)
            count, found = _count_in_scope(data, scope_start, scope_end)
            spans += count
            last = found if count else last
    ended = 0
    for tag, value, value_end in walk(data, *last):
        if tag == END_TIME:
            ended = int.from_bytes(data[value:value_end], "little")
    return spans, ended


def _count_in_scope(data: bytes, start: int, end: int) -> tuple[int, tuple[int, int]]:
    """Do what `walk` does for a ScopeSpans, with as little as possible for each span.

    This loop is what the forwarder's speed depends on: it runs once for every span.
    """
    count = first = past = 0
    try:
        while start < end:
            tag, size = data[start], data[start + 1]
            content = start + 2
            if size > 0x7F:  # noqa: PLR2004 - the length has a second byte, or more
                high = data[content]
                if high > 0x7F:  # noqa: PLR2004
                    size, content = varint(data, start + 1)
                else:
                    size += (high - 1) << 7
                    content += 1
            if tag == SPAN:
                if size < SMALLEST_SPAN:
                    raise MalformedError(NO_SPAN)
                count += 1
                first, start = content, content + size
                past = start
            elif tag in {SCOPE, SCHEMA_URL}:
                start = content + size
            else:  # a field that a later version of the protocol added
                _, _, start = next(walk(data, start, end))
    except IndexError:
        raise MalformedError(CUT_OFF) from None
    if start > end:
        raise MalformedError(CUT_OFF)
    return count, (first, past)
