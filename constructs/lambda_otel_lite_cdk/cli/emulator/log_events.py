"""Take the place of CloudWatch Logs: hand a log group's log records to its subscriber.

Source: CloudWatch Logs user guide, "Log group-level subscription filters": ``awslogs.data`` is
base64 of gzip of a JSON object with ``messageType`` and ``logEvents``.
"""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Iterable
from typing import Any

from lambda_otel_lite_cdk.cli.emulator.environment import PSEUDO_PARAMETERS
from lambda_otel_lite_cdk.cli.traces.records import MARKER


def subscription_event(log_group: str, lines: Iterable[str]) -> dict[str, Any]:
    """Return the event with which a subscription invokes a function.

    Args:
        log_group: Name of the log group.
        lines: All that was logged; the subscription filter keeps the log records.
    """
    now = time.time_ns() // 1_000_000
    batch = {
        "messageType": "DATA_MESSAGE",
        "owner": PSEUDO_PARAMETERS["AWS::AccountId"],
        "logGroup": log_group,
        "logStream": "local/[$LATEST]",
        "subscriptionFilters": ["TelemetryFilter"],
        "logEvents": [
            {"id": f"{number:056}", "timestamp": now, "message": line}
            for number, line in enumerate(line for line in lines if MARKER in line)
        ],
    }
    packed = gzip.compress(json.dumps(batch).encode())
    return {"awslogs": {"data": base64.b64encode(packed).decode("ascii")}}
