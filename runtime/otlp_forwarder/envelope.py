"""Unpack the event that a CloudWatch Logs subscription invokes the forwarder with.

Source: CloudWatch Logs user guide, "Log group-level subscription filters": ``awslogs.data`` is
base64 of gzip of a JSON object with ``messageType`` and ``logEvents``.
"""

from __future__ import annotations

import json
from typing import Any

from otlp_forwarder.compression import unpack
from otlp_forwarder.malformed import MalformedError


def log_messages(event: Any, limit: int) -> list[Any]:
    """Return the messages of a subscription event, in their order.

    Args:
        event: The invocation's event, as CloudWatch Logs or anybody else sent it.
        limit: Most bytes that the event's data is unpacked to.

    Returns:
        One message for each log event, whatever it is; none for the control message by which
        CloudWatch Logs checks that the forwarder can be reached.

    Raises:
        MalformedError: The event is no subscription event.
    """
    match event:
        case {"awslogs": {"data": data}}:
            batch = parse_json(unpack(data, limit))
        case _:
            raise MalformedError("event is not of CloudWatch Logs")
    match batch:
        case {"messageType": "CONTROL_MESSAGE"}:
            return []
        case {"messageType": "DATA_MESSAGE", "logEvents": [*log_events]}:
            return [e.get("message") if isinstance(e, dict) else None for e in log_events]
        case _:
            raise MalformedError("data is not of CloudWatch Logs")


def parse_json(text: str | bytes) -> Any:
    """Parse JSON that may have been written to do harm.

    Args:
        text: What should be JSON.

    Raises:
        MalformedError: It is not, or is nested deeper than the interpreter's stack.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedError("not JSON") from error
