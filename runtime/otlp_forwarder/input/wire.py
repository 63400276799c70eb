"""Walk serialized protobuf by tags and lengths, without decoding what is inside.

Source of the encoding: https://protobuf.dev/programming-guides/encoding/#structure. Sources of the
field numbers:

- https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/collector/trace/v1/trace_service.proto
- https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
"""

from __future__ import annotations

from collections.abc import Iterator

from otlp_forwarder.input.malformed import MalformedError

#: A tag is (field number << 3) | wire type; type 2 says that a length follows.
#: ``repeated ResourceSpans resource_spans = 1``, the only field of ExportTraceServiceRequest.
RESOURCE_SPANS = 0x0A
#: ``repeated ScopeSpans scope_spans = 2`` of ResourceSpans.
SCOPE_SPANS = 0x12
#: ``repeated Span spans = 2`` of ScopeSpans.
SPAN = 0x12
#: ``fixed64 start_time_unix_nano = 7`` and ``fixed64 end_time_unix_nano = 8`` of Span.
START_TIME = 0x39
END_TIME = 0x41

#: Smallest size of a span in bytes: both ids, 16 and 8 bytes, each with tag and length. Anything
#: smaller is refused; else a few bytes of gzip could hold millions of empty spans to count.
SMALLEST_SPAN = 28
#: Parts without any span that are passed over in a message, and spans in a scope that are looked
#: at one by one. Millions of either, from a few kilobytes of gzip, would cost time and memory.
MOST_EMPTY = 1000
MOST_SPANS = 100_000

#: Bytes of the wire types that have a fixed size: 64 and 32 bits.
FIXED = {1: 8, 5: 4}
#: A number has 64 bits, which are ten groups of 7 bits at most.
MAX_VARINT_BYTES = 10
CUT_OFF = "payload is cut off"
NO_SPAN = "payload has an empty span or part"
TOO_MANY = "payload has too many spans in one scope"


def varint(data: bytes, start: int) -> tuple[int, int]:
    """Return the number at a position, and the position after it.

    Raises:
        MalformedError: The data ends in it, or it is longer than any number.
    """
    try:
        # Most lengths have one byte or two: seven bits each, and the top bit where more follow.
        first = data[start]
        if first < 0x80:  # noqa: PLR2004
            return first, start + 1
        second = data[start + 1]
        if second < 0x80:  # noqa: PLR2004
            return first - 0x80 + (second << 7), start + 2
        value = first - 0x80
        for index in range(1, MAX_VARINT_BYTES):
            byte = data[start + index]
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:  # noqa: PLR2004
                return value, start + index + 1
    except IndexError:
        pass
    raise MalformedError(CUT_OFF)


def field(data: bytes, start: int, end: int) -> tuple[int, int, int]:
    """Return the field at a position of a message: tag, and where the content starts and ends.

    Args:
        data: What the message is part of.
        start: Where the field starts.
        end: Where the message ends.

    Raises:
        MalformedError: It is not a field, or it ends after the message.
    """
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
    return tag, start, stop


def walk(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the fields of a message, as `field` returns them.

    Args:
        data: What the message is part of.
        start: Where the message starts.
        end: Where it ends.

    Raises:
        MalformedError: It is not a message, or its fields do not end where it ends.
    """
    while start < end:
        tag, content, start = field(data, start, end)
        yield tag, content, start


def count_spans(data: bytes, start: int, end: int) -> int:
    """Return how many spans a ResourceSpans holds.

    This does what `walk` does, with as little work as possible for each field, because it runs
    for every span that is not counted by its log record.

    Args:
        data: What the ResourceSpans is part of.
        start: Where its content starts.
        end: Where its content ends.

    Raises:
        MalformedError: The lengths in it do not add up, or it holds empty spans.
    """
    spans = empty = 0
    while start < end:
        tag = data[start]
        if tag == SCOPE_SPANS:
            size, content = varint(data, start + 1)
            start = content + size
            if start > end:
                raise MalformedError(CUT_OFF)
            found = _count_in_scope(data, content, start)
            spans += found
            empty += not found
            if empty > MOST_EMPTY:
                raise MalformedError(NO_SPAN)
        else:
            _, _, start = field(data, start, end)
    return spans


def _count_in_scope(data: bytes, start: int, end: int) -> int:
    """Return how many spans a ScopeSpans holds."""
    count = 0
    try:
        while start < end:
            if data[start] == SPAN:
                size = data[start + 1]
                if size < 0x80:  # noqa: PLR2004 - the length has one byte
                    start += size + 2
                elif (high := data[start + 2]) < 0x80:  # noqa: PLR2004 - it has two
                    size += (high - 1) << 7
                    start += size + 3
                else:
                    size, content = varint(data, start + 1)
                    start = content + size
                if size < SMALLEST_SPAN:
                    raise MalformedError(NO_SPAN)
                count += 1
            else:
                _, _, start = field(data, start, end)
    except IndexError:
        raise MalformedError(CUT_OFF) from None
    if start > end:
        raise MalformedError(CUT_OFF)
    return count


def spans_in(data: bytes, start: int, end: int) -> list[tuple[int, int, int, int]]:
    """Return where the spans of a ScopeSpans are, and when they began and ended.

    This does what `walk` does, with as little work as possible for each field, because it runs
    for every span of a destination with limits. Encoders write fields in the order of their
    numbers, so that the times come before everything that is long.

    Args:
        data: What the ScopeSpans is part of.
        start: Where its content starts.
        end: Where its content ends.

    Returns:
        For each span: where its content starts and ends, and its times in nanoseconds since 1970,
        0 where it does not say.

    Raises:
        MalformedError: The lengths in it do not add up.
    """
    found: list[tuple[int, int, int, int]] = []
    try:
        while start < end:
            if data[start] != SPAN:
                _, _, start = field(data, start, end)
                continue
            size, place = varint(data, start + 1)
            if size < SMALLEST_SPAN or len(found) >= MOST_SPANS:
                raise MalformedError(NO_SPAN if size < SMALLEST_SPAN else TOO_MANY)
            content, start = place, place + size
            began = ended = 0
            while place < start:
                tag = data[place]
                if tag & 0x87 == 2 and (size := data[place + 1]) < 0x80:  # noqa: PLR2004 - as above
                    place += size + 2
                elif tag == START_TIME:
                    began = int.from_bytes(data[place + 1 : place + 9], "little")
                    place += 9
                elif tag == END_TIME:
                    ended = int.from_bytes(data[place + 1 : place + 9], "little")
                    break
                else:
                    _, _, place = field(data, place, start)
            found.append((content, start, began, ended or began))
    except IndexError:
        raise MalformedError(CUT_OFF) from None
    if start > end:
        raise MalformedError(CUT_OFF)
    return found


def encode_varint(value: int) -> bytes:
    """Return a number as `varint` reads it."""
    groups = bytearray()
    while value >= 0x80:  # noqa: PLR2004 - what a group of seven bits can hold
        groups.append(0x80 | value & 0x7F)
        value >>= 7
    return bytes([*groups, value])


def first_end(request: bytes) -> int:
    """Return when the first span of a request ended, in nanoseconds since 1970.

    Args:
        request: A serialized ExportTraceServiceRequest.

    Returns:
        0 if that cannot be read.
    """
    start, end = 0, len(request)
    try:
        for wanted in (RESOURCE_SPANS, SCOPE_SPANS, SPAN, END_TIME):
            start, end = next((s, e) for tag, s, e in walk(request, start, end) if tag == wanted)
    except (MalformedError, StopIteration):
        return 0
    return int.from_bytes(request[start:end], "little")
