from __future__ import annotations

import json

import pytest
from aws_cdk import App, CfnParameter, Stack, assertions
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from lambda_otel_lite_cdk import (
    InstrumentationError,
    InstrumentedFunction,
    TelemetrySettings,
    instrument,
)

from .conftest import INLINE, PYTHON, functions, resources, template, variables

ENTRY_POINT = "lambda_otel_lite_entry.handler"


def test_the_handler_is_redirected_and_kept(stack: Stack) -> None:
    InstrumentedFunction(stack, "Orders", **INLINE)
    (function,) = functions(stack)
    assert function["Handler"] == ENTRY_POINT
    assert variables(function) == {
        "LAMBDA_OTEL_EXPORTER": "native",
        "LAMBDA_OTEL_HANDLER": "index.handler",
    }


def test_every_property_of_a_function_works(stack: Stack) -> None:
    orders = InstrumentedFunction(
        stack,
        "Orders",
        **INLINE,
        memory_size=512,
        architecture=lambda_.Architecture.ARM_64,
        environment={"TABLE": "orders"},
        telemetry=TelemetrySettings(mode="async", service_name="shop"),
    )
    orders.add_alias("live")
    orders.add_environment("LATER", "1")
    (function,) = functions(stack)
    assert (function["MemorySize"], function["Architectures"]) == (512, ["arm64"])
    assert variables(function) == {
        "TABLE": "orders",
        "LATER": "1",
        "LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE": "async",
        "OTEL_SERVICE_NAME": "shop",
        "LAMBDA_OTEL_EXPORTER": "native",
        "LAMBDA_OTEL_HANDLER": "index.handler",
    }
    assert len(resources(stack, "AWS::Lambda::Alias")) == 1


def test_hazard_30_instrumenting_again_gives_the_same_template() -> None:
    settings = TelemetrySettings(mode="async", queue_size=100)

    def synthesize(times: int) -> str:
        stack = Stack(App(analytics_reporting=False), "Shop")
        function = InstrumentedFunction(stack, "Orders", **INLINE, telemetry=settings)
        for _ in range(times):
            instrument(function, settings)
        return json.dumps(template(stack))

    assert synthesize(0) == synthesize(1) == synthesize(3)


def test_instrumenting_a_plain_function_gives_the_same_configuration(stack: Stack) -> None:
    group = logs.LogGroup(stack, "Logs")
    InstrumentedFunction(stack, "One", **INLINE, log_group=group, function_name="same")
    plain = lambda_.Function(stack, "Two", **INLINE, log_group=group, function_name="same")
    assert instrument(plain) is plain
    one, two = functions(stack)
    del one["Role"], two["Role"]
    assert one == two


@pytest.mark.parametrize("name", ["LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE", "LAMBDA_OTEL_EXPORTER"])
def test_hazard_32_the_users_environment_wins(stack: Stack, name: str) -> None:
    theirs = {name: "theirs", "AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"}
    InstrumentedFunction(
        stack, "Orders", **INLINE, environment=theirs, telemetry=TelemetrySettings(mode="async")
    )
    assert theirs.items() <= variables(functions(stack)[0]).items()


def test_hazard_32_the_users_environment_wins_when_it_comes_later(stack: Stack) -> None:
    orders = InstrumentedFunction(
        stack, "Orders", **INLINE, telemetry=TelemetrySettings(service_name="ours")
    )
    orders.add_environment("OTEL_SERVICE_NAME", "theirs")
    instrument(orders, TelemetrySettings(service_name="ours"))
    assert variables(functions(stack)[0])["OTEL_SERVICE_NAME"] == "theirs"


def test_a_handler_that_is_known_at_deployment_only_is_kept(stack: Stack) -> None:
    parameter = CfnParameter(stack, "Handler")
    InstrumentedFunction(stack, "Orders", **INLINE | {"handler": parameter.value_as_string})
    (function,) = functions(stack)
    assert variables(function)["LAMBDA_OTEL_HANDLER"] == {"Ref": "Handler"}


def test_what_was_written_to_the_resource_itself_is_kept(stack: Stack) -> None:
    orders = lambda_.Function(stack, "Orders", **INLINE)
    resource = orders.node.default_child
    assert isinstance(resource, lambda_.CfnFunction)
    theirs = "arn:aws:lambda:eu-west-1:123456789012:layer:theirs:1"
    resource.handler = "other.handler"
    resource.environment = lambda_.CfnFunction.EnvironmentProperty(variables={"TABLE": "orders"})
    resource.layers = [theirs]
    instrument(orders)
    instrument(orders)
    (function,) = functions(stack)
    assert variables(function) == {
        "TABLE": "orders",
        "LAMBDA_OTEL_EXPORTER": "native",
        "LAMBDA_OTEL_HANDLER": "other.handler",
    }
    assert (function["Layers"][0], len(function["Layers"])) == (theirs, 2)


def test_a_handler_redirected_by_hand_is_given_the_layer_and_not_redirected_twice(
    stack: Stack,
) -> None:
    InstrumentedFunction(
        stack,
        "Orders",
        **INLINE | {"handler": ENTRY_POINT},
        environment={"LAMBDA_OTEL_HANDLER": "index.handler"},
    )
    (function,) = functions(stack)
    assert variables(function)["LAMBDA_OTEL_HANDLER"] == "index.handler"
    assert len(function["Layers"]) == 1


def test_one_layer_serves_all_functions_of_a_stack(stack: Stack) -> None:
    InstrumentedFunction(stack, "One", **INLINE)
    InstrumentedFunction(stack, "Two", **INLINE, architecture=lambda_.Architecture.ARM_64)
    (layer,) = resources(stack, "AWS::Lambda::LayerVersion")
    assert layer["CompatibleRuntimes"] == [f"python{PYTHON}"]
    assert layer["CompatibleArchitectures"] == ["x86_64", "arm64"]
    one, two = functions(stack)
    assert one["Layers"] == two["Layers"]


def test_each_stack_has_a_layer_of_its_own_made_of_one_asset() -> None:
    app = App(analytics_reporting=False)
    stacks = [Stack(app, name) for name in ("One", "Two")]
    for stack in stacks:
        InstrumentedFunction(stack, "Orders", **INLINE)
    one, two = (resources(stack, "AWS::Lambda::LayerVersion") for stack in stacks)
    assert one == two
    assert "Fn::ImportValue" not in json.dumps([template(stack) for stack in stacks])


def test_a_function_in_a_network_is_instrumented_and_stays_there(stack: Stack) -> None:
    vpc = ec2.Vpc(stack, "Network", max_azs=2, nat_gateways=0)
    private = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
    InstrumentedFunction(stack, "Orders", **INLINE, vpc=vpc, vpc_subnets=private)
    (function,) = functions(stack)
    assert function["Handler"] == ENTRY_POINT
    assert len(function["VpcConfig"]["SubnetIds"]) == 2
    assert len(function["VpcConfig"]["SecurityGroupIds"]) == 1


def test_hazard_33_an_imported_function_gets_a_clear_message(stack: Stack) -> None:
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:theirs"
    imported = lambda_.Function.from_function_arn(stack, "Theirs", arn)
    with pytest.raises(InstrumentationError, match=r"^Shop/Theirs: it is an imported fun"):
        instrument(imported)  # type: ignore[type-var]


def test_hazard_33_an_alias_gets_a_clear_message(stack: Stack) -> None:
    alias = lambda_.Function(stack, "Orders", **INLINE).add_alias("live")
    with pytest.raises(InstrumentationError, match=r"^Shop/Orders/Aliaslive: it is an alias"):
        instrument(alias)  # type: ignore[type-var]


def test_a_compiled_layer_is_not_warned_about(stack: Stack) -> None:
    InstrumentedFunction(stack, "Orders", **INLINE)
    every = assertions.Match.any_value()
    assert assertions.Annotations.from_stack(stack).find_warning("*", every) == []
