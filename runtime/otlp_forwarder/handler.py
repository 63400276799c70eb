"""The forwarder's Lambda handler."""

from __future__ import annotations

import functools
import os
import sys
from typing import Any, Protocol

from otlp_forwarder.forward import Forwarder
from otlp_forwarder.input.events import Source
from otlp_forwarder.output.client import client_of
from otlp_forwarder.result.bucket import Bucket
from otlp_forwarder.result.metrics import metrics_line
from otlp_forwarder.result.queues import Queue
from otlp_forwarder.settings import ForwarderSettings

#: Seconds kept back from the function's time to hand over what was not delivered before the
#: platform ends the invocation, and the largest part of a short time that is kept back. In the
#: first part of it calls begin, in the rest the last of them ends.
MARGIN = 10.0
MARGIN_SHARE = 0.25
HANDOVER_SHARE = 0.35


class DeliveryError(Exception):
    """An event that was not delivered and that only the platform keeps."""


class Context(Protocol):
    """The part of Lambda's context that the forwarder needs.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    function_name: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds before the platform ends the invocation."""


def handler(event: Any, context: Context) -> dict[str, Any]:
    """Forward the log records of a CloudWatch Logs subscription, a Kinesis stream or an SQS queue.

    Input that can never be forwarded is counted, logged as one warning and left out. What could
    not be delivered and is in no queue fails the invocation, or is reported as failed items, so
    that the platform invokes again with it.

    Args:
        event: The event.
        context: Lambda's context.

    Returns:
        For a stream or a queue ``batchItemFailures``
        (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html); for
        anything else ``records``, ``spans``, ``requests`` and ``malformed``.

    Raises:
        SettingsError: An environment variable is missing or not accepted.
        DeliveryError: A subscription's event must be delivered again.
    """
    left = context.get_remaining_time_in_millis() / 1000
    margin = min(MARGIN, left * MARGIN_SHARE)
    result = forwarder().forward(event, left - margin, margin * HANDOVER_SHARE)
    counts = result.counts
    for line in (metrics_line(counts, context.function_name), *result.lines):
        sys.stdout.write(line)
    sys.stdout.flush()
    if result.source in {Source.STREAM, Source.QUEUE}:
        return {"batchItemFailures": [{"itemIdentifier": name} for name in result.failures]}
    if result.failures:
        raise DeliveryError(result.reason)
    return {
        "records": counts.records,
        "spans": counts.spans,
        "requests": counts.requests,
        "malformed": counts.malformed.total(),
    }


@functools.cache
def forwarder() -> Forwarder:
    """Make what outlives an invocation: an environment handles many, one after the other."""
    settings = ForwarderSettings.from_environ(os.environ)
    return Forwarder(
        settings,
        client_of(settings),
        redrive=Queue(settings.redrive_queue),
        dead_letters=Queue(settings.dead_letter_queue),
        overflow=Bucket(settings.overflow_bucket),
    )
