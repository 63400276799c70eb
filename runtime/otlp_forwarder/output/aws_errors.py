"""Read errors of AWS's services: many of them have status 400, and only their name says more."""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import Any


class AwsError(Enum):
    """What an error of AWS's is about, whatever its status."""

    REFUSED = (
        "an AWS error of credentials, signature, time or permission, such as "
        "`ExpiredTokenException`, with any status"
    )
    PASSING = "an AWS error that passes, such as `ThrottlingException`, with any status"
    MISDIRECTED = "an AWS error of address or account, such as `OptInRequired`, with any status"


#: Names without their ending. Sources:
#: https://docs.aws.amazon.com/xray/latest/api/CommonErrors.html
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
#: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_NAMES = {
    AwsError.REFUSED: (
        *("AccessDenied", "AuthFailure", "ExpiredToken", "Forbidden", "IncompleteSignature"),
        *("InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignature", "InvalidToken"),
        *("MissingAuthenticationToken", "NotAuthorized", "RequestExpired", "RequestInTheFuture"),
        *("RequestTimeTooSkewed", "SignatureDoesNotMatch", "TokenRefreshRequired"),
        *("Unauthorized", "UnrecognizedClient"),
    ),
    AwsError.PASSING: (
        *("BandwidthLimitExceeded", "EC2Throttled", "InternalFailure", "InternalServer"),
        *("LimitExceeded", "PriorRequestNotComplete", "ProvisionedThroughputExceeded"),
        *("RequestAborted", "RequestLimitExceeded", "RequestThrottled", "RequestTimeout"),
        *("ServiceUnavailable", "SlowDown", "Throttled", "Throttling", "TooManyRequests"),
        "TransactionInProgress",
    ),
    AwsError.MISDIRECTED: (
        *("InvalidAction", "MissingAction", "OptInRequired", "ResourceNotFound"),
        *("SubscriptionRequired", "UnknownOperation"),
    ),
}
_ABOUT = {name: about for about, names in _NAMES.items() for name in names}
_ENDING = re.compile(r"(Exception|Error)$")
#: In "aws.protocols#ThrottlingException:http://internal.example/".
_NAME = re.compile(r"(?:[^#:]*#)?(\w+)")
#: What does not look at the kind of a request may answer in XML.
_XML_CODE = re.compile(rb"<Code>\s*(\w+)")
_XML_ROOT = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?<(\w+)")


def aws_error(header: str, body: bytes) -> AwsError | None:
    """Return what an error is about, or None if it has no name of AWS's that says so.

    Source: https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization

    Args:
        header: Its header ``X-Amzn-ErrorType``, or nothing.
        body: Its body, in JSON or XML.
    """
    for said in (header, *_names_in(body)):
        if found := _NAME.match(said.strip()):
            return _ABOUT.get(_ENDING.sub("", found[1]))
    return None


def _names_in(body: bytes) -> list[str]:
    if body.lstrip()[:1] == b"<":
        found = _XML_CODE.search(body) or _XML_ROOT.match(body)
        return [found[1].decode()] if found else []
    try:
        fields: Any = json.loads(body)
    except (ValueError, RecursionError):
        return []
    inner = [fields.get(name) for name in ("error", "Error")] if isinstance(fields, dict) else []
    places = [each for each in (fields, *inner) if isinstance(each, dict)]
    names = (place.get(name) for place in places for name in ("__type", "code", "Code"))
    return [name for name in names if isinstance(name, str)]
