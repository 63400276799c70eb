"""Which invocation is open, and what happens to its spans at its end, deadline or shutdown."""

import logging
import threading
from collections.abc import Callable
from typing import Any

from opentelemetry.trace import Span

from lambda_otel_lite.lifecycle.completion import Completion
from lambda_otel_lite.lifecycle.deadline import DeadlineWatch
from lambda_otel_lite.processor import OpenSpans

logger = logging.getLogger("lambda_otel_lite.lifecycle")

# error.type and the status' description
_TIMEOUT = ("timeout", "the invocation reached its deadline")
_SHUTDOWN = ("shutdown", "the execution environment was shut down")


class Invocation:
    """One run of a traced handler.

    Args:
        request_id: The platform's request id; None outside of Lambda.
        span: The handler's span.
        outer: The invocation that was open before; on Lambda there is none.
    """

    __slots__ = ("outer", "request_id", "span")

    def __init__(self, request_id: str | None, span: Span, outer: "Invocation | None") -> None:
        self.request_id = request_id
        self.span = span
        self.outer = outer


class Lifecycle:
    """Follows invocations from begin to end.

    Args:
        completion: What the processing mode does.
        open_spans: Knows the spans that have not ended.
        flush: Exports all spans that have ended; must not raise.
        timeout_margin_ms: How long before the deadline open spans are ended, in ms; 0: never.
    """

    def __init__(
        self,
        completion: Completion,
        open_spans: OpenSpans,
        flush: Callable[[], None],
        timeout_margin_ms: int,
    ) -> None:
        self._completion = completion
        self._open_spans = open_spans
        self._flush = flush
        self._watch = DeadlineWatch(timeout_margin_ms, self._on_deadline)
        self._lock = threading.RLock()
        self._invocation: Invocation | None = None

    def is_open(self, request_id: str | None) -> bool:
        """Say whether this very invocation is traced already."""
        invocation = self._invocation
        return (
            invocation is not None
            and request_id is not None
            and invocation.request_id == request_id
        )

    def begin(self, request_id: str | None, span: Span, remaining_ms: float | None) -> Invocation:
        """Open an invocation.

        Args:
            request_id: The platform's request id.
            span: The handler's span.
            remaining_ms: Time left until the deadline, in ms; None where it is not known.
        """
        invocation = Invocation(request_id, span, self._invocation)
        self._invocation = invocation
        self._completion.begin(request_id)
        if remaining_ms is not None:
            self._watch.arm(remaining_ms, invocation)
        return invocation

    def end(self, invocation: Invocation, context: Any) -> None:
        """Close an invocation whose span has ended.

        Args:
            invocation: What `begin` returned.
            context: The Lambda context, which the platform's runtime releases after the response.
        """
        with self._lock:
            self._invocation = invocation.outer
        self._watch.disarm()
        self._completion.end(invocation.request_id, context)

    def complete(self) -> None:
        """Do what ``TelemetryCompletionHandler.complete()`` promises.

        Within a traced handler the handler's end completes the invocation; to complete it twice
        would split its spans.
        """
        if self._invocation is None:
            self._completion.complete()

    def on_local_root(self) -> None:
        """Export a span tree that ended outside of any traced handler; nobody else will."""
        if self._invocation is None:
            self._flush()

    def shut_down(self) -> None:
        """End what is open and export what there is, before the environment goes away."""
        self._end_open_spans(self._invocation, *_SHUTDOWN)
        self._flush()

    def _on_deadline(self, invocation: Invocation) -> None:
        self._end_open_spans(invocation, *_TIMEOUT)
        self._flush()

    def _end_open_spans(
        self, invocation: Invocation | None, error_type: str, description: str
    ) -> None:
        try:
            with self._lock:
                if invocation is not None and invocation is self._invocation:
                    trace_id = invocation.span.get_span_context().trace_id
                    self._open_spans.end_open_spans(trace_id, error_type, description)
        except Exception:
            logger.exception("open spans could not be ended")
