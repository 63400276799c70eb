"""Gather the spans of a stream into traces, and let go of each trace before memory does."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lambda_otel_lite_cdk.cli.traces.spans import Span, traces

#: Spans that are held while more may come. A span takes some 3 KB.
_MOST_SPANS = 10_000
#: Traces of which it is remembered that a part has been given out.
_MOST_REMEMBERED = 50_000
_QUIET_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Trace:
    """Hold the spans of a trace that came together.

    Args:
        spans: Its spans, ordered by start.
        continued: Whether a part of this trace was given out before.
    """

    spans: list[Span]
    continued: bool


@dataclass(slots=True)
class _Held:
    spans: list[Span] = field(default_factory=list)
    touched: float = 0.0


class Gatherer:
    """Hold traces until no more of their spans are to be expected.

    Nothing in OTLP says that a trace is complete: a worker may add to it minutes later. So a trace
    is given out when it has been quiet for some time, when newer traces need its room, and at the
    end; what comes after that is given out as its continuation.

    Args:
        most_spans: Spans that are held at most; unit: spans. Default: 10000.
        quiet_seconds: Time without a new span after which a trace is given out. Default: 2.
        clock: Tells the time in seconds. Default: ``time.monotonic``.
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
        # Both ordered by last use, the oldest first.
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._given: OrderedDict[str, None] = OrderedDict()
        self._count = 0

    def add(self, span: Span) -> Iterator[Trace]:
        """Take a span; yield the traces that must make room for it.

        Args:
            span: A span of any trace.
        """
        held = self._held.setdefault(span.trace_id, _Held())
        held.spans.append(span)
        held.touched = self._clock()
        self._held.move_to_end(span.trace_id)
        self._count += 1
        while self._count > self._most_spans:
            yield self._give()

    def quiet(self) -> Iterator[Trace]:
        """Yield the traces to which nothing was added for some time."""
        latest = self._clock() - self._quiet_seconds
        while self._held and next(iter(self._held.values())).touched <= latest:
            yield self._give()

    def rest(self) -> Iterator[Trace]:
        """Yield all that is held."""
        while self._held:
            yield self._give()

    def _give(self) -> Trace:
        trace_id, held = self._held.popitem(last=False)
        self._count -= len(held.spans)
        continued = trace_id in self._given
        self._given[trace_id] = None
        self._given.move_to_end(trace_id)
        if len(self._given) > _MOST_REMEMBERED:
            self._given.popitem(last=False)
        [spans] = traces(held.spans)
        return Trace(spans, continued)
