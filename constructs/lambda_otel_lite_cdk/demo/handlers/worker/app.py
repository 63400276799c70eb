"""Fulfil the orders that wait in a queue."""

from __future__ import annotations

import json
from typing import Any

from opentelemetry import trace

tracer = trace.get_tracer(__name__)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Fulfil a batch of orders; what failed goes back to the queue, the rest does not."""
    failures = []
    for record in event["Records"]:
        try:
            _fulfil(record)
        except (ValueError, KeyError, TypeError):
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def _fulfil(record: dict[str, Any]) -> None:
    with tracer.start_as_current_span("fulfil order") as span:
        order = json.loads(record["body"])
        span.set_attributes({"order.id": order["id"], "order.item": order["item"]})
