"""Named libraries are instrumented, no others, and a missing one is one warning."""

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import botocore.session
import pytest
import requests
from opentelemetry.instrumentation import instrumentor as instrumentor_module
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor

from lambda_otel_lite.startup.instrumentations import instrument
from tests.spans import make_telemetry


@pytest.fixture(autouse=True)
def _uninstrumented() -> Iterator[None]:
    yield
    instrumentors: tuple[Any, ...] = (BotocoreInstrumentor, RequestsInstrumentor)
    for instrumentor in (one() for one in instrumentors):
        if instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.uninstrument()


def test_libraries_are_instrumented_by_name(caplog: pytest.LogCaptureFixture) -> None:
    telemetry = make_telemetry()

    instrument(["botocore", "requests"], telemetry.completion.tracer_provider)

    assert hasattr(requests.Session.send, "opentelemetry_instrumentation_requests_applied")
    client = botocore.session.get_session().create_client(
        "sts",
        region_name="eu-west-1",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="x",
        aws_secret_access_key="x",  # noqa: S106 - no secret
        config=botocore.config.Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(botocore.exceptions.EndpointConnectionError):
        client.get_caller_identity()
    assert telemetry.span.name == "STS.GetCallerIdentity"
    assert not caplog.records


@pytest.mark.parametrize("name", ["no_such_library", "no-such-library", "..", "a b"])
def test_a_missing_package_is_one_warning_that_names_it(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    instrument([name], make_telemetry().completion.tracer_provider)

    (warning,) = caplog.records
    package = name.replace("_", "-")
    assert f"opentelemetry-instrumentation-{package}" in warning.getMessage()


def test_a_module_without_an_instrumentor_counts_as_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    empty = ModuleType("opentelemetry.instrumentation.empty")
    vars(empty)["Base"] = vars(instrumentor_module)[
        "BaseInstrumentor"
    ]  # imported there, not defined
    monkeypatch.setitem(sys.modules, empty.__name__, empty)

    instrument(["empty"], make_telemetry().completion.tracer_provider)

    assert "has no instrumentor" in caplog.text


def test_an_instrumentor_that_fails_is_one_warning_and_the_next_is_loaded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: object, **options: object) -> None:
        raise RuntimeError("not today")

    monkeypatch.setattr(BotocoreInstrumentor, "instrument", fail)

    instrument(["botocore", "requests"], make_telemetry().completion.tracer_provider)

    (warning,) = caplog.records
    assert "'botocore' failed" in warning.getMessage()
    assert RequestsInstrumentor().is_instrumented_by_opentelemetry
