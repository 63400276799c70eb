"""Which invocation is open, and what happens to its spans at its end, deadline or shutdown."""

import weakref
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span

from lambda_otel_lite.configuration.settings import ProcessorMode, Settings
from lambda_otel_lite.lifecycle.deadline import DeadlineWatch
from lambda_otel_lite.log import Logger
from lambda_otel_lite.processor import LambdaSpanProcessor, OpenSpans, flush
from lambda_otel_lite.startup.provider import StartupTracerProvider
from lambda_otel_lite.startup.threads import RLock, are_green

if TYPE_CHECKING:
    from lambda_otel_lite.lifecycle.asynchronous import AsyncExport
    from lambda_otel_lite.lifecycle.handover import Handover

logger = Logger("lambda_otel_lite.lifecycle")

# error.type and the status' description
_TIMEOUT = ("timeout", "the invocation reached its deadline")
_SHUTDOWN = ("shutdown", "the execution environment was shut down")


class Invocation:
    """One run of a traced handler.

    Args:
        request_id: The platform's request id; None outside of Lambda.
        span: The handler's span.
        outer: The invocation that was open before; on Lambda there is none.

    Attributes:
        handover: What the extension's thread is told; None unless that thread exports.
    """

    __slots__ = ("handover", "outer", "request_id", "span")

    def __init__(self, request_id: str | None, span: Span, outer: "Invocation | None") -> None:
        self.request_id = request_id
        self.span = span
        self.outer = outer
        self.handover: Handover | None = None


class Lifecycle:
    """Follows invocations from begin to end.

    Without `extension` the handler's thread exports at an invocation's end: mode ``sync``.

    Args:
        provider: Whose span processors export.
        open_spans: Knows the spans that have not ended.
        timeout_margin_ms: How long before the deadline open spans are ended, in ms; 0: never.
        queue: Exports local roots that end while no invocation is open; None: nothing does.
        extension: Exports in its own thread, after the response: mode ``async``.
        finalizes: Leave the export to the shutdown or to the user's own span processor: mode
            ``finalize``.

    Attributes:
        open_spans: As given.
    """

    def __init__(  # noqa: PLR0913 - by name, and each mode leaves out what it has no need of
        self,
        provider: TracerProvider,
        open_spans: OpenSpans,
        timeout_margin_ms: int,
        *,
        queue: LambdaSpanProcessor | None = None,
        extension: "AsyncExport | None" = None,
        finalizes: bool = False,
    ) -> None:
        self._provider = provider
        self.open_spans = open_spans
        self._watch = DeadlineWatch(timeout_margin_ms, self.time_out)
        self._queue = queue
        self._extension = extension
        self._finalizes = finalizes
        self._lock = RLock()
        self._invocation: Invocation | None = None
        if queue is not None:
            queue.release()

    @property
    def open_span(self) -> Span | None:
        """The handler's span of the invocation that is open."""
        invocation = self._invocation
        return invocation.span if invocation is not None else None

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
            remaining_ms: Time left until the deadline, in ms; None if it is not known.
        """
        invocation = Invocation(request_id, span, self._invocation)
        self._invocation = invocation
        if self._queue is not None:
            self._queue.hold()
        if self._extension is not None:
            invocation.handover = self._extension.begin(request_id)
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
        if self._queue is not None and invocation.outer is None:
            self._queue.release()
        self._watch.disarm()
        if self._extension is not None and invocation.handover is not None:
            handed_over = self._extension.end(invocation.handover, context)
        else:
            handed_over = self._finalizes and self._awaits_shutdown()
        if not handed_over:
            flush(self._provider)

    def sees_spans_alone(self) -> bool:
        """Say whether nobody else is told of a span that starts, nor finds it described then."""
        provider = self._provider
        return isinstance(provider, StartupTracerProvider) and provider.tells_nobody_but(
            self.open_spans
        )

    def complete(self) -> None:
        """Export unless a traced handler is running, whose end exports: its spans stay together."""
        if self._invocation is None and not self._finalizes:
            flush(self._provider)

    def time_out(self, invocation: Invocation) -> None:
        """End what an invocation has left open, and export: its deadline is near."""
        self._end_open_spans(invocation, *_TIMEOUT)
        flush(self._provider)

    def shut_down(self) -> None:
        """End what is open and export what there is, before the environment goes away."""
        self._end_open_spans(self._invocation, *_SHUTDOWN)
        flush(self._provider)

    def _awaits_shutdown(self) -> bool:
        """Say whether spans may be left to the shutdown, which green threads never learn of.

        Python handles signals in the main thread alone. awslambdaric keeps it free while another
        thread waits for the next event; a green one waits within it.
        """
        if are_green():
            from lambda_otel_lite.lifecycle.sigterm import leave_sigterm_alone  # noqa: PLC0415 - loaded in this mode

            self._finalizes = False
            leave_sigterm_alone()
            logger.warning(
                "finalize mode is not available where gevent or eventlet patches threads: no "
                "SIGTERM arrives between invocations; using sync"
            )
        return self._finalizes

    def _end_open_spans(
        self, invocation: Invocation | None, error_type: str, description: str
    ) -> None:
        try:
            with self._lock:
                if invocation is not None and invocation is self._invocation:
                    trace_id = invocation.span.get_span_context().trace_id
                    self.open_spans.end_open_spans(trace_id, error_type, description)
        except Exception:
            logger.exception("open spans could not be ended")


#: By the provider's id. Each holds its provider, so that the id is that of no other.
_lifecycles: weakref.WeakValueDictionary[int, Lifecycle] = weakref.WeakValueDictionary()


def lifecycle_of(
    provider: TracerProvider,
    mode: ProcessorMode,
    settings: Settings,
    open_spans: OpenSpans | None = None,
) -> Lifecycle:
    """Follow the invocations of a provider, once.

    Args:
        provider: Whose spans are exported.
        mode: When they are; ``sync`` where it is not available.
        settings: What the environment asked for.
        open_spans: Is told of the provider's spans. Default: one that is added to it.
    """
    known = _lifecycles.get(id(provider))
    if known is not None:
        return known
    extension: AsyncExport | None = None
    if open_spans is None:
        open_spans = OpenSpans()
        provider.add_span_processor(open_spans)
    if mode is not ProcessorMode.SYNC:
        from lambda_otel_lite.lifecycle.modes import available_mode  # noqa: PLC0415 - sync mode needs none of it

        mode, extension = available_mode(mode, settings, provider)
    finalizes = mode is ProcessorMode.FINALIZE
    own = open_spans if isinstance(open_spans, LambdaSpanProcessor) else None
    lifecycle = Lifecycle(
        provider,
        open_spans,
        settings.timeout_margin,
        queue=None if finalizes else own,
        extension=extension,
        finalizes=finalizes,
    )
    if mode is not ProcessorMode.SYNC:
        from lambda_otel_lite.lifecycle.sigterm import on_sigterm  # noqa: PLC0415 - as above

        on_sigterm(lifecycle.shut_down)
    _lifecycles[id(provider)] = lifecycle
    return lifecycle
