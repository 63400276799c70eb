"""Forward one event: log batch → records → merged requests → collector."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otlp_forwarder.delivery import Collector, DeliveryError
from otlp_forwarder.envelope import log_messages
from otlp_forwarder.malformed import MalformedError
from otlp_forwarder.merge import merge
from otlp_forwarder.records import read_record

if TYPE_CHECKING:
    from otlp_forwarder.settings import ForwarderSettings

logger = logging.getLogger(__name__)


@dataclass
class Counts:
    """What one event held: records, requests made of them, malformed input by reason."""

    records: int = 0
    requests: int = 0
    malformed: Counter[str] = field(default_factory=Counter)


def forward(
    event: Any,
    settings: ForwarderSettings,
    collector: Collector,
    seconds_left: Callable[[], float],
) -> Counts:
    """Forward the records of one CloudWatch Logs subscription event.

    Args:
        event: The subscription event, as CloudWatch Logs or anybody else sent it.
        settings: The bounds of input and requests.
        collector: Where requests go.
        seconds_left: Returns the time that is left for delivery, in seconds.

    Returns:
        What was forwarded, and what was left out because it never can be.

    Raises:
        DeliveryError: The collector did not take everything. The other requests had their turn.
    """
    counts = Counts()
    failures = []
    # Unpacked, merged and sent piece by piece: memory holds one request, whatever the event does.
    for request in merge(
        _fields(event, settings.max_unpacked_bytes, counts), settings.max_request_bytes
    ):
        counts.requests += 1
        try:
            collector.deliver(request, seconds_left())
        except DeliveryError as error:
            failures.append(str(error))
    if counts.malformed:
        reasons = ", ".join(f"{reason} ({n})" for reason, n in counts.malformed.most_common())
        logger.warning("left out %d malformed: %s", counts.malformed.total(), reasons)
    if failures:
        raise DeliveryError(f"{len(failures)} of {counts.requests} requests failed: {failures[0]}")
    return counts


def _fields(event: Any, limit: int, counts: Counts) -> Iterator[bytes]:
    """Yield the serialized resource spans of all records, counting what there is."""
    try:
        messages = log_messages(event, limit)
    except MalformedError as error:
        counts.malformed[str(error)] += 1
        return
    for message in messages:
        try:
            fields = read_record(message, limit)
        except MalformedError as error:
            counts.malformed[str(error)] += 1
        else:
            counts.records += 1
            yield from fields
