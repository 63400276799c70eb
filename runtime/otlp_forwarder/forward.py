"""Forward one event: items → records → merged requests → collector, and what is left to a queue."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otlp_forwarder.counts import Counts
from otlp_forwarder.input.events import Batch, Item, Source, messages, read_event
from otlp_forwarder.input.malformed import MalformedError
from otlp_forwarder.input.records import Part, read_parts, read_record
from otlp_forwarder.output.destination import Destination, Router
from otlp_forwarder.output.merge import merge
from otlp_forwarder.output.sender import Outcome, send_all
from otlp_forwarder.result.settle import settle

if TYPE_CHECKING:
    from otlp_forwarder.output.delivery import Collector
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
    """Forward events; one of it serves an environment's invocations, one after the other.

    Args:
        settings: The bounds of input and requests.
        collector: Where requests go.
        redrive: For what may be delivered later.
        dead_letters: For what the collector refused.
    """

    def __init__(
        self,
        settings: ForwarderSettings,
        collector: Collector,
        redrive: Queue,
        dead_letters: Queue,
    ) -> None:
        self._settings = settings
        self._router = Router(settings)
        self._collector = collector
        self._redrive = redrive
        self._dead_letters = dead_letters

    def forward(self, event: Any, seconds: float) -> Result:
        """Forward the records of one event.

        Args:
            event: The event, as CloudWatch Logs, Kinesis, SQS or anybody else sent it.
            seconds: The time that is left for delivery.
        """
        deadline = self._collector.clock() + seconds
        counts = Counts()
        try:
            batch = read_event(event)
        except MalformedError as error:
            counts.malformed[str(error)] += 1
            batch = Batch(Source.SUBSCRIPTION, [])
        # Unpacked, merged and sent piece by piece: memory holds a few requests, whatever the event.
        requests = merge(self._parts(batch, counts), self._settings.max_request_bytes)
        parallel = self._settings.parallel_requests
        outcomes = list(send_all(requests, self._collector, deadline, parallel))
        for outcome in outcomes:
            counts.add(outcome.counts)
            counts.rejected += _spans(outcome.refused)
            counts.undelivered += _spans(outcome.undelivered)
        if counts.malformed:
            reasons = ", ".join(f"{reason} ({n})" for reason, n in counts.malformed.most_common())
            logger.warning("left out %d malformed: %s", counts.malformed.total(), reasons)
        kept = settle(batch.source, outcomes, self._redrive, self._dead_letters)
        return Result(
            source=batch.source,
            counts=counts,
            failures=[batch.items[item].name for item in sorted(kept)],
            reason=_reason(outcomes),
        )

    def _parts(self, batch: Batch, counts: Counts) -> Iterator[tuple[Destination, Part]]:
        for number, item in enumerate(batch.items):
            yield from self._parts_of(item, number, counts)

    def _parts_of(
        self, item: Item, number: int, counts: Counts
    ) -> Iterator[tuple[Destination, Part]]:
        """Yield the parts of an item with their destinations, counting what there is.

        An item comes from one log stream: what its records unpack to together is bounded, so that
        nobody's records can take up more than their item's share of time and memory.
        """
        limit = self._settings.max_unpacked_bytes
        try:
            found = messages(item, limit)
        except MalformedError as error:
            counts.malformed[str(error)] += 1
            return
        for message in found:
            try:
                record = read_record(message)
                parts = read_parts(record, number, limit)
            except MalformedError as error:
                counts.malformed[str(error)] += 1
                continue
            counts.records += 1
            limit -= sum(len(part.data) for part in parts)
            destination = self._router.destination(record)
            yield from ((destination, part) for part in parts)


def _spans(requests: list[tuple[Any, str]]) -> int:
    return sum(part.spans for request, _ in requests for part in request.parts)


def _reason(outcomes: list[Outcome]) -> str:
    reasons = [why for o in outcomes for _, why in [*o.undelivered, *o.refused]]
    return f"{len(reasons)} requests were not delivered: {reasons[0]}" if reasons else ""
