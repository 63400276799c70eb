"""Every environment variable of the forwarder, declared once as data.

The reading, the error messages and the table in docs/forwarder.md come from `VARIABLES`. A new
setting is one row here and one field of the same name in
`otlp_forwarder.settings.ForwarderSettings`.

This module and what it imports (`values`, `headers`) are the only ones that the CDK construct
imports: so what the construct sets is what the function reads, and what the function refuses is
refused at synth.
"""

from __future__ import annotations

from otlp_forwarder.values import Kind, Variable

MIB = 1024 * 1024


def _exporter(name: str) -> tuple[str, ...]:
    """Return the names under which OpenTelemetry's own exporters know a setting.

    The one for traces goes before the one for all signals. Source:
    https://opentelemetry.io/docs/specs/otel/protocol/exporter/#configuration-options
    """
    return (f"OTEL_EXPORTER_OTLP_TRACES_{name}", f"OTEL_EXPORTER_OTLP_{name}")


ENDPOINT = Variable(
    name="OTLP_FORWARDER_ENDPOINT",
    kind=Kind.URL,
    meaning="URL of the collector; `/v1/traces` is appended to its path unless it ends so.",
    also=("OTEL_EXPORTER_OTLP_ENDPOINT",),
)
TRACES_ENDPOINT = Variable(
    name="OTLP_FORWARDER_TRACES_ENDPOINT",
    kind=Kind.URL,
    meaning="Whole URL for traces, taken as it is; one of the two must be set.",
    also=("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",),
)
HEADERS_SECRET = Variable(
    name="OTLP_FORWARDER_HEADERS_SECRET",
    kind=Kind.ARN,
    meaning="ARN of the Secrets Manager secret or SSM parameter that holds the request headers.",
)
HEADERS = Variable(
    name="OTLP_FORWARDER_HEADERS",
    kind=Kind.HEADERS,
    meaning="Request headers that are no secret; those of the secret win.",
    also=_exporter("HEADERS"),
)
COMPRESSION = Variable(
    name="OTLP_FORWARDER_COMPRESSION",
    kind=Kind.CHOICE,
    meaning="How requests are compressed; where gzip is refused, `none` is tried.",
    also=_exporter("COMPRESSION"),
    default="gzip",
    choices=("gzip", "none"),
)
TIMEOUT = Variable(
    name="OTLP_FORWARDER_TIMEOUT",
    kind=Kind.NUMBER,
    meaning="Longest time that one try may take.",
    also=_exporter("TIMEOUT"),
    # https://opentelemetry.io/docs/specs/otel/protocol/exporter/#configuration-options
    default=10_000,
    least=1,
    most=300_000,
    unit="milliseconds",
)
CERTIFICATE = Variable(
    name="OTLP_FORWARDER_CERTIFICATE",
    kind=Kind.PEM,
    meaning="Certificates of the authorities that the collector's certificate is checked against, "
    "in PEM, in place of the usual ones.",
    also=_exporter("CERTIFICATE"),
)
CLIENT_CERTIFICATE = Variable(
    name="OTLP_FORWARDER_CLIENT_CERTIFICATE",
    kind=Kind.PEM,
    meaning="Certificate, in PEM, that the forwarder shows to the collector (mTLS); a private key "
    "may stand beside it.",
    also=_exporter("CLIENT_CERTIFICATE"),
)
CLIENT_KEY = Variable(
    name="OTLP_FORWARDER_CLIENT_KEY",
    kind=Kind.PEM,
    meaning="Private key of that certificate, in PEM, where it is kept by itself.",
    also=_exporter("CLIENT_KEY"),
)
SIGV4_SERVICE = Variable(
    name="OTLP_FORWARDER_SIGV4_SERVICE",
    kind=Kind.NAME,
    meaning="AWS service that requests are signed for with the function's role; default: `xray` "
    "if the endpoint is CloudWatch's, else requests are not signed.",
)
SIGV4_REGION = Variable(
    name="OTLP_FORWARDER_SIGV4_REGION",
    kind=Kind.NAME,
    meaning="Region that requests are signed for; default: the one in CloudWatch's endpoint, else "
    "the function's.",
)
ALLOWED_ENDPOINTS = Variable(
    name="OTLP_FORWARDER_ALLOWED_ENDPOINTS",
    kind=Kind.URLS,
    meaning="Whole URLs that a log record may choose by its `endpoint`.",
)
ALLOWED_HEADERS = Variable(
    name="OTLP_FORWARDER_ALLOWED_HEADERS",
    kind=Kind.HEADER_NAMES,
    meaning="Headers that a log record may set by its `headers`.",
)
REDRIVE_QUEUE = Variable(
    name="OTLP_FORWARDER_REDRIVE_QUEUE",
    kind=Kind.QUEUE_URL,
    meaning="Queue for what is tried again later; without it an event that was delivered in part "
    "fails as a whole.",
)
DEAD_LETTER_QUEUE = Variable(
    name="OTLP_FORWARDER_DEAD_LETTER_QUEUE",
    kind=Kind.QUEUE_URL,
    meaning="Queue for what the collector refuses; without it the event fails.",
)
#: What the keys of the objects there begin with.
OVERFLOW_FOLDER = "otlp-forwarder/"
OVERFLOW_BUCKET = Variable(
    name="OTLP_FORWARDER_OVERFLOW_BUCKET",
    kind=Kind.BUCKET,
    meaning="S3 bucket for what the collector refuses and fits into no message of 1 MiB; without "
    "it such a span is lost, and counted as `Malformed`.",
)
MAX_REQUEST_BYTES = Variable(
    name="OTLP_FORWARDER_MAX_REQUEST_BYTES",
    kind=Kind.NUMBER,
    meaning="Size of one request before compression.",
    # What the OpenTelemetry Collector's gRPC receiver accepts by default, the smallest of the
    # common limits: https://github.com/open-telemetry/opentelemetry-collector/blob/main/config/configgrpc/README.md
    default=4 * MIB,
    least=1,
    most=64 * MIB,
    unit="bytes",
)
PARALLEL_REQUESTS = Variable(
    name="OTLP_FORWARDER_PARALLEL_REQUESTS",
    kind=Kind.NUMBER,
    meaning="Requests that are under way at once.",
    default=4,
    least=1,
    most=64,
    unit="requests",
)
SPAN_METRICS = Variable(
    name="OTLP_FORWARDER_SPAN_METRICS",
    kind=Kind.NUMBER,
    meaning="Most pairs of service and root span that get metrics of their own: calls, errors and "
    "duration; all others share the pair `other`. 0: none are counted.",
    default=0,
    least=0,
    most=1000,
    unit="pairs",
)
HTTPS_PROXY = Variable(
    name="HTTPS_PROXY",
    kind=Kind.PROXY,
    meaning="Proxy for `https://` endpoints.",
    also=("https_proxy",),
)
HTTP_PROXY = Variable(
    name="HTTP_PROXY",
    kind=Kind.PROXY,
    meaning="Proxy for `http://` endpoints.",
    also=("http_proxy",),
)
NO_PROXY = Variable(
    name="NO_PROXY",
    kind=Kind.HOSTS,
    meaning="Hosts, domains, addresses and networks (CIDR) that are reached without a proxy; `*`: "
    "all.",
    also=("no_proxy",),
)
AWS_REGION = Variable(
    name="AWS_REGION",
    kind=Kind.NAME,
    meaning="The function's region, which Lambda sets.",
)

VARIABLES = (
    ENDPOINT,
    TRACES_ENDPOINT,
    HEADERS_SECRET,
    HEADERS,
    COMPRESSION,
    TIMEOUT,
    CERTIFICATE,
    CLIENT_CERTIFICATE,
    CLIENT_KEY,
    SIGV4_SERVICE,
    SIGV4_REGION,
    ALLOWED_ENDPOINTS,
    ALLOWED_HEADERS,
    REDRIVE_QUEUE,
    DEAD_LETTER_QUEUE,
    OVERFLOW_BUCKET,
    MAX_REQUEST_BYTES,
    PARALLEL_REQUESTS,
    SPAN_METRICS,
    HTTPS_PROXY,
    HTTP_PROXY,
    NO_PROXY,
    AWS_REGION,
)
