"""What a deployed forwarder was told; the only reader of the process environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from otlp_forwarder import variables
from otlp_forwarder.aws import Scope, scope_of
from otlp_forwarder.values import HOW_TO_WRITE_A_URL, SettingsError
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
        endpoint: URL of an OTLP/HTTP collector, with the meaning of OTEL_EXPORTER_OTLP_ENDPOINT
            (https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp),
            except that the path of traces is not appended to a path that ends so.
        traces_endpoint: Whole URL for traces, in place of the endpoint.
        headers_secret: ARN of a Secrets Manager secret or an SSM parameter with headers.
        headers: Headers that are no secret, with names in lower case.
        compression: ``gzip`` or ``none``.
        timeout: Longest time of one try, in milliseconds.
        certificate: File, or ARN of a secret or parameter, with the authorities' certificates.
        client_certificate: The same with the certificate that is shown to the collector.
        client_key: The same with its private key.
        sigv4_service: AWS service that requests are signed for.
        sigv4_region: Region that they are signed for.
        allowed_endpoints: URLs that a log record may name as its own endpoint.
        allowed_headers: Names, in lower case, of headers that a log record may set.
        redrive_queue: URL of the queue for what may be delivered later.
        dead_letter_queue: URL of the queue for what the collector refused.
        overflow_bucket: Name of the bucket for what of it is too large for a queue.
        max_request_bytes: Size of one request before compression, in bytes.
        parallel_requests: Requests that are under way at once.
        span_metrics: Most pairs of service and root span that get metrics; 0: none are counted.
        https_proxy: URL of the proxy for ``https://``.
        http_proxy: URL of the proxy for ``http://``.
        no_proxy: Hosts that are reached without a proxy, separated by commas.
        aws_region: The function's own region.
        max_unpacked_bytes: Size up to which one compressed piece of input is unpacked, in bytes;
            anything larger is malformed. Default 32 MiB.
    """

    endpoint: str | None = None
    traces_endpoint: str | None = None
    headers_secret: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    compression: str = str(variables.COMPRESSION.default)
    timeout: int = int(variables.TIMEOUT.default or 0)
    certificate: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    sigv4_service: str | None = None
    sigv4_region: str | None = None
    allowed_endpoints: frozenset[str] = frozenset()
    allowed_headers: frozenset[str] = frozenset()
    redrive_queue: str | None = None
    dead_letter_queue: str | None = None
    overflow_bucket: str | None = None
    max_request_bytes: int = int(variables.MAX_REQUEST_BYTES.default or 0)
    parallel_requests: int = int(variables.PARALLEL_REQUESTS.default or 0)
    span_metrics: int = int(variables.SPAN_METRICS.default or 0)
    https_proxy: str | None = None
    http_proxy: str | None = None
    no_proxy: str = ""
    aws_region: str | None = None
    max_unpacked_bytes: int = 32 * MIB

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> ForwarderSettings:
        """Read the settings from environment variables.

        Args:
            environ: The process environment, or a stand-in for it.

        Raises:
            SettingsError: No endpoint is set, or a value is not accepted.
        """
        values: dict[str, Any] = {variable.field: variable.read(environ) for variable in VARIABLES}
        base, whole = variables.ENDPOINT, variables.TRACES_ENDPOINT
        if not values[base.field] and not values[whole.field]:
            raise SettingsError(base.name, f"is not set; {HOW_TO_WRITE_A_URL}")
        if base.source(environ) == base.name and whole.source(environ) != whole.name:
            # The forwarder's own variable wins over one that is meant for any exporter.
            values[whole.field] = None
        settings = cls(**values)
        if settings.sigv4_service and not settings.signed_for:
            raise SettingsError(
                variables.SIGV4_REGION.name,
                f"is not set, but {variables.SIGV4_SERVICE.name} is; give the region of the "
                f"endpoint, for example eu-west-1",
            )
        return settings

    @property
    def traces_url(self) -> str:
        """The URL that requests go to."""
        return self.traces_endpoint or traces_url(self.endpoint or "")

    @property
    def signed_for(self) -> Scope | None:
        """What requests are signed for; None: they are not signed."""
        found = scope_of(self.traces_url)
        service = self.sigv4_service or (found.service if found else None)
        region = self.sigv4_region or (found.region if found else self.aws_region)
        return Scope(service, region) if service and region else None


def traces_url(endpoint: str) -> str:
    """Return the URL of traces for the endpoint that a vendor publishes.

    Args:
        endpoint: A base URL, or one that has the path of traces already.
    """
    url = urlsplit(endpoint)
    path = url.path.rstrip("/").removesuffix(TRACES_PATH) + TRACES_PATH
    return url._replace(path=path).geturl()
