"""Read record lines: one JSON object each, holding one serialized ExportTraceServiceRequest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otlp_forwarder.compression import unpack
from otlp_forwarder.envelope import parse_json
from otlp_forwarder.malformed import MalformedError

#: What the writer of a record line promises about its payload. The line's endpoint and headers
#: are not looked at: whoever can write to a log could send spans or secrets elsewhere with them.
EXPECTED = {
    "content-type": "application/x-protobuf",
    "content-encoding": "gzip",
    "base64": True,
}

#: Tag of ``repeated ResourceSpans resource_spans = 1`` in ExportTraceServiceRequest, its only
#: field: (1 << 3) | wire type 2. Source: opentelemetry-proto, trace_service.proto.
RESOURCE_SPANS_TAG = 0x0A

#: A length needs five 7-bit groups at most: protobuf messages are smaller than 2 GiB.
MAX_VARINT_BYTES = 5


def read_record(message: Any, limit: int) -> list[bytes]:
    """Return the serialized resource spans of one record line.

    Args:
        message: What should be a record line.
        limit: Most bytes that its payload is unpacked to.

    Returns:
        The fields of the request, each with its tag and length: any of them put together are a
        request again.

    Raises:
        MalformedError: The message is no record line, or its payload no such request.
    """
    if not isinstance(message, str):
        raise MalformedError("not text")
    record = parse_json(message)
    if not isinstance(record, dict) or "__otel_otlp_stdout" not in record:
        raise MalformedError("not a record")
    for name, value in EXPECTED.items():
        if record.get(name) != value:
            raise MalformedError(f"{name} is not {value}")
    return list(_fields(unpack(record.get("payload"), limit)))


def _fields(request: bytes) -> Iterator[bytes]:
    """Walk the top level, so that one cut-off payload cannot spoil those it is merged with."""
    start = 0
    while start < len(request):
        if request[start] != RESOURCE_SPANS_TAG:
            raise MalformedError("payload is not a trace request")
        length, body = _varint(request, start + 1)
        end = body + length
        if end > len(request):
            raise MalformedError("payload is cut off")
        yield request[start:end]
        start = end


def _varint(data: bytes, start: int) -> tuple[int, int]:
    """Return the number at the position, and the position after it."""
    value = 0
    for index, byte in enumerate(data[start : start + MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:  # noqa: PLR2004 - the top bit says that more bytes follow
            return value, start + index + 1
    raise MalformedError("payload is cut off")
