"""The invocation's segment, which is the span that stands for the invocation."""

from typing import Any

from aws_xray_sdk.core.models.facade_segment import FacadeSegment
from aws_xray_sdk.core.models.trace_header import TraceHeader
from opentelemetry.trace import Span

from lambda_otel_lite.bridges.xray.mapping import (
    annotations_of,
    metadata_of,
    span_id_of,
    trace_id_of,
)
from lambda_otel_lite.configuration.settings import xray_trace_header
from lambda_otel_lite.log import Logger

logger = Logger("lambda_otel_lite.xray")

_NO_TRACE, _NO_SPAN = "1-00000000-000000000000000000000000", "0" * 16


class InvocationSegment(FacadeSegment):  # type: ignore[misc]  # the SDK has no types
    """Stands for the span of the invocation, or for no span while none is open.

    The SDK's own raises at everything that is written to it, if the invocation is sampled; code
    that has always run unsampled does not expect that.

    Args:
        span: The span; None: there is none, and spans that are started are roots.
    """

    def __init__(self, span: Span | None) -> None:
        context = span.get_span_context() if span is not None else None
        super().__init__(
            name="facade",
            entityid=span_id_of(span) if span is not None else _NO_SPAN,
            traceid=trace_id_of(span) if span is not None else _NO_TRACE,
            sampled=context is None or context.trace_flags.sampled,
        )
        self._span = span
        # What else the platform passes on, such as Lineage, by which it knows endless loops.
        self.save_origin_trace_header(TraceHeader.from_header_str(xray_trace_header()))

    def put_annotation(self, key: str, value: Any) -> None:
        """Set an attribute of the span."""
        # Past the facade, to what checks and keeps it.
        super(FacadeSegment, self).put_annotation(key, value)
        self._set(annotations_of(self.annotations))

    def put_metadata(self, key: str, value: Any, namespace: str = "default") -> None:
        """Set the attribute of a namespace."""
        super(FacadeSegment, self).put_metadata(key, value, namespace)
        if namespace in self.metadata:
            self._set(metadata_of(namespace, self.metadata[namespace]))

    def add_exception(self, exception: Any, stack: Any, remote: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the SDK's signature
        """Record the exception; whether the invocation failed is for the handler to say."""
        if self._span is not None:
            self._span.record_exception(exception)

    def _set(self, attributes: dict[str, Any]) -> None:
        try:
            if self._span is not None:
                self._span.set_attributes(attributes)
        except Exception:
            logger.exception("what is written to the invocation's segment could not be recorded")

    def _nothing(self, *arguments: Any, **named: Any) -> None:
        """Leave the span as the handler's own telemetry describes it."""

    add_error_flag = add_fault_flag = add_throttle_flag = _nothing
    apply_status_code = close = put_http_meta = serialize = set_aws = set_user = _nothing
