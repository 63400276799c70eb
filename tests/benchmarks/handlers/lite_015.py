"""lambda-otel-lite 0.15 as its documentation shows it."""

from workload import measured, work

from lambda_otel_lite import create_traced_handler, init_telemetry
from lambda_otel_lite.extractors import api_gateway_v2_extractor

tracer, completion_handler = init_telemetry()
traced = create_traced_handler(
    name="orders",
    completion_handler=completion_handler,
    attributes_extractor=api_gateway_v2_extractor,
)


@traced
def handler(event, context):
    """Work and answer."""
    work(tracer)
    return measured()
