"""A function that sets telemetry up itself; the handlers differ in how far they use it."""

from typing import Any

from opentelemetry import trace

from lambda_otel_lite import create_traced_handler, init_telemetry

from .plain import act

tracer, completion = init_telemetry()


def undecorated(event: dict[str, Any], context: Any) -> Any:
    """Make a span, but never say that an invocation begins or ends."""
    with tracer.start_as_current_span("work") as span:
        span.set_attribute("faas.invocation_id", context.aws_request_id)
        return act(event, context)


def completing(event: dict[str, Any], context: Any) -> Any:
    """Complete by hand, and twice."""
    with tracer.start_as_current_span("work"):
        result = act(event, context)
    completion.complete()
    completion.complete()
    return result


@create_traced_handler("traced", completion)
def traced(event: dict[str, Any], context: Any) -> Any:
    """Complete twice within a traced handler, with a span still open."""
    with tracer.start_as_current_span("first"):
        completion.complete()
        completion.complete()
    with trace.get_tracer("user").start_as_current_span("second"):
        return act(event, context)
