"""Take an order, as a function does that knows of nothing but X-Ray."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import boto3
from aws_lambda_powertools import Tracer
from aws_xray_sdk.core import xray_recorder

tracer = Tracer()
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


@tracer.capture_method
def charge(order: dict[str, Any]) -> dict[str, Any]:
    """Charge the customer."""
    if order["amount"] <= 0:
        raise ValueError(f"{order['amount']} cannot be charged")
    tracer.put_annotation("currency", "EUR")
    return {"charged": order["amount"]}


@xray_recorder.capture_async("notify")
async def notify(whom: str) -> None:
    """Tell somebody."""
    xray_recorder.put_annotation("whom", whom)
    await asyncio.sleep(0)


async def notify_all() -> None:
    """Tell everybody at once."""
    await asyncio.gather(notify("customer"), notify("warehouse"))


@tracer.capture_lambda_handler
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take an order."""
    charged = charge(event)
    with xray_recorder.in_subsegment("store") as subsegment:
        table.put_item(Item={"id": event["id"], "amount": event["amount"]})
        subsegment.put_metadata("order", event)
    asyncio.run(notify_all())
    return charged
