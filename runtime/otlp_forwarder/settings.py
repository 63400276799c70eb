"""What a deployed forwarder was told; the only reader of the process environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from otlp_forwarder.variables import MIB, VARIABLES

#: Path of the trace signal below the base URL,
#: https://opentelemetry.io/docs/specs/otlp/#otlphttp-request.
TRACES_PATH = "/v1/traces"


@dataclass(frozen=True, kw_only=True)
class ForwarderSettings:
    """Where to send spans, and how much at once.

    Each field but the last is a variable of `otlp_forwarder.variables`, where its meaning, range
    and default are.

    Args:
        endpoint: Base URL of an OTLP/HTTP collector, with the meaning of
            OTEL_EXPORTER_OTLP_ENDPOINT
            (https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp).
        headers_secret: ARN of a Secrets Manager secret or an SSM parameter with headers.
        allowed_endpoints: URLs that a log record may name as its own endpoint.
        allowed_headers: Names, in lower case, of headers that a log record may set.
        redrive_queue: URL of the queue for what may be delivered later.
        dead_letter_queue: URL of the queue for what the collector refused.
        max_request_bytes: Size of one request before compression, in bytes.
        parallel_requests: Requests that are under way at once.
        max_unpacked_bytes: Size up to which one compressed piece of input is unpacked, in bytes;
            anything larger is malformed. Default 32 MiB.
    """

    endpoint: str
    headers_secret: str | None
    allowed_endpoints: frozenset[str]
    allowed_headers: frozenset[str]
    redrive_queue: str | None
    dead_letter_queue: str | None
    max_request_bytes: int
    parallel_requests: int
    max_unpacked_bytes: int = 32 * MIB

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> ForwarderSettings:
        """Read the settings from environment variables.

        Args:
            environ: The process environment, or a stand-in for it.

        Raises:
            SettingsError: OTLP_FORWARDER_ENDPOINT is missing, or a value is not accepted.
        """
        values: dict[str, Any] = {
            variable.field: variable.parse(environ.get(variable.name, "")) for variable in VARIABLES
        }
        return cls(**values)

    @property
    def traces_url(self) -> str:
        """The URL that requests go to."""
        url = urlsplit(self.endpoint)
        return url._replace(path=url.path.rstrip("/") + TRACES_PATH).geturl()
