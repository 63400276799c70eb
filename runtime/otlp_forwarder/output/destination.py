"""Decide where the spans of a log record go; it may choose only what the settings allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otlp_forwarder.headers import is_header_value

if TYPE_CHECKING:
    from otlp_forwarder.settings import ForwarderSettings

#: Longest value of a header that a log record may set, in characters.
MAX_HEADER_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class Destination:
    """Where requests go; spans for the same destination share requests.

    Args:
        url: Where to post to.
        headers: Names in lower case and values that the log records set.
        own: Whether it is the collector of the settings, the only one that gets the headers of
            the secret.
    """

    url: str
    headers: tuple[tuple[str, str], ...]
    own: bool


class Router:
    """Choose the destination of log records.

    A log record is untrusted input: whoever can write one could otherwise send spans elsewhere, or
    in somebody else's name.

    Args:
        settings: The collector, and the endpoints and headers that log records may choose.
    """

    def __init__(self, settings: ForwarderSettings) -> None:
        # One for all log records that choose nothing, which are nearly all.
        self._own = Destination(url=settings.traces_url, headers=(), own=True)
        self._endpoints = settings.allowed_endpoints
        self._headers = settings.allowed_headers

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
        return Destination(
            url=str(url) if chosen else self._own.url,
            headers=self._allowed(headers) if isinstance(headers, dict) else (),
            own=not chosen,
        )

    def _allowed(self, headers: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        allowed = {
            name.lower(): value
            for name, value in headers.items()
            if name.lower() in self._headers and is_header_value(value, MAX_HEADER_LENGTH)
        }
        return tuple(sorted(allowed.items()))
