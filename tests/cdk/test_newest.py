"""The newest properties of functions pass through, and telemetry suits them."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import App, Duration, Stack, assertions
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite_cdk import InstrumentedFunction, Telemetry, TelemetrySettings, instrument
from lambda_otel_lite_cdk.layer.build import stage_layer

from .conftest import INLINE, SNAPPED, files, functions, outcomes, resources, template, variables

MODE = "LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE"
CONFIG = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": "arn"}}
ENTRY_POINT = "lambda_otel_lite_entry.handler"


def orders(stack: Stack, **props: Any) -> lambda_.Function:
    return lambda_.Function(stack, "Orders", **{**INLINE, **props})


def resource_of(function: lambda_.Function) -> lambda_.CfnFunction:
    resource = function.node.default_child
    assert isinstance(resource, lambda_.CfnFunction)
    return resource


def running(version: str, stack: Stack, name: str = "Orders") -> lambda_.Function:
    """Make a function of any Python version.

    On the resource: for the whole process, the CDK keeps a `Runtime` that is made by its name.
    """
    function = lambda_.Function(stack, name, **INLINE)
    resource_of(function).runtime = f"python{version}"
    return function


def by_construct(function: lambda_.Function) -> None:
    """Put a function on managed instances as the CDK has it."""
    vpc = ec2.Vpc(function.stack, "Network", max_azs=1, nat_gateways=0)
    provider = lambda_.CapacityProvider(
        function.stack,
        "Capacity",
        subnets=vpc.isolated_subnets,
        security_groups=[ec2.SecurityGroup(function.stack, "Group", vpc=vpc)],
    )
    provider.add_function(function)


def by_property(function: lambda_.Function) -> None:
    """Put a function on managed instances by its resource's property."""
    of = lambda_.CfnFunction
    resource_of(function).capacity_provider_config = of.CapacityProviderConfigProperty(
        lambda_managed_instances_capacity_provider_config=(
            of.LambdaManagedInstancesCapacityProviderConfigProperty(capacity_provider_arn="arn")
        )
    )


def by_override(function: lambda_.Function) -> None:
    """Put a function on managed instances in the template alone."""
    resource_of(function).add_property_override("CapacityProviderConfig", CONFIG)


def warnings_of(stack: Stack) -> list[str]:
    every = assertions.Match.any_value()
    found = assertions.Annotations.from_stack(stack).find_warning("*", every)
    return [str(one.entry.data) for one in found if "lambda-otel-lite:" in str(one.entry.data)]


@pytest.mark.parametrize("put", [by_construct, by_property, by_override])
@pytest.mark.parametrize("mode", ["async", "finalize"])
def test_a_function_on_managed_instances_is_in_sync_mode_and_said_to_be_once(
    mode: Any, put: Any, stack: Stack
) -> None:
    Telemetry.of(stack).instrument(TelemetrySettings(mode=mode))
    put(orders(stack))
    (function,) = functions(stack)
    assert variables(function)[MODE] == "sync"
    assert "CapacityProviderConfig" in function
    (warning,) = warnings_of(stack)
    assert f"its mode is 'sync' and not '{mode}'" in warning
    assert outcomes(stack)[0].mode == "sync"


def test_a_function_beside_managed_instances_keeps_its_mode(stack: Stack) -> None:
    Telemetry.of(stack).instrument(TelemetrySettings(mode="async"))
    by_override(orders(stack))
    lambda_.Function(stack, "Plain", **INLINE)
    modes = [variables(function)[MODE] for function in functions(stack)]
    assert modes == ["sync", "async"]


@pytest.mark.parametrize("settings", [TelemetrySettings(), TelemetrySettings(mode="sync")])
def test_nothing_is_said_of_sync_mode_on_managed_instances(
    settings: TelemetrySettings, stack: Stack
) -> None:
    Telemetry.of(stack).instrument(settings)
    by_override(orders(stack))
    assert variables(functions(stack)[0]).get(MODE) == settings.mode
    assert warnings_of(stack) == []


def test_a_durable_function_is_instrumented_and_warned_about_without_a_version(
    stack: Stack,
) -> None:
    durable = lambda_.DurableConfig(
        execution_timeout=Duration.days(1), retention_period=Duration.days(7)
    )
    InstrumentedFunction(stack, "Orders", **INLINE, durable_config=durable)
    (function,) = functions(stack)
    assert function["Handler"] == ENTRY_POINT
    assert function["DurableConfig"] == {"ExecutionTimeout": 86400, "RetentionPeriodInDays": 7}
    (warning,) = warnings_of(stack)
    assert "lambda-otel-lite:durable-without-version" in warning


@pytest.mark.parametrize(
    "publish",
    [
        lambda function: function.current_version,
        lambda function: function.current_version.add_alias("live"),
        lambda function: lambda_.CfnVersion(
            function.stack, "Version", function_name=function.function_name
        ),
    ],
    ids=["version", "alias", "resource"],
)
def test_a_durable_function_with_a_version_is_not_warned_about(publish: Any, stack: Stack) -> None:
    durable = lambda_.DurableConfig(execution_timeout=Duration.days(1))
    publish(instrument(orders(stack, durable_config=durable)))
    assert functions(stack)
    assert warnings_of(stack) == []


def test_tenants_are_kept_apart(stack: Stack) -> None:
    InstrumentedFunction(stack, "Orders", **INLINE, tenancy_config=lambda_.TenancyConfig.PER_TENANT)
    (function,) = functions(stack)
    assert function["TenancyConfig"] == {"TenantIsolationMode": "PER_TENANT"}
    assert function["Handler"] == ENTRY_POINT


def test_snapstart_that_is_switched_off_is_not_warned_about(stack: Stack) -> None:
    function = orders(
        stack, runtime=SNAPPED, snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS
    )
    resource_of(function).add_property_override("SnapStart.ApplyOn", "None")
    instrument(function)
    assert functions(stack)[0]["SnapStart"] == {"ApplyOn": "None"}
    assert warnings_of(stack) == []


def test_a_streamed_response_is_still_streamed(stack: Stack) -> None:
    function = InstrumentedFunction(stack, "Orders", **INLINE)
    function.add_function_url(
        auth_type=lambda_.FunctionUrlAuthType.NONE, invoke_mode=lambda_.InvokeMode.RESPONSE_STREAM
    )
    (url,) = resources(stack, "AWS::Lambda::Url")
    assert url["InvokeMode"] == "RESPONSE_STREAM"
    assert functions(stack)[0]["Handler"] == ENTRY_POINT


def test_python_3_14_has_its_layer(stack: Stack) -> None:
    instrument(orders(stack, runtime=lambda_.Runtime.PYTHON_3_14))
    assert functions(stack)[0]["Layers"] == [{"Ref": layer_id(stack, "3.14")}]


def layer_id(stack: Stack, version: str) -> str:
    """Return the logical id of the one layer, which is for a Python version."""
    found = template(stack)["Resources"]
    ((name, layer),) = (
        one for one in found.items() if one[1]["Type"] == "AWS::Lambda::LayerVersion"
    )
    assert layer["Properties"]["CompatibleRuntimes"] == [f"python{version}"]
    return str(name)


@pytest.mark.parametrize("version", ["3.15", "3.16"])
def test_a_newer_python_is_left_out_with_the_way_out(version: str, stack: Stack) -> None:
    Telemetry.of(stack).instrument()
    running(version, stack)
    (outcome,) = outcomes(stack)
    assert (outcome.status, outcome.code) == ("missing", "newer-runtime")
    assert f"its runtime is 'python{version}'" in outcome.reason
    assert "TelemetrySettings(newer_python=True)" in outcome.reason


def test_a_newer_python_that_is_asked_for_by_name_stops_the_synth(stack: Stack) -> None:
    instrument(running("3.15", stack))
    with pytest.raises(RuntimeError, match=r"Shop/Orders: .*newer_python=True"):
        template(stack)


@pytest.mark.parametrize("version", ["3.9", "2.7", "4.0", "3.x", "3"], ids="python{0}".format)
def test_an_older_python_or_none_is_not_taken_for_a_newer_one(version: str, stack: Stack) -> None:
    Telemetry.of(stack).instrument(TelemetrySettings(newer_python=True))
    running(version, stack)
    (outcome,) = outcomes(stack)
    assert (outcome.status, outcome.code) == ("missing", "unsupported-runtime")


def test_a_newer_python_gets_a_layer_of_its_own_and_one_warning() -> None:
    context = {"telemetry.newer_python": "true"}
    stack = Stack(App(analytics_reporting=False, context=context), "Shop")
    Telemetry.of(stack).instrument()
    for number in range(2):
        running("3.15", stack, f"Orders{number}")
    layer = {"Ref": layer_id(stack, "3.15")}
    assert [(one["Handler"], one["Layers"]) for one in functions(stack)] == [
        (ENTRY_POINT, [layer])
    ] * 2
    newer = [one for one in warnings_of(stack) if "lambda-otel-lite:newer-python" in one]
    assert len(newer) == 1


def test_the_layer_of_a_newer_python_holds_no_byte_code() -> None:
    staged = stage_layer("3.16")
    assert not staged.compiled
    names = files(staged)
    assert "python/lambda_otel_lite_entry.py" in names
    assert not [name for name in names if name.endswith(".pyc")]


def test_a_published_layer_serves_a_newer_python(stack: Stack) -> None:
    arn = "arn:aws:lambda:eu-west-1:123456789012:layer:telemetry:1"
    Telemetry.of(stack).instrument(TelemetrySettings(layer_arn=arn, newer_python=True))
    running("3.15", stack)
    assert functions(stack)[0]["Layers"] == [arn]
