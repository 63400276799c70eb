"""Turn log lines into spans, one log record at a time.

A log record is a JSON object with the key ``__otel_otlp_stdout`` whose payload is a gzipped OTLP
request in base64. Source: otlp-stdout-span-exporter, README, "Output Format"; OpenTelemetry
protocol, ``ExportTraceServiceRequest``. It may come after a time and a stream's name, as in
``aws logs tail`` and in exports to S3, in a string of JSON, as in ``filter-log-events``, or in a
field of CSV; and there may be several in a line. A line may be a request in OTLP's JSON, too. Tools
that indent JSON spread both over several lines.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from lambda_otel_lite_cdk.cli.traces.otlp_json import MARKER as OTLP_JSON
from lambda_otel_lite_cdk.cli.traces.otlp_json import read_otlp_json
from lambda_otel_lite_cdk.cli.traces.spans import Event, Link, Span, Value
from lambda_otel_lite_cdk.cli.traces.wrapping import places

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1 import trace_pb2 as otlp

#: The key that every log record has and no other line does.
_NAME = "__otel_otlp_stdout"
_ANY_MARKER = _NAME.encode()
MARKER = f'"{_NAME}"'
#: A record that a tool has spread over lines, with its key in a line by itself.
_SPREAD = re.compile(rf'\s*"{_NAME}"\s*:\s*"[^"]*",\s*')
#: Lines of such a record at most: it has a dozen fields.
_MOST_LINES = 32
#: A request in JSON that a tool has spread over lines, without the brace if that has its own.
_SPREAD_JSON = re.compile(rb'(?P<indent>\s*)(?P<brace>\{?)\s*"resourceSpans"\s*:\s*\[\s*')
#: Braces before the key that may be the record's own: others are a stream's name, or a logger's.
_MOST_BRACES = 8
#: A line holds 1 MB at most, and spans do not compress to a sixtieth of their size.
_MOST_BYTES = 64 * 1024 * 1024
_CUT = "not complete JSON, probably split"

_DECODE = json.JSONDecoder().raw_decode

_KINDS = ("INTERNAL", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUSES = ("UNSET", "OK", "ERROR")


class Decoder:
    """Decode log records and count those that cannot be read.

    Attributes:
        malformed: Number of unreadable records by reason.
    """

    def __init__(self) -> None:
        self.malformed: Counter[str] = Counter()
        # The lines so far of what is spread over several.
        self._record: list[str] = []
        self._json: list[bytes] = []
        # Characters before the brace that ends the JSON are fewer, and bytes of it so far.
        self._indent = self._size = 0

    def decode(self, lines: Iterable[str]) -> Iterator[Span]:
        """Yield the spans of each log record as it comes; other lines are skipped.

        Args:
            lines: Log lines; text before a record's first brace (a time, a stream) is ignored.
        """
        for line in lines:
            for request in self.requests(line.encode()) or ():
                yield from spans_of(request)

    def split(self, lines: Iterable[str]) -> tuple[list[str], list[Span]]:
        """Return the lines that hold no log record, and the spans of those that do.

        Args:
            lines: As for ``decode``.
        """
        others: list[str] = []
        spans: list[Span] = []
        for line in lines:
            if (requests := self.requests(line.encode())) is None:
                others.append(line)
            else:
                spans += [span for request in requests for span in spans_of(request)]
        return others, spans

    def requests(self, line: bytes) -> list[ExportTraceServiceRequest] | None:
        """Return the requests of a line, or None if it holds no log record.

        Args:
            line: A log line; a line that holds only malformed records gives an empty list.
        """
        has_record, has_json = _ANY_MARKER in line, OTLP_JSON in line
        if not has_record and not has_json:
            return self._continued(line)
        self.end()
        if not has_record:
            return self._read_json(line)
        text = line.decode("utf-8", "replace")
        if _SPREAD.fullmatch(text):
            self._record.append("{" + text)
            return []
        found = [*places(text, _NAME)]
        return self._read(found) if found else None

    def _read_json(self, line: bytes) -> list[ExportTraceServiceRequest] | None:
        """Return the request of a line in OTLP's JSON, as `--format otlp-json` writes it."""
        if begin := _SPREAD_JSON.fullmatch(line):
            self._json, self._size = [b"" if begin["brace"] else b"{", line], len(line)
            self._indent = len(begin["indent"]) + len(begin["brace"])
            return []
        return self._request_of(line) if line.lstrip().startswith(b"{") else None

    def _request_of(self, text: bytes) -> list[ExportTraceServiceRequest]:
        try:
            return [read_otlp_json(text)]
        except ValueError:
            self.malformed["not an OTLP trace request in JSON"] += 1
            return []

    def end(self) -> None:
        """Count what has begun and not ended: no more lines of it come."""
        if self._record or self._json:
            self._record, self._json = [], []
            self.malformed[_CUT] += 1

    def _continued(self, line: bytes) -> list[ExportTraceServiceRequest] | None:
        if self._json:
            return self._json_continued(line)
        return self._record_continued(line) if self._record else None

    def _json_continued(self, line: bytes) -> list[ExportTraceServiceRequest]:
        self._json.append(line)
        self._size += len(line)
        rest = line.lstrip()
        if rest.startswith(b"}") and len(line) - len(rest) < self._indent:
            # In a list, a comma comes after it.
            text, self._json = b"".join(self._json).rstrip().rstrip(b","), []
            return self._request_of(text)
        if self._size > _MOST_BYTES:
            self.end()
        return []

    def _record_continued(self, line: bytes) -> list[ExportTraceServiceRequest]:
        self._record.append(line.decode("utf-8", "replace"))
        if line.lstrip().startswith(b"}"):
            record, self._record = "".join(self._record), []
            return self._read([(record, record.find(_NAME))])
        if len(self._record) > _MOST_LINES:
            self.end()
        return []

    def _read(self, found: list[tuple[str, int]]) -> list[ExportTraceServiceRequest]:
        read = []
        for text, at in found:
            try:
                read.append(_read_record(text, at))
            except _MalformedError as problem:
                self.malformed[str(problem)] += 1
        return read


class _MalformedError(Exception):
    """Say why a record cannot be read; the same text for all such records, which are counted."""


def _read_record(text: str, at: int) -> ExportTraceServiceRequest:
    record = _read_object(text, at)
    payload = record.get("payload")
    if not isinstance(payload, str):
        raise _MalformedError("no payload")
    try:
        data = (
            base64.b64decode(payload, validate=True) if record.get("base64") else payload.encode()
        )
    except ValueError:
        raise _MalformedError("the payload is not base64") from None
    if record.get("content-encoding") == "gzip":
        data = _unzipped(data)
    try:
        return ExportTraceServiceRequest.FromString(data)
    except DecodeError:
        raise _MalformedError("the payload is not an OTLP trace request") from None


def _unzipped(data: bytes) -> bytes:
    """Unzip a payload, which is one gzip member, unless it is larger than spans ever are."""
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = member.decompress(data, _MOST_BYTES)
    except zlib.error:
        raise _MalformedError("the payload is not gzip") from None
    if not member.eof:
        large = len(plain) >= _MOST_BYTES
        raise _MalformedError("the payload is too large" if large else "the payload is not gzip")
    return plain


def _read_object(text: str, at: int) -> dict[str, Any]:
    """Return the object whose key is at a place of a text."""
    record: dict[str, Any]
    start = at
    for _ in range(_MOST_BRACES):
        if (start := text.rfind("{", 0, start)) < 0:
            break
        try:
            record, _ = _DECODE(text, start)
        except (ValueError, RecursionError):
            continue
        if _NAME in record:
            return record
    raise _MalformedError(_CUT)


def spans_of(request: ExportTraceServiceRequest) -> Iterator[Span]:
    """Yield the spans of a request.

    Args:
        request: An OTLP request.
    """
    for resource_spans in request.resource_spans:
        resource = _mapping(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                yield _span(span, resource, scope_spans.scope.name)


def _span(span: otlp.Span, resource: Mapping[str, Value], scope: str) -> Span:
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        name=span.name,
        kind=_named(_KINDS, span.kind),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        status=_named(_STATUSES, span.status.code),
        status_message=span.status.message,
        attributes=_mapping(span.attributes),
        events=tuple(
            Event(event.name, event.time_unix_nano, _mapping(event.attributes))
            for event in span.events
        ),
        links=tuple(
            Link(link.trace_id.hex(), link.span_id.hex(), _mapping(link.attributes))
            for link in span.links
        ),
        resource=resource,
        scope=scope,
    )


def _named(names: tuple[str, ...], number: int) -> str:
    # Protobuf keeps numbers that later versions of the protocol add.
    return names[number] if 0 <= number < len(names) else str(number)


def _mapping(pairs: Iterable[KeyValue]) -> dict[str, Value]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Value:
    field = value.WhichOneof("value")
    if field == "array_value":
        return [_value(item) for item in value.array_value.values]
    if field == "kvlist_value":
        return _mapping(value.kvlist_value.values)
    if field is None:
        return None
    plain: Any = getattr(value, field)
    return base64.b64encode(plain).decode() if isinstance(plain, bytes) else plain
