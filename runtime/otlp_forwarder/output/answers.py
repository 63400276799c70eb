"""Read what a collector says in its answers."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime

from otlp_forwarder.input import wire
from otlp_forwarder.input.malformed import MalformedError

#: ``partial_success = 1`` of ExportTraceServiceResponse, and in it ``rejected_spans = 1`` (a
#: number). Source: opentelemetry-proto, trace_service.proto.
PARTIAL_SUCCESS = 0x0A
REJECTED_SPANS = 0x08


def rejected_spans(body: bytes) -> int:
    """Return how many spans of a taken request the collector rejected.

    They are not sent again. Source: OTLP specification, "Partial Success".

    Args:
        body: An ExportTraceServiceResponse. One that cannot be read rejects nothing: there are
            collectors that answer with text.
    """
    try:
        for tag, start, end in wire.walk(body, 0, len(body)):
            if tag == PARTIAL_SUCCESS:
                for inner, value, _ in wire.walk(body, start, end):
                    if inner == REJECTED_SPANS:
                        return wire.varint(body, value)[0]
    except MalformedError:
        pass
    return 0


def pause_wanted(retry_after: str) -> float:
    """Return the seconds that a Retry-After header asks for. Source: RFC 9110, section 10.2.3.

    Args:
        retry_after: Seconds or a date; 0 is returned for anything else.
    """
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        then = email.utils.parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return 0.0
    # A date without a zone is in UTC, like any date of HTTP.
    return max(0.0, (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
