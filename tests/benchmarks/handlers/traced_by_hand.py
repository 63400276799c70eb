"""A handler that is traced by its own code, as README shows it."""

from workload import measured, work

from lambda_otel_lite import create_traced_handler, init_telemetry

tracer, telemetry = init_telemetry()


@create_traced_handler("orders", telemetry)
def handler(event, context):
    """Work and answer."""
    work(tracer)
    return measured()
