"""Read and write log records: one JSON object each, with one ExportTraceServiceRequest.

A line may say by ``spans`` how many spans it holds, as this project's runtime does. Walking to
every span only to count them takes longer than all else that is done to unpacked lines. The claim
is anybody's, and used for metrics alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from otlp_forwarder.input import wire
from otlp_forwarder.input.compression import pack, unpack
from otlp_forwarder.input.envelope import parse_json
from otlp_forwarder.input.malformed import MalformedError

if TYPE_CHECKING:
    from otlp_forwarder.output.destination import Destination

#: What the writer of a log record promises about its payload.
EXPECTED: Mapping[str, Any] = {
    "content-type": "application/x-protobuf",
    "content-encoding": "gzip",
    "base64": True,
}


@dataclass(slots=True)  # not frozen, which would triple the time that making one takes
class Part:
    """One serialized ResourceSpans: the least that is delivered by itself.

    Args:
        item: Which item of the event it came in, counted from 0.
        data: The field with its tag and length: any of them put together are a request.
        spans: Number of spans in it, for metrics; of a line that says it, what the line says.
    """

    item: int
    data: bytes
    spans: int


def read_record(message: Any) -> dict[str, Any]:
    """Return the JSON object of a log record; its payload has not been looked at yet.

    Args:
        message: What should be a log record.

    Raises:
        MalformedError: The message is no log record.
    """
    if not isinstance(message, str):
        raise MalformedError("not text")
    record = parse_json(message)
    if not isinstance(record, dict) or "__otel_otlp_stdout" not in record:
        raise MalformedError("not a record")
    for name, value in EXPECTED.items():
        if record.get(name) != value:
            raise MalformedError(f"{name} is not {value}")
    return record


def read_parts(record: Mapping[str, Any], item: int, limit: int) -> list[Part]:
    """Return what a log record holds.

    Args:
        record: The line's JSON object.
        item: Which item of the event it came in.
        limit: Most bytes that its payload is unpacked to.

    Raises:
        MalformedError: The payload is no serialized ExportTraceServiceRequest.
    """
    return split_request(unpack(record.get("payload"), limit), item, record.get("spans"))


def split_request(request: bytes, item: int, claim: object = None) -> list[Part]:
    """Return the parts of a request.

    No part can spoil those that it is merged with: each has the length that it says. A part whose
    number of spans is believed is not looked into: `is_broken` does it, should the collector find
    something wrong. Any other is walked down to the spans.

    Args:
        request: What should be a serialized ExportTraceServiceRequest.
        item: Which item of the event it came in.
        claim: How many spans it should hold; any value is allowed. It is believed of a request
            that is one part, where so many spans fit into it.

    Raises:
        MalformedError: It is none, or one part without spans.
    """
    parts = []
    start, length = 0, len(request)
    while start < length:
        if request[start] != wire.RESOURCE_SPANS:
            raise MalformedError("payload is not a trace request")
        size, content = wire.varint(request, start + 1)
        end = content + size
        if end > length:
            raise MalformedError(wire.CUT_OFF)
        if size < wire.SMALLEST_SPAN:
            raise MalformedError(wire.NO_SPAN)
        if start == 0 and end == length and _is_believable(claim, length):
            return [Part(item, request, claim)]
        try:
            spans = wire.count_spans(request, content, end)
        except MalformedError:
            if start == 0 and end == length:
                raise
            # A redriven line holds what came in many: one that is broken must not take the others
            # with it. The collector will refuse it, and then it is found.
            spans = 0
        parts.append(Part(item, request[start:end], spans))
        start = end
    return parts


def _is_believable(claim: object, size: int) -> TypeGuard[int]:
    """Tell whether a request of so many bytes can hold so many spans; a bool is no number."""
    return type(claim) is int and 1 <= claim <= size // wire.SMALLEST_SPAN


def is_broken(part: Part) -> bool:
    """Tell whether the lengths in a part do not add up, walked down to the spans."""
    try:
        split_request(part.data, part.item)
    except MalformedError:
        return True
    return False


def write_records(
    destination: Destination, parts: Sequence[Part], limit: int
) -> list[tuple[str, Sequence[Part]]]:
    """Return parts as log records again, which `read_record` reads.

    Args:
        destination: Where they go; headers of the secret are no part of it.
        parts: What to write, in as few lines as the limit allows.
        limit: Most bytes of a line. A single part that needs more makes a longer one.

    Returns:
        Each line, and the parts in it.
    """
    line = json.dumps(
        {
            "__otel_otlp_stdout": "otlp_forwarder",
            "source": "otlp_forwarder",
            "endpoint": destination.url,
            "method": "POST",
            **EXPECTED,
            "headers": dict(destination.headers),
            "payload": pack(b"".join(part.data for part in parts)),
            "spans": sum(part.spans for part in parts),
        }
    )
    if len(line) <= limit or len(parts) == 1:
        return [(line, parts)]
    middle = len(parts) // 2
    return [
        *write_records(destination, parts[:middle], limit),
        *write_records(destination, parts[middle:], limit),
    ]
