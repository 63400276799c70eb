"""The resource says which function it is, and the user's words win over the platform's."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.resources import Resource

from lambda_otel_lite import get_lambda_resource
from lambda_otel_lite.startup.detectors import detected
from tests.spans import make_telemetry

_PLATFORM = {
    "AWS_REGION": "eu-west-1",
    "AWS_LAMBDA_FUNCTION_NAME": "orders",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/orders",
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
        "aws.log.group.names": ("/aws/lambda/orders",),
        "aws.log.stream.names": ("2026/04/09/[$LATEST]abc",),
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
    assert not {"faas.name", "cloud.region", "faas.max_memory", "aws.log.group.names"} & set(
        get_lambda_resource().attributes
    )


def test_spans_carry_the_resource_and_the_callers_additions() -> None:
    telemetry = make_telemetry(resource=Resource({"custom": "value"}))
    with telemetry.completion.get_tracer().start_as_current_span("x"):
        pass

    assert telemetry.span.resource.attributes["custom"] == "value"
    assert telemetry.span.resource.attributes["cloud.platform"] == "aws_lambda"


_DETECTORS = """
from opentelemetry.sdk.resources import Resource, ResourceDetector

class Found(ResourceDetector):
    def detect(self):
        return Resource(dict.fromkeys(("service.name", "team", "host.id", "faas.name"), "found"))

class Later(ResourceDetector):
    def detect(self):
        return Resource({"host.id": "8"})

class Failing(ResourceDetector):
    def detect(self):
        raise OSError("no network")
"""


@pytest.fixture
def _offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a package that offers detectors."""
    (tmp_path / "ourdetectors-1.0.dist-info").mkdir()
    (tmp_path / "ourdetectors-1.0.dist-info" / "entry_points.txt").write_text(
        "[opentelemetry_resource_detector]\n"
        "our_found = ourdetectors:Found\nour_later = ourdetectors:Later\n"
        "our_failing = ourdetectors:Failing\nour_missing = ourdetectors:Missing\n"
    )
    (tmp_path / "ourdetectors.py").write_text(_DETECTORS)
    monkeypatch.syspath_prepend(tmp_path)
    detected.cache_clear()
    yield
    detected.cache_clear()
    sys.modules.pop("ourdetectors", None)


@pytest.mark.usefixtures("_offered", "_on_lambda")
def test_detectors_add_to_the_platforms_attributes_and_the_users_words_win(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", " our_found,our-later, otel,")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=blue")

    found = get_lambda_resource(Resource({"tier": "gold"})).attributes

    assert found["host.id"] == "8"
    assert found["faas.name"] == "found"
    assert found["team"] == "blue"
    assert found["tier"] == "gold"
    assert found["service.name"] == "orders"
    assert found["cloud.platform"] == "aws_lambda"


@pytest.mark.usefixtures("_offered")
def test_a_star_is_every_detector_and_those_of_the_sdk_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "*,our_found")

    found = get_lambda_resource().attributes

    assert found["host.id"] == "found"
    assert found["process.pid"] == os.getpid()


@pytest.mark.usefixtures("_offered")
def test_a_detector_that_fails_is_one_warning_that_names_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(
        "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "our_failing,our_missing,no_such,our_later"
    )

    for _ in range(2):
        assert get_lambda_resource().attributes["host.id"] == "8"

    unknown, failing, missing = sorted(record.getMessage() for record in caplog.records)
    variable = "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS: "
    assert unknown.startswith(f"{variable}'no_such' is not known (accepted: ")
    assert "our-later" in unknown
    assert failing == f"{variable}'our_failing' failed (OSError('no network')); it is left out"
    assert missing.startswith(f"{variable}'our_missing' failed (AttributeError(")


def test_without_the_variable_no_detector_is_looked_for() -> None:
    """In a process of its own: the module is imported by the other tests here."""
    code = (
        "import sys; from lambda_otel_lite import get_lambda_resource; get_lambda_resource();"
        "print('lambda_otel_lite.startup.detectors' in sys.modules)"
    )

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout == "False\n"
