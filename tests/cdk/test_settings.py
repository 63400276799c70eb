from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import pytest

from lambda_otel_lite_cdk.settings import SettingsError, TelemetrySettings


def test_only_what_is_set_becomes_a_variable() -> None:
    assert TelemetrySettings().environment() == {"LAMBDA_OTEL_EXPORTER": "native"}


def test_every_field_has_its_variable() -> None:
    settings = TelemetrySettings(
        mode="async", queue_size=100, batch_size=10, compression_level=0, service_name="shop"
    )
    assert settings.environment() == {
        "LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE": "async",
        "LAMBDA_SPAN_PROCESSOR_QUEUE_SIZE": "100",
        "LAMBDA_SPAN_PROCESSOR_BATCH_SIZE": "10",
        "OTLP_STDOUT_SPAN_EXPORTER_COMPRESSION_LEVEL": "0",
        "OTEL_SERVICE_NAME": "shop",
        "LAMBDA_OTEL_EXPORTER": "native",
    }


@pytest.mark.parametrize(
    ("field", "value", "accepted"),
    [
        ("mode", "turbo", "one of 'sync', 'async', 'finalize'"),
        ("queue_size", 0, "from 1 to 1000000"),
        ("queue_size", 1_000_001, "from 1 to 1000000"),
        ("queue_size", "100", "a whole number"),
        ("queue_size", True, "a whole number"),
        ("batch_size", -1, "from 1 to 1000000"),
        ("compression_level", 10, "from 0 to 9"),
        ("service_name", " ", "a name"),
    ],
)
def test_a_bad_value_is_named_with_its_field_its_range_and_the_fix(
    field: str, value: Any, accepted: str
) -> None:
    settings = TelemetrySettings(**{field: value})
    (problem,) = settings.problems
    assert f"TelemetrySettings.{field} is {value!r}" in problem
    assert accepted in problem
    assert "leave it out for the default" in problem
    with pytest.raises(SettingsError, match=field):
        settings.environment()


@pytest.mark.parametrize("sizes", [{"queue_size": 10, "batch_size": 11}, {"batch_size": 2049}])
def test_a_batch_is_not_larger_than_the_queue(sizes: dict[str, Any]) -> None:
    assert "must not be above queue_size" in "".join(TelemetrySettings(**sizes).problems)


def test_everything_that_is_wrong_is_said_at_once_with_where_it_is_used() -> None:
    settings = TelemetrySettings(mode="turbo", compression_level=11)  # type: ignore[arg-type] # bad
    with pytest.raises(SettingsError, match=r"^Shop/Orders: .*mode.*compression_level"):
        settings.check("Shop/Orders")


def test_settings_cannot_be_changed_and_take_keywords_only() -> None:
    settings = TelemetrySettings(mode="sync")
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.mode = "async"  # type: ignore[misc]  # what is tested
    with pytest.raises(TypeError):
        TelemetrySettings("sync")  # type: ignore[call-arg]  # what is tested
    assert settings == TelemetrySettings(mode="sync")


def test_settings_and_the_package_are_imported_without_the_cdk() -> None:
    code = (
        "import sys, lambda_otel_lite_cdk\n"
        "lambda_otel_lite_cdk.TelemetrySettings(mode='sync').environment()\n"
        "print('aws_cdk' in sys.modules, 'lambda_otel_lite' in sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert said.split() == ["False", "False"]
