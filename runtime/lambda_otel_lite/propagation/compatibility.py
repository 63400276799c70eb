"""Propagators as in lambda-otel-lite 0.15, for applications that import them."""

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    TextMapPropagator,
    default_getter,
)
from opentelemetry.trace import get_current_span

from lambda_otel_lite.configuration.settings import Settings, xray_trace_header
from lambda_otel_lite.propagation.propagation import (
    LambdaPropagator,
    propagator_of,
    set_global,
)
from lambda_otel_lite.propagation.xray import HEADER, XRayPropagator


class LambdaXRayPropagator(XRayPropagator):
    """Takes the carrier's header, else the one that the platform sets if it is sampled."""

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """Return the context with the header's span as the current one, if there is one."""
        found = super().extract(carrier, context, getter)
        header = xray_trace_header()
        if has_valid_span(found) or header is None or "Sampled=0" in header:
            return found
        return XRayPropagator().extract({HEADER: header}, found)


class NoopPropagator(LambdaPropagator):
    """Finds nothing and passes nothing on."""

    def __init__(self) -> None:
        super().__init__([])


def create_propagator() -> TextMapPropagator:
    """Make the propagator that ``OTEL_PROPAGATORS`` asks for."""
    return propagator_of(Settings.from_environ())


def setup_propagator() -> None:
    """Make it the global one. ``init_telemetry()`` needs no such call."""
    set_global(create_propagator())


def has_valid_span(context: Context) -> bool:
    """Say whether a context has a span with ids."""
    return get_current_span(context).get_span_context().is_valid
