"""Take orders by HTTP and put them in a queue."""

from __future__ import annotations

import json
import os
import uuid
from functools import cache
from typing import Any

import boto3
from opentelemetry import propagate, trace

tracer = trace.get_tracer(__name__)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Serve ``POST /orders`` and ``GET /orders/{id}``."""
    if event["routeKey"] == "POST /orders":
        return _place(event.get("body") or "")
    return _look_up(event["pathParameters"]["id"])


def _place(body: str) -> dict[str, Any]:
    try:
        item = json.loads(body)["item"]
    except (ValueError, KeyError, TypeError):
        return _response(400, {"error": 'the body must be like {"item": "tea"}'})
    order = {"id": str(uuid.uuid4()), "item": item}
    with tracer.start_as_current_span("enqueue order", kind=trace.SpanKind.PRODUCER) as span:
        span.set_attribute("order.id", order["id"])
        # The worker goes on with this trace: its context travels as message attributes.
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        _sqs().send_message(
            QueueUrl=os.environ["ORDER_QUEUE_URL"],
            MessageBody=json.dumps(order),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in carrier.items()
            },
        )
    return _response(202, order)


def _look_up(order_id: str) -> dict[str, Any]:
    try:
        uuid.UUID(order_id)
    except ValueError:
        return _response(404, {"error": f"there is no order {order_id!r}"})
    return _response(200, {"id": order_id, "status": "accepted"})


@cache
def _sqs() -> Any:
    return boto3.client("sqs")


def _response(status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body),
    }
