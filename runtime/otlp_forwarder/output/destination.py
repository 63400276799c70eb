"""Decide where the spans of a log record go; it may choose only what the settings allow."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from otlp_forwarder.aws import CLOUDWATCH, Scope
from otlp_forwarder.headers import is_header_value

if TYPE_CHECKING:
    from otlp_forwarder.settings import ForwarderSettings

#: Longest value of a header that a log record may set, in characters.
MAX_HEADER_LENGTH = 1024


#: An hour in nanoseconds.
HOUR = 3600 * 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a destination takes.

    Args:
        request_bytes: Most bytes of a request without compression.
        request_spans: Most spans of a request.
        shared_bytes: Most bytes of a resource and a scope of it together.
        span_bytes: Most bytes of a span.
        past: How old the start of a span may be, in nanoseconds.
        future: How far in the future its end may be, in nanoseconds.
        window: Longest time between the first start and the last end in a request, in nanoseconds.
    """

    request_bytes: int
    request_spans: int
    shared_bytes: int
    span_bytes: int
    past: int
    future: int
    window: int


#: Limits by the service that requests are signed for. Where a megabyte may be either, requests keep
#: the smaller one, and nothing is set aside but for the larger one. Source:
#: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html
BY_SERVICE = {
    CLOUDWATCH: Limits(
        request_bytes=5_000_000,
        request_spans=10_000,
        shared_bytes=16 * 1024,
        span_bytes=200 * 1024,
        past=14 * 24 * HOUR,
        future=2 * HOUR,
        window=24 * HOUR,
    )
}


class Slot(NamedTuple):
    """What parts must have in common to share a request to a destination.

    Args:
        window: Number of the time window in which their spans lie.
        refusal: Why the destination can never take them; empty: it may.
    """

    window: int = 0
    refusal: str = ""


#: The slot of all parts whose destination has no limits.
ANY = Slot()


@dataclass(frozen=True, slots=True)
class Destination:
    """Where requests go; spans for the same destination share requests.

    Args:
        url: Where to post to.
        headers: Names in lower case and values that the log records set.
        own: Whether it is the collector of the settings, the only one that gets the headers of
            the secret.
        slot: What parts must have in common to share a request; they share the slot then.
        limits: What it takes; None: nothing is known.
        defaults: Headers that are sent unless the log records set them.
        scope: What requests are signed for; None: they are not signed.
    """

    url: str
    headers: tuple[tuple[str, str], ...]
    own: bool
    slot: Slot = ANY
    limits: Limits | None = field(default=None, compare=False)
    defaults: Mapping[str, str] = field(default_factory=dict, compare=False)
    scope: Scope | None = field(default=None, compare=False)

    @property
    def answering(self) -> Hashable:
        """A name for what answers to these headers at this URL."""
        return self.url, self.headers

    @property
    def names(self) -> tuple[Hashable, ...]:
        """Names for what must work so that something is delivered; each can fail by itself."""
        return self.url, self.answering


class Router:
    """Choose the destination of log records.

    A log record is untrusted input: whoever can write one could otherwise send spans elsewhere, or
    in somebody else's name.

    Args:
        settings: The collector, and the endpoints and headers that log records may choose.
    """

    def __init__(self, settings: ForwarderSettings) -> None:
        # One for all log records that choose nothing, which are nearly all.
        signed_for = settings.signed_for
        limits = BY_SERVICE.get(signed_for.service) if signed_for else None
        self._own = Destination(
            url=settings.traces_url,
            headers=(),
            own=True,
            limits=limits,
            defaults=settings.headers,
            scope=signed_for,
        )
        self._most_bytes = settings.max_request_bytes
        self._endpoints = settings.allowed_endpoints
        self._headers = settings.allowed_headers

    @property
    def request_bytes(self) -> int:
        """Most bytes of a request: what the settings say, or less if the collector takes less."""
        limits = self._own.limits
        return min(self._most_bytes, limits.request_bytes) if limits else self._most_bytes

    def destination(self, record: Mapping[str, Any]) -> Destination:
        """Return where the spans of a log record go.

        Args:
            record: Its JSON object; its ``endpoint`` and ``headers`` may be anything.
        """
        url = record.get("endpoint")
        chosen = isinstance(url, str) and url in self._endpoints and url != self._own.url
        headers = record.get("headers") if self._headers else None
        if not chosen and not headers:
            return self._own
        allowed = self._allowed(headers) if isinstance(headers, dict) else ()
        if chosen:
            # Only the settings' own collector learns who sends.
            return Destination(url=str(url), headers=allowed, own=False)
        return replace(self._own, headers=allowed)

    def _allowed(self, headers: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        allowed = {
            name.lower(): value
            for name, value in headers.items()
            if name.lower() in self._headers and is_header_value(value, MAX_HEADER_LENGTH)
        }
        return tuple(sorted(allowed.items()))
