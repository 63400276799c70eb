"""Unpack what CloudWatch Logs sends to a subscriber, whether function or stream.

The data is base64 of gzip of a JSON object with ``messageType`` and ``logEvents``. Source:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
"""

from __future__ import annotations

import json
from typing import Any

from otlp_forwarder.input.compression import unpack
from otlp_forwarder.input.malformed import MalformedError


def log_messages(data: object, limit: int) -> list[Any]:
    """Return the messages of a log batch, in their order.

    Args:
        data: What should be the batch in base64; any value is allowed.
        limit: Most bytes that it is unpacked to.

    Returns:
        One message for each log event, whatever it is; none for the control message with which
        CloudWatch Logs checks that it can reach the subscriber.

    Raises:
        MalformedError: The data is not a log batch.
    """
    match parse_json(unpack(data, limit)):
        case {"messageType": "CONTROL_MESSAGE"}:
            return []
        case {"messageType": "DATA_MESSAGE", "logEvents": [*log_events]}:
            return [e.get("message") if isinstance(e, dict) else None for e in log_events]
        case _:
            raise MalformedError("data is not of CloudWatch Logs")


def parse_json(text: str | bytes) -> Any:
    """Parse JSON that may be hostile.

    Args:
        text: What should be JSON.

    Raises:
        MalformedError: It is not JSON, or is nested deeper than the interpreter's stack.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedError("not JSON") from error
