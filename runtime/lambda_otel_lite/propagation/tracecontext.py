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
        return set_span_in_context(
            NonRecordingSpan(remote), Context() if context is None else context
        )

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


# Characters of a header of version 00, and its bytes.
_LENGTH, _BYTES = 55, 26


def _parse(header: str) -> SpanContext | None:
    """Return the span of a header of version 00 and nothing but its four fields, else None."""
    if len(header) != _LENGTH or not header[2] == header[35] == header[52] == "-":
        return None
    try:
        fields = bytes.fromhex(header.replace("-", ""))
    except ValueError:
        return None
    # `fromhex` takes capitals, and skips spaces.
    if len(fields) != _BYTES or fields[0] or header != header.lower():
        return None
    trace_id, span_id = int.from_bytes(fields[1:17]), int.from_bytes(fields[17:25])
    if not trace_id or not span_id:
        return None
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(fields[25]))
