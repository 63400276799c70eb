"""What a collector's response means: one table, and what is in the response."""

from __future__ import annotations

import email.utils
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from otlp_forwarder.output.aws_errors import AwsError, aws_error

#: Bytes of a body in which an HTML page is looked for.
_START = 512
#: What CloudWatch says, with status 400, where Transaction Search is off. Source:
#: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html
_SWITCHED_OFF = b"CloudWatch Logs as a Trace Segment Destination"


class Failure(Enum):
    """Why a request has no response, or one that does not mean what its status says."""

    NO_RESPONSE = "no response, or none in time"
    NOT_HTTP = "a response that is not HTTP, such as that of a gRPC port"
    WEB_PAGE = "2xx with an HTML page"
    SWITCHED_OFF = "400 from CloudWatch where Transaction Search is off"
    PROXY = "a proxy that refuses to connect, such as by 403 or 407"
    CERTIFICATE = "a certificate that is not trusted"
    UNREADABLE = "headers, certificates or credentials that cannot be read"
    NOT_ASKED = "not asked, because all recent tries failed"


#: What a response means: its status, or something else.
Meaning = int | Failure | AwsError


@dataclass(frozen=True, slots=True)
class Response:
    """What a collector responded.

    Args:
        status: HTTP status.
        retry_after: The header of that name, or nothing.
        body: Its body; None if the connection broke in it.
        date: The header of that name, or nothing.
        kind: The header Content-Type, or nothing.
        location: The header Location, or nothing.
        error: The header X-Amzn-ErrorType, or nothing.
    """

    status: int
    retry_after: str
    body: bytes | None
    date: str = ""
    kind: str = ""
    location: str = ""
    error: str = ""

    @property
    def meaning(self) -> Meaning:
        """The status, or what the response means in spite of it."""
        if self.status // 100 == 2 and self._is_page:  # noqa: PLR2004 - the statuses of success
            return Failure.WEB_PAGE
        if self.status == 400 and _SWITCHED_OFF in (self.body or b""):  # noqa: PLR2004
            return Failure.SWITCHED_OFF
        if self.status >= 400 and (error := aws_error(self.error, self.body or b"")):  # noqa: PLR2004
            return error
        return self.status

    @property
    def _is_page(self) -> bool:
        """Whether it is a page for people, which no OTLP receiver sends."""
        start = (self.body or b"")[:_START].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        html = "html" in self.kind.lower() and (self.body is None or start.startswith(b"<"))
        return html or start.startswith((b"<!doctype html", b"<html"))


class Action(Enum):
    """What the forwarder does about a request, and who keeps its spans then.

    Args:
        does: What the forwarder does with the request, in words.
        keeper: Who keeps the spans, in words. Without queues it is always the platform.
    """

    DELIVERED = "nothing more", "the collector"
    RETRY = (
        (
            "sends it again, with full jitter and `Retry-After`, while the invocation has time and "
            "the collector has not failed for ten seconds"
        ),
        "after that, the platform or the redrive queue",
    )
    RENEW = (
        (
            "reads secret and role again and looks at the server's time, and sends the request "
            "again if headers or signature are new"
        ),
        "if they are not, the platform or the redrive queue, held as below",
    )
    HOLD = (
        (
            "holds it (`Held`) until address, account or headers are changed, and sends it again "
            "in later invocations"
        ),
        "the platform or the redrive queue",
    )
    LATER = "sends it again in a later invocation", "the platform or the redrive queue"
    HAND_OVER = (
        "hands it over at once; single requests find out when the collector works again",
        "the redrive queue",
    )
    DIVIDE = (
        "divides it and sends the parts, until what is refused stands alone",
        "of what is refused, the dead-letter queue",
    )
    SET_ASIDE = "sets it aside until somebody has looked at it", "the dead-letter queue"

    def __init__(self, does: str, keeper: str) -> None:
        self.does = does
        self.keeper = keeper


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done after some responses.

    Args:
        after: The responses, in words.
        matches: Their statuses, the failure, or the error.
        action: What is done.
    """

    after: str
    matches: Container[Meaning]
    action: Action


#: The first rule that matches counts. Only what OTLP calls retryable is sent again at once:
#: https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes. What else a response means is
#: said by https://opentelemetry.io/docs/specs/otlp/#failures-1 and
#: https://www.rfc-editor.org/rfc/rfc9110#section-15.
RULES = (
    Rule(Failure.WEB_PAGE.value, {Failure.WEB_PAGE}, Action.HOLD),
    Rule("any other 2xx", range(200, 300), Action.DELIVERED),
    Rule("429, 502, 503, 504", {429, 502, 503, 504}, Action.RETRY),
    Rule(Failure.NO_RESPONSE.value, {Failure.NO_RESPONSE}, Action.RETRY),
    # The headers may be wrong or old.
    Rule("401, 403", {401, 403}, Action.RENEW),
    Rule(Failure.SWITCHED_OFF.value, {Failure.SWITCHED_OFF}, Action.HOLD),
    Rule(AwsError.REFUSED.value, {AwsError.REFUSED}, Action.RENEW),
    Rule(AwsError.PASSING.value, {AwsError.PASSING}, Action.RETRY),
    Rule(AwsError.MISDIRECTED.value, {AwsError.MISDIRECTED}, Action.HOLD),
    # Something in the request is wrong: another part of it may be taken.
    Rule("any other 400, 413, 422", {400, 413, 422}, Action.DIVIDE),
    # The request is right, but not here: another address, a bill, a law, a proxy's password.
    Rule("3xx", range(300, 400), Action.HOLD),
    Rule("402, 404, 405, 407, 421, 451", {402, 404, 405, 407, 421, 451}, Action.HOLD),
    # It did not come whole, or too early: https://www.rfc-editor.org/rfc/rfc8470#section-5.2
    Rule("408, 425", {408, 425}, Action.LATER),
    Rule("any other 4xx, such as 415", range(400, 500), Action.SET_ASIDE),
    # A fault of the collector's, which nobody can tell from one that a span causes.
    Rule("any other status, such as 500 or 501", range(1000), Action.LATER),
    Rule(Failure.NOT_HTTP.value, {Failure.NOT_HTTP}, Action.HOLD),
    Rule(Failure.PROXY.value, {Failure.PROXY}, Action.HOLD),
    Rule(Failure.CERTIFICATE.value, {Failure.CERTIFICATE}, Action.HOLD),
    Rule(Failure.UNREADABLE.value, {Failure.UNREADABLE}, Action.HOLD),
    Rule(Failure.NOT_ASKED.value, {Failure.NOT_ASKED}, Action.HAND_OVER),
)


def action_after(response: Meaning) -> Action:
    """Return what is done after a response.

    Args:
        response: Its HTTP status, of three digits, or what it means in spite of that.
    """
    return next(rule.action for rule in RULES if response in rule.matches)


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
