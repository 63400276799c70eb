"""Read log records: one JSON object each, with one ExportTraceServiceRequest.

A log record may say in ``spans`` how many spans it holds, as this project's runtime does. To count
them takes longer than everything else that is done to an unpacked record. Anybody can write
anything there, so the number is used for metrics only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from otlp_forwarder.input import wire
from otlp_forwarder.input._envelope import parse_json
from otlp_forwarder.input.compression import unpack
from otlp_forwarder.input.events import Batch, Item, Source, messages
from otlp_forwarder.input.malformed import Malformed, MalformedError

#: What every log record says about its payload.
EXPECTED: Mapping[str, Any] = {
    "content-type": "application/x-protobuf",
    "content-encoding": "gzip",
    "base64": True,
}
#: What the forwarder's own log records have for a version: those that it puts into its queues.
OWN = "otlp_forwarder"


@dataclass(slots=True)  # not frozen, which would triple the time that making one takes
class Part:
    """One serialized ResourceSpans: the smallest piece that can be delivered by itself.

    Args:
        item: Which item of the event it came in, counted from 0.
        data: The field with its tag and length: any of them put together are a request.
        spans: Number of spans in it, for metrics; what its log record says, if it says it.
    """

    item: int
    data: bytes
    spans: int


@dataclass(slots=True)
class Record:
    """A log record.

    Args:
        fields: Its JSON object.
        parts: What its payload holds.
    """

    fields: Mapping[str, Any]
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class Unread:
    """An item for which there was no time.

    Args:
        item: Which item of the event it is, counted from 0.
    """

    item: int


def read_records(
    batch: Batch, limit: int, is_late: Callable[[], bool] = lambda: False
) -> Iterator[Record | Malformed | Unread]:
    """Yield what an event holds, in its order.

    Args:
        batch: The event.
        limit: Most bytes that one item is unpacked to, in bytes. An item comes from one log
            stream: so nobody's records can take more than their item's share of time and memory.
        is_late: Tells whether no further item is to be read. The first one always is.
    """
    if batch.source is Source.UNKNOWN:
        yield Malformed("event is not of CloudWatch Logs, Kinesis or SQS")
    for number, item in enumerate(batch.items):
        if number and is_late():
            yield from map(Unread, range(number, len(batch.items)))
            return
        yield from _read_item(item, number, limit)


def _read_item(item: Item, number: int, limit: int) -> Iterator[Record | Malformed]:
    try:
        found = messages(item, limit)
    except MalformedError as error:
        yield Malformed(str(error))
        return
    for message in found:
        try:
            fields = read_record(message)
            parts = read_parts(fields, number, limit)
        except MalformedError as error:
            yield Malformed(str(error))
            continue
        limit -= sum(len(part.data) for part in parts)
        yield Record(fields, parts)


def read_record(message: Any) -> dict[str, Any]:
    """Return the JSON object of a log record; its payload has not been looked at yet.

    Args:
        message: What should be a log record.

    Raises:
        MalformedError: The message is not a log record.
    """
    if not isinstance(message, str):
        raise MalformedError("not text")
    record = parse_json(_without_prefix(message))
    if not isinstance(record, dict) or "__otel_otlp_stdout" not in record:
        raise MalformedError("not a record")
    for name, value in EXPECTED.items():
        if record.get(name) != value:
            raise MalformedError(f"{name} is not {value}")
    return record


def _without_prefix(message: str) -> str:
    """Return the log record of a message that begins with somebody else's text.

    A function may write a part of a line past all that the runtime sees, as a subprocess does; the
    record then lands on the same line.
    """
    marker = message.find('"__otel_otlp_stdout"')
    begin = message.rfind("{", 0, marker) if marker > 0 else -1
    # Any other brace is within the prefix, or the key is not a record's first.
    return message if begin <= 0 or message[begin + 1 : marker].strip() else message[begin:]


def read_parts(record: Mapping[str, Any], item: int, limit: int) -> list[Part]:
    """Return what a log record holds.

    Args:
        record: The log record's JSON object.
        item: Which item of the event it came in.
        limit: Most bytes that its payload is unpacked to.

    Raises:
        MalformedError: The payload is not a serialized ExportTraceServiceRequest.
    """
    return split_request(unpack(record.get("payload"), limit), item, record.get("spans"))


def split_request(request: bytes, item: int, claim: object = None) -> list[Part]:
    """Return the parts of a request.

    Each part has the length that it says, so that it cannot spoil those that it is merged with. A
    part whose number of spans is believed is not looked into; if the collector refuses it,
    `is_broken` does that. Any other part is walked down to the spans.

    Args:
        request: What should be a serialized ExportTraceServiceRequest.
        item: Which item of the event it came in.
        claim: How many spans it should hold; any value is allowed. It is believed if the request
            is one part and so many spans fit into it.

    Raises:
        MalformedError: It is not such a request, or it is one part without spans.
    """
    parts = []
    start, length, empty = 0, len(request), 0
    while start < length:
        if request[start] != wire.RESOURCE_SPANS:
            raise MalformedError("payload is not a trace request")
        size, content = wire.varint(request, start + 1)
        end = content + size
        if end > length:
            raise MalformedError(wire.CUT_OFF)
        if start == 0 and end == length and _is_believable(claim, length):
            return [Part(item, request, claim)]
        spans, is_broken_part = 0, False
        try:
            spans = wire.count_spans(request, content, end)
        except MalformedError:
            if start == 0 and end == length:
                raise
            # A redriven log record holds what came in many: a broken part must not take the
            # others with it. The collector will refuse it, and then it is found.
            is_broken_part = True
        if spans or is_broken_part:
            parts.append(Part(item, request[start:end], spans))
        # Nothing is lost with a part without spans.
        elif (empty := empty + 1) > wire.MOST_EMPTY:
            raise MalformedError(wire.NO_SPAN)
        start = end
    if empty and not parts:
        raise MalformedError(wire.NO_SPAN)
    return parts


def _is_believable(claim: object, size: int) -> TypeGuard[int]:
    """Tell whether a request of so many bytes can hold so many spans; a bool is not a number."""
    return type(claim) is int and 1 <= claim <= size // wire.SMALLEST_SPAN


def is_broken(part: Part) -> bool:
    """Tell whether the lengths in a part do not add up, walked down to the spans."""
    try:
        split_request(part.data, part.item)
    except MalformedError:
        return True
    return False
