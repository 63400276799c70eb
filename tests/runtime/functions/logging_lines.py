"""Logs within its spans and before there is one."""

import logging
from typing import Any

from opentelemetry import trace

logger = logging.getLogger("orders")
logger.warning("loaded")


def handler(event: Any, context: Any) -> Any:
    """Log one line in the handler's span and one in a span of its own."""
    del context
    logger.warning("received %s", event["id"])
    with trace.get_tracer("orders").start_as_current_span("charge"):
        logger.warning("charged %s", event["id"], extra={"amount": 7})
    return event
