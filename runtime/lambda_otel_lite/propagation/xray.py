"""AWS X-Ray's trace header as an OpenTelemetry propagator.

The format is ``Root=1-8 hex-24 hex;Parent=16 hex;Sampled=0|1``, in any order and with more fields
(https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html, "Tracing header"). It is
written here so that the layer needs no other package.
"""

from typing import Any

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)

from lambda_otel_lite.configuration.settings import xray_trace_header

HEADER = "X-Amzn-Trace-Id"
_ROOT_PARTS = 3


def parse_header(header: str) -> SpanContext | None:
    """Return the remote span of a header, or None if it names no parent span."""
    fields = _fields(header)
    trace_id = _trace_id(fields)
    try:
        span_id = int(fields.get("Parent", ""), 16)
    except ValueError:
        return None
    if trace_id is None:
        return None
    flags = TraceFlags.SAMPLED if fields.get("Sampled") == "1" else TraceFlags.DEFAULT
    context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
    return context if context.is_valid else None


def parse_root(header: str) -> int | None:
    """Return the trace of a header, which it may name without a parent span; None without one."""
    trace_id = _trace_id(_fields(header))
    return trace_id if trace_id is not None and 0 < trace_id < 1 << 128 else None


def _fields(header: str) -> dict[str, str]:
    return dict(part.strip().partition("=")[::2] for part in header.split(";"))


def _trace_id(fields: dict[str, str]) -> int | None:
    root = fields.get("Root", "").split("-")
    if len(root) != _ROOT_PARTS:
        return None
    try:
        return int(root[1] + root[2], 16)
    except ValueError:
        return None


def _with_remote(remote: SpanContext | None, context: Context | None) -> Context:
    context = Context() if context is None else context
    return set_span_in_context(NonRecordingSpan(remote), context) if remote else context


class XRayPropagator(TextMapPropagator):
    """Carries context in ``X-Amzn-Trace-Id``: ``xray`` in ``OTEL_PROPAGATORS``."""

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """Return the context with the header's span as the current one, if there is one."""
        header = getter.get(carrier, HEADER)
        remote = parse_header(header[0]) if header else None
        return _with_remote(remote, context)

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """Write the current span to the header."""
        span = get_current_span(context).get_span_context()
        if span.is_valid:
            trace_id = f"{span.trace_id:032x}"
            setter.set(
                carrier,
                HEADER,
                f"Root=1-{trace_id[:8]}-{trace_id[8:]};Parent={span.span_id:016x}"
                f";Sampled={int(span.trace_flags.sampled)}",
            )

    @property
    def fields(self) -> set[str]:
        """The header that `inject` sets."""
        return {HEADER}


class XRayLambdaPropagator(XRayPropagator):
    """Takes the header that the platform sets: ``xray-lambda`` in ``OTEL_PROPAGATORS``.

    Without active tracing the platform still sets it, always with ``Sampled=0``. As a parent it
    would have no span sampled, so an unsampled header is ignored. It only extracts: AWS SDK clients
    pass the platform's header on by themselves.
    """

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """Return the context with the span of the environment variable, or with the header's.

        With active tracing the platform has a segment of its own, between the one that the header
        names and the function (FaaS semantic conventions, "xray-lambda propagator functionality").
        """
        context = Context() if context is None else context
        for header in (self._of_invocation(context), *(getter.get(carrier, HEADER) or ())[:1]):
            remote = parse_header(header) if header else None
            if remote and remote.trace_flags.sampled:
                return _with_remote(remote, context)
        return context

    def _of_invocation(self, context: Context) -> str | None:
        """Return what the environment says, unless there is a span that the header may be of."""
        known = get_current_span(context).get_span_context().is_valid
        return None if known else xray_trace_header()

    def inject(self, *args: Any, **kwargs: Any) -> None:
        """Write nothing."""

    @property
    def fields(self) -> set[str]:
        """No field is set."""
        return set()
