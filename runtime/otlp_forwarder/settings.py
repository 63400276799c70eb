"""What a deployed forwarder can be told; the only reader of the process environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

#: Base URL of the collector.
ENDPOINT = "OTLP_FORWARDER_ENDPOINT"
#: ARN of the secret or parameter with the headers of every request to that collector.
HEADERS_SECRET = "OTLP_FORWARDER_HEADERS_SECRET"  # noqa: S105 - a name, no secret
#: Whole URLs, separated by commas, that a log record may name as its own endpoint.
ALLOWED_ENDPOINTS = "OTLP_FORWARDER_ALLOWED_ENDPOINTS"
#: Names, separated by commas, of headers that a log record may set.
ALLOWED_HEADERS = "OTLP_FORWARDER_ALLOWED_HEADERS"
#: URL of the queue for what may be delivered later; the forwarder is invoked with its messages.
REDRIVE_QUEUE = "OTLP_FORWARDER_REDRIVE_QUEUE"
#: URL of the queue for what the collector refused.
DEAD_LETTER_QUEUE = "OTLP_FORWARDER_DEAD_LETTER_QUEUE"
#: Size of one request before compression, in bytes.
MAX_REQUEST_BYTES = "OTLP_FORWARDER_MAX_REQUEST_BYTES"
#: Requests that are under way at once.
PARALLEL_REQUESTS = "OTLP_FORWARDER_PARALLEL_REQUESTS"

#: Defaults of all variables; None: not set. Default request size: what the OpenTelemetry
#: Collector's gRPC receiver accepts by default, the least of the common limits.
DEFAULTS: Mapping[str, str | None] = {
    ENDPOINT: None,
    HEADERS_SECRET: None,
    ALLOWED_ENDPOINTS: None,
    ALLOWED_HEADERS: None,
    REDRIVE_QUEUE: None,
    DEAD_LETTER_QUEUE: None,
    MAX_REQUEST_BYTES: "4194304",
    PARALLEL_REQUESTS: "4",
}

#: Path of the trace signal below the base URL. Source: OTLP specification, "OTLP/HTTP Request".
TRACES_PATH = "/v1/traces"

#: Accepted header names. Source: RFC 9110, section 5.6.2, "Tokens".
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: Headers that describe the request itself: neither a line nor a secret can change them.
RESERVED_HEADERS = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "host"}
    | {"expect", "te", "trailer", "transfer-encoding", "upgrade"}
)
ARN = re.compile(r"arn:[\w-]+:(secretsmanager:[\w-]+:\d*:secret:|ssm:[\w-]+:\d*:parameter/)\S+")

MIB = 1024 * 1024


class SettingsError(ValueError):
    """A setting that the forwarder cannot work with."""


@dataclass(frozen=True, kw_only=True)
class ForwarderSettings:
    """Where to send spans, and how much at once.

    Args:
        endpoint: Base URL of an OTLP/HTTP collector, with the meaning of the specification's
            OTEL_EXPORTER_OTLP_ENDPOINT: ``/v1/traces`` is appended. ``http`` or ``https``.
        headers_secret: ARN of a Secrets Manager secret or an SSM parameter with headers.
        allowed_endpoints: URLs that a log record may name as its own endpoint.
        allowed_headers: Names, in lower case, of headers that a log record may set.
        redrive_queue: URL of the queue for what may be delivered later.
        dead_letter_queue: URL of the queue for what the collector refused.
        max_request_bytes: Size of one request before compression, 1 to 64 MiB. Default 4 MiB.
        parallel_requests: Requests that are under way at once, 1 to 64. Default 4.
        max_unpacked_bytes: Size up to which one compressed piece of input is unpacked, in bytes;
            anything larger is malformed. Default 32 MiB.

    Raises:
        SettingsError: The endpoint is no URL of that kind, or another value is not accepted.
    """

    endpoint: str
    headers_secret: str | None = None
    allowed_endpoints: frozenset[str] = frozenset()
    allowed_headers: frozenset[str] = frozenset()
    redrive_queue: str | None = None
    dead_letter_queue: str | None = None
    max_request_bytes: int = 4 * MIB
    parallel_requests: int = 4
    max_unpacked_bytes: int = 32 * MIB

    def __post_init__(self) -> None:
        _check_url(ENDPOINT, self.endpoint)
        for url in self.allowed_endpoints:
            _check_url(ALLOWED_ENDPOINTS, url)
        for name in self.allowed_headers:
            if not HEADER_NAME.fullmatch(name) or name in RESERVED_HEADERS:
                raise SettingsError(
                    f"{ALLOWED_HEADERS} has {name!r}; give names of headers that do not describe "
                    f"the request itself, separated by commas, for example x-scope-orgid"
                )
        if self.headers_secret is not None and not ARN.fullmatch(self.headers_secret):
            # Not shown: somebody may have put the secret itself here.
            raise SettingsError(
                f"{HEADERS_SECRET} is not the ARN of a Secrets Manager secret or of an SSM "
                f"parameter; give the ARN, never the headers themselves"
            )

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> ForwarderSettings:
        """Read the settings from environment variables.

        Args:
            environ: The process environment, or a stand-in for it.

        Raises:
            SettingsError: OTLP_FORWARDER_ENDPOINT is missing, or a value is not accepted.
        """

        def text(name: str) -> str | None:
            return environ.get(name, "").strip() or DEFAULTS[name]

        def names(name: str) -> frozenset[str]:
            return frozenset(filter(None, map(str.strip, (text(name) or "").split(","))))

        def number(name: str, most: int) -> int:
            given = text(name) or ""
            if not given.isdecimal() or not 1 <= int(given[:20]) <= most:
                raise SettingsError(
                    f"{name} is {given!r}; give a whole number from 1 to {most}, or leave it out "
                    f"for {DEFAULTS[name]}"
                )
            return int(given)

        return cls(
            endpoint=text(ENDPOINT) or "",
            headers_secret=text(HEADERS_SECRET),
            allowed_endpoints=names(ALLOWED_ENDPOINTS),
            allowed_headers=frozenset(map(str.lower, names(ALLOWED_HEADERS))),
            redrive_queue=text(REDRIVE_QUEUE),
            dead_letter_queue=text(DEAD_LETTER_QUEUE),
            max_request_bytes=number(MAX_REQUEST_BYTES, 64 * MIB),
            parallel_requests=number(PARALLEL_REQUESTS, 64),
        )

    @property
    def traces_url(self) -> str:
        """The URL that requests go to."""
        url = urlsplit(self.endpoint)
        return url._replace(path=url.path.rstrip("/") + TRACES_PATH).geturl()


def _check_url(variable: str, text: str) -> None:
    # The value itself is not shown: a wrong one is often wrong by holding a password.
    wrong = SettingsError(
        f"{variable} is not the URL of a collector; give http:// or https://, a host, and where "
        "needed a port and a path, without user, password, query or fragment, for example "
        "https://collector.example.com:4318"
    )
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise wrong from error
    if _unwanted(url) or not _plain(text):
        raise wrong
    if url.scheme not in {"http", "https"} or not url.hostname or port == 0:
        raise wrong


def _unwanted(url: SplitResult) -> bool:
    return bool(url.username or url.password or url.query or url.fragment)


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
