"""Which requests AWS wants signed, and clients of its services."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

#: The service that CloudWatch's endpoint for traces belongs to.
CLOUDWATCH = "xray"

#: What hosts of AWS end in: each partition's suffix, then its dual-stack suffix. Source:
#: https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json
_SUFFIXES = (
    *("amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "c2s.ic.gov", "sc2s.sgov.gov"),
    *("cloud.adc-e.uk", "csp.hci.ic.gov"),
    *("api.aws", "api.amazonwebservices.com.cn", "api.amazonwebservices.eu", "api.aws.ic.gov"),
    *("api.aws.scloud", "api.cloud-aws.adc-e.uk", "api.aws.hci.ic.gov"),
)
#: CloudWatch's endpoint for traces, as FIPS host too, and behind an interface endpoint of a VPC.
#: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html
#: https://docs.aws.amazon.com/general/latest/gr/xray.html
#: https://docs.aws.amazon.com/xray/latest/devguide/xray-security-vpc-endpoint.html
_HOST = re.compile(
    r"(?:vpce-[a-z0-9-]+\.)?xray(?:-fips)?\.(?P<region>[a-z]+(?:-[a-z]+)+-\d+)\.(?:vpce\.)?"
    rf"(?:{'|'.join(map(re.escape, _SUFFIXES))})"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature is for.

    Args:
        service: An AWS service, such as ``xray``.
        region: A region, such as ``eu-west-1``.
    """

    service: str
    region: str


def scope_of(url: str) -> Scope | None:
    """Return what requests to a URL have to be signed for, or None if it is not CloudWatch's.

    Args:
        url: An endpoint.
    """
    found = _HOST.fullmatch(urlsplit(url).hostname or "")
    return Scope(CLOUDWATCH, found["region"]) if found else None


def client(service: str, region: str | None = None) -> Any:
    """Return boto3's client of a service, one whose calls end soon.

    A call takes six seconds and its back-off at most: an invocation has to end in time, whatever a
    service or the way to it does.

    Args:
        service: An AWS service, such as ``sqs``.
        region: A region. Default: the function's.
    """
    import boto3  # noqa: PLC0415 - a part of Lambda's Python runtime, slow to import
    from botocore.config import Config  # noqa: PLC0415 - as above

    config = Config(
        connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}
    )
    return boto3.client(service, region_name=region, config=config)
