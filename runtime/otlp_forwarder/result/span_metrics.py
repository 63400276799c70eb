"""Write rate, errors and duration of root spans so that CloudWatch makes metrics of them.

Each pair of service and span name has a line in each invocation that counted some: how many there
were, how many of them were errors, and a histogram of their durations. What a root span is says
`otlp_forwarder.input.root_spans`. A span is counted once, in the invocation in which somebody took
it on: the collector or a queue. What the platform will bring again is counted then.

The histogram has at most 100 values with their counts. Its buckets are those of OpenTelemetry's
exponential histogram, in the finest scale that has so few, so that a value is wrong by 0.3 % with
few different durations, and by 9 % where they reach from a millisecond to a quarter of an hour.

Sources:

- https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
- https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram
- ``Values`` with ``Counts``, as AWS's own exporter writes a histogram:
  https://github.com/open-telemetry/opentelemetry-collector-contrib/pull/22626
- What a dimension's value may be:
  https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otlp_forwarder.input.events import Source
from otlp_forwarder.input.malformed import MalformedError
from otlp_forwarder.input.records import OWN, Record
from otlp_forwarder.input.root_spans import root_spans
from otlp_forwarder.result.metrics import MOST_VALUES

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from otlp_forwarder.input.root_spans import RootSpan

#: Where the metrics appear in CloudWatch, by service and span name.
NAMESPACE = "OtlpForwarder/RootSpans"
SERVICE, SPAN = "Service", "Span"
#: Metrics and their units.
UNITS = {"Calls": "Count", "Errors": "Count", "Duration": "Milliseconds"}
#: The row of what is over the limit of rows.
OTHER = ("other", "other")
#: Most characters of a dimension's value, and what stands for one that would be blank.
MOST_CHARACTERS = 1024
BLANK = "-"
#: Buckets are this fine at most: 2**7 of them from a duration to its double.
FINEST = 7
#: Milliseconds before now that CloudWatch takes a metric for: two weeks, less an hour to get there.
LONGEST_AGO = (14 * 24 - 1) * 3_600_000
MILLISECOND = 1_000_000

Key = tuple[str, str]


@dataclass(slots=True)
class Row:
    """What was counted of one service and span name.

    Args:
        calls: Root spans.
        errors: Those of them whose status is an error.
        total: All their durations, in nanoseconds.
        shortest: The shortest of them.
        longest: The longest of them.
        buckets: How many durations are in which bucket of the finest scale; -1 holds those of 0.
        ended: When the last of them ended, in nanoseconds since 1970.
    """

    calls: int = 0
    errors: int = 0
    total: int = 0
    shortest: int = 0
    longest: int = 0
    buckets: Counter[int] = field(default_factory=Counter)
    ended: int = 0

    def add(self, span: RootSpan) -> None:
        """Count a span; one without times, or that ended before it began, took no time."""
        duration = max(0, span.ended - span.began) if span.began and span.ended else 0
        self.shortest = min(self.shortest, duration) if self.calls else duration
        self.longest = max(self.longest, duration)
        self.calls += 1
        self.errors += span.is_error
        self.total += duration
        self.buckets[math.floor(math.log2(duration) * 2**FINEST) if duration else -1] += 1
        self.ended = max(self.ended, span.ended)

    def join(self, other: Row) -> None:
        """Add what another row has counted."""
        self.shortest = min(self.shortest, other.shortest) if self.calls else other.shortest
        self.longest = max(self.longest, other.longest)
        self.calls += other.calls
        self.errors += other.errors
        self.total += other.total
        self.buckets += other.buckets
        self.ended = max(self.ended, other.ended)

    def histogram(self) -> dict[str, float | list[float] | list[int]]:
        """Return the durations in milliseconds, as `Values` with their `Counts`."""
        scale, buckets = FINEST, self.buckets
        while len(buckets) > MOST_VALUES:
            scale -= 1
            halved: Counter[int] = Counter()
            for index, count in buckets.items():
                halved[index >> 1] += count
            buckets = halved
        indexes = sorted(buckets)
        middles = (2 ** ((index + 0.5) / 2**scale) if index >= 0 else 0 for index in indexes)
        values = (min(max(middle, self.shortest), self.longest) for middle in middles)
        return {
            "Values": [_milliseconds(value) for value in values],
            "Counts": [buckets[index] for index in indexes],
            "Min": _milliseconds(self.shortest),
            "Max": _milliseconds(self.longest),
            "Sum": _milliseconds(self.total),
            "Count": self.calls,
        }


class SpanMetrics:
    """Count root spans; one serves all invocations of an environment.

    Args:
        most: Most pairs of service and span name that have a row of their own in this
            environment's life, each of which is three metrics in the bill. The first ones have;
            all others share the row ``other``.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[Key] = set()

    def tally(self, source: Source) -> Tally:
        """Return what counts the root spans of one event.

        Args:
            source: Who sent it.
        """
        return Tally(self, source)

    def key(self, span: RootSpan) -> Key:
        """Return the row that a span is counted in."""
        found = _dimension(span.service), _dimension(span.name)
        if found in self._known:
            return found
        if len(self._known) >= self._most:
            return OTHER
        self._known.add(found)
        return found


class Tally:
    """Count the root spans of one event.

    Args:
        metrics: Which rows there are.
        source: Who sent the event.
    """

    def __init__(self, metrics: SpanMetrics, source: Source) -> None:
        self._metrics = metrics
        self._source = source
        self._items: dict[int, dict[Key, Row]] = {}

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield log records as they are, and count what is in them.

        Args:
            records: What an event holds.
        """
        for record in records:
            # What the forwarder put into its queue was counted before.
            if self._source is not Source.QUEUE or record.fields["__otel_otlp_stdout"] != OWN:
                self._count(record)
            yield record

    def _count(self, record: Record) -> None:
        for part in record.parts:
            rows = self._items.setdefault(part.item, {})
            try:
                for span in root_spans(part):
                    key = self._metrics.key(span)
                    if (row := rows.get(key)) is None:
                        row = rows[key] = Row()
                    row.add(span)
            except MalformedError:
                # Counted and kept by who delivers it.
                continue

    def lines(self, kept: AbstractSet[int]) -> list[str]:
        """Return the lines to print, each with its end.

        Args:
            kept: Items that the platform keeps. It brings them again, and of a stream all that
                came after the first of them.
        """
        rows: dict[Key, Row] = {}
        first = min(kept, default=0)
        for item, found in self._items.items():
            if item in kept or (kept and self._source is Source.STREAM and item > first):
                continue
            for key, row in found.items():
                rows.setdefault(key, Row()).join(row)
        now = time.time_ns() // MILLISECOND
        return [_line(key, row, now) for key, row in rows.items()]


def _line(key: Key, row: Row, now: int) -> str:
    definition = {
        "Namespace": NAMESPACE,
        "Dimensions": [[SERVICE, SPAN]],
        "Metrics": [{"Name": name, "Unit": unit} for name, unit in UNITS.items()],
    }
    ended = row.ended // MILLISECOND or now
    # Another machine's clock may be ahead.
    timestamp = max(now - LONGEST_AGO, min(ended, now))
    metadata = {"Timestamp": timestamp, "CloudWatchMetrics": [definition]}
    values = {"Calls": row.calls, "Errors": row.errors, "Duration": row.histogram()}
    return json.dumps({"_aws": metadata, SERVICE: key[0], SPAN: key[1], **values}) + "\n"


def _milliseconds(nanoseconds: float) -> float:
    return round(nanoseconds / MILLISECOND, 6)


def _dimension(text: str) -> str:
    """Return a text as the value of a dimension: printable ASCII, not blank and not too long."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(
            c if c.isascii() and c.isprintable() else "?" for c in " ".join(text.split())
        )
    return text[:MOST_CHARACTERS].strip() or BLANK
