"""The span processor: a bounded queue of ended spans, and the spans that are still open."""

import os
import weakref
from collections import deque
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,
    Context,
    attach,
    detach,
    set_value,
)
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.trace import StatusCode

from lambda_otel_lite.configuration.variables import QUEUE_SIZE, default_number
from lambda_otel_lite.log import Logger
from lambda_otel_lite.startup.threads import RLock

if TYPE_CHECKING:
    from lambda_otel_lite.export.exporter import Exporter

logger = Logger("lambda_otel_lite.processor")

#: On a handler's span: how many spans were dropped since the span of the invocation before.
DROPPED_SPANS = "lambda_otel_lite.dropped_spans"

# So many spans may be open before it is looked for those that were lost.
_MOST_OPEN = 1024

# An instrumented HTTP client must not trace the export itself.
_SUPPRESSED = set_value(_SUPPRESS_INSTRUMENTATION_KEY, True, Context())  # noqa: FBT003 - API's own


def flush(provider: TracerProvider) -> None:
    """Have every processor of a provider export what it holds; never raises.

    ``TracerProvider.force_flush`` stops at the first processor that fails, so each is called by
    itself where the provider shows them.
    """
    multiple = getattr(provider, "_active_span_processor", None)
    for one in getattr(multiple, "_span_processors", None) or (provider,):
        try:
            one.force_flush()
        except BaseException:
            logger.exception("spans could not be exported")


def _is_local_root(span: ReadableSpan) -> bool:
    return span.parent is None or span.parent.is_remote


class OpenSpans(SpanProcessor):
    """Knows which spans have started and not ended, so that they can be ended at a deadline.

    A span that nobody else holds any more can never be ended, and is not held here either.
    """

    def __init__(self) -> None:
        # Not a WeakValueDictionary, which takes several times as long for each span.
        self._open: dict[int, weakref.ref[Span]] = {}
        self._most_open = _MOST_OPEN

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Remember the span."""
        del parent_context
        if len(self._open) >= self._most_open:
            self._forget_lost_spans()
        self._open[span.get_span_context().span_id] = weakref.ref(span)

    def on_end(self, span: ReadableSpan) -> None:
        """Forget the span."""
        if span.context is not None:
            self._open.pop(span.context.span_id, None)

    def _forget_lost_spans(self) -> None:
        for span_id, one in list(self._open.items()):
            if one() is None:
                self._open.pop(span_id, None)
        self._most_open = max(_MOST_OPEN, 2 * len(self._open))

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the SDK's signature
        """Export nothing; without this, older SDKs do not flush the processors after it."""
        return True

    def note_dropped(self, root: trace.Span) -> None:
        """Set on a local root that is about to end how many spans were dropped, if any were."""

    def end_open_spans(self, trace_id: int, error_type: str, description: str) -> int:
        """End every open span of a trace with status ERROR, children before their parents.

        Args:
            trace_id: The trace whose spans are ended; other threads' spans are left alone.
            error_type: Value of ``error.type``.
            description: The status' description.

        Returns:
            How many were ended.
        """
        held = [span for one in reversed(list(self._open.values())) if (span := one()) is not None]
        spans = [span for span in held if span.get_span_context().trace_id == trace_id]
        for span in spans:
            span.set_attribute("error.type", error_type)
            span.set_status(StatusCode.ERROR, description)
            if _is_local_root(span):
                self.note_dropped(span)
            span.end()
        return len(spans)


class LambdaSpanProcessor(OpenSpans):
    """Holds ended spans until they are exported together, as a rule at the invocation's end.

    Args:
        span_exporter: Any ``SpanExporter``; takes the spans, a batch at a time.
        max_queue_size: Most spans held; more are dropped and counted in a warning. Default: 2048.
        max_export_batch_size: Most spans in one batch. Default: 512.
    """

    def __init__(
        self,
        span_exporter: "Exporter",
        max_queue_size: int = default_number("queue_size"),
        max_export_batch_size: int = default_number("batch_size"),
    ) -> None:
        super().__init__()
        self.span_exporter = span_exporter
        self.max_queue_size = max_queue_size
        self.max_export_batch_size = max(1, max_export_batch_size)
        self._exports_local_roots = False
        self._queue: deque[ReadableSpan] = deque()
        # Spans dropped since the last warning, and since they were last told.
        self._dropped = 0
        self._untold = 0
        # There are no spans in the queue but local roots.
        self._holds_roots_alone = False
        # A process that was forked from the one that made this.
        self._is_forked = False
        # Reentrant: what an exporter calls may end a local root, which flushes.
        self._export_lock = RLock()
        _forked_with.add(self)

    def on_end(self, span: ReadableSpan) -> None:
        """Queue the span if it is sampled."""
        context = span.context
        if context is None:
            return
        known = self._open.pop(context.span_id, None)
        if not context.trace_flags.sampled or (self._is_forked and known is None):
            return
        is_root = _is_local_root(span)
        if len(self._queue) < self.max_queue_size:
            self._queue.append(span)
        elif is_root:
            self._drop_for(span)
        else:
            self._count_dropped()
        if self._is_forked:
            # It may end at once, and the roots of its spans are in the process before it.
            if span.parent is None or span.parent.span_id not in self._open:
                self.force_flush()
        elif is_root and self._exports_local_roots:
            self.force_flush()

    def note_dropped(self, root: trace.Span) -> None:
        """Set on a local root that is about to end how many spans were dropped, if any were.

        Args:
            root: Its attribute `DROPPED_SPANS` counts those since the last such root. The one that
                is dropped in this one's favour is among them.
        """
        displaced = int(len(self._queue) >= self.max_queue_size)
        dropped, self._untold = self._untold + displaced, -displaced
        if dropped:
            root.set_attribute(DROPPED_SPANS, dropped)

    def hold(self) -> None:
        """Export nothing until told to, which is how a processor begins: an invocation is open."""
        self._exports_local_roots = False

    def release(self) -> None:
        """Export each span tree as soon as its root in this process has ended.

        No invocation is open whose end would do so.
        """
        self._exports_local_roots = True

    def process_spans(self) -> None:
        """Export all spans that are queued; never raises."""
        with self._export_lock:
            while self._queue:
                self._export(self._next_batch())
            self._holds_roots_alone = False
            dropped, self._dropped = self._dropped, 0
        if dropped:
            logger.warning(
                "%d spans dropped: more than %d ended before they could be exported (%s)",
                dropped,
                self.max_queue_size,
                QUEUE_SIZE,
            )

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export all spans that are queued; never raises.

        Args:
            timeout_millis: Passed on to the exporter, in ms. Default: 30,000.
        """
        self.process_spans()
        try:
            return self.span_exporter.force_flush(timeout_millis)
        except BaseException:
            logger.exception("the exporter could not be flushed")
            return False

    def shutdown(self) -> None:
        """Export what is left and shut the exporter down."""
        self.process_spans()
        self.span_exporter.shutdown()

    def _drop_for(self, root: ReadableSpan) -> None:
        """Drop the span that ended last and is no local root, or if there is none the last root.

        A trace without its root is lost to most who look for it.
        """
        queue = self._queue
        with self._export_lock:  # Another thread may be taking spans out.
            if not self._holds_roots_alone:
                places = range(len(queue) - 1, -1, -1)
                place = next((one for one in places if not _is_local_root(queue[one])), None)
                self._holds_roots_alone = place is None
                if place is not None:
                    del queue[place]
            if self._holds_roots_alone and queue:
                queue.pop()
            queue.append(root)
        self._count_dropped()

    def _count_dropped(self) -> None:
        self._dropped += 1
        self._untold += 1

    def _begin_anew(self) -> None:
        """Forget what the process held that this one was forked from: that one exports it."""
        self._is_forked = True
        self._queue.clear()
        self._open.clear()
        self._dropped = self._untold = 0
        # Another thread may have held it, and is not in this process.
        self._export_lock = RLock()

    def _next_batch(self) -> list[ReadableSpan]:
        count = min(len(self._queue), self.max_export_batch_size)
        return [self._queue.popleft() for _ in range(count)]

    def _export(self, batch: list[ReadableSpan]) -> None:
        token = attach(_SUPPRESSED)
        try:
            self.span_exporter.export(batch)
        except BaseException:
            logger.exception("%d spans lost: the exporter raised", len(batch))
        finally:
            detach(token)


# The processors of this process, for those that are forked from it.
_forked_with: weakref.WeakSet[LambdaSpanProcessor] = weakref.WeakSet()


def _begin_anew_in_forked_process() -> None:
    for processor in list(_forked_with):
        processor._begin_anew()  # noqa: SLF001 - of this module


os.register_at_fork(after_in_child=_begin_anew_in_forked_process)
