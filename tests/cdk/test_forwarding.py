from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from lambda_otel_lite_cdk import (
    CloudWatch,
    Forwarding,
    ForwardingError,
    InstrumentedFunction,
    Kinesis,
    OtlpForwarder,
)

from .conftest import INLINE, RUNTIME, functions, resources, template

FILTER = "AWS::Logs::SubscriptionFilter"
PERMISSION = "AWS::Lambda::Permission"
ROLE = "AWS::IAM::Role"
ACCOUNT_POLICY = "AWS::Logs::AccountPolicy"
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:forwarder"


def forwarder_in(stack: Stack) -> OtlpForwarder:
    return OtlpForwarder(
        stack, "Forwarder", endpoint="https://collector.example.com:4318", runtime=RUNTIME
    )


def test_a_functions_log_group_is_subscribed_to_a_forwarder(stack: Stack) -> None:
    forwarding = Forwarding.to_function(forwarder_in(stack))
    InstrumentedFunction(stack, "Orders", **INLINE, forwarding=forwarding)
    (subscription,) = resources(stack, FILTER)
    assert subscription["FilterPattern"] == "{ $.__otel_otlp_stdout = * }"
    assert subscription["LogGroupName"]["Ref"].startswith("OrdersLambdaOtelLiteLogs")
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
    with pytest.raises(ForwardingError, match=r"^Shop/Forwarder@/Logs: it is the log group"):
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


def test_where_two_backends_are_wanted_the_refusal_says_how_and_that_works(stack: Stack) -> None:
    group = logs.LogGroup(stack, "Logs")
    first = OtlpForwarder(stack, "First", destination=CloudWatch(), via=Kinesis())
    second = OtlpForwarder(stack, "Second", endpoint="https://collector.example.com")
    assert first.forwarding
    assert first.stream
    assert second.forwarding
    first.forwarding.subscribe(group)
    with pytest.raises(ForwardingError, match=r"via=Kinesis\(stream=first\.stream\)"):
        second.forwarding.subscribe(group)

    third = OtlpForwarder(
        stack,
        "Third",
        endpoint="https://collector.example.com",
        via=Kinesis(stream=first.stream),
    )
    assert third.forwarding
    third.forwarding.subscribe(group)

    assert len(resources(stack, FILTER)) == 1
    readers = resources(stack, "AWS::Lambda::EventSourceMapping")
    stream = stack.resolve(first.stream.stream_arn)
    assert sum(reader["EventSourceArn"] == stream for reader in readers) == 2


def test_functions_with_one_log_group_of_another_app_have_one_filter(stack: Stack) -> None:
    """Two filters would send each span twice."""
    forwarder = forwarder_in(stack)
    for name in ("Orders", "Worker"):
        group = logs.LogGroup.from_log_group_name(stack, f"{name}Logs", "/shop/all")
        InstrumentedFunction(
            stack, name, **INLINE, log_group=group, forwarding=Forwarding.to_function(forwarder)
        )

    assert [found["LogGroupName"] for found in resources(stack, FILTER)] == ["/shop/all"]


@pytest.mark.parametrize("regions", [("eu-west-1", "eu-west-1"), ("eu-west-1", "us-east-1")])
def test_stacks_with_one_log_group_of_another_app_have_one_filter_in_a_region(
    regions: tuple[str, ...],
) -> None:
    app = App(analytics_reporting=False)
    stacks = [
        Stack(app, f"Team{number}", env=Environment(account="123456789012", region=region))
        for number, region in enumerate(regions)
    ]
    for stack in stacks:
        group = logs.LogGroup.from_log_group_name(stack, "Logs", "/shop/all")
        arn = ARN.replace("eu-west-1", stack.region)
        forwarding = Forwarding.to_arn(arn)
        InstrumentedFunction(stack, "Orders", **INLINE, log_group=group, forwarding=forwarding)

    found = [found["LogGroupName"] for stack in stacks for found in resources(stack, FILTER)]
    assert found == ["/shop/all"] * len({*regions})


def test_a_log_group_of_another_app_has_one_destination_in_all_stacks() -> None:
    app = App(analytics_reporting=False)
    for name in ("A", "B"):
        stack = Stack(app, name)
        group = logs.LogGroup.from_log_group_name(stack, "Logs", "/shop/all")
        forwarding = Forwarding.to_arn(f"{ARN}-{name}")
        InstrumentedFunction(stack, "Orders", **INLINE, log_group=group, forwarding=forwarding)

    with pytest.raises(RuntimeError, match=r"already forwarded to .*forwarder-A"):
        app.synth()


def test_a_foreign_arn_gets_no_permission(stack: Stack) -> None:
    InstrumentedFunction(stack, "Orders", **INLINE, forwarding=Forwarding.to_arn(ARN))
    assert [found["DestinationArn"] for found in resources(stack, FILTER)] == [ARN]
    assert resources(stack, PERMISSION) == []


def test_an_imported_log_group_can_be_subscribed(stack: Stack) -> None:
    group = logs.LogGroup.from_log_group_name(stack, "Theirs", "/aws/lambda/theirs")
    Forwarding.to_arn(ARN).subscribe(group)
    assert [found["LogGroupName"] for found in resources(stack, FILTER)] == ["/aws/lambda/theirs"]


def test_a_stream_is_written_to_with_one_role(stack: Stack) -> None:
    stream = kinesis.Stream(stack, "Records")
    InstrumentedFunction(stack, "Orders", **INLINE, forwarding=Forwarding.to_kinesis(stream))
    Forwarding.to_kinesis(stream).subscribe(logs.LogGroup(stack, "Logs"))
    subscriptions = resources(stack, FILTER)
    assert len(subscriptions) == 2
    (role,) = (
        name
        for name, found in template(stack)["Resources"].items()
        if found["Type"] == ROLE and "logs.amazonaws.com" in json.dumps(found)
    )
    for subscription in subscriptions:
        assert subscription["DestinationArn"]["Fn::GetAtt"][0].startswith("Records")
        assert subscription["RoleArn"] == {"Fn::GetAtt": [role, "Arn"]}
    (policy,) = resources(stack, "AWS::IAM::Policy")
    actions = policy["PolicyDocument"]["Statement"][0]["Action"]
    assert {"kinesis:PutRecord", "kinesis:PutRecords"} <= set(actions)


def test_a_filter_is_made_after_the_role_may_write(stack: Stack) -> None:
    Forwarding.to_kinesis(kinesis.Stream(stack, "Records")).subscribe(logs.LogGroup(stack, "Logs"))
    found = template(stack)["Resources"]
    (needed,) = (found[name]["DependsOn"] for name in found if found[name]["Type"] == FILTER)
    assert sorted(found[name]["Type"] for name in needed) == ["AWS::IAM::Policy", ROLE]


def test_an_imported_stream_can_be_forwarded_to(stack: Stack) -> None:
    arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/records"
    stream = kinesis.Stream.from_stream_arn(stack, "Records", arn)
    Forwarding.to_kinesis(stream).subscribe(logs.LogGroup(stack, "Logs"))
    assert [found["DestinationArn"] for found in resources(stack, FILTER)] == [arn]


def test_an_account_is_forwarded_by_one_policy_in_the_keys_that_the_service_reads(
    stack: Stack,
) -> None:
    forwarder = forwarder_in(stack)
    forwarding = Forwarding.to_function(forwarder)
    assert forwarding.account_level(stack) is forwarding.account_level(stack)
    (policy,) = resources(stack, ACCOUNT_POLICY)
    assert (policy["PolicyType"], policy["Scope"]) == ("SUBSCRIPTION_FILTER_POLICY", "ALL")
    document = json.loads(deployed(policy["PolicyDocument"]))
    assert document == {
        "DestinationArn": document["DestinationArn"],
        "FilterPattern": "{ $.__otel_otlp_stdout = * }",
    }
    assert document["DestinationArn"].startswith("Forwarder")
    found = template(stack)["Resources"]
    (needed,) = (
        found[name]["DependsOn"] for name in found if found[name]["Type"] == ACCOUNT_POLICY
    )
    assert [found[name]["Type"] for name in needed] == [PERMISSION]
    assert len(resources(stack, PERMISSION)) == 1


def test_hazard_37_an_account_policy_leaves_the_forwarders_own_log_group_out(stack: Stack) -> None:
    forwarder = forwarder_in(stack)
    InstrumentedFunction(stack, "Orders", **INLINE, log_group=logs.LogGroup(stack, "OrdersLogs"))
    Forwarding.to_function(forwarder).account_level(stack)
    found = template(stack)["Resources"]
    (policy,) = resources(stack, ACCOUNT_POLICY)
    left_out = json.loads(deployed(policy["SelectionCriteria"]).removeprefix("LogGroupName NOT IN"))
    groups = {name for name in found if found[name]["Type"] == "AWS::Logs::LogGroup"}
    fed = groups - set(left_out)
    # The group that the forwarder really writes to, as its own configuration says.
    (own,) = (
        found[name]["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
        for name in found
        if found[name]["Type"] == "AWS::Lambda::Function" and name.startswith("Forwarder")
    )
    assert own in groups
    assert own not in fed
    assert [name for name in fed if name.startswith("OrdersLogs")]


def test_hazard_37_a_forwarder_without_a_log_group_of_its_own_is_left_out_too(stack: Stack) -> None:
    plain = lambda_.Function(stack, "Plain", **INLINE)
    Forwarding.to_function(plain).account_level(stack)
    (policy,) = resources(stack, ACCOUNT_POLICY)
    assert '"/aws/lambda/Plain' in deployed(policy["SelectionCriteria"])
    assert len(functions(stack)) == 1  # no custom resource was deployed to find that out


def test_hazard_37_a_foreign_forwarders_default_log_group_is_left_out(stack: Stack) -> None:
    Forwarding.to_arn(ARN).account_level(stack)
    (policy,) = resources(stack, ACCOUNT_POLICY)
    assert policy["SelectionCriteria"] == 'LogGroupName NOT IN ["/aws/lambda/forwarder"]'


def test_hazard_37_the_reader_of_a_stream_is_left_out_of_an_account_policy(stack: Stack) -> None:
    reader = logs.LogGroup.from_log_group_name(stack, "Reader", "/aws/lambda/reader")
    forwarding = Forwarding.to_kinesis(kinesis.Stream(stack, "Records"))
    forwarding.account_level(stack, exclude=[reader])
    (policy,) = resources(stack, ACCOUNT_POLICY)
    assert policy["SelectionCriteria"] == 'LogGroupName NOT IN ["/aws/lambda/reader"]'
    assert "TelemetryLogsRole" in json.loads(deployed(policy["PolicyDocument"]))["RoleArn"]


def test_a_second_account_policy_is_refused(stack: Stack) -> None:
    Forwarding.to_arn(ARN).account_level(stack)
    with pytest.raises(ForwardingError, match=r"^Shop: .*one for each account and region"):
        Forwarding.to_arn(f"{ARN}2").account_level(stack)


def deployed(text: Any) -> str:
    """Return a text with the logical id of a resource in place of its name or ARN."""
    if isinstance(text, str):
        return text
    parts = text["Fn::Join"][1]
    return "".join(
        part if isinstance(part, str) else part.get("Ref") or part["Fn::GetAtt"][0]
        for part in parts
    )
