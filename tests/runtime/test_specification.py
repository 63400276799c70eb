"""Code written for lambda-otel-lite 0.8.2, as its documentation shows it, runs unchanged."""

import importlib
from typing import Any

import pytest

from lambda_otel_lite import Defaults, EnvVars
from lambda_otel_lite.configuration import variables as environment
from lambda_otel_lite.configuration.settings import Settings
from tests.spans import FakeContext, attributes_of, event, make_telemetry, proto_spans

# The first lines of the documentation's examples, word for word where they are code.
_QUICK_START = """
from lambda_otel_lite import init_telemetry, create_traced_handler
from lambda_otel_lite.extractors import api_gateway_v2_extractor
from opentelemetry import trace
# Initialize telemetry once, outside the handler
tracer, completion_handler = init_telemetry()
# Create traced handler with configuration
traced = create_traced_handler(
    name="my-handler",
    completion_handler=completion_handler,
    attributes_extractor=api_gateway_v2_extractor, # Optional: Use event-specific extractor
)
def process_event(event):
    # Your business logic here
    return {
        "statusCode": 200,
        "body": "Success"
    }
@traced
def handler(event, context):
    # Access current span via OpenTelemetry API
    current_span = trace.get_current_span()
    current_span.set_attribute("custom", "value")
    # Your handler code here
    result = process_event(event)
    return result
"""
_CUSTOM_EXTRACTOR = """
from lambda_otel_lite.extractors import SpanAttributes, TriggerType
def custom_extractor(event, context) -> SpanAttributes:
    return SpanAttributes(
        trigger=TriggerType.OTHER, # Or any custom string
        attributes={
            "custom.attribute": "value",
            # ... other attributes
        },
        span_name="custom-operation", # Optional
        carrier=event.get("headers"), # Optional: For context propagation
    )
"""
_CUSTOM_RESOURCE = """
from lambda_otel_lite import init_telemetry
from opentelemetry.sdk.resources import Resource
# Add custom resource attributes
resource = Resource.create({
    "custom.attribute": "value",
})
# Initialize with custom resource
completion_handler = init_telemetry(resource=resource)
"""
# The documentation imports BatchSpanProcessor from opentelemetry.sdk.trace, where OpenTelemetry
# never had it; it is in opentelemetry.sdk.trace.export.
_CUSTOM_PROCESSORS = """
from lambda_otel_lite import init_telemetry
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
# Configure custom processors
processors = [
    BatchSpanProcessor(OTLPSpanExporter()),
]
# Initialize with custom processors
tracer, completion_handler = init_telemetry(span_processors=processors)
"""
_ERRORS = """
from lambda_otel_lite import create_traced_handler
from opentelemetry import trace
from opentelemetry.trace import StatusCode
traced = create_traced_handler("errors", completion_handler)
@traced
def handler(event, context):
    try:
        # Your code here
        raise ValueError("invalid input")
    except ValueError as e:
        # Record the error and set appropriate status
        current_span = trace.get_current_span()
        current_span.record_exception(e)
        current_span.set_status(StatusCode.ERROR, str(e))
        return {
            "statusCode": 400,
            "body": str(e)
        }
"""


def _execute(code: str, **names: Any) -> dict[str, Any]:
    exec(code, names)  # noqa: S102 - the documentation's examples are the test's input
    return names


def test_the_quick_start_runs(capfd: pytest.CaptureFixture[str]) -> None:
    names = _execute(_QUICK_START)

    result = names["handler"](event("api_gateway_v2"), FakeContext())

    assert result == {"statusCode": 200, "body": "Success"}
    (span,) = proto_spans(capfd.readouterr().out.splitlines())
    assert span.name == "POST /pets/{id}"
    assert "custom" in {attribute.key for attribute in span.attributes}


def test_a_custom_extractor_runs() -> None:
    names = _execute(_CUSTOM_EXTRACTOR)
    telemetry = make_telemetry()
    code = (
        "handler = create(name='x', completion_handler=c, attributes_extractor=e)(lambda e, c: 1)"
    )
    from lambda_otel_lite import create_traced_handler  # noqa: PLC0415

    made = _execute(
        code, create=create_traced_handler, c=telemetry.completion, e=names["custom_extractor"]
    )

    assert made["handler"]({"headers": {}}, FakeContext()) == 1
    assert telemetry.span.name == "custom-operation"
    assert attributes_of(telemetry.span)["custom.attribute"] == "value"
    assert attributes_of(telemetry.span)["faas.trigger"] == "other"


def test_a_custom_resource_runs() -> None:
    """The example names the pair that is returned by its second half."""
    _, completion = _execute(_CUSTOM_RESOURCE)["completion_handler"]

    assert completion.tracer_provider.resource.attributes["custom.attribute"] == "value"


def test_custom_processors_run() -> None:
    completion = _execute(_CUSTOM_PROCESSORS)["completion_handler"]

    completion.complete()
    completion.tracer_provider.shutdown()


def test_the_error_example_keeps_its_own_status() -> None:
    telemetry = make_telemetry()
    names = _execute(_ERRORS, completion_handler=telemetry.completion)

    assert names["handler"]({}, FakeContext()) == {"statusCode": 400, "body": "invalid input"}

    assert telemetry.span.status.description == "invalid input"
    assert [one.name for one in telemetry.span.events] == ["exception"]


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("telemetry", ["init_telemetry", "TelemetryCompletionHandler"]),
        ("processor", ["LambdaSpanProcessor"]),
        ("handler", ["create_traced_handler"]),
        ("resource", ["get_lambda_resource"]),
        ("extractors", ["SpanAttributes", "TriggerType", "default_extractor", "alb_extractor"]),
        ("extractors", ["api_gateway_v1_extractor", "api_gateway_v2_extractor"]),
    ],
)
def test_names_are_also_in_the_modules_that_the_architecture_lists(
    module: str, names: list[str]
) -> None:
    found = importlib.import_module(f"lambda_otel_lite.{module}")

    assert all(hasattr(found, name) for name in names)


def test_the_names_and_defaults_that_earlier_versions_exported_are_those_in_force() -> None:
    names = {value for name, value in vars(EnvVars).items() if name.isupper()}
    settings = Settings.from_environ({})

    assert names <= {row["name"] for row in environment.SETTINGS}
    assert settings.mode == Defaults.PROCESSOR_MODE
    assert settings.queue_size == Defaults.QUEUE_SIZE
    assert settings.batch_size == Defaults.BATCH_SIZE
    assert settings.compression_level == Defaults.COMPRESSION_LEVEL
    assert settings.service_name == Defaults.SERVICE_NAME
