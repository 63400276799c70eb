"""Use the runtime as a typed application does; mypy and pyright, in strict mode, are the test.

What a decorator makes of a handler keeps the handler's own type.
"""

from collections.abc import Generator
from typing import Any, TypedDict, assert_type

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, SpanContext, SpanKind, Tracer, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from lambda_otel_lite import (
    LambdaSpanProcessor,
    ProcessorMode,
    SpanAttributes,
    TelemetryCompletionHandler,
    TriggerType,
    __version__,
    alb_extractor,
    api_gateway_v1_extractor,
    api_gateway_v2_extractor,
    auto_extractor,
    create_traced_handler,
    default_extractor,
    get_lambda_resource,
    init_telemetry,
)
from lambda_otel_lite.extractors import Extractor, function_url_extractor, sqs_extractor


class Response(TypedDict):
    """What the handlers return."""

    statusCode: int


class Context:
    """Stands for the platform's context object."""


tracer, completion = init_telemetry()
assert_type(tracer, Tracer)
assert_type(completion, TelemetryCompletionHandler)
assert_type(completion.get_tracer(), Tracer)
assert_type(completion.tracer_provider, TracerProvider)
completion.complete()

processors: list[SpanProcessor] = [
    LambdaSpanProcessor(ConsoleSpanExporter(), max_queue_size=2048, max_export_batch_size=512),
    SimpleSpanProcessor(ConsoleSpanExporter()),
]
init_telemetry(
    resource=Resource.create({"custom.attribute": "value"}),
    span_processors=processors,
    propagators=[TraceContextTextMapPropagator()],
    id_generator=RandomIdGenerator(),
    sampler=ALWAYS_ON,
    processor_mode=ProcessorMode.ASYNC,
)
init_telemetry(processor_mode="finalize")

extractors: list[Extractor] = [
    alb_extractor,
    api_gateway_v1_extractor,
    api_gateway_v2_extractor,
    auto_extractor,
    default_extractor,
    function_url_extractor,
    sqs_extractor,
]
described = sqs_extractor({}, None)
assert_type(described, SpanAttributes)
assert_type(described.attributes, dict[str, Any])
assert_type(described.span_name, str | None)
assert_type(described.kind, SpanKind)
assert_type(described.links, list[Link] | None)


def custom_extractor(event: dict[str, Any], context: Context) -> SpanAttributes:
    """Describe an event of the application's own."""
    return SpanAttributes(
        trigger=TriggerType.OTHER,
        attributes={"custom.attribute": "value"},
        span_name="custom-operation",
        carrier=event.get("headers"),
        kind=SpanKind.CONSUMER,
        links=[Link(SpanContext(1, 2, is_remote=True))],
    )


traced = create_traced_handler(
    name="my-handler", completion_handler=completion, attributes_extractor=custom_extractor
)


@traced
def handler(event: dict[str, Any], context: Context) -> Response:
    """Answer."""
    return {"statusCode": 200}


@create_traced_handler("async", completion)
async def async_handler(event: dict[str, Any], context: Context) -> Response:
    """Answer later."""
    return {"statusCode": 200}


@create_traced_handler("generator", completion, default_extractor)
def generator_handler(event: dict[str, Any], context: Context) -> Generator[Response]:
    """Answer in parts."""
    yield {"statusCode": 200}


assert_type(handler({}, Context()), Response)
assert_type(next(generator_handler({}, Context())), Response)
assert_type(get_lambda_resource(), Resource)
assert_type(get_lambda_resource(Resource({})), Resource)
version: str = __version__
