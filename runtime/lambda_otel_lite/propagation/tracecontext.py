"""W3C Trace Context: headers in the usual form are read without a regular expression.

Every request from a traced caller has the header, and to read it by the API's propagator is a fifth
of what a warm call costs beside its span and the export. That propagator reads all other forms that
https://www.w3.org/TR/trace-context/#traceparent-header-field-values allows, and writes the headers.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

if TYPE_CHECKING:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator


class TraceContextPropagator(TextMapPropagator):
    """Does what the API's ``TraceContextTextMapPropagator`` does: ``tracecontext``."""

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """Return the context with the header's span as the current one, if there is one."""
        header = getter.get(carrier, "traceparent")
        remote = _parse(header[0]) if header else None
        if remote is None or getter.get(carrier, "tracestate"):
            return self._api.extract(carrier, context, getter)
        return set_span_in_context(NonRecordingSpan(remote), context or Context())

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """Write the current span to the headers."""
        self._api.inject(carrier, context, setter)

    @property
    def fields(self) -> set[str]:
        """The headers that `inject` sets."""
        return self._api.fields

    @cached_property
    def _api(self) -> "TraceContextTextMapPropagator":
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - rarely needed
            TraceContextTextMapPropagator,
        )

        return TraceContextTextMapPropagator()


def _parse(header: str) -> SpanContext | None:
    """Return the span of a header of version 00 and nothing but its four fields, else None."""
    try:
        trace_id, span_id = int(header[3:35], 16), int(header[36:52], 16)
        flags = int(header[53:55], 16)
    except ValueError:
        return None
    # If it is the same when written again, its digits are lower-case, and nothing is out of place.
    if f"00-{trace_id:032x}-{span_id:016x}-{flags:02x}" != header:
        return None
    remote = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
    return remote if remote.is_valid else None
