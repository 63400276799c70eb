"""A handler that this project's entry point traces; it knows the OpenTelemetry API alone."""

from opentelemetry import trace
from workload import measured, work

tracer = trace.get_tracer(__name__)


def handler(event, context):
    """Work and answer."""
    work(tracer)
    return measured()
