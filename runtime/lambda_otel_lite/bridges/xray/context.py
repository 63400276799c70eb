"""The X-Ray SDK's storage of what is open, kept in OpenTelemetry's context.

The SDK asks for this class as ``configure(context=...)``: it is told of everything that begins and
ends (https://docs.aws.amazon.com/xray-sdk-for-python/latest/reference/basic.html). What begins is a
span that is current, so that spans of either library are each other's children; and as contexts
are, it is by task, by thread and by whatever hands a context on.
"""

from typing import Any

from aws_xray_sdk.core.context import Context as XRayContext
from aws_xray_sdk.core.models.dummy_entities import DummySegment
from opentelemetry.context import Context, attach, create_key, get_current, get_value, set_value
from opentelemetry.trace import Span, get_current_span, set_span_in_context

from lambda_otel_lite.bridges.xray.recording import Recorded, Recording
from lambda_otel_lite.bridges.xray.segment import InvocationSegment
from lambda_otel_lite.log import Logger
from lambda_otel_lite.telemetry import current_lifecycle

logger = Logger("lambda_otel_lite.xray")

_KEY = create_key("lambda-otel-lite-xray")
#: Of an entity, which leaves out of its document what is false: a `Recorded` is.
_ATTRIBUTE = "_lambda_otel_lite"


class SpanContextStorage(XRayContext):  # type: ignore[misc]  # the SDK has no types
    """Keeps segments and subsegments, each of which is a span.

    As the SDK's own in Lambda it complains of nothing: an invocation is a segment by itself.

    Args:
        recording: Starts and ends the spans.
    """

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self._recording = recording
        self._invocation_segment: tuple[Span | None, InvocationSegment] | None = None

    def put_segment(self, segment: Any) -> None:
        """Start the span of a segment, which on Lambda is a part of the invocation."""
        try:
            self._begin(segment, None)
        except Exception:
            logger.exception("segment %r is not recorded", segment.name)

    def put_subsegment(self, subsegment: Any) -> None:
        """Start the span of a subsegment, within what is current."""
        try:
            above = self.get_trace_entity()
            if above.in_progress:
                above.add_subsegment(subsegment)
            self._begin(subsegment, _stored())
        except Exception:
            logger.exception("subsegment %r is not recorded", subsegment.name)

    def end_segment(self, end_time: float | None = None) -> None:
        """End the span of the segment that is open, if one is."""
        try:
            segment = self.get_trace_entity()
            if self._is_subsegment(segment):
                segment = segment.parent_segment
            recorded = _recorded(segment)
            if recorded is not None and segment.in_progress:
                segment.close(end_time)
                self._recording.end(recorded)
        except Exception:
            logger.exception("a segment could not be ended")

    def end_subsegment(self, end_time: float | None = None) -> bool:
        """End the span of the subsegment that is current; say whether there was one."""
        try:
            stored = _stored()
            if stored is None or not self._is_subsegment(stored.entity):
                return False
            if stored.entity.in_progress:
                stored.entity.close(end_time)
            self._recording.end(stored)
            _leave(stored)
        except Exception:
            logger.exception("a subsegment could not be ended")
            return False
        return True

    def get_trace_entity(self) -> Any:
        """Return what is open, else the invocation's segment."""
        try:
            stored = _stored()
            invocation = _invocation()
            if stored is not None and not stored.is_left_over(invocation):
                return stored.entity
            span = invocation or _current_span()
            if self._invocation_segment is None or self._invocation_segment[0] is not span:
                self._invocation_segment = span, InvocationSegment(span)
            return self._invocation_segment[1]
        except Exception:
            logger.exception("the current segment could not be found")
            return DummySegment()

    def set_trace_entity(self, trace_entity: Any) -> None:
        """Make an entity the current one, which may be of another thread."""
        try:
            before = get_current()
            span: Span | None
            recorded = _recorded(trace_entity)
            if recorded is not None:
                span = recorded.span
                stored = Recorded(trace_entity, span, None, recorded.invocation, before)
                stored.is_shared = recorded.is_shared
            else:
                # The invocation's segment, or nothing.
                span, stored = _invocation() or _current_span(), None
            context = before if span is None else set_span_in_context(span, before)
            attach(set_value(_KEY, stored, context))
        except Exception:
            logger.exception("the current segment could not be set")

    def clear_trace_entities(self) -> None:
        """Leave everything that is open in this task or thread."""
        try:
            stored = _stored()
            while stored is not None and stored.outer is not None:
                stored = stored.outer
            if stored is not None:
                attach(stored.before)
        except Exception:
            logger.exception("open segments could not be left")

    def handle_context_missing(self) -> None:
        """Do nothing: there is always a segment."""

    def _begin(self, entity: Any, outer: Recorded | None) -> None:
        before, invocation = get_current(), _invocation()
        left_over = outer is not None and outer.is_left_over(invocation)
        parent = before
        if invocation is not None and (left_over or _current_span() is None):
            # A thread that has no context, or still has that of an earlier invocation.
            parent = set_span_in_context(invocation, before)
        span, is_shared = self._recording.start(entity, parent)
        recorded = Recorded(entity, span, None if left_over else outer, invocation, before)
        recorded.is_shared = is_shared
        self._recording.watch(recorded)
        setattr(entity, _ATTRIBUTE, recorded)
        attach(set_value(_KEY, recorded, set_span_in_context(span, parent)))


def _stored() -> Recorded | None:
    """Return what is current; what has been left is left for good."""
    found = get_value(_KEY)
    while isinstance(found, Recorded) and found.is_left:
        _leave(found)
        found = get_value(_KEY)
    return found if isinstance(found, Recorded) else None


def _recorded(entity: Any) -> Recorded | None:
    return getattr(entity, _ATTRIBUTE, None)


def _invocation() -> Span | None:
    lifecycle = current_lifecycle()
    return lifecycle.open_span if lifecycle is not None else None


def _current_span() -> Span | None:
    span = get_current_span()
    return span if span.get_span_context().is_valid else None


def _leave(recorded: Recorded) -> None:
    """Make current what was before, but what the function has made current in it since.

    A context is attached anew, never detached: that would fail in another task.
    """
    recorded.is_left = True
    context: Context = recorded.before
    if get_current_span() is not recorded.span:
        context = set_value(_KEY, recorded.outer, get_current())
    attach(context)
