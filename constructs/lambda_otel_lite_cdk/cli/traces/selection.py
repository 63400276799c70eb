"""Let through the traces that are asked for, in the order that is asked for."""

from __future__ import annotations

import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from lambda_otel_lite_cdk.cli.traces.records import spans_of
from lambda_otel_lite_cdk.cli.traces.search import Query, Seen
from lambda_otel_lite_cdk.cli.traces.spans import Span, traces

if TYPE_CHECKING:
    from lambda_otel_lite_cdk.cli.traces.log_lines import LogLine
    from lambda_otel_lite_cdk.cli.traces.sinks import Sink

#: What is held of traces that may grow, as OTLP; with its objects it is about ten times as much.
_MOST_BYTES = 64 * 1024 * 1024
_MOST_REMEMBERED = 50_000
_MOST_LINES = 20_000
_QUIET_SECONDS = 2.0


class Order(StrEnum):
    """By what traces are ordered."""

    #: The longest first.
    DURATION = "duration"
    #: The earliest first.
    TIME = "time"
    #: Those with most spans that failed first.
    ERRORS = "errors"


_KEYS: dict[Order, Callable[[list[Span]], int]] = {
    Order.DURATION: lambda trace: trace[0].start_ns - max(span.end_ns for span in trace),
    Order.TIME: lambda trace: trace[0].start_ns,
    Order.ERRORS: lambda trace: -sum(span.status == "ERROR" for span in trace),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Hold which traces are asked for.

    Args:
        query: What is looked for in them. Default: nothing.
        since_ns: Those that go on after this Unix time in nanoseconds. Default: all.
        until_ns: Those that start before this one. Default: all.
        limit: How many at most. Default: all.
        order: Their order. Default: that in which they come.
    """

    query: Query = field(default_factory=Query)
    since_ns: int | None = None
    until_ns: int | None = None
    limit: int | None = None
    order: Order | None = None

    def takes(self, trace: list[Seen]) -> bool:
        """Return whether a trace is asked for, however many there are.

        Args:
            trace: Its spans, ordered by start.
        """
        if self.since_ns is not None and max(one.span.end_ns for one in trace) < self.since_ns:
            return False
        if self.until_ns is not None and trace[0].span.start_ns > self.until_ns:
            return False
        return self.query.matches(trace)


@dataclass(slots=True)
class _Awaited:
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)
    size: int = 0
    changed_at: float = 0.0


class Selection:
    """Hold each trace until no more of it is expected, and hand on those that are asked for.

    A trace is judged when it has been quiet for some time, when newer ones need its room, and at
    the end; what comes of it after that goes where it went, if it was asked for, and otherwise is
    judged by itself. Traces that are ordered are held to the end.

    Args:
        sink: Takes what is asked for.
        choice: What that is.
        clock: Returns the time in seconds. Default: ``time.monotonic``.

    Attributes:
        seen: Number of spans that were looked at.
        is_full: Whether as many traces as are asked for have been handed on, or the sink is full.
    """

    def __init__(
        self, sink: Sink, choice: Choice, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seen = 0
        self._sink = sink
        self._choice = choice
        self._clock = clock
        # All are ordered by last use, the oldest first.
        self._held: OrderedDict[str, _Awaited] = OrderedDict()
        self._taken: OrderedDict[str, None] = OrderedDict()
        self._lines: OrderedDict[str, list[LogLine]] = OrderedDict()
        self._size = self._line_count = self._count = 0

    @property
    def spans(self) -> int:
        """Number of spans handed on."""
        return self._sink.spans

    @property
    def is_full(self) -> bool:
        """Whether no more traces are asked for than have been handed on."""
        limit, order = self._choice.limit, self._choice.order
        has_all = limit is not None and order is None and self._count >= limit
        return has_all or self._sink.is_full

    def take(self, request: ExportTraceServiceRequest) -> None:
        """Take a request with spans of any traces."""
        for trace_id, part in by_trace(request).items():
            held = self._held.setdefault(trace_id, _Awaited())
            held.requests.append(part)
            held.size += (size := part.ByteSize())
            held.changed_at = self._clock()
            self._held.move_to_end(trace_id)
            self._size += size
            self.seen += sum(1 for _ in spans_of(part))
        while self._size > _MOST_BYTES and self._choice.order is None:
            self._judge(next(iter(self._held)))

    def note(self, line: LogLine) -> None:
        """Take a log line; it goes with its trace, and is dropped if that is not asked for."""
        if line.trace_id in self._taken and line.trace_id not in self._held:
            self._sink.note(line)
            return
        self._lines.setdefault(line.trace_id, []).append(line)
        self._line_count += 1
        while self._line_count > _MOST_LINES and self._choice.order is None:
            self._line_count -= len(self._lines.popitem(last=False)[1])

    def pause(self) -> None:
        """Judge the traces that have been quiet for long enough."""
        latest = self._clock() - _QUIET_SECONDS
        while self._choice.order is None and self._held:
            trace_id, held = next(iter(self._held.items()))
            if held.changed_at > latest:
                break
            self._judge(trace_id)
        self._sink.pause()

    def end(self) -> None:
        """Judge the rest."""
        ordered = list(self._held)
        if order := self._choice.order:
            keys = {trace_id: _KEYS[order](self._spans_of(trace_id)) for trace_id in ordered}
            ordered.sort(key=keys.__getitem__)
        for trace_id in ordered:
            self._judge(trace_id)
        if self._sink.spans:
            self._sink.end()

    def _spans_of(self, trace_id: str) -> list[Span]:
        requests = self._held[trace_id].requests
        [spans] = traces(span for request in requests for span in spans_of(request))
        return spans

    def _judge(self, trace_id: str) -> None:
        spans = self._spans_of(trace_id)
        held = self._held.pop(trace_id)
        self._size -= held.size
        lines = self._lines.pop(trace_id, [])
        self._line_count -= len(lines)
        if trace_id not in self._taken:
            limit = self._choice.limit
            if limit is not None and self._count >= limit:
                return
            if not self._choice.takes(_seen(spans, lines)):
                return
            self._count += 1
        self._taken[trace_id] = None
        self._taken.move_to_end(trace_id)
        if len(self._taken) > _MOST_REMEMBERED:
            self._taken.popitem(last=False)
        for line in lines:
            self._sink.note(line)
        for request in held.requests:
            self._sink.take(request)


def by_trace(request: ExportTraceServiceRequest) -> dict[str, ExportTraceServiceRequest]:
    """Return a request's parts by the traces that they are of.

    Args:
        request: A request with spans of any traces. It is a part itself if all are of one.
    """
    ids = {
        span.trace_id
        for resource_spans in request.resource_spans
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    }
    if len(ids) == 1:
        return {ids.pop().hex(): request}
    parts: defaultdict[bytes, ExportTraceServiceRequest] = defaultdict(ExportTraceServiceRequest)
    for resource_spans in request.resource_spans:
        resources = {}
        for scope_spans in resource_spans.scope_spans:
            scopes = {}
            for span in scope_spans.spans:
                one = span.trace_id
                if one not in resources:
                    resources[one] = parts[one].resource_spans.add(
                        resource=resource_spans.resource, schema_url=resource_spans.schema_url
                    )
                if one not in scopes:
                    scopes[one] = resources[one].scope_spans.add(
                        scope=scope_spans.scope, schema_url=scope_spans.schema_url
                    )
                scopes[one].spans.append(span)
    return {trace_id.hex(): part for trace_id, part in parts.items()}


def _seen(spans: list[Span], lines: list[LogLine]) -> list[Seen]:
    """Return spans with their log lines; lines of none of them are the first one's."""
    known = {span.span_id for span in spans}
    of_spans: defaultdict[str | None, list[LogLine]] = defaultdict(list)
    for line in lines:
        of_spans[line.span_id if line.span_id in known else spans[0].span_id].append(line)
    return [Seen(span, of_spans.get(span.span_id, ())) for span in spans]
