"""What is known at deployment only is deployed as what it stands for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, CfnParameter, Fn, NestedStack, SecretValue, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ssm as ssm

from lambda_otel_lite_cdk import Forwarding, Telemetry, TelemetrySettings, instrument

from .conftest import INLINE, RUNTIME, functions, outcomes, resources, template, variables

if TYPE_CHECKING:
    from collections.abc import Callable

#: In every app that `cdk init` makes.
HASHES = {
    "@aws-cdk/aws-lambda:recognizeLayerVersion": True,
    "@aws-cdk/aws-lambda:recognizeVersionProps": True,
}


def agnostic(**context: Any) -> Stack:
    return Stack(App(analytics_reporting=False, context=context), "Shop")


def orders(stack: Stack, **props: Any) -> lambda_.Function:
    return lambda_.Function(stack, "Orders", **{**INLINE, **props})


def settings_of(stack: Stack) -> dict[str, tuple[Any, Any]]:
    """Return settings with tokens, and what each is in the template."""
    text = CfnParameter(stack, "Text")
    number = CfnParameter(stack, "Number", type="Number")
    listed = CfnParameter(stack, "List", type="CommaDelimitedList")
    mode: Any = text.value_as_string
    words: Any = tuple(listed.value_as_list)
    size: Any = number.value_as_number
    ref = {"Ref": "Text"}
    return {
        "mode": (mode, ref),
        "service_name": (
            f"shop-{mode}",
            {"Fn::Join": ["", ["shop-", ref]]},
        ),
        "queue_size": (size, {"Ref": "Number"}),
        "batch_size": (size, {"Ref": "Number"}),
        "sampler": (mode, ref),
        "sampler_ratio": (size, {"Ref": "Number"}),
        "disabled": (mode, ref),
        "propagators": (words, {"Fn::Join": [",", {"Ref": "List"}]}),
        "log_level": (mode, ref),
        "resource_attributes": (
            {"cloud.region": stack.region, "team": "a b", "host": f"x {mode}"},
            {
                "Fn::Join": [
                    "",
                    ["cloud.region=", {"Ref": "AWS::Region"}, ",host=x%20", ref, ",team=a%20b"],
                ]
            },
        ),
    }


@pytest.mark.parametrize("name", sorted(settings_of(agnostic())))
def test_a_setting_that_is_a_token_is_deployed_as_what_it_stands_for(name: str) -> None:
    stack = agnostic()
    value, expected = settings_of(stack)[name]
    given: dict[str, Any] = {name: value}
    if name == "sampler_ratio":
        given["sampler"] = "traceidratio"
    Telemetry.of(stack).instrument(TelemetrySettings(**given))
    orders(stack)
    found = variables(functions(stack)[0])
    assert expected in found.values()
    assert "Token[" not in json.dumps(found)


def test_the_exporter_decides_about_the_layer_and_must_be_known() -> None:
    stack = agnostic()
    token: Any = CfnParameter(stack, "Text").value_as_string
    with pytest.raises(ValueError, match=r"exporter is .*; it must be one of"):
        Telemetry.of(stack).instrument(TelemetrySettings(exporter=token))


def parameter(stack: Stack) -> str:
    return ssm.StringParameter.value_for_string_parameter(stack, "/layer")


def imported(_: Stack) -> str:
    return Fn.import_value("layer")


def dynamic(_: Stack) -> str:
    return SecretValue.ssm_secure("/layer", "1").to_string()


def plain(_: Stack) -> str:
    return "arn:aws:lambda:eu-west-1:123456789012:layer:telemetry:3"


@pytest.mark.parametrize("arn", [parameter, imported, dynamic, plain])
def test_the_ids_of_versions_do_not_depend_on_what_was_made_before(
    arn: Callable[[Stack], str],
) -> None:
    def deployed(tokens: int) -> tuple[list[str], list[str]]:
        stack = agnostic(**HASHES)
        for _ in range(tokens):
            # Each takes a number.
            Fn.import_value("anything")
        function = orders(stack)
        function.current_version.add_alias("live")
        Telemetry.of(stack).instrument(TelemetrySettings(layer_arn=arn(stack)))
        found = template(stack)["Resources"]
        return sorted(found), [one.status for one in outcomes(stack)]

    ids, statuses = deployed(0)
    assert deployed(5) == (ids, statuses)
    assert statuses == ["instrumented"]


def test_two_tokens_for_one_layer_are_one_layer() -> None:
    stack = agnostic()
    instrument(orders(stack), TelemetrySettings(layer_arn=Fn.import_value("layer")))
    other = lambda_.Function(stack, "Other", **INLINE)
    instrument(other, TelemetrySettings(layer_arn=Fn.import_value("layer")))
    assert [one["Layers"] for one in functions(stack)] == [[{"Fn::ImportValue": "layer"}]] * 2


def test_a_layer_of_the_outer_stack_reaches_a_nested_one() -> None:
    outer = agnostic()
    arn = CfnParameter(outer, "Layer").value_as_string
    Telemetry.of(outer).instrument(TelemetrySettings(layer_arn=arn))
    inner = NestedStack(outer, "Inner")
    orders(inner)
    assert [one.status for one in outcomes(outer)] == ["instrumented"]


def test_a_runtime_that_is_a_token_needs_a_published_layer() -> None:
    stack = agnostic()
    name = CfnParameter(stack, "Runtime").value_as_string
    runtime = lambda_.Runtime(name, lambda_.RuntimeFamily.PYTHON, supports_inline_code=True)
    Telemetry.of(orders(stack, runtime=runtime)).instrument(
        TelemetrySettings(layer_arn=plain(stack))
    )
    Telemetry.of(lambda_.Function(stack, "Other", **{**INLINE, "runtime": runtime})).instrument()
    lambda_.Function(stack, "Known", **{**INLINE, "runtime": RUNTIME})
    found = {one.function: one for one in outcomes(stack)}
    assert found["Shop/Orders"].status == "instrumented"
    assert found["Shop/Other"].code == "unsupported-runtime"


def test_a_destination_that_is_a_token_is_deployed_as_what_it_stands_for() -> None:
    stack = agnostic()
    arn = ssm.StringParameter.value_for_string_parameter(stack, "/forwarder")
    Telemetry.of(stack).instrument(forwarding=Forwarding.to_arn(arn))
    orders(stack)
    (subscription,) = resources(stack, "AWS::Logs::SubscriptionFilter")
    assert "Ref" in subscription["DestinationArn"]
