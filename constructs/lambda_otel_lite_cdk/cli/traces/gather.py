"""Gather the spans of a stream into traces, in bounded memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lambda_otel_lite_cdk.cli.traces.spans import Span, traces

#: Spans that are held while more may come. A span takes about 3 KB.
_MOST_SPANS = 10_000
#: Traces of which it is remembered that a part has been yielded.
_MOST_REMEMBERED = 50_000
_QUIET_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Trace:
    """Hold spans of one trace that are yielded together.

    Args:
        spans: Its spans, ordered by start.
        continued: Whether a part of this trace was yielded before.
    """

    spans: list[Span]
    continued: bool


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
        return Trace(spans, continued)
