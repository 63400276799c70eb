"""The resource says which function it is, and the user's words win over the platform's."""

import pytest
from opentelemetry.sdk.resources import Resource

from lambda_otel_lite import get_lambda_resource
from tests.spans import make_telemetry

_PLATFORM = {
    "AWS_REGION": "eu-west-1",
    "AWS_LAMBDA_FUNCTION_NAME": "orders",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/04/09/[$LATEST]abc",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
}


@pytest.fixture
def _on_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _PLATFORM.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("_on_lambda")
def test_hazard_14_the_resource_has_the_specifications_table_and_the_cloud_platform() -> None:
    found = dict(get_lambda_resource().attributes)

    assert found.pop("telemetry.sdk.version")
    assert found == {
        "cloud.provider": "aws",
        "cloud.platform": "aws_lambda",
        "cloud.region": "eu-west-1",
        "faas.name": "orders",
        "faas.version": "$LATEST",
        "faas.instance": "2026/04/09/[$LATEST]abc",
        "faas.max_memory": 128 * 1024 * 1024,
        "service.name": "orders",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
    }


@pytest.mark.usefixtures("_on_lambda")
def test_hazard_14_the_service_name_follows_opentelemetrys_precedence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def name(custom: Resource | None = None) -> object:
        return get_lambda_resource(custom).attributes["service.name"]

    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=x,team=blue%2Cgreen")
    assert name() == "x"
    assert get_lambda_resource().attributes["team"] == "blue,green"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "y")
    assert name() == "y"
    assert name(Resource({"service.name": "z"})) == "z"


@pytest.mark.usefixtures("_on_lambda")
def test_the_name_that_resource_create_fills_in_is_nobodys_choice() -> None:
    custom = Resource.create({"custom.attribute": "value"})

    found = get_lambda_resource(custom).attributes

    assert found["service.name"] == "orders"
    assert found["custom.attribute"] == "value"


def test_what_is_not_known_is_left_out() -> None:
    assert not {"faas.name", "cloud.region", "faas.max_memory"} & set(
        get_lambda_resource().attributes
    )


def test_spans_carry_the_resource_and_the_callers_additions() -> None:
    telemetry = make_telemetry(resource=Resource({"custom": "value"}))
    with telemetry.completion.get_tracer().start_as_current_span("x"):
        pass

    assert telemetry.span.resource.attributes["custom"] == "value"
    assert telemetry.span.resource.attributes["cloud.platform"] == "aws_lambda"
