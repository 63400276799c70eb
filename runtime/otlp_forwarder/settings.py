"""What a deployed forwarder can be told; the only reader of the process environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

#: Environment variable with the collector's base URL.
ENDPOINT_VARIABLE = "OTLP_FORWARDER_ENDPOINT"

#: Path of the trace signal below the base URL. Source: OTLP specification, "OTLP/HTTP Request".
TRACES_PATH = "/v1/traces"

MIB = 1024 * 1024


class SettingsError(ValueError):
    """A setting that the forwarder cannot work with."""


@dataclass(frozen=True, kw_only=True)
class ForwarderSettings:
    """Where to send spans, and how much at once.

    Args:
        endpoint: Base URL of an OTLP/HTTP collector, with the meaning of the specification's
            OTEL_EXPORTER_OTLP_ENDPOINT: ``/v1/traces`` is appended. ``http`` or ``https``.
        max_request_bytes: Size of one request before compression, in bytes. Default 4 MiB, what
            the OpenTelemetry Collector's gRPC receiver accepts by default, the least of the
            common limits.
        max_unpacked_bytes: Size up to which one compressed piece of input is unpacked, in bytes;
            anything larger is malformed. Default 32 MiB.

    Raises:
        SettingsError: The endpoint is no URL of that kind.
    """

    endpoint: str
    max_request_bytes: int = 4 * MIB
    max_unpacked_bytes: int = 32 * MIB

    def __post_init__(self) -> None:
        # The value itself is not shown: a wrong one is often wrong by holding a password.
        wrong = SettingsError(
            f"{ENDPOINT_VARIABLE} is not the base URL of a collector; give http:// or https://, a "
            "host, and where needed a port and a path, without user, password, query or "
            "fragment, for example https://collector.example.com:4318"
        )
        try:
            url = urlsplit(self.endpoint)
            port = url.port
        except ValueError as error:
            raise wrong from error
        unwanted = url.username or url.password or url.query or url.fragment
        plain = self.endpoint.isascii() and self.endpoint.isprintable() and " " not in self.endpoint
        named = url.scheme in {"http", "https"} and url.hostname and port != 0
        if unwanted or not plain or not named:
            raise wrong

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> ForwarderSettings:
        """Read the settings from environment variables.

        Args:
            environ: The process environment, or a stand-in for it.

        Raises:
            SettingsError: OTLP_FORWARDER_ENDPOINT is missing or no base URL.
        """
        return cls(endpoint=environ.get(ENDPOINT_VARIABLE, "").strip())

    @property
    def traces_url(self) -> SplitResult:
        """The URL that requests go to."""
        url = urlsplit(self.endpoint)
        return url._replace(path=url.path.rstrip("/") + TRACES_PATH)
