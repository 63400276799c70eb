"""Spans of entities: started with them, ended with them, described at their end."""

from functools import partial
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    get_current_span,
)

from lambda_otel_lite.bridges.xray.mapping import (
    attributes_of,
    error_type_of,
    event_of,
    exceptions_of,
    failed,
    span_id_of,
    trace_id_of,
    written_to,
)
from lambda_otel_lite.log import Logger
from lambda_otel_lite.propagation.xray import parse_header

logger = Logger("lambda_otel_lite.xray")

_CALLS = ("aws", "remote")
_INSTRUMENTATIONS = "opentelemetry.instrumentation."


class Recorded:
    """An entity that is a span.

    Args:
        entity: The segment or subsegment.
        span: Its span.
        outer: What it is in, None for the outermost one.
        invocation: The span of the invocation in which it began; None: in none.
        before: The context in which it began.

    Attributes:
        is_left: It has ended, and is current only where somebody has put an earlier context back.
        is_shared: The span is another library's, which ends it.
        exception: The last exception that it or something in it has recorded.
    """

    __slots__ = (
        "before",
        "entity",
        "exception",
        "invocation",
        "is_left",
        "is_shared",
        "outer",
        "span",
    )

    def __init__(
        self,
        entity: Any,
        span: Span,
        outer: "Recorded | None",
        invocation: Span | None,
        before: Context,
    ) -> None:
        self.entity = entity
        self.span = span
        self.outer = outer
        self.invocation = invocation
        self.before = before
        self.is_left = False
        self.is_shared = False
        self.exception: Any = None

    def __bool__(self) -> bool:
        """Be false, so that the SDK leaves it out of the entity's document."""
        return False

    def is_left_over(self, invocation: Span | None) -> bool:
        """Say whether it is of another invocation than the one that is open."""
        return invocation is not None and invocation is not self.invocation


class Recording:
    """Starts and ends the spans of entities.

    Args:
        tracer: Makes the spans.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def start(self, entity: Any, parent: Context) -> tuple[Span, bool]:
        """Start a span; give the entity its ids, and the decision whether it is sampled.

        Args:
            entity: A segment or subsegment that begins.
            parent: The context of its parent.

        Returns:
            The span, and whether it is that of an instrumentation which records the same call.
        """
        outer = get_current_span(parent)
        try:
            return self._start(entity, parent, outer)
        except Exception:
            logger.exception("subsegment %r is not recorded", entity.name)
            # What is in it belongs to what is around it.
            return NonRecordingSpan(outer.get_span_context()), False

    def _start(self, entity: Any, parent: Context, outer: Span) -> tuple[Span, bool]:
        namespace = getattr(entity, "namespace", None)
        shared = False
        if not entity.sampled:
            span = _unsampled(outer)
        elif namespace in _CALLS and _is_a_call(outer):
            span, shared = outer, True
        else:
            kind = SpanKind.CLIENT if namespace in _CALLS else SpanKind.INTERNAL
            span = self._tracer.start_span(
                entity.name,
                context=parent,
                kind=kind,
                links=_links(entity, outer),
                start_time=_nanoseconds(entity.start_time),
            )
        if span.get_span_context().is_valid:
            entity.id, entity.trace_id = span_id_of(span), trace_id_of(span)
            entity.sampled = span.get_span_context().trace_flags.sampled
        if outer.get_span_context().is_valid and not shared:
            entity.parent_id = span_id_of(outer)
        return span, shared

    def watch(self, recorded: Recorded) -> None:
        """Describe the span by whoever ends it: a deadline may, or the end of the invocation."""
        if recorded.is_shared or not recorded.span.is_recording():
            return
        vars(recorded.span)["end"] = partial(self._end, recorded)
        invocation = recorded.invocation
        if invocation is not None and invocation.is_recording():
            open_in = vars(invocation).setdefault("end", _Inner(invocation))
            if isinstance(open_in, _Inner):
                open_in.spans[id(recorded)] = recorded.span

    def end(self, recorded: Recorded) -> None:
        """End the span of an entity that is closed."""
        if recorded.is_shared:
            _describe(recorded)
        elif recorded.span.is_recording():
            recorded.span.end(_nanoseconds(recorded.entity.end_time))
        if recorded.outer is not None and recorded.exception is not None:
            recorded.outer.exception = recorded.exception

    def _end(self, recorded: Recorded, end_time: int | None = None) -> None:
        # The span's own method is behind it.
        vars(recorded.span).pop("end", None)
        open_in = recorded.invocation and vars(recorded.invocation).get("end")
        if isinstance(open_in, _Inner):
            open_in.spans.pop(id(recorded), None)
        _describe(recorded)
        recorded.span.end(end_time)


class _Inner:
    """Stands for the method that ends an invocation's span: what is open in it ends first.

    Code that begins a subsegment and fails before it ends it would lose the span.

    Args:
        invocation: The span.

    Attributes:
        spans: Those that have not ended, in the order in which they began.
    """

    def __init__(self, invocation: Span) -> None:
        self._invocation = invocation
        self.spans: dict[int, Span] = {}

    def __call__(self, end_time: int | None = None) -> None:
        # The span's own method is behind it.
        vars(self._invocation).pop("end", None)
        try:
            for span in reversed(list(self.spans.values())):
                span.end(end_time)
        finally:
            self._invocation.end(end_time)


def _describe(recorded: Recorded) -> None:
    entity, span = recorded.entity, recorded.span
    try:
        if not span.is_recording():
            return
        if recorded.is_shared:
            # Its own library describes the call.
            span.set_attributes(written_to(entity))
            return
        span.set_attributes(attributes_of(entity))
        for exception in exceptions_of(entity):
            span.add_event("exception", event_of(exception))
            recorded.exception = exception
        _describe_anew(recorded)
        if failed(entity):
            _fail(recorded)
    except Exception:
        logger.exception("subsegment %r could not be described", entity.name)


def _describe_anew(recorded: Recorded) -> None:
    """Set what the SDK's patches say only after the beginning."""
    entity, span = recorded.entity, recorded.span
    if isinstance(span, ReadableSpan):
        if entity.name != span.name:
            span.update_name(entity.name)
        if getattr(entity, "namespace", None) in _CALLS:
            span._kind = SpanKind.CLIENT  # noqa: SLF001 - a span's kind can be set at its start only


def _fail(recorded: Recorded) -> None:
    """Make the span an error, unless it is one already, as after a deadline."""
    span = recorded.span
    if isinstance(span, ReadableSpan) and span.status.status_code is not StatusCode.UNSET:
        return
    # What went through several subsegments is described in the innermost one, the others name it.
    exception = recorded.exception if recorded.entity.cause else None
    span.set_attribute("error.type", error_type_of(recorded.entity, exception))
    said = exception and f"{exception.type}: {getattr(exception, 'message', '')}"
    span.set_status(StatusCode.ERROR, said)


def _is_a_call(span: Span) -> bool:
    """Say whether a span is that of an instrumentation which records a call, as the SDK does."""
    scope = getattr(span, "instrumentation_scope", None)
    return (
        isinstance(span, ReadableSpan)
        and span.kind is SpanKind.CLIENT
        and scope is not None
        and scope.name.startswith(_INSTRUMENTATIONS)
    )


def _unsampled(outer: Span) -> Span:
    """Return a span that is not recorded, nor is anything in it."""
    context = outer.get_span_context()
    return NonRecordingSpan(
        SpanContext(context.trace_id, context.span_id, False, TraceFlags(TraceFlags.DEFAULT))  # noqa: FBT003 - API's own
    )


def _links(entity: Any, outer: Span) -> list[Link]:
    """Return the link of a segment that continues another trace than the invocation's."""
    if not entity.parent_id or getattr(entity, "type", None) == "subsegment":
        return []
    remote = parse_header(f"Root={entity.trace_id};Parent={entity.parent_id};Sampled=1")
    same = remote is None or remote.trace_id == outer.get_span_context().trace_id
    return [] if remote is None or same else [Link(remote)]


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
