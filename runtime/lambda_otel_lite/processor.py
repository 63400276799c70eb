"""The span processor: a bounded queue of ended spans, and the spans that are still open."""

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from lambda_otel_lite.export.exporter import Exporter

logger = logging.getLogger("lambda_otel_lite.processor")


def flush(provider: TracerProvider) -> None:
    """Have every processor of a provider export what it holds; never raises."""
    try:
        provider.force_flush()
    except Exception:
        logger.exception("spans could not be exported")


class OpenSpans(SpanProcessor):
    """Knows which spans have started and not ended, so that they can be ended at a deadline."""

    def __init__(self) -> None:
        self._open: dict[int, Span] = {}

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Remember the span."""
        del parent_context
        self._open[span.get_span_context().span_id] = span

    def on_end(self, span: ReadableSpan) -> None:
        """Forget the span."""
        if span.context is not None:
            self._open.pop(span.context.span_id, None)

    def end_open_spans(self, trace_id: int, error_type: str, description: str) -> int:
        """End every open span of a trace with status ERROR, children before their parents.

        Args:
            trace_id: The trace whose spans are ended; other threads' spans are left alone.
            error_type: Value of ``error.type``.
            description: The status' description.

        Returns:
            How many were ended.
        """
        spans = [
            span
            for span in reversed(list(self._open.values()))
            if span.get_span_context().trace_id == trace_id
        ]
        for span in spans:
            span.set_attribute("error.type", error_type)
            span.set_status(StatusCode.ERROR, description)
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
        self._dropped = 0
        # Reentrant: what an exporter calls may end a local root, which flushes.
        self._export_lock = threading.RLock()

    def on_end(self, span: ReadableSpan) -> None:
        """Queue the span if it is sampled."""
        super().on_end(span)
        context, parent = span.context, span.parent
        if context is None or not context.trace_flags.sampled:
            return
        if len(self._queue) >= self.max_queue_size:
            self._dropped += 1
        else:
            self._queue.append(span)
        if self._exports_local_roots and (parent is None or parent.is_remote):
            self.force_flush()

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
        except Exception:
            logger.exception("the exporter could not be flushed")
            return False

    def shutdown(self) -> None:
        """Export what is left and shut the exporter down."""
        self.process_spans()
        self.span_exporter.shutdown()

    def _next_batch(self) -> list[ReadableSpan]:
        count = min(len(self._queue), self.max_export_batch_size)
        return [self._queue.popleft() for _ in range(count)]

    def _export(self, batch: list[ReadableSpan]) -> None:
        # An instrumented HTTP client must not trace the export itself.
        token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))  # noqa: FBT003 - API's own
        try:
            self.span_exporter.export(batch)
        except Exception:
            logger.exception("%d spans lost: the exporter raised", len(batch))
        finally:
            detach(token)
