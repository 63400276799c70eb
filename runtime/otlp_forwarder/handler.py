"""The forwarder's Lambda handler."""

from __future__ import annotations

import functools
import os
from typing import Any, Protocol

from otlp_forwarder.delivery import Collector
from otlp_forwarder.forward import forward
from otlp_forwarder.settings import ForwarderSettings

#: Seconds kept back from the function's time to report failure before the platform ends it.
MARGIN = 1.0


class RemainingTime(Protocol):
    """The part of Lambda's context that the forwarder needs."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds before the platform ends the invocation."""


def handler(event: Any, context: RemainingTime) -> dict[str, int]:
    """Forward the records of one CloudWatch Logs subscription event.

    Input that can never be forwarded is counted, logged as one warning and left out. A request
    that could not be delivered fails the invocation, so that the platform invokes again with the
    same event or hands it to the dead-letter queue.

    Args:
        event: The subscription event.
        context: Lambda's context.

    Returns:
        Counts: ``records`` and ``requests`` delivered, ``malformed`` pieces of input left out.

    Raises:
        SettingsError: OTLP_FORWARDER_ENDPOINT is missing or no base URL.
        DeliveryError: The collector did not take everything.
    """
    settings, collector = _environment()
    counts = forward(
        event,
        settings,
        collector,
        lambda: context.get_remaining_time_in_millis() / 1000 - MARGIN,
    )
    return {
        "records": counts.records,
        "requests": counts.requests,
        "malformed": counts.malformed.total(),
    }


@functools.cache
def _environment() -> tuple[ForwarderSettings, Collector]:
    """Make what outlives an invocation: an environment handles many, one after the other."""
    settings = ForwarderSettings.from_environ(os.environ)
    return settings, Collector(settings.traces_url)
