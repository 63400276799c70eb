from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack, assertions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from lambda_otel_lite_cdk import Forwarding, Telemetry, TelemetrySettings, instrument

from .conftest import (
    ARN,
    INLINE,
    SNAPPED,
    add_filters,
    functions,
    outcomes,
    resources,
    template,
    variables,
)

THEIRS = "arn:aws:lambda:eu-west-1:123456789012:layer:theirs"


def instrumented(stack: Stack, settings: TelemetrySettings | None = None, **props: Any) -> None:
    instrument(lambda_.Function(stack, "Orders", **{**INLINE, **props}), settings)


def layers(stack: Stack, count: int) -> list[lambda_.ILayerVersion]:
    return [
        lambda_.LayerVersion.from_layer_version_arn(stack, f"L{number}", f"{THEIRS}{number}:1")
        for number in range(count)
    ]


def error_of(stack: Stack) -> str:
    """Synthesize, which a check stops, and return what it says."""
    with pytest.raises(RuntimeError) as raised:
        template(stack)
    return str(raised.value)


def warnings_of(stack: Stack) -> list[str]:
    every = assertions.Match.any_value()
    found = assertions.Annotations.from_stack(stack).find_warning("*", every)
    # The CDK has warnings of its own, for SnapStart for one.
    return [str(one.entry.data) for one in found if "lambda-otel-lite:" in str(one.entry.data)]


def test_a_fifth_layer_does_not(stack: Stack) -> None:
    instrumented(stack, layers=layers(stack, 4))
    assert len(functions(stack)[0]["Layers"]) == 5


def test_a_layer_of_the_apps_own_is_not_taken_for_the_telemetry_layer(
    stack: Stack, tmp_path: Path
) -> None:
    (tmp_path / "python").mkdir()
    own = lambda_.LayerVersion(
        stack, "LambdaOtelLiteLayerPython", code=lambda_.Code.from_asset(str(tmp_path))
    )
    settings = TelemetrySettings(exporter="package", layer_arn=f"{THEIRS}:1")
    instrumented(stack, settings, layers=[own])
    assert len(functions(stack)[0]["Layers"]) == 2


def test_an_environment_just_under_the_limit_does_not(stack: Stack) -> None:
    ours = '"LAMBDA_OTEL_EXPORTER":"native","LAMBDA_OTEL_HANDLER":"index.handler"'
    room = 4096 - len('{"LONG":"",' + ours + "}")
    instrumented(stack, environment={"LONG": "x" * room})
    assert functions(stack)


def test_snapstart_with_a_version_is_not_warned_about(stack: Stack) -> None:
    function = lambda_.Function(
        stack,
        "Orders",
        **INLINE | {"runtime": SNAPPED},
        snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS,
    )
    function.current_version.add_alias("live")
    instrument(function)
    assert warnings_of(stack) == []


def test_hazard_32_an_exec_wrapper_is_kept_and_warned_about(stack: Stack) -> None:
    instrumented(stack, environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-instrument"})
    assert variables(functions(stack)[0])["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/otel-instrument"
    (warning,) = warnings_of(stack)
    assert "AWS_LAMBDA_EXEC_WRAPPER is '/opt/otel-instrument' and is kept" in warning


@pytest.mark.parametrize(
    "versions",
    [
        {},
        {"": "1.27.0"},
        {"": "1.40.0", "semconv/": "0.61b0"},
        {"": "1.40.0", "sdk/": "1.40.0", "semconv/": "0.61b0"},
    ],
    ids=["none", "API alone", "API and conventions", "whole"],
)
def test_opentelemetry_that_works_is_not_warned_about(
    versions: dict[str, str], stack: Stack, tmp_path: Path
) -> None:
    (tmp_path / "index.py").touch()
    for part, version in versions.items():
        module = tmp_path / f"opentelemetry/{part}version.py"
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(f"__version__ = '{version}'\n")
    instrumented(stack, code=lambda_.Code.from_asset(str(tmp_path)))
    assert functions(stack)
    assert warnings_of(stack) == []


def subscribed(stack: Stack, others: int) -> None:
    group = logs.LogGroup(stack, "Logs")
    add_filters(group, others)
    Forwarding.to_arn(ARN).subscribe(group)
    instrumented(stack, log_group=group)


def test_hazard_36_a_filter_over_the_quota_stops_the_synth(stack: Stack) -> None:
    subscribed(stack, 2)
    assert "has 3 subscription filters with it; CloudWatch Logs takes 2" in error_of(stack)


def test_a_filter_within_the_quota_does_not(stack: Stack) -> None:
    subscribed(stack, 1)
    assert len(resources(stack, "AWS::Logs::SubscriptionFilter")) == 2


def test_the_quota_is_a_setting() -> None:
    stack = Stack(App(context={"telemetry.subscription_filter_quota": "5"}), "Shop")
    subscribed(stack, 4)
    assert len(resources(stack, "AWS::Logs::SubscriptionFilter")) == 5


def test_log_groups_of_two_stacks_are_not_taken_for_one_another() -> None:
    app = App()
    for name in ("One", "Two", "Three"):
        stack = Stack(app, name)
        Forwarding.to_arn(ARN).subscribe(logs.LogGroup(stack, "Logs"))
        instrumented(stack)
    app.synth()


@pytest.mark.parametrize("check", ["sixth-layer", "exec-wrapper"])
def test_what_a_check_finds_can_be_acknowledged_with_a_reason(stack: Stack, check: str) -> None:
    wrapper = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"} if check == "exec-wrapper" else {}
    count = 5 if check == "sixth-layer" else 0
    instrumented(stack, layers=layers(stack, count), environment=wrapper)
    Telemetry.of(stack).acknowledge(f"lambda-otel-lite:{check}", "known and accepted")
    assert warnings_of(stack) == []
    (outcome,) = outcomes(stack)
    assert outcome.acknowledged == {f"lambda-otel-lite:{check}": "known and accepted"}


def test_everything_that_is_wrong_is_said_at_once(stack: Stack) -> None:
    instrumented(stack, layers=layers(stack, 5), environment={"LONG": "x" * 5000})
    said = error_of(stack)
    assert "sixth-layer" in said
    assert "environment-size" in said
