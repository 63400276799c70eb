from __future__ import annotations

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_logs as logs

from lambda_otel_lite_cdk import (
    Forwarding,
    ForwardingError,
    InstrumentedFunction,
    OtlpForwarder,
)

from .conftest import INLINE, RUNTIME, functions, resources, template, variables

FILTER = "AWS::Logs::SubscriptionFilter"
PERMISSION = "AWS::Lambda::Permission"
ARN = "arn:aws:lambda:eu-west-1:210987654321:function:forwarder"


def forwarder_in(stack: Stack) -> OtlpForwarder:
    return OtlpForwarder(
        stack, "Forwarder", endpoint="https://collector.example.com:4318", runtime=RUNTIME
    )


def test_a_functions_log_group_is_subscribed_to_a_forwarder(stack: Stack) -> None:
    forwarding = Forwarding.to_function(forwarder_in(stack))
    InstrumentedFunction(stack, "Orders", **INLINE, forwarding=forwarding)
    (subscription,) = resources(stack, FILTER)
    assert subscription["FilterPattern"] == "{ $.__otel_otlp_stdout = * }"
    assert subscription["LogGroupName"]["Ref"].startswith("OrdersLogs")
    assert subscription["DestinationArn"]["Fn::GetAtt"][0].startswith("Forwarder")


def test_a_filter_is_made_after_the_permission_that_its_test_call_needs(stack: Stack) -> None:
    forwarding = Forwarding.to_function(forwarder_in(stack))
    InstrumentedFunction(stack, "Orders", **INLINE, forwarding=forwarding)
    found = template(stack)["Resources"]
    (needed,) = (found[name]["DependsOn"] for name in found if found[name]["Type"] == FILTER)
    assert [found[name]["Type"] for name in needed] == [PERMISSION]


def test_hazard_35_one_permission_serves_every_log_group(stack: Stack) -> None:
    forwarder = forwarder_in(stack)
    for number in range(60):
        # A Forwarding of its own for each: the permission belongs to the function.
        Forwarding.to_function(forwarder).subscribe(logs.LogGroup(stack, f"Logs{number}"))
    assert len(resources(stack, FILTER)) == 60
    (permission,) = resources(stack, PERMISSION)
    assert permission["Principal"] == "logs.amazonaws.com"
    assert permission["SourceAccount"] == "123456789012"
    assert permission["SourceArn"]["Fn::Join"][1][-1] == ":logs:eu-west-1:123456789012:log-group:*"


def test_hazard_36_ids_come_from_the_log_group_whatever_the_order_and_destination() -> None:
    def ids(names: list[str], arn: str) -> dict[str, str]:
        stack = Stack(App(), "Shop")
        for name in names:
            Forwarding.to_arn(arn).subscribe(logs.LogGroup(stack, name))
        found = template(stack)["Resources"]
        return {
            found[name]["Properties"]["LogGroupName"]["Ref"]: name
            for name in found
            if found[name]["Type"] == FILTER
        }

    assert ids(["One", "Two"], ARN) == ids(["Two", "One"], f"{ARN}2")


def test_hazard_37_a_forwarder_is_never_fed_its_own_log_lines(stack: Stack) -> None:
    forwarder = forwarder_in(stack)
    with pytest.raises(ForwardingError, match=r"^Shop/ForwarderLogs is the log group of .*Shop/Fo"):
        Forwarding.to_function(forwarder).subscribe(forwarder.log_group)
    assert resources(stack, FILTER) == []


def test_subscribing_again_changes_nothing(stack: Stack) -> None:
    group = logs.LogGroup(stack, "Logs")
    forwarder = forwarder_in(stack)
    Forwarding.to_function(forwarder).subscribe(group)
    Forwarding.to_function(forwarder).subscribe(group)
    assert len(resources(stack, FILTER)) == 1


def test_a_second_destination_is_refused(stack: Stack) -> None:
    group = logs.LogGroup(stack, "Logs")
    Forwarding.to_arn(ARN).subscribe(group)
    with pytest.raises(ForwardingError, match=rf"^Shop/Logs: .*{ARN}; .*one destination"):
        Forwarding.to_arn(f"{ARN}2").subscribe(group)


def test_a_foreign_arn_gets_no_permission(stack: Stack) -> None:
    InstrumentedFunction(stack, "Orders", **INLINE, forwarding=Forwarding.to_arn(ARN))
    assert [found["DestinationArn"] for found in resources(stack, FILTER)] == [ARN]
    assert resources(stack, PERMISSION) == []


def test_an_imported_log_group_can_be_subscribed(stack: Stack) -> None:
    group = logs.LogGroup.from_log_group_name(stack, "Theirs", "/aws/lambda/theirs")
    Forwarding.to_arn(ARN).subscribe(group)
    assert [found["LogGroupName"] for found in resources(stack, FILTER)] == ["/aws/lambda/theirs"]


def test_the_forwarder_is_not_instrumented(stack: Stack) -> None:
    forwarder_in(stack)
    (function,) = functions(stack)
    assert function["Handler"] == "otlp_forwarder.handler.handler"
    assert "Layers" not in function
    assert variables(function) == {"OTLP_FORWARDER_ENDPOINT": "https://collector.example.com:4318"}
    assert [group["RetentionInDays"] for group in resources(stack, "AWS::Logs::LogGroup")] == [30]


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://collector", "https://", ""])
def test_an_endpoint_that_is_no_address_is_refused(stack: Stack, endpoint: str) -> None:
    with pytest.raises(ValueError, match=r"^Shop/Forwarder: OtlpForwarder\.endpoint must be"):
        OtlpForwarder(stack, "Forwarder", endpoint=endpoint)


def test_hazard_40_a_password_in_an_endpoint_is_refused_and_not_repeated(stack: Stack) -> None:
    with pytest.raises(ValueError, match="without credentials") as raised:
        OtlpForwarder(stack, "Forwarder", endpoint="https://me:secret@collector.example.com")
    assert "secret" not in str(raised.value)
