"""Gather the spans of a stream into traces, in bounded memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lambda_otel_lite_cdk.cli.traces.log_lines import LogLine
from lambda_otel_lite_cdk.cli.traces.spans import Span, traces

#: Spans that are held while more may come. A span takes about 3 KB.
_MOST_SPANS = 10_000
#: Traces of which it is remembered that a part has been yielded.
_MOST_REMEMBERED = 50_000
#: Log lines that are held: those of an invocation come before its spans.
_MOST_LINES = 20_000
_QUIET_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Trace:
    """Hold spans of one trace that are yielded together.

    Args:
        spans: Its spans, ordered by start.
        continued: Whether a part of this trace was yielded before.
        lines: Its log lines, in the order in which they came.
    """

    spans: list[Span]
    continued: bool
    lines: list[LogLine] = field(default_factory=list)


@dataclass(slots=True)
class _Held:
    spans: list[Span] = field(default_factory=list)
    changed_at: float = 0.0


class Gatherer:
    """Hold traces until no more of their spans are expected.

    Nothing in OTLP says that a trace is complete: a worker may add to it minutes later. So a trace
    is yielded when it has been quiet for some time, when newer traces need its room, and at the
    end. Spans that come after that are yielded as its continuation.

    Args:
        most_spans: How many spans are held at most. Default: 10000.
        quiet_seconds: Seconds without a new span after which a trace is yielded. Default: 2.
        clock: Returns the time in seconds. Default: ``time.monotonic``.
    """

    def __init__(
        self,
        *,
        most_spans: int = _MOST_SPANS,
        quiet_seconds: float = _QUIET_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most_spans = most_spans
        self._quiet_seconds = quiet_seconds
        self._clock = clock
        # Both are ordered by last use, the oldest first.
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._yielded: OrderedDict[str, None] = OrderedDict()
        self._count = 0
        self._lines: OrderedDict[str, list[LogLine]] = OrderedDict()
        self._line_count = 0

    def add(self, span: Span) -> Iterator[Trace]:
        """Take a span; yield the traces that have to make room for it.

        Args:
            span: A span of any trace.
        """
        held = self._held.setdefault(span.trace_id, _Held())
        held.spans.append(span)
        held.changed_at = self._clock()
        self._held.move_to_end(span.trace_id)
        self._count += 1
        while self._count > self._most_spans:
            yield self._pop()

    def add_line(self, line: LogLine) -> None:
        """Take a log line; it goes with its trace's spans, and is dropped if none ever come.

        Args:
            line: A line of any trace.
        """
        self._lines.setdefault(line.trace_id, []).append(line)
        self._line_count += 1
        while self._line_count > _MOST_LINES:
            self._line_count -= len(self._lines.popitem(last=False)[1])

    def quiet(self) -> Iterator[Trace]:
        """Yield the traces that have been quiet for long enough."""
        latest = self._clock() - self._quiet_seconds
        while self._held and next(iter(self._held.values())).changed_at <= latest:
            yield self._pop()

    def rest(self) -> Iterator[Trace]:
        """Yield all that is held."""
        while self._held:
            yield self._pop()

    def _pop(self) -> Trace:
        trace_id, held = self._held.popitem(last=False)
        self._count -= len(held.spans)
        continued = trace_id in self._yielded
        self._yielded[trace_id] = None
        self._yielded.move_to_end(trace_id)
        if len(self._yielded) > _MOST_REMEMBERED:
            self._yielded.popitem(last=False)
        [spans] = traces(held.spans)
        lines = self._lines.pop(trace_id, [])
        self._line_count -= len(lines)
        return Trace(spans, continued, lines)
