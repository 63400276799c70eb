"""Trace a Lambda handler without changing what it does."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import INVALID_SPAN, Link, Span, StatusCode, set_span_in_context

from lambda_otel_lite.extractors import Extractor, SpanAttributes, TriggerType
from lambda_otel_lite.extractors.attributes import OLD_HTTP_NAMES
from lambda_otel_lite.extractors.auto import built_in, is_built_in
from lambda_otel_lite.lifecycle.deadline import remaining_ms
from lambda_otel_lite.lifecycle.lifecycle import Lifecycle
from lambda_otel_lite.lifecycle.response import (
    ResponseEncoding,
    description,
    error_type,
    qualified_name,
    status_code,
)
from lambda_otel_lite.log import Logger
from lambda_otel_lite.plain_attributes import decides_without, put_plain
from lambda_otel_lite.telemetry import TelemetryCompletionHandler

if TYPE_CHECKING:
    from lambda_otel_lite.extractors.executions import Execution

logger = Logger("lambda_otel_lite.handler")

HandlerT = TypeVar("HandlerT", bound=Callable[..., Any])

#: Set on a traced handler, so that the zero-code entry point does not trace it again.
TRACED_MARK = "__lambda_otel_traced__"

_LOWEST_SERVER_ERROR = 500


class TracedHandler:
    """A decorator that traces a handler; `create_traced_handler` makes one.

    Args:
        name: Name of the span if the extractor finds none.
        completion_handler: From ``init_telemetry()``.
        attributes_extractor: Reads the event. Default: ``default_extractor``.
    """

    def __init__(
        self,
        name: str,
        completion_handler: TelemetryCompletionHandler,
        attributes_extractor: Extractor | None = None,
    ) -> None:
        self.name = name
        self.completion_handler = completion_handler
        self.attributes_extractor = attributes_extractor or built_in("default")

    def __call__(self, handler_func: HandlerT) -> HandlerT:
        """Return the traced handler."""
        decorate = _decorator(self.name, self.completion_handler, self.attributes_extractor)
        return decorate(handler_func)


def create_traced_handler(
    name: str,
    completion_handler: TelemetryCompletionHandler,
    attributes_extractor: Extractor | None = None,
) -> TracedHandler:
    """Make a decorator that traces a handler.

    What the handler returns or raises passes through untouched. It may be anything that can be
    called: a partial, an object with ``__call__``, a coroutine function or a generator function,
    whose span covers the call and not what its result does later.

    Args:
        name: Name of the span if the extractor finds none.
        completion_handler: From ``init_telemetry()``.
        attributes_extractor: Reads the event. Default: ``default_extractor``.
    """
    return TracedHandler(name, completion_handler, attributes_extractor)


def _decorator(
    name: str, completion_handler: TelemetryCompletionHandler, extractor: Extractor
) -> Callable[[HandlerT], HandlerT]:
    lifecycle = completion_handler.lifecycle
    if lifecycle is None:
        return lambda handler: handler
    tracing = _Tracing(name, completion_handler, lifecycle, extractor)
    encoding = ResponseEncoding()

    def decorate(handler: HandlerT) -> HandlerT:
        def traced(event: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
            request_id = _request_id(context)
            # Decorated twice, by hand and by the zero-code entry point: the outer decorator traces.
            if lifecycle.is_open(request_id):
                return handler(event, context, *args, **kwargs)
            encoding.finish_left_over()
            span, parent, execution = tracing.start_span(event, context)
            invocation = lifecycle.begin(request_id, span, remaining_ms(context))
            token = attach(set_span_in_context(span, parent))
            ends_later = False

            def finish(fault: BaseException | None) -> None:
                if fault is not None:
                    tracing.record_fault(span, fault)
                tracing.end_span(span)
                lifecycle.end(invocation, context)

            try:
                result = handler(event, context, *args, **kwargs)
            except BaseException as error:
                # SystemExit and KeyboardInterrupt too: the span ends, the exception goes on.
                _record_exception(span, error)
                raise
            else:
                tracing.record_response(span, result, execution)
                ends_later = encoding.defer(finish)
                return result
            finally:
                detach(token)
                if not ends_later:
                    finish(None)

        functools.update_wrapper(traced, handler)
        setattr(traced, TRACED_MARK, True)
        return traced  # type: ignore[return-value]  # called as the handler is

    return decorate


class _Tracing:
    """Starts spans and describes them; no failure in here reaches the handler.

    Args:
        name: Name of the span if the extractor finds none.
        completion_handler: From ``init_telemetry()``.
        lifecycle: The completion handler's.
        extractor: Reads the event.
    """

    def __init__(
        self,
        name: str,
        completion_handler: TelemetryCompletionHandler,
        lifecycle: Lifecycle,
        extractor: Extractor,
    ) -> None:
        self._name = name
        self._completion_handler = completion_handler
        self._lifecycle = lifecycle
        self._note_dropped = lifecycle.open_spans.note_dropped
        if completion_handler.settings.tenant_id:
            from lambda_otel_lite.extractors._tenants import with_tenant  # noqa: PLC0415 - off by default

            extractor = with_tenant(extractor)
        self._extractor = extractor
        self._tracer = completion_handler.get_tracer()
        self._propagation = completion_handler.propagation
        self._stable_http_only = completion_handler.settings.stable_http_only
        self._extracts_plain = is_built_in(extractor)
        self._sampler_is_blind = decides_without(getattr(self._tracer, "sampler", None))
        self._logged = False

    def start_span(self, event: Any, context: Any) -> "tuple[Span, Context, Execution | None]":
        """Start the invocation's span; return it with the caller's context, and its execution."""
        cold_start = self._completion_handler.is_cold_start()
        try:
            return self._start(self._extract(event, context), cold_start=cold_start)
        except BaseException:  # noqa: BLE001 - telemetry never stops a handler
            self._log("the span could not be described; it has no more than a name")
        try:
            bare = SpanAttributes(TriggerType.OTHER, {})
            return self._start(bare, cold_start=cold_start)
        except BaseException:  # noqa: BLE001 - the user's own sampler, processor or propagator
            self._log("no span could be started; the invocation is not traced")
            return INVALID_SPAN, Context(), None

    def end_span(self, span: Span) -> None:
        """End the span, unless the deadline has."""
        try:
            if span.is_recording():
                self._note_dropped(span)
                span.end()
        except BaseException:  # noqa: BLE001 - the user's own span processor
            self._log("a span processor failed at the end of the span")

    def record_response(self, span: Span, response: Any, execution: "Execution | None") -> None:
        """Set the status code of an HTTP response; 500 and above make the span an error."""
        try:
            if execution is not None:
                _durable().record_response(span, response)
                return
            code = status_code(response) if span.is_recording() else None
            if code is None:
                return
            attributes = {"http.response.status_code": code}
            if not self._stable_http_only:
                attributes["http.status_code"] = code
            put_plain(span, attributes)
            if code >= _LOWEST_SERVER_ERROR:
                span.set_attribute("error.type", str(code))
                span.set_status(StatusCode.ERROR)
        except BaseException:  # noqa: BLE001 - telemetry never stops a handler
            self._log("the response could not be read")

    def record_fault(self, span: Span, fault: BaseException) -> None:
        """Make the span an error: the response cannot be encoded or sent."""
        try:
            if span.is_recording():
                kind = error_type(fault)
                span.set_attribute("error.type", kind)
                span.set_status(StatusCode.ERROR, f"{kind}: {getattr(fault, 'msg', fault)}")
        except BaseException:  # noqa: BLE001 - telemetry never stops a handler
            self._log("what is wrong with the response could not be recorded")

    def _extract(self, event: Any, context: Any) -> SpanAttributes:
        try:
            return self._extractor(event, context)
        except BaseException:  # noqa: BLE001 - the user's own extractor may do anything
            self._log("the attributes extractor failed; the default one is used")
            return built_in("default")(event, context)

    def _start(
        self, extracted: SpanAttributes, *, cold_start: bool
    ) -> "tuple[Span, Context, Execution | None]":
        attributes = extracted.attributes
        if not self._extracts_plain:  # The user's own may keep what it returned.
            attributes = {key: value for key, value in attributes.items() if value is not None}
        if self._stable_http_only:
            for name in OLD_HTTP_NAMES:
                attributes.pop(name, None)
        attributes["faas.trigger"] = str(extracted.trigger or TriggerType.OTHER)
        attributes["faas.coldstart"] = cold_start
        parent, links = self._parent_and_links(extracted)
        # Past the SDK's look at each, where nobody sees them before.
        late = (
            self._extracts_plain and self._sampler_is_blind and self._lifecycle.sees_spans_alone()
        )
        execution = extracted.execution
        tracer = self._tracer if execution is None else _durable().Starter(self._tracer, execution)
        span = tracer.start_span(
            extracted.span_name or self._name,
            context=parent,
            kind=extracted.kind,
            attributes=None if late else attributes,
            links=links,
        )
        if late and span.is_recording():
            put_plain(span, attributes)
        return span, parent, execution

    def _parent_and_links(self, extracted: SpanAttributes) -> tuple[Context, list[Link]]:
        links = list(extracted.links or ())
        parent = self._propagation.parent(extracted.carrier)
        if extracted.link_carriers:
            senders = self._propagation.senders(extracted.link_carriers)
            described = extracted.link_attributes
            links += [
                Link(span, described[position] if position < len(described) else None)
                for span, position in zip(senders.spans, senders.positions, strict=True)
            ]
            # All messages come from one span: the batch continues its trace. An unsampled sender is
            # linked, but does not keep the batch from being traced.
            if senders.shared is not None and senders.spans[0].trace_flags.sampled:
                parent = senders.shared
        return parent, links

    def _log(self, message: str) -> None:
        """Log with the traceback: the first time as a warning, then at level DEBUG."""
        log = logger.debug if self._logged else logger.warning
        self._logged = True
        log("%s", message, exc_info=True)


def _durable() -> Any:
    """Load what only the events of durable executions need."""
    from lambda_otel_lite.durable import trace  # noqa: PLC0415 - see above

    return trace


def _record_exception(span: Span, error: BaseException) -> None:
    try:
        if span.is_recording():
            span.set_attribute("error.type", qualified_name(type(error)))
            span.set_status(StatusCode.ERROR, description(error))
            span.record_exception(error)
    except BaseException:
        logger.debug("the exception could not be recorded", exc_info=True)


def _request_id(context: Any) -> str | None:
    try:
        request_id = context.aws_request_id
    except Exception:  # noqa: BLE001 - somebody else's context object may do anything
        return None
    return request_id if isinstance(request_id, str) else None
