"""What a collector's response means: one table, and what is in the response."""

from __future__ import annotations

import email.utils
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from otlp_forwarder.input import wire
from otlp_forwarder.input.malformed import MalformedError

#: ``partial_success = 1`` of ExportTraceServiceResponse, and in it ``rejected_spans = 1`` (a
#: number). Source:
#: https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/collector/trace/v1/trace_service.proto
PARTIAL_SUCCESS = 0x0A
REJECTED_SPANS = 0x08


@dataclass(frozen=True, slots=True)
class Response:
    """What a collector responded.

    Args:
        status: HTTP status.
        retry_after: The header of that name, or nothing.
        body: Its body; None if the connection broke in it.
        date: The header of that name, or nothing.
    """

    status: int
    retry_after: str
    body: bytes | None
    date: str = ""


class Failure(Enum):
    """Why a request has no response."""

    NO_RESPONSE = "no response, or none in time"
    CERTIFICATE = "a certificate that is not trusted"
    UNREADABLE = "headers, certificates or credentials that cannot be read"


class Action(Enum):
    """What the forwarder does about a request, and who keeps its spans then.

    Args:
        does: What the forwarder does with the request, in words.
        keeper: Who keeps the spans, in words. Without queues it is always the platform.
    """

    DELIVERED = ("nothing more", "the collector")
    RETRY = (
        "sends it again, with full jitter and `Retry-After`, while the invocation has time",
        "if time runs out, the platform or the redrive queue",
    )
    RENEW = (
        "reads the secret again, and sends the request again if the headers are new",
        "if they are not, the platform or the redrive queue",
    )
    LATER = ("sends it again in a later invocation", "the platform or the redrive queue")
    DIVIDE = (
        "halves it and sends both halves, until what is refused stands alone",
        "of what is refused, the dead-letter queue",
    )
    SET_ASIDE = ("sets it aside until somebody has looked at it", "the dead-letter queue")

    def __init__(self, does: str, keeper: str) -> None:
        self.does = does
        self.keeper = keeper


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done after some responses.

    Args:
        after: The responses, in words.
        matches: Their statuses, or the failure.
        action: What is done.
    """

    after: str
    matches: Container[int | Failure]
    action: Action


#: The first rule that matches counts. Sources:
#: https://opentelemetry.io/docs/specs/otlp/#otlphttp-response and, for what is retried,
#: https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes
RULES = (
    Rule("2xx", range(200, 300), Action.DELIVERED),
    Rule("429, 502, 503, 504", {429, 502, 503, 504}, Action.RETRY),
    Rule(Failure.NO_RESPONSE.value, {Failure.NO_RESPONSE}, Action.RETRY),
    # The headers may be wrong or old.
    Rule("401, 403", {401, 403}, Action.RENEW),
    # Something in the request is wrong: another part of it may be taken.
    Rule("400, 413, 422", {400, 413, 422}, Action.DIVIDE),
    Rule("any other 4xx", range(400, 500), Action.SET_ASIDE),
    # Somebody has to change something, but not in the request.
    Rule("any other status, such as 3xx or 500", range(1000), Action.LATER),
    Rule(Failure.CERTIFICATE.value, {Failure.CERTIFICATE}, Action.LATER),
    Rule(Failure.UNREADABLE.value, {Failure.UNREADABLE}, Action.LATER),
)


def action_after(response: int | Failure) -> Action:
    """Return what is done after a response.

    Args:
        response: Its HTTP status, of three digits, or why there is none.
    """
    return next(rule.action for rule in RULES if response in rule.matches)


def rejected_spans(body: bytes) -> int:
    """Return how many spans of a taken request the collector rejected.

    They are not sent again. Source: https://opentelemetry.io/docs/specs/otlp/#partial-success-1

    Args:
        body: An ExportTraceServiceResponse. One that cannot be read rejects nothing: some
            collectors respond with text.
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
    """Return the seconds that a Retry-After header asks for.

    Source: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3

    Args:
        retry_after: Seconds or a date; 0 is returned for anything else.
    """
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        then = email.utils.parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return 0.0
    # A date without a zone is in UTC, as all dates of HTTP are.
    return max(0.0, (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
