"""A function that knows nothing of telemetry."""

from __future__ import annotations

from typing import Any


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take an order."""
    return {"statusCode": 202, "body": event.get("body", "")}
