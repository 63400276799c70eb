"""Forward one event: event → records → requests → responses → result."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otlp_forwarder.counts import Counts
from otlp_forwarder.input.events import Source, read_event
from otlp_forwarder.input.malformed import Malformed
from otlp_forwarder.input.records import Record, read_records
from otlp_forwarder.output.destination import Router
from otlp_forwarder.output.limits import keep_limits
from otlp_forwarder.output.merge import merge
from otlp_forwarder.output.sender import Outcome, send_all
from otlp_forwarder.result.resolve import resolve

if TYPE_CHECKING:
    from otlp_forwarder.output.delivery import CollectorClient
    from otlp_forwarder.result.queues import Queue
    from otlp_forwarder.settings import ForwarderSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """What became of an event.

    Args:
        source: Who sent it.
        counts: What was counted.
        failures: Names of the items that the platform must keep.
        reason: Why the first of them failed.
    """

    source: Source
    counts: Counts
    failures: list[str]
    reason: str


class Forwarder:
    """Forward events; one forwarder serves all invocations of an environment.

    Args:
        settings: The limits of input and requests.
        client: Sends requests.
        redrive: For what may be delivered later.
        dead_letters: For what the collector refused.
    """

    def __init__(
        self,
        settings: ForwarderSettings,
        client: CollectorClient,
        redrive: Queue,
        dead_letters: Queue,
    ) -> None:
        self._settings = settings
        self._router = Router(settings)
        self._client = client
        self._redrive = redrive
        self._dead_letters = dead_letters

    def forward(self, event: Any, seconds: float) -> Result:
        """Forward the log records of one event.

        Args:
            event: The event, as CloudWatch Logs, Kinesis, SQS or anybody else sent it.
            seconds: The time that is left for delivery.
        """
        deadline = self._client.clock() + seconds
        settings, counts = self._settings, Counts()
        batch = read_event(event)
        # Each step takes from the one before as it needs, so that memory holds a few requests,
        # whatever the event holds.
        records = _count_records(read_records(batch, settings.max_unpacked_bytes), counts)
        parts = ((self._router.destination(r.fields), part) for r in records for part in r.parts)
        requests = merge(keep_limits(parts, time.time_ns()), self._router.request_bytes)
        outcomes = list(send_all(requests, self._client, deadline, settings.parallel_requests))
        for outcome in outcomes:
            counts.add(outcome.counts)
        _warn_of_malformed(counts)
        kept = resolve(batch.source, outcomes, self._redrive, self._dead_letters)
        return Result(
            source=batch.source,
            counts=counts,
            failures=[batch.items[item].name for item in sorted(kept)],
            reason=_reason(outcomes),
        )

    def close(self) -> None:
        """Close the connections to the collector."""
        self._client.close()


def _count_records(read: Iterable[Record | Malformed], counts: Counts) -> Iterator[Record]:
    """Yield the log records, and count them and what is none."""
    for each in read:
        if isinstance(each, Malformed):
            counts.malformed[each.reason] += 1
        else:
            counts.records += 1
            yield each


def _warn_of_malformed(counts: Counts) -> None:
    if counts.malformed:
        reasons = ", ".join(f"{reason} ({n})" for reason, n in counts.malformed.most_common())
        logger.warning("left out %d malformed: %s", counts.malformed.total(), reasons)


def _reason(outcomes: list[Outcome]) -> str:
    reasons = [left.reason for outcome in outcomes for left in outcome.undelivered]
    return f"{len(reasons)} requests were not delivered: {reasons[0]}" if reasons else ""
