"""Apps with and without the construct paths that `cdk synth` has written into templates."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, Stack, cloudformation_include
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from lambda_otel_lite_cdk import Forwarding, Telemetry, TelemetrySettings

from .conftest import ARN, INLINE, outcomes, template

if TYPE_CHECKING:
    from pathlib import Path

PATHS = "aws:cdk:enable-path-metadata"


def shop(*, paths: bool) -> Stack:
    stack = Stack(App(analytics_reporting=False, context={PATHS: paths}), "Shop")
    lambda_.Function(stack, "Orders", log_group=logs.LogGroup(stack, "Logs"), **INLINE)
    lambda_.Function(stack, "Old", **{**INLINE, "runtime": lambda_.Runtime.PYTHON_3_9})
    Telemetry.of(stack).instrument(
        TelemetrySettings(mode="async"), forwarding=Forwarding.to_arn(ARN)
    )
    return stack


def without_metadata(found: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {key: value for key, value in one.items() if key != "Metadata"}
        for name, one in found["Resources"].items()
    }


def test_an_app_is_instrumented_alike_with_construct_paths_in_its_templates_and_without() -> None:
    with_paths, without = shop(paths=True), shop(paths=False)
    assert without_metadata(template(with_paths)) == without_metadata(template(without))
    assert outcomes(with_paths) == outcomes(without)


@pytest.mark.parametrize("paths", [True, False])
def test_a_resource_of_another_app_that_bears_a_functions_path_is_not_taken_for_it(
    tmp_path: Path, *, paths: bool
) -> None:
    stack = shop(paths=paths)
    file = tmp_path / "theirs.json"
    theirs = {
        "Type": "AWS::SNS::Topic",
        "Metadata": {"aws:cdk:path": "Shop/Orders/Resource"},
    }
    file.write_text(json.dumps({"Resources": {"Topic": theirs}}))
    cloudformation_include.CfnInclude(stack, "Theirs", template_file=str(file))
    (orders,) = (one for one in outcomes(stack) if one.function == "Shop/Orders")
    assert orders.status == "instrumented"
    assert template(stack)["Resources"][orders.logical_id]["Type"] == "AWS::Lambda::Function"
