"""Forward one event: event → records → requests → responses → result."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otlp_forwarder.counts import Counts
from otlp_forwarder.input.events import Source, read_event
from otlp_forwarder.input.malformed import Malformed
from otlp_forwarder.input.records import Record, Unread, read_records
from otlp_forwarder.output.destination import Router
from otlp_forwarder.output.limits import keep_limits
from otlp_forwarder.output.merge import merge
from otlp_forwarder.output.refusals import Refusals
from otlp_forwarder.output.sender import send_all
from otlp_forwarder.result.bucket import Bucket
from otlp_forwarder.result.pile import Pile
from otlp_forwarder.result.resolve import Keepers

if TYPE_CHECKING:
    from otlp_forwarder.output.delivery import CollectorClient
    from otlp_forwarder.result.queues import Queue
    from otlp_forwarder.result.span_metrics import SpanMetrics
    from otlp_forwarder.settings import ForwarderSettings

logger = logging.getLogger(__name__)

#: Seconds after the time for delivery in which calls to queues may begin.
HANDOVER = 3.5
#: Different sayings of the collector about requests that it took that are logged.
MOST_NOTES = 5


@dataclass(frozen=True)
class Result:
    """What became of an event.

    Args:
        source: Who sent it.
        counts: What was counted.
        failures: Names of the items that the platform must keep.
        reason: Why the first of them failed.
        lines: Metrics of root spans, to be printed.
    """

    source: Source
    counts: Counts
    failures: list[str]
    reason: str
    lines: Sequence[str] = ()


class Forwarder:
    """Forward events; one forwarder serves all invocations of an environment.

    Args:
        settings: The limits of input and requests.
        client: Sends requests.
        redrive: For what may be delivered later.
        dead_letters: For what the collector refused.
        overflow: For what of it is too large for a queue. Default: nothing keeps it.
    """

    def __init__(
        self,
        settings: ForwarderSettings,
        client: CollectorClient,
        redrive: Queue,
        dead_letters: Queue,
        overflow: Bucket | None = None,
    ) -> None:
        self._settings = settings
        self._router = Router(settings)
        self._client = client
        self._refusals = Refusals(client.clock)
        self._keepers = Keepers(redrive, dead_letters, overflow or Bucket(None))
        self._span_metrics = _span_metrics(settings.span_metrics)

    def forward(self, event: Any, seconds: float, handover: float = HANDOVER) -> Result:
        """Forward the log records of one event.

        Args:
            event: The event, as CloudWatch Logs, Kinesis, SQS or anybody else sent it.
            seconds: The time that is left for delivery.
            handover: The time after that in which calls to queues may begin.
        """
        deadline = self._client.clock() + seconds
        settings, counts = self._settings, Counts()
        batch = read_event(event)
        unread: set[int] = set()
        # Each step takes from the one before as it needs, so that memory holds a few requests,
        # whatever the event holds.
        read = read_records(
            batch, settings.max_unpacked_bytes, lambda: self._client.clock() >= deadline
        )
        records = _count_records(read, counts, unread)
        tally = self._span_metrics and self._span_metrics.tally(batch.source)
        if tally:
            records = tally.watch(records)
        parts = ((self._router.destination(r.fields), part) for r in records for part in r.parts)
        requests = merge(keep_limits(parts, time.time_ns()), self._router.request_bytes)
        # What waits in the queue was perhaps put there again because the collector takes it now.
        again = batch.source is Source.QUEUE
        refusals = Refusals(self._client.clock) if again else self._refusals
        pile, done, notes = Pile(), set[int](), Counter[str]()
        for outcome in send_all(
            requests, self._client, deadline, settings.parallel_requests, refusals
        ):
            counts.add(outcome.counts)
            done |= outcome.delivered
            notes[outcome.note] += 1
            for undelivered in outcome.undelivered:
                pile.add(undelivered)
        _warn(counts, notes)
        kept = self._keepers.resolve(
            batch.source,
            pile,
            done=done,
            unread=unread,
            until=deadline + handover,
            counts=counts,
        )
        return Result(
            source=batch.source,
            counts=counts,
            failures=[batch.items[item].name for item in sorted(kept)],
            reason=f"{pile.requests} requests were not delivered: {pile.reason}"
            if pile.requests
            else "",
            lines=tally.lines(kept) if tally else (),
        )

    def close(self) -> None:
        """Close the connections to the collector."""
        self._client.close()


def _span_metrics(most: int) -> SpanMetrics | None:
    if not most:
        return None
    # Few forwarders count them, and the others do not import what does.
    from otlp_forwarder.result.span_metrics import SpanMetrics  # noqa: PLC0415

    return SpanMetrics(most)


def _count_records(
    read: Iterable[Record | Malformed | Unread], counts: Counts, unread: set[int]
) -> Iterator[Record]:
    """Yield the log records, count them and what is none, and note for what there was no time."""
    for each in read:
        if isinstance(each, Unread):
            unread.add(each.item)
        elif isinstance(each, Malformed):
            counts.malformed[each.reason] += 1
        else:
            counts.records += 1
            yield each


def _warn(counts: Counts, notes: Counter[str]) -> None:
    if counts.malformed:
        reasons = ", ".join(f"{reason} ({n})" for reason, n in counts.malformed.most_common())
        logger.warning("left out %d malformed: %s", counts.malformed.total(), reasons)
    del notes[""]
    for note, times in notes.most_common(MOST_NOTES):
        logger.warning("the collector %s (%d times)", note, times)
