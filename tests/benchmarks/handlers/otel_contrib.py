"""opentelemetry-instrumentation-aws-lambda with OTLP over HTTP."""

import os

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.aws_lambda import AwsLambdaInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from workload import measured, work

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer(__name__)


def handler(event, context):
    """Work and answer."""
    work(tracer)
    return measured()


# It wraps the function that this variable names, which has to exist by then.
os.environ["_HANDLER"] = "otel_contrib.handler"
AwsLambdaInstrumentor().instrument()
