"""Verify signatures as AWS does: signed again by botocore, and compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.receiver import Answer, Received

KEY, SECRET, TOKEN = (
    "AKIDEXAMPLE",
    "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "IQoJb3JpZ2luX2Vj//==",
)


def signed_by_botocore(  # noqa: PLR0913 - all but four are by keyword
    url: str,
    headers: dict[str, str],
    body: bytes,
    timestamp: str,
    *,
    service: str,
    region: str,
    token: str,
) -> str:
    """Return the Authorization header that botocore gives a request."""
    request = AWSRequest("POST", url, headers=headers, data=body)
    # As botocore's `add_auth` does it, at another time than now.
    request.context["timestamp"] = timestamp
    signer = SigV4Auth(Credentials(KEY, SECRET, token or None), service, region)
    signer._modify_request_before_signing(request)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(text, request))
    return str(request.headers["Authorization"])


def refusal(
    received: Received,
    origin: str,
    *,
    region: str = "eu-west-1",
    now: datetime | None = None,
    status: int = 403,
) -> Answer | None:
    """Answer a request that is not signed by the test's role now, with AWS's words; else None.

    Args:
        received: The request.
        origin: Scheme, host and port that it was sent to.
        region: The receiver's region.
        now: The receiver's time.
        status: The answer's status: services give the same error by 400 or by 403.
    """
    now = now or datetime.now(UTC)
    headers, stamp = received.headers, received.headers.get("x-amz-date", "")
    if "authorization" not in headers:
        return _answer("MissingAuthenticationToken", "Missing Authentication Token", now, status)
    sent = datetime.strptime(stamp, SIGV4_TIMESTAMP).replace(tzinfo=UTC)
    if abs(now - sent) > timedelta(minutes=5):
        least, most = (f"{t:{SIGV4_TIMESTAMP}}" for t in (now - timedelta(minutes=5), now))
        words = f"Signature expired: {stamp} is now earlier than {least} ({most} - 5 min.)"
        return _answer("InvalidSignatureException", words, now, status)
    names = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    expected = signed_by_botocore(
        origin + received.path,
        {name: headers[name] for name in names if not name.startswith("x-amz")},
        received.sent,
        stamp,
        service="xray",
        region=region,
        token=TOKEN,
    )
    if headers["authorization"] != expected or headers.get("x-amz-security-token") != TOKEN:
        return _answer("InvalidSignatureException", "The signature does not match.", now, status)
    return None


def _answer(kind: str, words: str, now: datetime, status: int) -> Answer:
    body = f'{{"__type": "{kind}", "message": "{words}"}}'.encode()
    headers = {"Content-Type": "application/json", "Date": f"{now:%a, %d %b %Y %H:%M:%S GMT}"}
    return Answer(status, headers, body)


#: What CloudWatch takes, as its page has it; a megabyte is taken for the smaller one.
#: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html
DAY = 24 * 3600 * 10**9


def over_limits(received: Received, now: int) -> Answer | None:
    """Answer a request that CloudWatch rejects by its size or times; else None.

    Args:
        received: The request.
        now: The receiver's time, in nanoseconds since 1970.
    """
    request = ExportTraceServiceRequest.FromString(received.body)
    spans = received.spans
    shared = [
        resource.resource.ByteSize() + scope.scope.ByteSize()
        for resource in request.resource_spans
        for scope in resource.scope_spans
    ]
    first = min(span.start_time_unix_nano for span in spans)
    last = max(span.end_time_unix_nano for span in spans)
    broken = (
        len(received.body) > 5_000_000
        or len(spans) > 10_000
        or max(shared) > 16 * 1024
        or max(span.ByteSize() for span in spans) > 200 * 1024
        or first < now - 14 * DAY
        or last > now + DAY // 12
        or last - first > DAY
    )
    return Answer(400, body=b'{"message": "over a limit"}') if broken else None
